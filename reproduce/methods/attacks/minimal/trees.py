"""A decision tree's nearest leaf with another label: the exact smallest change.

A tree cuts the box [0, 1]^n into one axis-parallel box a leaf, and is constant on each. The
point of a box nearest to x is x clipped to it, so the optimum takes one pass over the leaves.
A split sends x to the left where x <= threshold, x in single precision (scikit-learn's rule).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from reproduce.methods.attacks.attack import Adversarial, Attack, proposed
from reproduce.networks.classical.nodes import LEAF, Nodes
from reproduce.networks.classifier import Classifier


class Leaves(NamedTuple):
    """The leaves that some point of [0, 1]^n reaches.

    low, high: float32 (leaves, features), the closed box of each.
    labels: int64 (leaves,).
    """

    low: np.ndarray
    high: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class NearestLeaf(Attack):
    """The optimum for one decision tree, whose leaves have to be known."""

    tree: Leaves

    name: ClassVar[str] = "nearest leaf"
    objective: ClassVar[str] = "euclidean distance"
    wants: ClassVar[str] = "labels"

    def find(self, classify: Classifier, images: np.ndarray, wanted: np.ndarray) -> Adversarial:
        return nearest(self.tree, images, wanted)


def leaves(nodes: Nodes, features: int) -> Leaves:
    """The boxes of a tree's leaves within [0, 1]^features."""
    boxes: list[tuple[np.ndarray, np.ndarray, int]] = []
    pending = [(0, np.zeros(features, np.float32), np.ones(features, np.float32))]
    while pending:
        node, low, high = pending.pop()
        if nodes.left[node] == LEAF:
            boxes.append((low, high, nodes.labels[node]))
            continue
        feature = nodes.feature[node]
        below, above = sides(nodes.threshold[node])
        if low[feature] <= below:
            left = high.copy()
            left[feature] = min(left[feature], below)
            pending.append((nodes.left[node], low, left))
        if high[feature] >= above:
            right = low.copy()
            right[feature] = max(right[feature], above)
            pending.append((nodes.right[node], right, high))
    lows, highs, labels = zip(*boxes, strict=True)
    return Leaves(np.stack(lows), np.stack(highs), np.array(labels, np.int64))


def sides(threshold: float) -> tuple[np.float32, np.float32]:
    """The largest number that goes left, and the smallest that goes right, in single precision."""
    below = np.float32(threshold)
    if below > threshold:
        below = np.nextafter(below, np.float32(-np.inf))
    return below, np.nextafter(below, np.float32(np.inf))


def nearest(tree: Leaves, images: np.ndarray, labels: np.ndarray) -> Adversarial:
    """The nearest point of [0, 1]^n that gets another label.

    Args:
        images: float32 (n, ...) in [0, 1]; labels: int64 (n,), what the tree answers now.
    """
    flat = images.reshape(len(images), -1)
    changed = np.full(flat.shape, np.nan, np.float32)
    for i, (x, label) in enumerate(zip(flat, labels, strict=True)):
        others = tree.labels != label
        if not others.any():
            continue
        gaps = np.maximum(np.maximum(tree.low - x, x - tree.high), 0)
        squares = (gaps**2).sum(axis=1)
        closest = np.where(others, squares, np.inf).argmin()
        changed[i] = np.clip(x, tree.low[closest], tree.high[closest])
    return proposed(images, changed, proven=np.ones(len(images), bool))
