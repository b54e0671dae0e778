"""Progress of anything long: nested bars on a terminal, one line per finished stage elsewhere."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
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
FORGIVING = "backslashreplace"  # signs that an encoding lacks, and names that are no text
UNFOLDED = 200  # characters: no table is wider, so a log shows it as it is


class _Terminal(Console):
    """Standard output. Where nobody reads it any more, the run stops (`stopping`)."""

    def on_broken_pipe(self) -> None:
        self.quiet = True  # what is said on the way out goes to the log alone
        discard_output()
        raise BrokenPipeError

    def print(self, *what: Any, **options: Any) -> None:
        if getattr(self.file, "errors", "") == "strict" and hasattr(self.file, "reconfigure"):
            self.file.reconfigure(errors=FORGIVING)
        try:
            super().print(*what, **options)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            self.quiet = True  # the terminal was closed, of which SIGHUP tells


def discard_output() -> None:
    """Sends what is still printed nowhere, since nobody reads it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


console = _Terminal(soft_wrap=True)
if not console.is_terminal and "COLUMNS" not in os.environ:
    console.width = UNFOLDED
_log: Console | None = None
_charts: Any = None
_stages: list[str] = []  # those that are under way, the outermost first
_charted: Counter[str] = Counter()  # how often a stage of this address began

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


def say(*what: Any) -> None:
    """Prints lines, or anything rich can show, to the console and to the run's log."""
    console.print(*what)
    if _log is not None:
        _log.print(*what)


@contextlib.contextmanager
def gathered() -> Iterator[list[str]]:
    """While it lasts, what is said is shown nowhere; its lines are in the list afterwards.

    For a worker, whose run shows them (`relay`).
    """
    lines: list[str] = []
    # Not by the public names: they give today's stdout and width, which would be fixed then.
    shown = {name: vars(console)[name] for name in ("_file", "_width")}
    console.file, console.width = said, _ = io.StringIO(), UNFOLDED
    try:
        yield lines
    finally:
        lines += said.getvalue().splitlines()
        vars(console).update(shown)


def relay(lines: Iterable[str]) -> None:
    """Says what a worker said, below the stage that is under way."""
    for line in lines:
        say(escape("  " * len(_stages) + line))


@contextlib.contextmanager
def log_to(path: Path) -> Iterator[None]:
    """While it lasts, what is said is also written to a file."""
    global _log
    with path.open("a", encoding="utf-8", errors=FORGIVING) as file:
        _log = Console(file=file, width=UNFOLDED)
        try:
            yield
        finally:
            _log = None


@contextlib.contextmanager
def chart_to(folder: Path | None) -> Iterator[None]:
    """While it lasts, the numbers that stages tell are kept for TensorBoard, by their addresses.

    Args:
        folder: of the event files; None keeps nothing.
    """
    global _charts
    if folder is None:
        yield
        return
    from tensorboard.summary import Writer

    _charts = Writer(str(folder))
    _charted.clear()
    try:
        yield
    finally:
        _charts.close()
        _charts = None


@contextlib.contextmanager
def stage(description: str, total: float | None = None) -> Iterator[Advance]:
    """Shows one piece of work while it lasts; stages may be nested.

    Args:
        description: what is being done, "training FC10(1e-4)".
        total: the number of steps, where it is known.

    Yields:
        advance(steps=1, note="", **numbers): call it after each step; the note and the numbers,
            such as loss=0.1, stand beside the bar, and the numbers in TensorBoard's charts.
    """
    if not _stages and console.is_terminal:
        _bars.start()
    indent = "  " * len(_stages)
    task = _bars.add_task(indent + description, total=total, note="")
    _stages.append(description)
    address = "/".join(_stages)
    _charted[address] += 1
    if _charted[address] > 1:
        address += f" ({_charted[address]})"
    started = time.monotonic()
    last_note, done = "", 0.0

    def advance(steps: float = 1, note: str = "", **numbers: float) -> None:
        nonlocal last_note, done
        done += steps
        told = [f"{name.replace('_', ' ')} {value:.4f}" for name, value in numbers.items()]
        last_note = ", ".join([*filter(None, [note]), *told]) or last_note
        _bars.update(task, advance=steps, note=last_note)
        if _charts is not None:
            for name, value in (numbers or {"done": done}).items():
                _charts.add_scalar(f"{address}/{name}", value, int(done))

    try:
        yield advance
    finally:
        _stages.pop()
        _bars.remove_task(task)
        seconds = time.monotonic() - started
        if console.is_terminal and not _stages:
            _bars.stop()
        line = Text(f"{indent}{description}: {seconds:.1f} s {last_note}".rstrip())
        if not console.is_terminal or not _stages:
            console.print(line)
        if _log is not None:
            _log.print(line)
