"""Caffe's files of trained weights, read without Caffe.

A .caffemodel is a message of protocol buffers, NetParameter. Caffe has had two formats for its
layers, and two for the shape of an array; the field numbers below are caffe.proto's.

            NetParameter    name    blobs
    first   layers = 2      4       6
    second  layer = 100     1       7

Arrays are in Caffe's order: output, input / group, row, column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np


class _Format(NamedTuple):
    name: int
    blobs: int


FORMATS = {2: _Format(name=4, blobs=6), 100: _Format(name=1, blobs=7)}
OLD_SHAPE = (1, 2, 3, 4)  # num, channels, height, width
DATA, SHAPE = 5, 7  # of a BlobProto


def layers(message: bytes) -> dict[str, list[np.ndarray]]:
    """The arrays of each layer in a .caffemodel of either format, float32."""
    found: dict[str, list[np.ndarray]] = {}
    for field, layer in _fields(memoryview(message)):
        if field not in FORMATS:
            continue
        form = FORMATS[field]
        parts = list(_fields(layer))
        name = next(bytes(value).decode() for field, value in parts if field == form.name)
        found[name] = [_blob(value) for field, value in parts if field == form.blobs]
    return found


def _blob(message: memoryview) -> np.ndarray:
    fields = dict(_fields(message))
    array = np.frombuffer(fields[DATA], "<f4")
    if SHAPE in fields:
        return array.reshape(_shape(fields[SHAPE]))
    array = array.reshape([fields.get(field, 1) for field in OLD_SHAPE])
    return array.reshape(-1) if array.shape[:3] == (1, 1, 1) else array


def _shape(message: memoryview) -> list[int]:
    """BlobShape.dim, written as one packed field or number by number."""
    sizes: list[int] = []
    for _, value in _fields(message):
        sizes += [value] if isinstance(value, int) else list(_packed(value))
    return sizes


def _packed(message: memoryview) -> Iterator[int]:
    at = 0
    while at < len(message):
        value, at = _varint(message, at)
        yield value


def _fields(message: memoryview) -> Iterator[tuple[int, Any]]:
    """The numbers and contents of a message's fields, in their order.

    A key (field << 3 | kind) stands before each value; kind 0 is a number of seven bits a byte,
    1 eight bytes, 2 a length and so many bytes, 5 four bytes.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind not in (1, 2, 5):
            raise ValueError(f"a field of kind {kind}")
        size = 8 if kind == 1 else 4
        if kind == 2:
            size, at = _varint(message, at)
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value, shift = 0, 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
