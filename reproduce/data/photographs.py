"""Photographs as a data set: a folder by class, or a folder with labels.csv.

Each comes out with its short side at 256 (bicubic), cut to the middle square; `sized` makes of it
what a network takes. The networks were trained elsewhere, so nothing is set aside: training and
test part are the same photographs.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image
from rich.markup import escape

from reproduce.data import pictures
from reproduce.data.arrays import check_memory
from reproduce.data.download import data_folder
from reproduce.data.examples import Dataset, Examples, read_only, to_unit
from reproduce.data.folders import existing
from reproduce.data.imagenet_classes import COUNT, class_list
from reproduce.data.labelled_files import HOW, labelled_files
from reproduce.runtime.errors import NotAvailable, UserError
from reproduce.runtime.progress import say, stage

SIDE = 256  # of the image that ten crops are taken from (Nguyen et al. 2015, authors' code)
# Networks of 224 pixels and more are shown the middle of the 256, as they were in training.
# Smaller ones were trained on whole pictures made small: MobileNet for 96 pixels errs in 59.3 %
# of the middles and in 53.5 % of the whole.
SMALLEST_CUT = 224
NARROWEST = 40  # times as long as wide; a line is no photograph, and would fill the memory


def photographs(path: str | None = None, *, most: int | None = 2000) -> Dataset:
    """The photographs found; without any an empty data set that says what is missing.

    Args:
        path: a folder; None looks for imagenet/sample_256 in REPRODUCE_DATA.
        most: where there are more, so many are drawn by a fixed seed; None takes all.

    Raises:
        UserError: for what is no folder of photographs.
    """
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise UserError(f"dataset.most is a number of photographs or null, got {most}.")
    folder = _sample() if path is None else _named_by(path)
    try:
        names: tuple[str, ...] = class_list().names
    except NotAvailable as nowhere:
        if folder is not None:
            raise
        return _nothing((), f"{nowhere}")
    if folder is None:
        return _nothing(names, f"no photographs were found: {HOW}.")
    labelled, names, notes = labelled_files(folder)
    if most is not None and len(labelled) > most:
        notes.append(f"{most} of {len(labelled)} drawn")
        drawn = np.random.default_rng(0).choice(len(labelled), most, replace=False)
        labelled = [labelled[i] for i in np.sort(drawn)]
    check_memory(str(folder), (len(labelled), SIDE, SIDE, 3))
    images = np.empty((len(labelled), SIDE, SIDE, 3), np.float32)
    sha = hashlib.sha256()
    with stage(f"reading {len(labelled)} photographs", len(labelled)) as advance:
        for image, (file, label) in zip(images, labelled, strict=True):
            pixels = read(file)
            sha.update(pixels.tobytes() + label.to_bytes(4, "little"))
            image[:] = to_unit(pixels)
            advance()
    labels = np.array([label for _, label in labelled], np.int64)
    examples = read_only(images, labels)
    digest = sha.hexdigest()
    name = "photographs" if path is None else f"{folder.name}-{digest[:6]}"
    source = "REPRODUCE_DATA" if path is None else str(folder)
    told = "; ".join(
        [f"{len(labels)} photographs of {len(np.unique(labels))} of {len(names)} classes", *notes]
    )
    say(escape(f"{source}: {told}."))
    return Dataset(name, source, digest, examples, examples, len(names), names=names)


def read(file: Path, side: int = SIDE) -> np.ndarray:
    """uint8 (side, side, 3): the short side scaled to `side` (bicubic), then the middle."""
    picture = pictures.read(file).pixels.convert("RGB")
    short, long = sorted(picture.size)
    if long > NARROWEST * short:
        raise UserError(f"{file} has {picture.width} x {picture.height} pixels: no photograph.")
    scale = side / short
    if scale != 1:
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return np.asarray(picture.crop((left, top, left + side, top + side)))


def sized(dataset: Dataset, side: int) -> Dataset:
    """The photographs at a network's own size, as `seen` tells.

    Raises:
        NotAvailable: where there are none.
    """
    if dataset.missing:
        raise NotAvailable(dataset.missing)
    examples = Examples(_at(dataset.test.images, side), dataset.test.labels)
    return dataset._replace(train=examples, test=examples)


def seen(side: int, of: int = SIDE) -> str:
    """What a network of this size sees of a photograph, in words."""
    if side == of:
        return f"their middle square of {side} pixels"
    if SMALLEST_CUT <= side < of:
        return f"their middle {side} of {of} pixels"
    return f"their middle square scaled to {side} pixels"


def _at(images: np.ndarray, side: int) -> np.ndarray:
    of = images.shape[1]
    if of > side >= SMALLEST_CUT or of == side:
        start = (of - side) // 2
        return images[:, start : start + side, start : start + side]
    scaled = [
        np.asarray(
            Image.fromarray(np.uint8(np.round(image * 255))).resize(
                (side, side), Image.Resampling.BICUBIC
            )
        )
        for image in images
    ]
    return read_only(to_unit(np.stack(scaled)), np.zeros(0)).images


def _nothing(names: tuple[str, ...], missing: str) -> Dataset:
    nobody = read_only(np.zeros((0, SIDE, SIDE, 3), np.float32), np.zeros(0, np.int64))
    return Dataset(
        "photographs", "nowhere", "0" * 64, nobody, nobody, COUNT, names=names, missing=missing
    )


def _named_by(path: str) -> Path:
    return existing(path, "photographs", "dataset=photographs", a_folder=True)


def _sample() -> Path | None:
    own = data_folder()
    folder = own / "imagenet" / "sample_256" if own is not None else None
    return folder if folder is not None and folder.is_dir() else None
