"""Digests are those of the whole content, however it lies in memory."""

import hashlib

import numpy as np
import pytest

from reproduce.runtime import digests


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3)),
        np.zeros((3, 0)),
        np.array(3.5, np.float32),
        np.array(["a", "bc"]),
        np.arange(6000.0).reshape(-1, 10)[:, ::2],
        np.asfortranarray(np.arange(600.0).reshape(30, 20)),
    ],
    ids=["no rows", "no columns", "a number", "text", "a slice", "columns first"],
)
def test_an_array_is_digested_in_parts_as_in_one(array, monkeypatch):
    monkeypatch.setattr(digests, "CHUNK", 100)
    whole = f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).tobytes()
    assert digests.array_digest(array) == hashlib.sha256(whole).hexdigest()


def test_an_array_that_changes_has_another_digest():
    array = np.zeros(5)
    before = digests.array_digest(array)
    array[2] = 1
    assert digests.array_digest(array) != before
    array.flags.writeable = False
    assert digests.array_digest(array) == digests.array_digest(array.copy())
