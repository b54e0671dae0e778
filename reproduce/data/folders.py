"""Data sets of your own: a folder of pictures by class, or arrays in an .npz file.

Pictures come out as float32 (n, height, width, channels) in [0, 1]. A data set without a test
part of its own gives up a share of each class, the same one each time.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from reproduce.data.examples import Dataset, read_only
from reproduce.runtime.errors import UserError

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp"}


def folder(
    path: str | None,
    *,
    size: int | tuple[int, int] | None = None,
    grey: bool | None = None,
    test_share: float = 0.2,
) -> Dataset:
    """Pictures in one folder a class; `train` and `test`, each with these folders, if there.

    Args:
        size: to which pictures are scaled, a number or height and width; None takes the first's.
        grey: one channel or three; None is grey if the first picture is.
        test_share: of each class, where there are no folders `train` and `test`.
    """
    place = _existing(path, "folder")
    parts = [place / "train", place / "test"]
    if not all(part.is_dir() for part in parts):
        parts = [place]
    names = sorted(each.name for each in parts[0].iterdir() if each.is_dir())
    if len(names) < 2:
        raise UserError(
            f"{parts[0]} holds {len(names)} folders: one a class is expected, two or more."
        )
    images: list[np.ndarray] = []
    labels: list[int] = []
    ends = []
    for part in parts:
        for label, name in enumerate(names):
            for file in sorted((part / name).rglob("*")):
                if file.suffix.lower() not in PICTURES:
                    continue
                picture = _picture(file, size, grey)
                size, grey = picture.shape[:2], picture.shape[2] == 1
                images.append(picture)
                labels.append(label)
        ends.append(len(images))
    if not images:
        raise UserError(f"{place} holds no pictures in its folders ({', '.join(names)}).")
    x, y = np.stack(images), np.array(labels, np.int64)
    if len(ends) == 2:
        arrays = (x[: ends[0]], y[: ends[0]], x[ends[0] :], y[ends[0] :])
    else:
        arrays = _divided(x, y, test_share)
    return _dataset(place, arrays)


def npz(path: str | None, *, test_share: float = 0.2) -> Dataset:
    """Arrays x_train, y_train, x_test, y_test as Keras names them, or x and y alone.

    Bytes are divided by 255; numbers with a point have to lie in [0, 1].
    """
    file = _existing(path, "npz")
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError) as broken:
        raise UserError(f"{file} cannot be read as .npz ({broken}).") from broken
    names = ["x_train", "y_train", "x_test", "y_test"]
    if set(names) <= set(arrays):
        x, y, x_test, y_test = (arrays[name] for name in names)
        return _dataset(file, (_unit(file, x), y, _unit(file, x_test), y_test))
    if {"x", "y"} <= set(arrays):
        return _dataset(file, _divided(_unit(file, arrays["x"]), arrays["y"], test_share))
    raise UserError(
        f"{file} holds {', '.join(arrays) or 'nothing'}: {', '.join(names)}, or x and y, expected."
    )


def _existing(path: str | None, choice: str) -> Path:
    if not path:
        raise UserError(f"dataset={choice} wants dataset.path=.")
    if not Path(path).exists():
        raise UserError(f"there is nothing at {path}, which dataset.path names.")
    return Path(path)


def _picture(file: Path, size: int | tuple[int, int] | None, grey: bool | None) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(file) as opened:
            grey = opened.mode in ("1", "L", "I;16") if grey is None else grey
            picture = opened.convert("L" if grey else "RGB")
    except OSError as broken:
        raise UserError(f"{file} cannot be read as a picture ({broken}).") from broken
    if size is not None:
        height, width = (size, size) if isinstance(size, int) else size
        if picture.size != (width, height):
            picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, np.float32) / np.float32(255)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _unit(file: Path, images: np.ndarray) -> np.ndarray:
    if images.ndim not in (3, 4):
        raise UserError(
            f"{file}: images of shape (n, height, width) or (n, height, width, channels) "
            f"expected, got {images.shape}."
        )
    images = images[..., None] if images.ndim == 3 else images
    if images.dtype == np.uint8:
        return images.astype(np.float32) / np.float32(255)
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 1):
        raise UserError(f"{file}: bytes, or numbers in [0, 1], expected, got [{low:g}, {high:g}].")
    return images.astype(np.float32)


def _divided(
    images: np.ndarray, labels: np.ndarray, test_share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A share of each class for the test, drawn by a fixed seed."""
    labels = labels.reshape(-1)
    order = np.random.default_rng(0).permutation(len(labels))
    tested = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        tested[of_class[: round(test_share * len(of_class))]] = True
    return images[~tested], labels[~tested], images[tested], labels[tested]


def _dataset(place: Path, arrays: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]) -> Dataset:
    x, y, x_test, y_test = arrays
    y, y_test = (_labels(place, labels) for labels in (y, y_test))
    for images, labels, part in ((x, y, "training"), (x_test, y_test, "test")):
        if len(images) != len(labels) or not len(images):
            raise UserError(f"{place}: {len(images)} {part} images and {len(labels)} labels.")
    sha = hashlib.sha256()
    for array in (x, y, x_test, y_test):
        sha.update(f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).data)
    classes = int(max(y.max(), y_test.max())) + 1
    digest = sha.hexdigest()
    name = f"{place.stem}-{digest[:6]}"  # never that of a known data set
    return Dataset(name, str(place), digest, read_only(x, y), read_only(x_test, y_test), classes)


def _labels(place: Path, labels: np.ndarray) -> np.ndarray:
    labels = labels.reshape(-1)
    if not np.issubdtype(labels.dtype, np.integer) or (len(labels) and labels.min() < 0):
        raise UserError(f"{place}: labels 0, 1, 2, ... expected, got {labels[:5]}.")
    return labels.astype(np.int64)
