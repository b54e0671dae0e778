"""One feature alone, one bit alone.

linear     the shift of one feature that flips a two-class linear model's label is -m / w_k
trees      flip one bit of a binary input and look where the path leaves its old course
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reproduce.methods.attacks.attack import Adversarial, Attack, beyond, proposed
from reproduce.methods.attacks.exact import expect_linear
from reproduce.networks.classical.nodes import LEAF, Nodes
from reproduce.networks.classifier import Classifier

Labels = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class SingleFeature(Attack):
    """The smallest shift of one feature alone that alters the label of a linear network."""

    name: ClassVar[str] = "single feature"
    objective: ClassVar[str] = "change of one feature"
    wants: ClassVar[str] = "labels"

    def find(self, classify: Classifier, images: np.ndarray, wanted: np.ndarray) -> Adversarial:
        weights, bias = (np.asarray(part, np.float64)
                         for part in expect_linear(classify, images.shape[1:]))  # fmt: skip
        flat = images.reshape(len(images), -1).astype(np.float64)
        changed = np.full(flat.shape, np.nan)
        low, high = np.zeros(flat.shape[1]), np.ones(flat.shape[1])
        for i, (image, label) in enumerate(zip(flat, wanted, strict=True)):
            scores = image @ weights + bias
            if scores.argmax() != label:
                changed[i] = image
                continue
            others = np.delete(np.arange(len(bias)), label)
            needed = np.stack([
                shifts(weights[:, label] - weights[:, k], scores[label, None] - scores[k])[0]
                for k in others
            ])  # fmt: skip
            sizes = np.where(within(needed, image, low, high), np.abs(needed), np.inf)
            rival, feature = np.unravel_index(sizes.argmin(), sizes.shape)
            if np.isfinite(sizes[rival, feature]):
                changed[i] = image
                changed[i, feature] += needed[rival, feature]
        found = changed.reshape(images.shape)
        pushed = beyond(classify, images, found, labels=wanted)
        return proposed(images, pushed, proven=np.ones(len(images), bool))


def shifts(weights: np.ndarray, margins: np.ndarray) -> np.ndarray:
    """What must be added to each feature, alone, to bring the margin to zero.

    Args:
        weights: (features,); margins: (n,), w . x + b.

    Returns:
        float64 (n, features); infinite where a weight is zero.
    """
    with np.errstate(divide="ignore"):
        return -margins[:, None] / np.asarray(weights, np.float64)


def within(
    shifts: np.ndarray, examples: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """bool (n, features): whether the shifted feature stays in its range [low, high]."""
    moved = examples + shifts
    return (moved >= low) & (moved <= high)


def flips(predict: Labels, bits: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Whether the prediction changes when one bit is flipped.

    Args:
        predict: float32 (m, features) of zeros and ones -> labels.
        bits: (n, features) of zeros and ones.
        features: the ones worth trying; a feature no split asks for cannot matter.

    Returns:
        bool (n, features); False for features not tried.
    """
    before = predict(bits)
    changed = np.zeros(bits.shape, bool)
    for i, example in enumerate(bits):
        tries = np.repeat(example[None], len(features), axis=0)
        tries[np.arange(len(features)), features] = 1 - tries[:, features].diagonal()
        changed[i, features] = predict(tries) != before[i]
    return changed


def splits_on_path(nodes: Nodes, example: np.ndarray) -> list[int]:
    """The nodes an example passes through, root first, leaf last."""
    path = [0]
    while nodes.left[path[-1]] != LEAF:
        node = path[-1]
        goes_left = example[nodes.feature[node]] <= nodes.threshold[node]
        path.append(int(nodes.left[node] if goes_left else nodes.right[node]))
    return path


def deciding_depths(nodes: Nodes, example: np.ndarray, flipped: np.ndarray) -> np.ndarray:
    """How far above its leaf the path first turns off, for each flip that changes the label.

    Args:
        flipped: bool (features,), a row of `flips`.

    Returns:
        int (number of flips,): 1 at the last split before the leaf, 2 at the one above, ...
    """
    path = splits_on_path(nodes, example)
    asked = [int(nodes.feature[node]) for node in path[:-1]]
    return np.array([len(asked) - asked.index(k) for k in np.flatnonzero(flipped).tolist()], int)
