"""Folders whose sub-folders are classes, perhaps below train/, val/ and test/.

What a program or an operating system leaves behind is neither a class nor a picture: hidden
folders and files, __MACOSX, Thumbs.db. What was skipped is counted.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from reproduce.data.pictures import SUFFIXES
from reproduce.runtime.errors import UserError

SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
LEFTOVERS = {
    "__macosx", "__pycache__", "@eadir", "$recycle.bin", "system volume information", "lost+found",
    "thumbs.db", "desktop.ini",
}  # fmt: skip

Skipped = Counter[str]  # what it was -> how many


class ClassFolder(NamedTuple):
    """A class's name and its pictures, in the order of their paths."""

    name: str
    files: list[Path]


def is_leftover(name: str) -> bool:
    """Whether a file or folder of this name is nobody's data."""
    return name.startswith(".") or name.lower() in LEFTOVERS


def subfolders(place: Path, skipped: Skipped) -> list[Path]:
    """The folders that can be meant, by name.

    Raises:
        UserError: where one cannot be read, or a link leads nowhere.
    """
    inside = listed(place)
    for each in inside:
        if each.is_symlink() and not each.exists() and not is_leftover(each.name):
            raise UserError(f"the link {each} leads nowhere: repair it, or take it away.")
    folders = sorted(each for each in inside if each.is_dir())
    for each in folders:
        if is_leftover(each.name):
            skipped[f"{each.name}/"] += 1
    return [each for each in folders if not is_leftover(each.name)]


def listed(place: Path) -> list[Path]:
    """What lies in a folder.

    Raises:
        UserError: where it cannot be read.
    """
    try:
        return list(place.iterdir())
    except OSError as refused:
        raise UserError(f"the folder {place} cannot be read ({refused.strerror}).") from refused


def pictures_below(folder: Path, skipped: Skipped) -> list[Path]:
    """The picture files in a folder and its sub-folders; links to folders are not followed."""
    found = []
    for at, folders, files in os.walk(folder):
        for name in folders:
            if is_leftover(name):
                skipped[f"{name}/"] += 1
        folders[:] = [name for name in folders if not is_leftover(name)]
        for name in files:
            file = Path(at, name)
            suffix = file.suffix.lower()
            if is_leftover(name):
                skipped["hidden files"] += 1
            elif suffix not in SUFFIXES:
                skipped[f"files {suffix}" if suffix else "files without a suffix"] += 1
            elif file.exists() and not file.is_file():
                skipped["pipes or devices"] += 1
            else:
                found.append(file)
    return sorted(found)


def splits(place: Path, skipped: Skipped) -> dict[str, Path]:
    """ "train", "val", "test" -> its folder, for those that are there; none where the folder
    itself holds the classes.

    A single folder called train with pictures directly in it, beside others, is a class.

    Raises:
        UserError: where one split has two folders, or holds pictures without classes.
    """
    leftovers: Skipped = Counter()
    folders = subfolders(place, leftovers)
    found: dict[str, Path] = {}
    for split, spellings in SPLITS.items():
        of_split = [each for each in folders if each.name.lower() in spellings]
        if len(of_split) > 1:
            raise UserError(f"{place} holds {' and '.join(e.name for e in of_split)}: which one?")
        if of_split:
            found[split] = of_split[0]
    flat = [each for each in found.values() if not subfolders(each, Counter())]
    if not flat:
        others = [each.name for each in folders if each not in found.values()]
        if found:
            skipped.update(leftovers)
            skipped.update(f"{name}/ beside {' and '.join(found)}" for name in others)
        return found
    if len(found) == 1 and len(folders) > 1:
        return {}  # a train is a class, beside cars and ships
    raise UserError(
        f"{flat[0]} holds no folders: {place} has {', '.join(each.name for each in found.values())}"
        ", and each is expected to hold one folder a class."
    )


def classes_in(place: Path, skipped: Skipped, at_least: int = 2) -> list[ClassFolder]:
    """The classes of a folder, by name, each with its pictures.

    Raises:
        UserError: for fewer folders than `at_least`, and for a folder without pictures.
    """
    folders = subfolders(place, skipped)
    if len(folders) < at_least:
        inner = [each.name for each in subfolders(folders[0], Counter())] if folders else []
        deeper = f" Perhaps {folders[0]} is meant, with {', '.join(inner[:5])}." if inner else ""
        raise UserError(
            f"{place} holds {len(folders)} folders: one a class is expected, two or more.{deeper}"
        )
    classes = with_pictures(folders, skipped)
    if empty := [each.name for each in classes if not each.files]:
        raise UserError(
            f"{place} holds no pictures in its folders {', '.join(empty[:8])}. Each is a class: "
            "add pictures, or take the folder away, which numbers the classes after it anew."
        )
    return classes


def with_pictures(folders: list[Path], skipped: Skipped) -> list[ClassFolder]:
    """Each folder as a class, with what pictures it has.

    An accent may be one sign or two, as macOS writes it; names are compared as they are seen.

    Raises:
        UserError: two folders whose names are seen as the same.
    """
    found: dict[str, ClassFolder] = {}
    for each in folders:
        name = unicodedata.normalize("NFC", each.name)
        if name in found:
            raise UserError(f"{each.parent} holds two folders {name}, by other signs: which one?")
        found[name] = ClassFolder(name, pictures_below(each, skipped))
    return list(found.values())


def in_words(skipped: Skipped) -> str:
    """ "2 files .txt, 1 .ipynb_checkpoints/", or nothing."""
    return ", ".join(f"{count} {what}" for what, count in sorted(skipped.items()))
