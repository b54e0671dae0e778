"""Linear classifiers: the smallest change in closed form, in several norms.

A linear classifier keeps its label y while m_k = (w_y - w_k) . x + b_y - b_k > 0 for all k. In
the norm |.|_p it takes |r| = min_k m_k / |w_y - w_k|_q to change it, 1/p + 1/q = 1 (Goodfellow
et al. 2015, section 5, for p = infinity); with pixels kept in [0, 1] it takes more:

    p = 2          a quadratic programme for each k, `methods.exact`
    p = infinity   each pixel moves by e in the useful direction as far as the box lets it; the
                   least e is found by bisection, since what is gained rises with e
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reproduce.methods.attacks import exact
from reproduce.methods.attacks.attack import Adversarial, Attack, beyond, distance, proposed
from reproduce.networks.classifier import Classifier


@dataclass(frozen=True)
class NearestHyperplane(Attack):
    """The optimum over all other labels, for linear networks alone, pixels kept in [0, 1]."""

    name: ClassVar[str] = "nearest hyperplane"
    objective: ClassVar[str] = "euclidean distance"
    wants: ClassVar[str] = "labels"

    def find(self, classify: Classifier, images: np.ndarray, wanted: np.ndarray) -> Adversarial:
        weights, bias = exact.expect_linear(classify, images.shape[1:])
        found = boxed(weights, bias, images)
        pushed = beyond(classify, images, found.images, labels=wanted)
        astray = _labels(weights, bias, images) != wanted  # already away from that label
        pushed[astray] = images[astray]
        return found._replace(images=pushed)


def free(weights: np.ndarray, bias: np.ndarray, images: np.ndarray, norm: float = 2) -> np.ndarray:
    """The smallest norm of a change that alters the label, pixels unbounded.

    Args:
        weights: (features, classes); bias: (classes,); images: (n, ...).
        norm: 1, 2 or np.inf, of the change; 1 is the change of a single pixel.

    Returns:
        float64 (n,).
    """
    margins, differences = _margins(weights, bias, images)
    slopes = np.linalg.norm(differences, ord={1: np.inf, 2: 2, np.inf: 1}[norm], axis=2)
    own = np.eye(len(slopes), dtype=bool)
    slopes = np.where(own, 1.0, slopes)[_labels(weights, bias, images)]
    with np.errstate(divide="ignore"):
        return (margins / slopes).min(axis=1)


def boxed_chebyshev(
    weights: np.ndarray, bias: np.ndarray, images: np.ndarray, halvings: int = 40
) -> np.ndarray:
    """The smallest maximum change that alters the label, pixels kept in [0, 1]; float64 (n,)."""
    margins, differences = _margins(weights, bias, images)
    flat = images.reshape(len(images), -1).astype(np.float64)
    low, high = np.zeros(len(flat)), np.ones(len(flat))
    useful = -differences[_labels(weights, bias, images)]  # (n, classes, features)
    for _ in range(halvings):
        middle = (low + high) / 2
        up = np.minimum(middle[:, None], 1 - flat)[:, None]
        down = np.minimum(middle[:, None], flat)[:, None]
        gained = np.where(useful > 0, useful * up, -useful * down).sum(axis=2)
        reaches = (gained >= margins).any(axis=1)
        high, low = np.where(reaches, middle, high), np.where(reaches, low, middle)
    return high


def one_pixel_within(weights: np.ndarray, bias: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Whether one pixel alone, moved within [0, 1], can alter the label; bool (n,)."""
    margins, differences = _margins(weights, bias, images)
    flat = images.reshape(len(images), -1).astype(np.float64)
    useful = -differences[_labels(weights, bias, images)]
    gained = np.maximum(useful * (1 - flat)[:, None], -useful * flat[:, None])
    return (gained.max(axis=2) >= margins).any(axis=1)


def boxed(weights: np.ndarray, bias: np.ndarray, images: np.ndarray) -> Adversarial:
    """The smallest Euclidean change that alters the label, pixels kept in [0, 1].

    The quadratic programme of every other class, nearest hyperplane first; a class whose
    hyperplane is farther than the best found is left out. Images are float64, on the boundary.
    """
    margins, differences = _margins(weights, bias, images)
    labels = _labels(weights, bias, images)
    slopes = np.linalg.norm(differences, axis=2)[labels]
    bounds = np.where(np.isfinite(margins), margins / np.maximum(slopes, 1e-12), np.inf)
    order = bounds.argsort(axis=1)
    best = np.full(len(images), np.inf)
    changed = np.full(images.shape, np.nan)
    for rank in range(weights.shape[1] - 1):
        targets = order[:, rank]
        open_ = np.flatnonzero(bounds[np.arange(len(images)), targets] < best)
        if not len(open_):
            break
        found = exact.nearest(weights, bias, images[open_], targets[open_])
        reach = distance(images[open_], found.images)
        closer = reach < best[open_]
        best[open_[closer]] = reach[closer]
        changed[open_[closer]] = found.images[closer]
    return proposed(images, changed, proven=np.isfinite(best))


def _labels(weights: np.ndarray, bias: np.ndarray, images: np.ndarray) -> np.ndarray:
    flat = images.reshape(len(images), -1)
    return (flat.astype(np.float64) @ weights + bias).argmax(axis=1)


def _margins(
    weights: np.ndarray, bias: np.ndarray, images: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """m_k for each image, infinite for its own label, and w_y - w_k as (classes y, k, features)."""
    flat = images.reshape(len(images), -1)
    scores = flat.astype(np.float64) @ weights + bias
    labels = scores.argmax(axis=1)
    rows = np.arange(len(flat))
    margins = scores[rows, labels, None] - scores
    margins[rows, labels] = np.inf
    columns = weights.T.astype(np.float64)
    return margins, columns[:, None] - columns[None]
