"""Caffe's files of trained weights, read without Caffe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


def layers(message: bytes) -> dict[str, list[np.ndarray]]:
    """The blobs of each layer in a .caffemodel of Caffe's first format (NetParameter.layers).

    Protocol buffers: a key (field << 3 | kind) before each value; kind 0 is a number of seven
    bits a byte, 2 a length and so many bytes, 5 four bytes. The field numbers are caffe.proto's.
    """
    found: dict[str, list[np.ndarray]] = {}
    for field, layer in _fields(message):
        if field != 2:  # NetParameter.layers
            continue
        parts = list(_fields(layer))
        name = next(value.decode() for field, value in parts if field == 4)
        found[name] = [_blob(value) for field, value in parts if field == 6]
    return found


def _blob(message: bytes) -> np.ndarray:
    fields = dict(_fields(message))
    shape = [fields.get(field, 1) for field in (1, 2, 3, 4)]  # num, channels, height, width
    array = np.frombuffer(fields[5], "<f4").reshape(shape)
    return array.reshape(-1) if array.shape[:3] == (1, 1, 1) else array


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The numbers and contents of a message's fields, in their order."""
    at = 0

    def varint() -> int:
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = message[at]
            value |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
            continue
        if kind not in (1, 2, 5):
            raise ValueError(f"a field of kind {kind}")
        size = varint() if kind == 2 else 8 if kind == 1 else 4
        yield key >> 3, message[at : at + size]
        at += size
