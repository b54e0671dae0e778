"""A decision tree as arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LEAF = -1


class Nodes(NamedTuple):
    """A binary tree as arrays over its nodes, the root first.

    left, right: int (nodes,), children; LEAF at a leaf.
    feature: int (nodes,); threshold: float64 (nodes,).
    labels: int64 (nodes,), what a leaf answers.
    """

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    labels: np.ndarray
