"""The jobs of a sweep: a failed one is reported and the others go on.

The process that starts a sweep names a file in the environment; each job, in whatever process or
on whatever machine that shares the folder, appends one line to it when it begins and one when it
ends. A job that began and did not end was killed, and is begun again.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from rich.markup import escape

from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import say

VARIABLE = "REPRODUCE_SWEEP"
STARTER = "REPRODUCE_SWEEP_PID"  # the process that started the sweep
ATTEMPTS = 3
KILLED = "its process was killed"


class Job(NamedTuple):
    """How a job of a sweep ended: its folder, its options, and what went wrong, if anything."""

    folder: str
    options: str
    failure: str | None


def run(path: Path, launch: Callable[[], object]) -> list[Job]:
    """Launches the jobs, again where one was killed, and tells how they ended.

    Args:
        path: of the list of jobs.
        launch: starts all jobs and waits for them; those that have ended begin and end at once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    os.environ[VARIABLE] = str(path.resolve())
    os.environ[STARTER] = str(os.getpid())
    try:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                launch()
                break
            except Exception as trouble:  # of the launcher: what a job raises is in the list
                killed = [job for job in _jobs(path) if job.failure == KILLED]
                if not killed:
                    raise
                say(escape(f"{_named(trouble)}\na job was killed: {killed[0].options}"))
                if attempt < ATTEMPTS:
                    say("the sweep goes on from there.")
        return _jobs(path)
    finally:
        del os.environ[VARIABLE], os.environ[STARTER]
        for file in path.parent.glob(f"{path.name}*"):  # and the places that jobs took
            file.unlink()


@contextlib.contextmanager
def job(options: str) -> Iterator[Callable[[Path], None]]:
    """One job. Inside a sweep a failure is noted and ends here; outside it goes on its way.

    Yields:
        a function that is told the job's folder, once it is known.
    """
    listed = os.environ.get(VARIABLE)
    failure = None
    folders: list[str] = []
    if listed is not None:
        _note(listed, Job("", options, KILLED))
    try:
        yield lambda folder: folders.append(str(folder))
    except Exception as error:
        if listed is None:
            raise
        failure = _named(error)
        say(escape(str(error) if isinstance(error, UserError) else traceback.format_exc()))
    if listed is not None:
        _note(listed, Job(folders[-1] if folders else "", options, failure))


def has_ended(options: str) -> bool:
    """Whether an earlier attempt of this sweep ended this job."""
    listed = os.environ.get(VARIABLE)
    jobs = _jobs(Path(listed)) if listed else []
    return any(job.options == options and job.failure != KILLED for job in jobs)


def end_with_starter() -> None:
    """Ends this process, a child of the one that started the sweep, when that one is gone."""
    parent = int(os.environ[STARTER])

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _jobs(path: Path) -> list[Job]:
    """The jobs that began, each as it ended, in the order of their folders."""
    with contextlib.suppress(FileNotFoundError):
        jobs = [Job(**json.loads(line)) for line in path.read_text().splitlines()]
        return sorted({job.options: job for job in jobs}.values())
    return []


def _note(listed: str, job: Job) -> None:
    with open(listed, "a") as file:  # one short line: written whole, whoever else writes
        file.write(json.dumps(job._asdict()) + "\n")


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
