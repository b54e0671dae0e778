"""The fooling images that Nguyen et al. 2015 published: 10 runs of 1,000 CPPN images each.

Every picture is the elite of one class after 5,000 generations, in the folder
`10-runs-x-1000-cppns/run_<0..9>/map_gen_5000` of one archive.
"""

from __future__ import annotations

import contextlib
import re
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from reproduce.data.download import Wanted, find
from reproduce.runtime.errors import NotAvailable

ARCHIVE = Wanted(
    file="10_runs_x_1000_cppns.tar.gz",
    folder="fooling",
    url="https://s.anhnguyen.me/10_runs_x_1000_cppns.tar.gz",
    md5="0910d63973b1512770f37bebdbb53e37",
)
BASE = "10-runs-x-1000-cppns"


class Picture(NamedTuple):
    """One file.

    run: of the authors' ten.
    label: the class it was evolved for; None where the files' names do not tell it.
    """

    path: Path
    run: int
    label: int | None


@contextlib.contextmanager
def unpacked(archive: Path | None = None) -> Iterator[list[Picture]]:
    """The pictures, in a folder that goes when the block ends.

    Args:
        archive: another one in the same form; the published one, found or downloaded, if None.

    Raises:
        NotAvailable: where it is not at hand, or is no archive of such pictures.
    """
    path = find(ARCHIVE) if archive is None else archive
    with tempfile.TemporaryDirectory() as folder:
        try:
            with tarfile.open(path) as file:
                file.extractall(folder, filter="data")  # refuses what would lie elsewhere
        except (tarfile.TarError, EOFError, OSError) as broken:
            raise NotAvailable(f"{path} cannot be unpacked: {broken}") from broken
        files = sorted(Path(folder, BASE).glob("run_[0-9]*/map_gen_5000/*.png"))
        if not files:
            raise NotAvailable(f"{path} holds no pictures in {BASE}/run_<n>/map_gen_5000.")
        runs = np.array([_numbers(file.parent.parent.name)[0] for file in files])
        labels = labels_of([file.stem for file in files], runs)
        yield [
            Picture(file, int(run), label)
            for file, run, label in zip(files, runs, labels, strict=True)
        ]


def read(pictures: Sequence[Picture], side: int) -> np.ndarray:
    """uint8 (n, side, side, 3), scaled where they have another size."""
    images = np.empty((len(pictures), side, side, 3), np.uint8)
    for picture, image in zip(pictures, images, strict=True):
        with Image.open(picture.path) as file:
            scaled = file.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
            image[...] = np.asarray(scaled)
    return images


def labels_of(names: Sequence[str], runs: np.ndarray) -> list[int] | list[None]:
    """The classes that the names of the files tell.

    A name has several numbers. The class is the one that takes each value from 0 to one less than
    there are pictures, in every run; where none does, no class is told.
    """
    numbers = [_numbers(name) for name in names]
    for place in range(min(map(len, numbers))):
        column = np.array([each[place] for each in numbers])
        if all(
            np.array_equal(np.sort(column[runs == run]), np.arange((runs == run).sum()))
            for run in np.unique(runs)
        ):
            return [int(label) for label in column]
    return [None] * len(names)


def _numbers(name: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", name)]
