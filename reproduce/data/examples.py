"""Labelled images and data sets in memory: halves, subsamples, digests."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from reproduce.runtime.errors import UserError

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}
Arrays = dict[str, np.ndarray]


class Examples(NamedTuple):
    """Labelled images.

    images: float32 (n, height, width, channels) in [0, 1].
    labels: int64 (n,).
    """

    images: np.ndarray
    labels: np.ndarray


class Dataset(NamedTuple):
    """A data set as an experiment sees it.

    name: what it is; source: where it was found; digest: SHA-256 of its arrays.
    instead_of: the data set that was asked for where this one is the announced fall-back.
    names: of the classes, where they have any.
    missing: what to get and where to put it, where there is no image.
    """

    name: str
    source: str
    digest: str
    train: Examples
    test: Examples
    classes: int
    instead_of: str | None = None
    names: tuple[str, ...] = ()
    missing: str | None = None


def halves(examples: Examples, seed: int | None = None) -> tuple[Examples, Examples]:
    """Two disjoint halves (Szegedy et al. 2014, section 4.2, P1 and P2).

    Args:
        seed: None takes the first and the last half, a number draws them at random.
    """
    n = len(examples.labels)
    order = np.arange(n) if seed is None else np.random.default_rng(seed).permutation(n)
    first, last = np.sort(order[: n // 2]), np.sort(order[n // 2 :])
    return tuple(read_only(examples.images[half], examples.labels[half]) for half in (first, last))  # type: ignore[return-value]


def subsample(dataset: Dataset, examples: int | None, seed: int) -> Dataset:
    """The data set with some of its training images; of one seed, few are among more.

    Args:
        examples: how many of them, drawn at random; None keeps all.

    Raises:
        UserError: for no number from 1 to that of the training images.
    """
    images, labels = dataset.train
    if examples is None or examples == len(labels):
        return dataset
    if type(examples) is not int or not 0 < examples < len(labels):
        raise UserError(f"{dataset.name} has {len(labels)} training images, not {examples}.")
    drawn = np.random.default_rng([seed, len(labels)]).permutation(len(labels))[:examples]
    return dataset._replace(train=read_only(images[drawn], labels[drawn]))


def read_only(images: np.ndarray, labels: np.ndarray) -> Examples:
    """Examples that nobody can change by accident, so that their digest is taken once."""
    images.flags.writeable = labels.flags.writeable = False
    return Examples(images, labels)


def to_unit(pixels: np.ndarray) -> np.ndarray:
    """float32 in [0, 1] of whole numbers in 0 ... 255, any shape."""
    return pixels.astype(np.float32) / np.float32(255)


def rank_in_class(labels: np.ndarray) -> np.ndarray:
    """int64 (n,): the place of each example among those of its class, in a fixed random order.

    A test part of so many of each class are those of a rank below, or above, a number.
    """
    order = random_order(len(labels))
    rank = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        rank[of_class] = np.arange(len(of_class))
    return rank


def random_order(n: int) -> np.ndarray:
    """int64 (n,): the same random order of 0 ... n - 1 each time."""
    return np.random.default_rng(0).permutation(n)


def digest(arrays: Arrays) -> str:
    """SHA-256 over x_train, y_train, x_test, y_test as uint8, with their shapes."""
    sha = hashlib.sha256()
    for name in IDX_FILES:
        array = np.ascontiguousarray(arrays[name], np.uint8)
        sha.update(f"{name}{array.shape}".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()
