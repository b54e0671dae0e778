"""Files from elsewhere: looked for where they may be, downloaded at last, checked by hash.

A file is whole and right, or it is not there.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

from reproduce.runtime.errors import NotAvailable
from reproduce.runtime.progress import stage

PATIENCE = 20.0  # seconds without a byte
CHUNK = 1 << 16


class Wanted(NamedTuple):
    """One particular file.

    file: its name; folder: where it lies in REPRODUCE_DATA.
    sha256 or sha1: of its content; or git_blob, SHA-1 of "blob <size>\\0" and the content.
    url: where it can be had; None where only somebody who has it can give it.
    """

    file: str
    folder: str
    url: str | None = None
    sha256: str | None = None
    sha1: str | None = None
    git_blob: str | None = None

    def is_right(self, content: bytes) -> bool:
        """Whether this is the content of the file."""
        if self.sha256 is not None:
            return hashlib.sha256(content).hexdigest() == self.sha256
        head = b"" if self.sha1 is not None else b"blob %d\0" % len(content)
        return _sha1(head + content) == (self.sha1 or self.git_blob)


def find(wanted: Wanted) -> Path:
    """The file in REPRODUCE_DATA, in Keras's cache, or downloaded into the cache.

    A file of that name with other content is refused by name.
    """
    cache = keras_home() / "models"
    places = [cache / wanted.file]
    if "REPRODUCE_DATA" in os.environ:
        places.insert(0, Path(os.environ["REPRODUCE_DATA"], wanted.folder, wanted.file))
    for place in places:
        if place.is_file():
            if not wanted.is_right(place.read_bytes()):
                raise NotAvailable(
                    f"{place} is not the file expected ({_hash(wanted)}). Replace it or remove it."
                )
            return place
    trouble = ""
    if wanted.url:
        failed = fetch(wanted.url, places[-1], wanted)
        if failed is None:
            return places[-1]
        trouble = f", and a download failed ({failed})"
    raise NotAvailable(
        f"{wanted.file} is neither in REPRODUCE_DATA nor in {cache}{trouble}. Put "
        f"{wanted.url or 'the file'} ({_hash(wanted)}) into the folder {wanted.folder} of "
        f"REPRODUCE_DATA as {wanted.file}."
    )


def keras_home() -> Path:
    """Where Keras keeps what it downloads."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))


def fetch(url: str, path: Path, wanted: Wanted | None = None) -> str | None:
    """Brings a file from a public address; what was cut off is discarded.

    Args:
        url: where it is.
        path: where it goes; its folder is made.
        wanted: what it must be, where the address alone does not tell; the file is not kept
            otherwise.

    Returns:
        None, or what went wrong in a few words.
    """
    if path.exists() and (wanted is None or wanted.is_right(path.read_bytes())):
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with (
            os.fdopen(handle, "wb") as file,
            urllib.request.urlopen(url, timeout=PATIENCE) as answer,
        ):
            expected = int(answer.headers.get("Content-Length") or 0)
            with stage(f"downloading {path.name}", total=expected or None) as advance:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    advance(len(chunk))
        if expected and os.path.getsize(part) != expected:
            return f"cut off after {os.path.getsize(part)} of {expected} bytes"
        if wanted is not None and not wanted.is_right(Path(part).read_bytes()):
            return f"the file at {url} is not the one expected ({_hash(wanted)})"
        os.replace(part, path)
    except (urllib.error.URLError, OSError) as trouble:
        return str(getattr(trouble, "reason", trouble))
    finally:
        Path(part).unlink(missing_ok=True)
    return None


def _hash(wanted: Wanted) -> str:
    for kind, value in (("SHA-256", wanted.sha256), ("SHA-1", wanted.sha1)):
        if value is not None:
            return f"{kind} {value[:12]}…"
    return f"git blob {(wanted.git_blob or '')[:12]}…"


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
