"""Files from elsewhere: looked for where they may be, as a last resort downloaded, checked by hash.

A download is checked in a folder of its own and then renamed into place, so that a file is
whole and right, or it is not there. `pooch` brings the files.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from reproduce.runtime.errors import NotAvailable, UserError
from reproduce.runtime.progress import Advance, stage

PATIENCE = 15.0  # seconds without a byte


class Wanted(NamedTuple):
    """One particular file.

    file: its name; folder: where it lies in REPRODUCE_DATA.
    sha256, sha1 or md5: of its content; or git_blob, SHA-1 of "blob <size>\\0" and the content.
    url: where it can be had; None where only somebody who has it can give it.
    """

    file: str
    folder: str
    url: str | None = None
    sha256: str | None = None
    sha1: str | None = None
    git_blob: str | None = None
    md5: str | None = None

    def is_right(self, content: bytes) -> bool:
        """Whether this is the content of the file."""
        if self.sha256 is not None:
            return hashlib.sha256(content).hexdigest() == self.sha256
        if self.md5 is not None:
            return hashlib.md5(content, usedforsecurity=False).hexdigest() == self.md5
        head = b"" if self.sha1 is not None else b"blob %d\0" % len(content)
        return _sha1(head + content) == (self.sha1 or self.git_blob)


def find(wanted: Wanted) -> Path:
    """The file in REPRODUCE_DATA, in Keras's cache, or downloaded into the cache.

    Raises:
        NotAvailable: where it is in none of them; and for a file of that name with other content,
            which stays as it is.
    """
    cache = keras_home() / "models"
    places = [cache / wanted.file]
    if (own := data_folder()) is not None:
        places.insert(0, own / wanted.folder / wanted.file)
    for place in places:
        if os.path.isfile(place):
            if not _holds(place, wanted):
                raise NotAvailable(
                    f"{place} is not the file expected ({_hash(wanted)}). Replace it or remove it."
                )
            return place
    failure = ""
    if wanted.url:
        failed = fetch(wanted.url, places[-1], wanted)
        if failed is None:
            return places[-1]
        failure = f", and a download failed ({failed})"
    raise NotAvailable(
        f"{wanted.file} is neither in {data_folder_in_words()} nor in {from_home(cache)}{failure}. "
        f"Put {wanted.url or 'the file'} ({_hash(wanted)}) into the folder {wanted.folder} of "
        f"REPRODUCE_DATA as {wanted.file}."
    )


def data_folder() -> Path | None:
    """The folder that REPRODUCE_DATA names; None where it is unset or empty."""
    named = os.environ.get("REPRODUCE_DATA")
    return Path(named).expanduser() if named else None


def data_folder_in_words() -> str:
    """REPRODUCE_DATA, and whether it names a folder."""
    folder = data_folder()
    if folder is None:
        return "REPRODUCE_DATA (which is not set)"
    return "REPRODUCE_DATA" if os.path.isdir(folder) else f"REPRODUCE_DATA ({folder}: no folder)"


def from_home(place: Path) -> str:
    """A place with ~ for the user's home: results name no folder of one machine."""
    with contextlib.suppress(ValueError, RuntimeError):
        return str(Path("~") / place.relative_to(Path.home()))
    return str(place)


def keras_home() -> Path:
    """Where Keras keeps what it downloads: below the temporary folder where home is read-only."""
    if named := os.environ.get("KERAS_HOME"):
        return Path(named)
    home = os.path.expanduser("~")
    return Path(home if os.access(home, os.W_OK) else tempfile.gettempdir(), ".keras")


def fetch(url: str, path: Path, wanted: Wanted) -> str | None:
    """Brings one file, if it is the one wanted.

    Args:
        url: where it is.
        path: where it goes; its folder is made.
        wanted: what it must be.

    Returns:
        None, or what went wrong in a few words.
    """
    if os.path.isfile(path) and _holds(path, wanted):
        return None

    def check(folder: Path) -> None:
        if not _holds(folder / path.name, wanted):
            raise UserError(f"the file at {url} is not the one expected ({_hash(wanted)})")

    return fetch_together([(url, path.name)], path.parent, check)


def fetch_together(
    files: Sequence[tuple[str, str]], folder: Path, check: Callable[[Path], None]
) -> str | None:
    """Brings files that are right together, or none of them.

    Args:
        files: their addresses and names.
        folder: where they go; it is made.
        check: is called with another folder that holds them, and raises UserError where they
            are not what they should be.

    Returns:
        None, or what went wrong in a few words.
    """
    try:
        with _aside(folder) as aside:
            for url, name in files:
                _bring(url, Path(aside), name)
            check(Path(aside))
            for _, name in files:
                os.replace(Path(aside, name), folder / name)
    except OSError as failed:  # of the network and of the disk
        return str(failed)
    except UserError as wrong:
        return str(wrong)
    return None


def _aside(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder beside the files to be; where that is read-only, one for temporary files."""
    options: dict[str, Any] = {"prefix": ".download-", "ignore_cleanup_errors": True}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=folder, **options)
    except OSError:
        return tempfile.TemporaryDirectory(**options)


def _bring(url: str, folder: Path, name: str) -> None:
    """Downloads a file, and gives up when no byte has come for PATIENCE seconds.

    In a thread, since looking up an address, or trying each of a server's many, can take minutes
    where packets are dropped.

    Raises:
        OSError: of the network or the disk.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")
    failures: list[Exception] = []

    def retrieve() -> None:
        try:
            pooch.retrieve(url, None, fname=name, path=folder, downloader=downloader)
        except Exception as failed:
            if (answer := getattr(failed, "response", None)) is not None:
                answer.close()
            failures.append(failed)

    with stage(f"downloading {name}") as advance:
        progress = _Progress(advance)
        downloader = pooch.HTTPDownloader(progressbar=progress, timeout=PATIENCE)
        thread = threading.Thread(target=retrieve, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(0.2)
            if time.monotonic() - progress.moved > PATIENCE:
                raise TimeoutError(f"no answer from {url} for {PATIENCE:g} seconds")
    if failures:
        raise failures[0]


class _Progress:
    """What pooch tells of its bytes, as steps of a stage."""

    def __init__(self, advance: Advance) -> None:
        self.advance: Advance | None = advance
        self.moved = time.monotonic()
        self.total = 0

    def update(self, count: int) -> None:
        """So many bytes more."""
        self.moved = time.monotonic()
        if self.advance is not None:
            self.advance(count)

    def reset(self) -> None:
        """Pooch repeats the whole at the end, which the stage does not need."""
        self.advance = None

    def close(self) -> None:
        """The stage ends by itself."""


def _holds(path: Path, wanted: Wanted) -> bool:
    try:
        return wanted.is_right(path.read_bytes())
    except OSError:  # unreadable, so of unknown content
        return False


def _hash(wanted: Wanted) -> str:
    for kind, value in (("SHA-256", wanted.sha256), ("SHA-1", wanted.sha1), ("MD5", wanted.md5)):
        if value is not None:
            return f"{kind} {value[:12]}..."
    return f"git blob {(wanted.git_blob or '')[:12]}..."


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
