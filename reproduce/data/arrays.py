"""Arrays of images and labels from a file: read without running anything, and checked.

A refusal names the array, what was expected and what came.
"""

from __future__ import annotations

import math
import os
import pickle
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from reproduce.data.examples import to_unit
from reproduce.runtime.errors import UserError

DAMAGED = (
    OSError, EOFError, ValueError, KeyError, IndexError, TypeError, SyntaxError, RuntimeError,
    struct.error, zipfile.BadZipFile, zlib.error, pickle.UnpicklingError, tokenize.TokenError,
    OverflowError,
)  # fmt: skip
CHANNELS = (1, 3)
ROUNDING = 1e-6  # beyond [0, 1], as after an interpolation
DARKEST = 1 / 8  # of [0, 1], the brightest pixel of all: whole numbers up to 31 are no bytes


def names_in(file: Path) -> list[str]:
    """The names of the arrays in an .npz file.

    Raises:
        One of DAMAGED: where it is not a whole .npz file.
    """
    with file.open("rb") as opened:
        if opened.read(6) == b"\x93NUMPY":
            raise ValueError("it is a single array, .npy: np.savez writes several by name")
    with zipfile.ZipFile(file) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]


def load(file: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Named arrays of an .npz file; objects (pickles) and false sizes are refused.

    Raises:
        One of DAMAGED: where it is not a whole .npz file with these arrays.
    """
    arrays = {}
    with zipfile.ZipFile(file) as archive:
        for name in names:
            try:
                size = archive.getinfo(f"{name}.npy").file_size
            except KeyError:
                raise KeyError(f"it has no array {name}") from None
            with archive.open(f"{name}.npy") as member:
                _check_header(name, member, size)
            with archive.open(f"{name}.npy") as member:
                arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
    return arrays


def _check_header(name: str, member: IO[bytes], size: int) -> None:
    """Before anything is allocated: the array fits its file, and the memory."""
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0
    shape, _, dtype = (read if version == (1, 0) else np.lib.format.read_array_header_2_0)(member)
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, which are not loaded: numbers expected")
    if math.prod(shape) * dtype.itemsize != size - member.tell():
        raise ValueError(f"{name} is cut off, or its shape {shape} is not its own")
    check_memory(name, shape)


def check_memory(name: str, shape: tuple[int, ...]) -> None:
    """Refuses what as float32 is larger than the machine's memory.

    Raises:
        UserError: with both sizes.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    needed = 4 * math.prod(shape)
    if needed > memory:
        raise UserError(
            f"{name}: {' x '.join(map(str, shape))} numbers take {needed / 1e9:,.0f} GB of "
            f"{memory / 1e9:,.0f} GB of memory. Take fewer or smaller images."
        )


def images(name: str, array: np.ndarray) -> np.ndarray:
    """float32 (n, height, width, channels) in [0, 1].

    Args:
        name: of the array, for messages.
        array: (n, height, width) or (n, height, width, 1 or 3); whole numbers in 0 ... 255, or
            numbers in [0, 1].

    Raises:
        UserError: for any other.
    """
    _check_shape(name, array.shape)
    if array.dtype.kind not in "buif":
        raise UserError(f"{name} holds {array.dtype}: numbers are expected.")
    array = array[..., None] if array.ndim == 3 else array
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        count = np.count_nonzero(~np.isfinite(array))
        raise UserError(f"{name} holds {count} values that are NaN or infinite.")
    low, high = float(array.min()), float(array.max())
    in_bytes = array.dtype == np.uint8 or (array.dtype.kind in "iu" and high > 1)
    slack = 0 if in_bytes or array.dtype.kind != "f" else ROUNDING
    if not (low >= -slack and high <= (255 if in_bytes else 1 + slack)):
        raise UserError(
            f"{name}: bytes, or numbers in [0, 1], expected, got [{low:.9g}, {high:.9g}] as "
            f"{array.dtype}.{_way_out(low, high)}"
        )
    if low == high and len(array) > 1:
        raise UserError(f"{name} holds {low:g} in every pixel of {len(array)} images.")
    pixels = to_unit(array) if in_bytes else np.clip(array.astype(np.float32), 0, 1)
    if pixels.max() <= DARKEST and len(array) > 1:
        raise UserError(
            f"{name} is nearly black: of [0, 1] its brightest pixel is {pixels.max():.2g}. White "
            f"is 255 in bytes, and 1 in numbers with a point: divide by what white is, {high:g} "
            "perhaps, once."
        )
    return pixels


def _check_shape(name: str, shape: tuple[int, ...]) -> None:
    if len(shape) not in (3, 4) or 0 in shape[1:]:
        flat = len(shape) == 2 and math.isqrt(shape[1]) ** 2 == shape[1] > 0
        side = math.isqrt(shape[1]) if flat else 0
        raise UserError(
            f"{name}: images of shape (n, height, width) or (n, height, width, channels) "
            f"expected, got {shape}."
            + (f" Perhaps reshape(-1, {side}, {side}) is meant." if flat else "")
        )
    if shape[0] == 0:
        raise UserError(f"{name} holds no images: its shape is {shape}.")
    if len(shape) == 4 and shape[3] not in CHANNELS:
        moved = " They come first: np.moveaxis(images, 1, -1) puts them last."
        raise UserError(
            f"{name}: 1 or 3 channels expected in the last place, got shape {shape}."
            + (moved if shape[1] in CHANNELS else "")
        )


def _way_out(low: float, high: float) -> str:
    if low >= 0 and high <= 64:
        return f" Divide by what white is, {high:g} perhaps."
    if low >= 0 and high <= 255:
        return " Divide by 255."
    if low >= -1 and high <= 1:
        return " Add 1 and divide by 2."
    if low >= 0 and high <= 65535:
        return " Divide by what white is."
    return ""


def labels(name: str, array: np.ndarray) -> tuple[np.ndarray, str]:
    """int64 (n,), and in words what was read otherwise than it stood.

    Args:
        name: of the array, for messages.
        array: (n,) or (n, 1), whole numbers from 0 on, of any type; or one-hot, (n, classes).

    Raises:
        UserError: for any other.
    """
    expected = f"{name}: labels 0, 1, 2, ... expected, got "
    if array.dtype.kind not in "buif":
        raise UserError(f"{expected}{array.dtype}. Number the classes.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise UserError(f"{expected}{np.count_nonzero(~np.isfinite(array))} NaN or infinite.")
    if array.ndim == 2 and array.shape[1] > 1:
        return _from_one_hot(expected, array), f"{name} is one-hot: the place of each 1 is taken"
    if array.ndim not in (1, 2) or array.size != len(array):
        raise UserError(f"{expected}an array of shape {array.shape}.")
    flat = array.reshape(-1)
    flat = flat.astype(np.float64) if array.dtype.kind == "f" else flat
    if not len(flat):
        raise UserError(f"{expected}none.")
    if (flat != np.floor(flat)).any() or flat.min() < 0 or flat.max() > 2**53:
        wrong = flat[(flat != np.floor(flat)) | (flat < 0) | (flat > 2**53)]
        raise UserError(f"{expected}{', '.join(f'{each:g}' for each in wrong[:5])}.")
    said = f"{name} are numbers with a point, all whole" if array.dtype.kind == "f" else ""
    return flat.astype(np.int64), said


def _from_one_hot(expected: str, array: np.ndarray) -> np.ndarray:
    if not (np.isin(array, (0, 1)).all() and (array.sum(axis=1) == 1).all()):
        raise UserError(f"{expected}shape {array.shape}, which is not one-hot (a single 1 a row).")
    return array.argmax(axis=1).astype(np.int64)


def check_classes(
    place: str, train: np.ndarray, test: np.ndarray, classes: int | None = None
) -> int:
    """How many classes the labels are of.

    Args:
        place: of the data set, for messages.
        train, test: int64 (n,), labels from 0 on.
        classes: how many there are; None wants a training image of each, 0 ... the largest.

    Raises:
        UserError: for labels that leave a class without images, or go beyond `classes`.
    """
    known, tested = np.unique(train), np.unique(test)
    largest = int(max(known[-1], tested[-1]))
    if classes is not None:
        if isinstance(classes, bool) or not isinstance(classes, int) or classes < 2:
            raise UserError(f"dataset.classes is a number, 2 or more, got {classes}.")
        if largest >= classes:
            raise UserError(f"{place}: label {largest}, and dataset.classes={classes} says fewer.")
        return classes
    only_tested = np.setdiff1d(tested, known)
    if len(only_tested):
        raise UserError(
            f"{place}: no training image has label {_listed(only_tested)}, which test images have."
            " dataset.classes= says how many classes there are, if that is meant."
        )
    if len(known) != largest + 1:
        shift = f" Subtract {known[0]}." if known[-1] - known[0] == len(known) - 1 else ""
        raise UserError(
            f"{place}: labels are {_listed(known)}, so that {largest + 1 - len(known):,} of "
            f"{largest + 1:,} classes have no images: 0, 1, 2, ... expected.{shift} "
            "dataset.classes= says how many classes there are, if that is meant."
        )
    if len(known) < 2:
        raise UserError(f"{place}: all labels are 0. Two classes or more are expected.")
    return len(known)


def in_words(broken: BaseException) -> str:
    """What is wrong with a damaged file."""
    return str(broken.args[0]) if isinstance(broken, KeyError) else f"{broken}"


def _listed(numbers: np.ndarray, most: int = 8) -> str:
    told = ", ".join(str(number) for number in numbers[:most])
    return told if len(numbers) <= most else f"{told}, ... ({len(numbers)} of them)"
