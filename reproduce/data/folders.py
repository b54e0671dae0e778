"""Data sets of your own: a folder of pictures by class, or arrays in an .npz file.

Pictures come out as float32 (n, height, width, channels) in [0, 1]. A data set without a test
part of its own gives up a share of each class, the same one each time. What was read, and what
was skipped, is logged in one line.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from rich.markup import escape

from reproduce.data import arrays, class_folders, pictures
from reproduce.data.class_folders import ClassFolder, Skipped
from reproduce.data.examples import Dataset, rank_in_class, read_only, to_unit
from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import say

Parts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # x_train, y_train, x_test, y_test
NAMES = ("x_train", "y_train", "x_test", "y_test")
ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}
LARGEST_SIDE = 4096


def folder(
    path: str | None,
    *,
    size: int | Sequence[int] | None = None,
    grey: bool | None = None,
    test_share: float = 0.2,
) -> Dataset:
    """Pictures in one folder a class, or in train/ and test/ (or val/), each with these folders.

    Args:
        size: to which pictures are scaled, a number or height and width; None takes the first's.
        grey: one channel or three; None is grey if no picture has colour.
        test_share: of each class, where there is train/ alone, or none of these.

    Raises:
        UserError: for what cannot be read, and for classes that cannot be meant.
    """
    place = existing(path, "dataset.path", "dataset=folder", a_folder=True)
    height_width = _size(size)
    if grey not in (None, True, False):
        raise UserError(f"dataset.grey is true, false or null, got {grey}.")
    skipped: Skipped = Counter()
    found = class_folders.splits(place, skipped)
    if found and "train" not in found:
        raise UserError(f"{place} has {' and '.join(found)}, and no train: nothing to learn from.")
    test = found.get("test", found.get("val"))
    if "test" in found and "val" in found:
        skipped[f"{found['val'].name}/, as there is {found['test'].name}/"] += 1
    learnt = class_folders.classes_in(found.get("train", place), skipped)
    names = [each.name for each in learnt]
    tested = _test_classes(test, names, skipped) if test else []
    images, notes = _read(place, [*learnt, *tested], height_width, grey)
    labels = [names.index(each.name) for each in [*learnt, *tested] for _ in each.files]
    x, y = images, np.array(labels, np.int64)
    n = sum(len(each.files) for each in learnt)
    parts = (x[:n], y[:n], x[n:], y[n:]) if tested else _divided(place, x, y, test_share)
    if test and "test" not in found:
        notes.append(f"{test.name}/ is the test part")
    if skipped:
        notes.append(f"skipped {class_folders.in_words(skipped)}")
    return _dataset(place, parts, len(names), names, notes)


def npz(path: str | None, *, test_share: float = 0.2, classes: int | None = None) -> Dataset:
    """Arrays x_train, y_train, x_test, y_test as Keras names them, or x and y alone.

    Whole numbers in 0 ... 255 are divided by 255; numbers with a point have to lie in [0, 1].

    Args:
        test_share: of each class, where there are only x and y.
        classes: how many there are; None wants a training image for each label 0 ... largest.

    Raises:
        UserError: for what cannot be read, and for arrays that do not fit each other.
    """
    file = existing(path, "dataset.path", "dataset=npz", a_folder=False)
    try:
        held = arrays.names_in(file)
        names = next((each for each in (NAMES, ("x", "y")) if set(each) <= set(held)), None)
        if names is None:
            raise UserError(
                f"{file} holds {', '.join(held) or 'nothing'}: {', '.join(NAMES)}, or x and y, "
                "expected."
            )
        loaded = arrays.load(file, names)
        widths = {loaded[y].shape[1:] for y in names[1::2]} - {(), (1,)}
        if len(widths) > 1:  # one-hot, whose columns may be other classes
            raise UserError(
                f"{file}: labels of shape {loaded['y_train'].shape} for training and "
                f"{loaded['y_test'].shape} for tests: as many columns expected."
            )
    except UserError:
        raise
    except arrays.DAMAGED as broken:
        raise UserError(f"{file} cannot be read as .npz ({arrays.in_words(broken)}).") from broken
    notes = []
    for x, y, part in zip(names[::2], names[1::2], ("training ", "test "), strict=False):
        if loaded[x].ndim and loaded[y].ndim and len(loaded[x]) != len(loaded[y]):
            part = part if len(names) == 4 else ""
            raise UserError(
                f"{file}: {len(loaded[x])} {part}images and {len(loaded[y])} labels, as {x} has "
                f"the shape {loaded[x].shape} and {y} {loaded[y].shape}."
            )
        loaded[x] = arrays.images(f"{file}: {x}", loaded[x])
        loaded[y], said = arrays.labels(f"{file}: {y}", loaded[y])
        notes.append(said.removeprefix(f"{file}: "))
    if len(names) == 2:
        parts = _divided(file, loaded["x"], loaded["y"], test_share)
    else:
        parts = tuple(loaded[name] for name in NAMES)  # type: ignore[assignment]
    if parts[0].shape[1:] != parts[2].shape[1:]:
        raise UserError(
            f"{file}: training images of {parts[0].shape[1:]} and test images of "
            f"{parts[2].shape[1:]}."
        )
    if others := sorted(set(held) - set(names)):
        notes.append(f"skipped the arrays {', '.join(others)}")
    count = arrays.check_classes(str(file), parts[1], parts[3], classes)
    return _dataset(file, parts, count, [], [note for note in notes if note])


def existing(path: str | None, option: str, choice: str, *, a_folder: bool) -> Path:
    """The file or folder that an option names.

    Raises:
        UserError: where it is not there, or is the other of the two.
    """
    if path is None or path == "":
        raise UserError(f"{choice} wants {option}=.")
    place = Path(str(path)).expanduser()
    try:
        if not place.exists():
            raise UserError(f"there is nothing at {place}, which {option} names.")
    except (OSError, ValueError) as refused:
        raise UserError(f"{option} cannot be looked at ({refused}).") from refused
    if a_folder and not place.is_dir():
        packed = " Unpack it first." if place.suffix.lower() in ARCHIVES else ""
        raise UserError(f"{place} is a file: {choice} wants a folder of pictures.{packed}")
    if not a_folder and not place.is_file():
        raise UserError(f"{place} is no file: {choice} wants an .npz file.")
    return place


def _shown(name: str) -> str:
    """Without signs that a terminal would act upon, or that are no text."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)


def _size(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = [size, size] if isinstance(size, int) else size
    whole = isinstance(sides, Sequence) and not isinstance(sides, str) and len(sides) == 2
    if not whole or not all(type(side) is int and 0 < side <= LARGEST_SIDE for side in sides):
        raise UserError(
            f"dataset.size is a number of pixels, [height,width] or null, from 1 to "
            f"{LARGEST_SIDE}, got {size}."
        )
    return (sides[0], sides[1])


def _test_classes(place: Path, names: list[str], skipped: Skipped) -> list[ClassFolder]:
    """The classes with test pictures, all of which have training pictures."""
    folders = class_folders.subfolders(place, skipped)
    classes = class_folders.with_pictures(folders, skipped)
    if more := [each.name for each in classes if each.name not in names]:
        raise UserError(
            f"{place} has {', '.join(more[:8])}, which {', '.join(names[:8])} of the training part "
            "lack: the same folders are expected in both."
        )
    if not any(each.files for each in classes):
        raise UserError(f"{place} holds no pictures in its folders.")
    return [each for each in classes if each.files]


def _read(
    place: Path, classes: list[ClassFolder], size: tuple[int, int] | None, grey: bool | None
) -> tuple[np.ndarray, list[str]]:
    """All pictures, float32 (n, height, width, channels), and what happened to some."""
    read: list[Image.Image] = []
    files = [file for each in classes for file in each.files]
    several = scaled = 0
    for file in files:
        picture, frames = pictures.read(file)
        if size is None:
            size = (picture.height, picture.width)
        arrays.check_memory(str(place), (len(files), *size, 1))
        several += frames > 1
        if picture.size != size[::-1]:
            picture = picture.resize(size[::-1], Image.Resampling.BILINEAR)
            scaled += 1
        read.append(picture)
    coloured = sum(picture.mode == "RGB" for picture in read)
    mode = ("RGB" if coloured else "L") if grey is None else ("L" if grey else "RGB")
    x = to_unit(np.stack([np.asarray(picture.convert(mode)) for picture in read]))
    notes = []
    if scaled:
        notes.append(f"{scaled} of another size scaled to {x.shape[1]} x {x.shape[2]}")
    if mode == "RGB" and 0 < coloured < len(read):
        notes.append(f"{len(read) - coloured} without colour given three channels")
    if mode == "L" and coloured:
        notes.append(f"{coloured} with colour made grey")
    if several:
        notes.append(f"of {several} with several frames the first taken")
    return (x if x.ndim == 4 else x[..., None]), notes


def _divided(place: Path, images: np.ndarray, labels: np.ndarray, test_share: float) -> Parts:
    """A share of each class for the test; each keeps a training image."""
    if isinstance(test_share, bool) or not isinstance(test_share, int | float):
        raise UserError(f"dataset.test_share is a number between 0 and 1, got {test_share}.")
    if not 0 < test_share < 1:
        raise UserError(f"dataset.test_share lies between 0 and 1, got {test_share:g}.")
    rank = rank_in_class(labels)
    tested = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        of_class = labels == label
        count = int(of_class.sum())
        tested[of_class] = rank[of_class] < min(round(test_share * count), count - 1)
    if not tested.any():
        raise UserError(
            f"{place}: {len(labels)} images are too few to set a share of {test_share:g} of each "
            "class aside."
        )
    return images[~tested], labels[~tested], images[tested], labels[tested]


def _dataset(
    place: Path, parts: Parts, classes: int, names: Sequence[str], notes: Sequence[str]
) -> Dataset:
    x, y, x_test, y_test = parts
    sha = hashlib.sha256()
    for array in parts:
        sha.update(f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).data)
    digest = sha.hexdigest()
    stem = place.stem or place.absolute().stem
    name = f"{stem}-{digest[:6]}"  # never that of a known data set
    counts = (np.unique(each, return_counts=True) for each in (y, y_test))
    of_training, of_test = (dict(zip(*each, strict=True)) for each in counts)
    told = [
        f"{label}{f' {_shown(names[label])}' if names else ''} {of_training.get(label, 0)}"
        f"+{of_test.get(label, 0)}"
        for label in range(min(classes, 12))
    ]
    say(
        escape(
            f"{place}: {len(y)} + {len(y_test)} images of {' x '.join(map(str, x.shape[1:]))} "
            f"for training and test, of {classes} classes ({', '.join(told)}"
            f"{', ...' if classes > 12 else ''}){''.join(f'; {note}' for note in notes)}."
        )
    )
    return Dataset(name, str(place), digest, read_only(x, y), read_only(x_test, y_test), classes)
