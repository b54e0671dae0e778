"""Progress of anything long: nested bars on a terminal, one line per finished stage elsewhere."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Advance = Callable[..., None]
UNFOLDED = 200  # characters: no table is wider, so a log shows it as it is
console = Console(soft_wrap=True)
if not console.is_terminal and "COLUMNS" not in os.environ:
    console.width = UNFOLDED
_log: Console | None = None

_bars = Progress(
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    TimeRemainingColumn(),
    TextColumn("{task.fields[note]}"),
    console=console,
    transient=True,
)
_depth = 0


def say(*what: Any) -> None:
    """Prints lines, or anything rich can show, to the console and to the run's log."""
    console.print(*what)
    if _log is not None:
        _log.print(*what)


@contextlib.contextmanager
def log_to(path: Path) -> Iterator[None]:
    """While it lasts, what is said is also written to a file."""
    global _log
    with path.open("a") as file:
        _log = Console(file=file, width=UNFOLDED)
        try:
            yield
        finally:
            _log = None


@contextlib.contextmanager
def stage(description: str, total: float | None = None) -> Iterator[Advance]:
    """Shows one piece of work while it lasts; stages may be nested.

    Args:
        description: what is being done, "training FC10(1e-4)".
        total: the number of steps, where it is known.

    Yields:
        advance(steps=1, note=""): call it after each step; the note stands beside the bar.
    """
    global _depth
    if _depth == 0 and console.is_terminal:
        _bars.start()
    indent = "  " * _depth
    task = _bars.add_task(indent + description, total=total, note="")
    _depth += 1
    started = time.monotonic()
    last_note = ""

    def advance(steps: float = 1, note: str = "") -> None:
        nonlocal last_note
        last_note = note or last_note
        _bars.update(task, advance=steps, note=last_note)

    try:
        yield advance
    finally:
        _depth -= 1
        _bars.remove_task(task)
        seconds = time.monotonic() - started
        if console.is_terminal and _depth == 0:
            _bars.stop()
        line = Text(f"{indent}{description}: {seconds:.1f} s {last_note}".rstrip())
        if not console.is_terminal or _depth == 0:
            console.print(line)
        if _log is not None:
            _log.print(line)
