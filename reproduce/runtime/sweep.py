"""The jobs of a sweep: a failed job is reported and the others go on, a killed one begins again.

The process that starts a sweep names a file in the environment; each job, in whatever process or
on whatever machine that shares the folder, appends one line to it when it begins and one when it
ends. A job that began and did not end was killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any, NamedTuple

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from rich.markup import escape

from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import say

JOBS_FILE_ENV = "REPRODUCE_SWEEP"
PARENT_PID_ENV = "REPRODUCE_SWEEP_PID"  # the process that started the sweep
ATTEMPTS = 3
KILLED = "its process was killed"


class Job(NamedTuple):
    """How a job of a sweep ended: its folder, and where all results go, its options, and what went
    wrong, if anything."""

    options: str
    failure: str | None
    folder: str = ""
    outputs: str = ""


class JobsFile(Callback):
    """Opens the file of jobs where the sweep's results go; Hydra calls it before the first job."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        error = _cannot_start(config)
        if error:  # Hydra would only warn of an exception
            print(error, file=sys.stderr)
            sys.exit(2)
        parent = os.environ.get(PARENT_PID_ENV)
        path = Path(config.outputs, "sweeps", f"{parent}.jsonl").absolute()
        if parent is None or os.environ.get(JOBS_FILE_ENV) == str(path):
            return  # a further attempt
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
        except OSError as unwritable:
            print(f"outputs={config.outputs} cannot be written: {unwritable}.", file=sys.stderr)
            sys.exit(2)
        os.environ[JOBS_FILE_ENV] = str(path)


def _cannot_start(config: DictConfig) -> str | None:
    """Why no job of a sweep can start, in a line."""
    if not isinstance(config.outputs, str) or not config.outputs.strip():
        got = "null" if config.outputs is None else repr(config.outputs)
        return f"outputs is a folder, got {got}."
    if config.get("plan"):
        return "--plan is for one run: leave -m out, and give each option one value."
    if OmegaConf.select(config, "hydra.launcher.n_jobs") == 0:
        return "hydra.launcher.n_jobs is how many jobs run at a time, or -1 for all, got 0."
    choices = OmegaConf.select(config, "hydra.runtime.choices") or {}
    if choices.get("hydra/launcher") == "submitit_slurm" and shutil.which("srun") is None:
        return (
            "hydra/launcher=submitit_slurm needs a Slurm cluster, and srun is not found here: "
            "start it on a login node, or take hydra/launcher=joblib."
        )
    return None


def run(launch: Callable[[], object]) -> list[Job]:
    """Launches the jobs, again where one was killed, and returns how they ended.

    Args:
        launch: starts all jobs and waits for them; those that have ended begin and end at once.
    """
    os.environ[PARENT_PID_ENV] = str(os.getpid())
    _end_workers_with_this_process()
    try:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                launch()
                break
            except Exception as error:  # of the launcher: what a job raises is in the file
                killed = [job.options for job in _jobs() if job.failure == KILLED]
                # A worker may also have been killed before its job was noted.
                last = attempt == ATTEMPTS
                if not killed and (last or not isinstance(error, BrokenExecutor)):
                    raise
                what = f"a job was killed: {killed[0]}" if killed else "a worker was killed."
                say(escape(f"{_in_a_line(error)}\n{what}"))
                if not last:
                    say("the sweep goes on from there.")
        return _jobs()
    finally:
        del os.environ[PARENT_PID_ENV]
        listed = os.environ.pop(JOBS_FILE_ENV, None)
        if listed is not None:  # and the places that jobs took (`cores.bind`)
            for file in Path(listed).parent.glob(f"{Path(listed).name}*"):
                file.unlink(missing_ok=True)


@contextlib.contextmanager
def job(options: str) -> Iterator[Callable[[Path, Path], None]]:
    """One job: an exception is recorded inside a sweep, and re-raised outside.

    Yields:
        a function to be called with the job's folder and that of all results, once known.
    """
    inside = JOBS_FILE_ENV in os.environ
    ending = Job(options, KILLED)
    if inside:
        _note(ending)

    def folder_is(folder: Path, outputs: Path) -> None:
        nonlocal ending
        ending = ending._replace(folder=str(folder), outputs=str(outputs))

    failure = None
    try:
        yield folder_is
    except Exception as error:
        if not inside:
            raise
        failure = _in_a_line(error)
        say(escape(str(error) if isinstance(error, UserError) else traceback.format_exc()))
    if inside:
        _note(ending._replace(failure=failure))


def has_ended(options: str) -> bool:
    """Whether an earlier attempt of this sweep ended this job."""
    return any(job.options == options and job.failure != KILLED for job in _jobs())


def end_with_parent() -> None:
    """Ends this process, a child of the one that started the sweep, when that one is gone."""
    parent = int(os.environ[PARENT_PID_ENV])

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _end_workers_with_this_process() -> None:
    """Has joblib's workers watch their parent from the first on, before any job."""
    try:
        from joblib import register_parallel_backend
        from joblib.parallel import BACKENDS
    except ImportError:
        return
    loky: Any = BACKENDS["loky"]

    class Watched(loky):
        def configure(self, *args: Any, **options: Any) -> Any:
            return super().configure(*args, **options, initializer=end_with_parent)

    if loky.__name__ != Watched.__name__:
        register_parallel_backend("loky", Watched)


def _jobs() -> list[Job]:
    """The jobs that began, each as it ended, in the order of their folders."""
    listed = os.environ.get(JOBS_FILE_ENV)
    with contextlib.suppress(FileNotFoundError):
        lines = Path(listed).read_text(encoding="utf-8").splitlines() if listed else []
        jobs = [Job(**json.loads(line)) for line in lines]
        return sorted({job.options: job for job in jobs}.values(), key=lambda job: job.folder)
    return []


def _note(job: Job) -> None:
    """Appends one short line, which is written whole, whoever else writes."""
    with open(os.environ[JOBS_FILE_ENV], "a", encoding="utf-8") as file:
        file.write(json.dumps(job._asdict()) + "\n")


def _in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
