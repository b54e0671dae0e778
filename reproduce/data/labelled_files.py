"""Photographs' files with their labels: from folders called by class, or from a labels.csv.

Neither a labels.csv nor a line of it leads outside its folder.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from reproduce.data.class_folders import Skipped, classes_in, in_words, splits, subfolders
from reproduce.data.imagenet_classes import SYNSET, class_list
from reproduce.runtime.errors import UserError

LABEL_FILES = ("labels.csv", "sample_labels.csv")
LABEL_COLUMNS = ("class_index", "synset", "label")  # the first that is there is read
HOW = (
    "photographs=<folder> names a folder that holds one folder for each class (called by synset, "
    "n01518878, or by name), or pictures and a labels.csv with the columns file and class_index "
    "(or synset, or label); or put such a folder into REPRODUCE_DATA as imagenet/sample_256, "
    "with sample_labels.csv beside it"
)


class LabelledFiles(NamedTuple):
    """files: with their labels; names: of all classes, in the order of the labels.

    notes: what was skipped, and which classes were taken.
    """

    files: list[tuple[Path, int]]
    names: tuple[str, ...]
    notes: list[str]


def labelled_files(folder: Path) -> LabelledFiles:
    """The pictures in a folder, with their labels.

    Raises:
        UserError: where there are neither folders nor a list, or they cannot be meant.
    """
    for place in (folder / LABEL_FILES[0], folder.parent / LABEL_FILES[1]):
        if os.path.isfile(place):
            if not place.resolve().is_relative_to(place.parent.resolve()):
                raise UserError(f"{place} is a link to outside its folder, which is not read.")
            files = list(_from_list(folder, place))
            return LabelledFiles(files, class_list().names, [f"labels from {place.name}"])
    skipped: Skipped = Counter()
    found = splits(folder, skipped)
    split = next((each for each in ("val", "test", "train") if each in found), None)
    notes = [f"from its {found[split].name}/ alone"] if split else []
    place = found[split] if split else folder
    if not subfolders(place, Counter()):
        raise UserError(f"{place} holds neither folders nor labels.csv: {HOW}.")
    classes = classes_in(place, skipped, at_least=1)
    labels, names = _named([each.name for each in classes])
    if names != class_list().names:
        notes.append("classes of their own, in the order of the folders' names")
    if skipped:
        notes.append(f"skipped {in_words(skipped)}")
    files = [
        (file, label) for each, label in zip(classes, labels, strict=True) for file in each.files
    ]
    return LabelledFiles(files, names, notes)


def _named(folders: list[str]) -> tuple[list[int], tuple[str, ...]]:
    """ImageNet's classes where every folder is called by one; else classes of one's own."""
    known, unknown = [], []
    for name in folders:
        try:
            known.append(class_list().label(name))
        except UserError:
            unknown.append(name)
    if not unknown:
        return known, class_list().names
    if any(SYNSET.match(name) for name in folders):
        raise UserError(
            f"the folders {', '.join(unknown[:5])} name no class of ImageNet, and others are "
            "called by synset. Rename them or take them away."
        )
    return list(range(len(folders))), tuple(folders)


def _from_list(folder: Path, place: Path) -> Iterator[tuple[Path, int]]:
    rows = _rows(place)
    columns = list(rows[0]) if rows else []
    column = next((name for name in LABEL_COLUMNS if name in columns), None)
    if column is None or "file" not in columns:
        raise UserError(
            f"{place} wants the columns file and one of {', '.join(LABEL_COLUMNS)}, separated by "
            f"commas, and lines below them. It has {', '.join(map(str, columns)) or 'no lines'}."
        )
    inside = folder.resolve()
    seen: set[Path] = set()
    for number, row in enumerate(rows, 2):
        at = f"{place}, line {number}"
        name, label = (row["file"] or "").strip(), (row[column] or "").strip()
        if not name or not label:
            raise UserError(f"{at}: a file and a {column} are expected.")
        try:
            file = (folder / name).resolve()
        except (OSError, RuntimeError, ValueError) as broken:  # a loop of links, a zero byte
            raise UserError(f"{at}: {name!r} is no file's name ({broken}).") from broken
        if not file.is_relative_to(inside):
            raise UserError(f"{at}: {name} lies outside {folder}, which is not read.")
        if not os.path.isfile(file):
            raise UserError(f"{at}: there is no file {name} in {folder}.")
        if file in seen:
            raise UserError(f"{at}: {name} stands there twice.")
        seen.add(file)
        try:
            yield folder / name, class_list().label(label)
        except UserError as unknown:
            raise UserError(f"{at}: {unknown}") from unknown


def _rows(place: Path) -> list[dict[str, str]]:
    try:
        with place.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file, strict=True))
    except (OSError, ValueError, csv.Error) as broken:
        raise UserError(f"{place} cannot be read as CSV in UTF-8 ({broken}).") from broken
