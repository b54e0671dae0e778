"""Digests of content: bytes, what JSON can hold, arrays."""

from __future__ import annotations

import hashlib
import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np

CHUNK = 1 << 24  # bytes copied at a time: large arrays are not copied as a whole
_digests: dict[int, tuple[weakref.ref[np.ndarray], str]] = {}


def sha256(content: bytes) -> str:
    """In hex digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Of a file's content, which need not fit into the memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of(tree: Any) -> str:
    """Of what JSON can hold."""
    return sha256(json.dumps(tree, sort_keys=True).encode())


def array_digest(array: np.ndarray) -> str:
    """Of an array's type, shape and content; read-only ones are read once."""
    known = _digests.get(id(array))
    if known and known[0]() is array:
        return known[1]
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    rows = np.atleast_1d(array)
    together = max(1, CHUNK * len(rows) // max(1, rows.nbytes))
    for first in range(0, len(rows), together):
        digest.update(rows[first : first + together].tobytes())
    content = digest.hexdigest()
    if not array.flags.writeable:
        _digests[id(array)] = (weakref.ref(array), content)
    return content
