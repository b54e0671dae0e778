"""Files written whole or not at all, locks that say what they wait for, and what is damaged."""

from __future__ import annotations

import contextlib
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from reproduce.runtime.progress import say


def atomic_write(path: Path, content: str | bytes) -> None:
    """Writes a file aside and renames it; of a name that is no text, each byte as \\udcXX."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if isinstance(content, str):
            aside.write_text(content, encoding="utf-8", errors="backslashreplace")
        else:
            aside.write_bytes(content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Holds a lock, which the system frees if its holder dies.

    Args:
        waiting: a line to print where another process holds it.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(waiting)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def dispensable(what: str) -> Iterator[None]:
    """Writing what a run can do without: where it fails, a warning says so and the run goes on.

    Args:
        what: is being written, "a checkpoint".
    """
    try:
        yield
    except OSError as error:
        warnings.warn(f"{what} could not be written: {error}.", stacklevel=3)


def set_aside(path: Path) -> Path:
    """Renames a damaged file or folder to <name>.damaged, in the place of an earlier one.

    Returns:
        where it lies now.
    """
    place = path.with_name(f"{path.name}.damaged")
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    elif place.is_symlink() or place.exists():
        place.unlink()
    return path.rename(place)


def put_aside(path: Path, why: str) -> None:
    """Out of the way, with a warning, so that it is made again; nothing is deleted."""
    try:
        place = f"and is made again; it lies in {set_aside(path).name} now"
    except OSError as error:
        place = f"and cannot be set aside: {error.strerror}"
    warnings.warn(f"{why} {place}.", stacklevel=6)
