"""What the parts of the benchmark hand to each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

LARGE = 10_000  # numbers in an image, from which on it counts as a photograph


class Problem(NamedTuple):
    """A network and what every attack on it is given; rows are images.

    starts: an image that the network takes for the target, where Brendel-Bethge begins.
    """

    name: str
    network: keras.Model
    images: np.ndarray  # float32 (n, height, width, channels) in [0, 1], labelled rightly
    labels: np.ndarray  # int64 (n,)
    targets: np.ndarray  # int64 (n,), neither label nor prediction
    starts: np.ndarray | None  # as images; None where a class has no such image

    @property
    def of_photographs(self) -> bool:
        return self.images[0].size >= LARGE

    def first(self, count: int) -> Problem:
        """The same with the first images alone."""
        starts = None if self.starts is None else self.starts[:count]
        return self._replace(
            images=self.images[:count], labels=self.labels[:count],
            targets=self.targets[:count], starts=starts,
        )  # fmt: skip


class Found(NamedTuple):
    """What an attack returns, before the network has judged it.

    gradients: gradients of a loss (or of a logit) with respect to an image, per image.
    forwards: images evaluated, per image; NaN where the attack does not tell.
    """

    images: np.ndarray  # float32 (n, ...); NaN or unchanged where nothing was found
    gradients: float
    forwards: float = float("nan")


class Contestant(NamedTuple):
    """An attack with its authors' settings.

    package: whose it is, with the version; "" for this package's own.
    wants: "targets", the labels to reach, or "labels", the labels to get away from.
    find: the problem and the number of gradients per image that may be asked for.
    most: images at most, where it is slow.
    compiled: what is compiled before the first image is no part of the time of the others.
    """

    name: str
    package: str
    wants: str
    settings: str
    find: Callable[[Problem, int], Found]
    most: int | None = None
    compiled: bool = False


class Impossible(Exception):
    """An attack cannot be run on a problem at a budget; it is left out, and says why."""


def within(budget: int, step: int) -> None:
    """Raises Impossible where a single step takes more gradients than there may be."""
    if step > budget:
        raise Impossible(f"one step takes {step:,} gradients, {budget:,} are allowed")
