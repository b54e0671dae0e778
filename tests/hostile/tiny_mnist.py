"""A data set of 12 and 6 images that passes for MNIST, and its files."""

import gzip

import numpy as np
import pytest

from reproduce.data import examples, idx

RNG = np.random.default_rng(0)
TINY = {
    "x_train": RNG.integers(0, 256, (12, 28, 28), np.uint8),
    "y_train": RNG.integers(0, 10, 12).astype(np.uint8),
    "x_test": RNG.integers(0, 256, (6, 28, 28), np.uint8),
    "y_test": RNG.integers(0, 10, 6).astype(np.uint8),
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No data set, no network, and a small one that passes for MNIST."""
    monkeypatch.delenv("REPRODUCE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(idx, "KERAS_FILES", "http://127.0.0.1:9/")
    monkeypatch.setattr(idx, "DEBIAN_FASHION_MNIST", tmp_path / "debian")
    monkeypatch.setitem(idx.DIGESTS, "mnist", examples.digest(TINY))
    monkeypatch.setitem(idx.DIGESTS, "fashion_mnist", examples.digest(TINY))


def unpacked(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


def write_idx(folder, **other):
    folder.mkdir(parents=True, exist_ok=True)
    for key, name in examples.IDX_FILES.items():
        (folder / name).write_bytes(other.get(key, gzip.compress(unpacked(TINY[key]))))


def write_npz(file, **other):
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **(TINY | other))
    return file
