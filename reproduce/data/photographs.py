"""Photographs as a data set: a folder by class, or a folder with labels.csv.

Each comes out with its short side at 256 (bicubic), cut to the middle square; `sized` cuts it
further to what a network takes. The networks were trained elsewhere, so nothing is set aside:
training and test part are the same photographs.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from reproduce.data.examples import Dataset, Examples, read_only
from reproduce.data.folders import PICTURES
from reproduce.data.imagenet_classes import COUNT, class_list
from reproduce.runtime.errors import NotAvailable, UserError
from reproduce.runtime.progress import stage

LABEL_FILES = ("labels.csv", "sample_labels.csv")
LABEL_COLUMNS = ("class_index", "synset", "label")  # the first that is there is read
HOW = (
    "photographs=<folder> names a folder that holds one folder for each class (called by synset, "
    "n01518878, or by name), or pictures and a labels.csv with the columns file and class_index "
    "(or synset, or label); or put such a folder into REPRODUCE_DATA as imagenet/sample_256, "
    "with sample_labels.csv beside it"
)

Labelled = list[tuple[Path, int]]
SIDE = 256  # of the image that ten crops are taken from (Nguyen et al. 2015, authors' code)


def photographs(path: str | None = None, *, most: int = 2000) -> Dataset:
    """The photographs at hand; without any a data set of none, which says what is missing.

    Args:
        path: a folder; None looks for imagenet/sample_256 in REPRODUCE_DATA.
        most: where there are more, so many are drawn by a fixed seed.
    """
    if path is not None and not Path(path).is_dir():
        raise UserError(f"there is no folder {path}, which photographs= names.")
    folder = _sample() if path is None else Path(path)
    try:
        names: tuple[str, ...] = class_list().names
    except NotAvailable as nowhere:
        if folder is not None:
            raise
        return _nothing((), f"{nowhere}")
    if folder is None:
        return _nothing(names, f"no photographs are at hand: {HOW}.")
    labelled, names = _labelled(folder)
    if len(labelled) > most:
        drawn = np.random.default_rng(0).choice(len(labelled), most, replace=False)
        labelled = [labelled[i] for i in np.sort(drawn)]
    images = np.empty((len(labelled), SIDE, SIDE, 3), np.float32)
    sha = hashlib.sha256()
    with stage(f"reading {len(labelled)} photographs", len(labelled)) as advance:
        for image, (file, label) in zip(images, labelled, strict=True):
            pixels = read(file)
            sha.update(pixels.tobytes() + label.to_bytes(4, "little"))
            np.divide(pixels, np.float32(255), out=image)
            advance()
    examples = read_only(images, np.array([label for _, label in labelled], np.int64))
    digest = sha.hexdigest()
    name = "photographs" if path is None else f"{folder.name}-{digest[:6]}"
    source = "REPRODUCE_DATA" if path is None else str(folder)
    return Dataset(name, source, digest, examples, examples, len(names), names=names)


def read(file: Path, side: int = SIDE) -> np.ndarray:
    """uint8 (side, side, 3): the short side scaled to `side` (bicubic), then the middle."""
    try:
        with Image.open(file) as opened:
            picture = opened.convert("RGB")
    except OSError as broken:
        raise UserError(f"{file} cannot be read as a picture ({broken}).") from broken
    scale = side / min(picture.size)
    if scale != 1:
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return np.asarray(picture.crop((left, top, left + side, top + side)))


def sized(dataset: Dataset, side: int) -> Dataset:
    """The photographs at a network's own size: their middle, or enlarged for a larger network.

    Raises:
        NotAvailable: where there are none.
    """
    if dataset.missing:
        raise NotAvailable(dataset.missing)
    examples = Examples(_middle(dataset.test.images, side), dataset.test.labels)
    return dataset._replace(train=examples, test=examples)


def _middle(images: np.ndarray, side: int) -> np.ndarray:
    if images.shape[1] < side:
        enlarged = [
            np.asarray(
                Image.fromarray(np.uint8(np.round(image * 255))).resize(
                    (side, side), Image.Resampling.BICUBIC
                ),
                np.float32,
            )
            / np.float32(255)
            for image in images
        ]
        return read_only(np.stack(enlarged), np.zeros(0)).images
    start = (images.shape[1] - side) // 2
    return images[:, start : start + side, start : start + side]


def _nothing(names: tuple[str, ...], missing: str) -> Dataset:
    nobody = read_only(np.zeros((0, SIDE, SIDE, 3), np.float32), np.zeros(0, np.int64))
    return Dataset(
        "photographs", "nowhere", "0" * 64, nobody, nobody, COUNT, names=names, missing=missing
    )


def _sample() -> Path | None:
    if "REPRODUCE_DATA" not in os.environ:
        return None
    folder = Path(os.environ["REPRODUCE_DATA"], "imagenet", "sample_256")
    return folder if folder.is_dir() else None


def _labelled(folder: Path) -> tuple[Labelled, tuple[str, ...]]:
    """Files with their labels, and what the labels are called."""
    for place in (folder / LABEL_FILES[0], folder.parent / LABEL_FILES[1]):
        if place.is_file():
            return list(_from_list(folder, place)), class_list().names
    folders = sorted(each for each in folder.iterdir() if each.is_dir())
    if not folders:
        raise UserError(f"{folder} holds neither folders nor labels.csv: {HOW}.")
    try:
        labels = [class_list().label(each.name) for each in folders]
        names = class_list().names
    except UserError:  # classes of one's own, for a network of one's own
        labels, names = list(range(len(folders))), tuple(each.name for each in folders)
    labelled = [
        (file, label)
        for each, label in zip(folders, labels, strict=True)
        for file in sorted(each.rglob("*"))
        if file.suffix.lower() in PICTURES
    ]
    if not labelled:
        raise UserError(f"{folder} holds no pictures in its folders.")
    return labelled, names


def _from_list(folder: Path, place: Path) -> Iterator[tuple[Path, int]]:
    with place.open(newline="") as file:
        rows = list(csv.DictReader(file))
    column = next((name for name in LABEL_COLUMNS if rows and name in rows[0]), None)
    if column is None or "file" not in rows[0]:
        raise UserError(f"{place} wants the columns file and one of {', '.join(LABEL_COLUMNS)}.")
    for row in rows:
        yield folder / row["file"], class_list().label(row[column])
