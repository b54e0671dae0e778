"""The jobs of a sweep, as they end: a failed one is reported and the others go on.

The process that starts a sweep names a file in the environment; each job, in whatever process or
on whatever machine that shares the folder, appends one line to it when it ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from reproduce.errors import UserError
from reproduce.progress import say

VARIABLE = "REPRODUCE_SWEEP"


class Job(NamedTuple):
    """How a job of a sweep ended: its folder, its options, and what went wrong, if anything."""

    folder: str
    options: str
    failure: str | None


def begin(path: Path) -> None:
    """Starts the list of ended jobs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    os.environ[VARIABLE] = str(path.resolve())


@contextlib.contextmanager
def job(options: str) -> Iterator[Callable[[Path], None]]:
    """One job. Inside a sweep a failure is noted and ends here; outside it goes on its way.

    Yields:
        a function that is told the job's folder, once it is known.
    """
    listed = os.environ.get(VARIABLE)
    failure = None
    folders: list[str] = []
    try:
        yield lambda folder: folders.append(str(folder))
    except Exception as error:
        if listed is None:
            raise
        failure = f"{type(error).__name__}: {error}"
        say(str(error) if isinstance(error, UserError) else traceback.format_exc())
    if listed is not None:
        ended = Job(folders[-1] if folders else "", options, failure)
        with open(listed, "a") as file:  # one short line: written whole, whoever else writes
            file.write(json.dumps(ended._asdict()) + "\n")


def end() -> list[Job]:
    """The jobs that ended, in the order of their folders."""
    path = Path(os.environ.pop(VARIABLE))
    jobs = [Job(**json.loads(line)) for line in path.read_text().splitlines()]
    return sorted(jobs)
