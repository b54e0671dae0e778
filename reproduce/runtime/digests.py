"""Digests of content: bytes, what JSON can hold, arrays."""

from __future__ import annotations

import hashlib
import json
import weakref
from typing import Any

import numpy as np

_digests: dict[int, tuple[weakref.ref[np.ndarray], str]] = {}


def sha256(content: bytes) -> str:
    """In hex digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_of(tree: Any) -> str:
    """Of what JSON can hold."""
    return sha256(json.dumps(tree, sort_keys=True).encode())


def array_digest(array: np.ndarray) -> str:
    """Of an array's type, shape and content; read-only ones are read once."""
    known = _digests.get(id(array))
    if known and known[0]() is array:
        return known[1]
    head = f"{array.dtype.str}{array.shape}".encode()
    content = sha256(head + np.ascontiguousarray(array).tobytes())
    if not array.flags.writeable:
        _digests[id(array)] = (weakref.ref(array), content)
    return content
