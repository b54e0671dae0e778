"""Downloads: a file is whole and right, or it is not there."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from reproduce.progress import stage

PATIENCE = 20.0  # seconds without a byte
CHUNK = 1 << 16


def fetch(url: str, path: Path, sha256: str | None = None) -> str | None:
    """Brings a file from a public address; what was cut off is discarded.

    Args:
        url: where it is.
        path: where it goes; its folder is made.
        sha256: what it must be, where the address alone does not tell; the file is not kept
            otherwise.

    Returns:
        None, or what went wrong in a few words.
    """
    if path.exists() and (sha256 is None or _sha256(path) == sha256):
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
        if sha256 is not None and _sha256(Path(part)) != sha256:
            return f"the file at {url} is not the one expected (SHA-256 {sha256[:12]}…)"
        os.replace(part, path)
    except (urllib.error.URLError, OSError) as trouble:
        return str(getattr(trouble, "reason", trouble))
    finally:
        Path(part).unlink(missing_ok=True)
    return None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
