"""What the parts of the benchmark hand to each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

CHILDREN = 200  # of a generation, and random images at the start: Nguyen et al. 2015, section 2.2
CLASSES = 10
SIZE = 28  # pixels on a side


class Evolved(NamedTuple):
    """What one run found.

    log_odds: float (generations + 1, classes), of the elites; -inf while a niche is empty.
    images: uint8 (classes, 28, 28, 1), the last elites; black where a niche is empty.
    """

    log_odds: np.ndarray
    images: np.ndarray


class Contestant(NamedTuple):
    """One way to evolve images.

    name: in tables.
    package: whose code; "this one" for ours.
    niches: which niches a child may take.
    settings: of the variation, in words.
    prepare: generations -> a function from a seed to a run; whatever is compiled is compiled here.
    """

    name: str
    package: str
    niches: str
    settings: str
    prepare: Callable[[int], Callable[[int], Evolved]]


EVERY_CLASS = "every class"
ITS_OWN_CLASS = "the class it is taken for"
