"""Units against directions: which images excite one hidden unit most, or one random direction.

Szegedy et al. 2014, section 3, show for a layer's activations phi and a set I of held-out images

    natural basis       x' = argmax_{x in I} <phi(x), e_i>     Figures 1 and 3
    random direction    x' = argmax_{x in I} <phi(x), v>       Figures 2 and 4

or rather the images close to the maximum, and conclude from the pictures that the two look alike.
Here are both, the directions to compare, and numbers for how alike the images of one row are.

    theirs   here
    phi(x)   activations   (images, units)
    v        directions    (directions, units), of unit length
    x'       rows          (directions, k): positions in I, the most exciting first
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Rows = NDArray[np.int64]


def natural_basis(units: int) -> Array:
    """The units themselves, one direction each."""
    return np.eye(units, dtype=np.float32)


def gaussian(units: int, directions: int, rng: np.random.Generator) -> Array:
    """Directions uniform on the sphere; the paper does not name its distribution of v."""
    drawn = rng.normal(size=(directions, units))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def orthonormal(units: int, rng: np.random.Generator, vectors: int | None = None) -> Array:
    """A random basis, uniform over rotations: the fair rival of the natural one.

    Args:
        vectors: how many of its vectors; all if not given.
    """
    drawn = rng.normal(size=(units, units if vectors is None else vectors))
    basis, triangle = np.linalg.qr(drawn)
    # Without the signs of the triangle's diagonal QR does not give the uniform distribution
    # (Mezzadri 2007, "How to generate random matrices from the classical compact groups").
    return (basis * np.sign(np.diag(triangle))).T.astype(np.float32)


def principal(activations: Array, most: int | None = None) -> Array:
    """The principal directions of the activations, each with both signs: (2 * rank, units).

    Args:
        most: no more components than this, those of the largest variance.
    """
    centred = (activations - activations.mean(axis=0)).astype(np.float64)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    axes = axes.T[variances > 1e-10 * variances.max()][::-1][:most]
    return np.concatenate([axes, -axes]).astype(np.float32)


def most_exciting(activations: Array, directions: Array, k: int, *, chunk: int = 256) -> Rows:
    """The k images with the largest <phi(x), v>, for each v; among equals the earlier image.

    Subtracting a mean from the activations would add the same number to all images of a row, so
    it cannot change the ranking.
    """
    if not 1 <= k <= len(activations):
        raise ValueError(f"a row takes 1 to {len(activations)} images, got {k}")
    rows = [
        np.argsort(-(directions[start : start + chunk] @ activations.T), axis=1, kind="stable")
        for start in range(0, len(directions), chunk)
    ]
    return np.concatenate([row[:, :k] for row in rows]).astype(np.int64)


def random_sets(images: int, rows: int, k: int, rng: np.random.Generator) -> Rows:
    """Rows of k different images drawn blindly: what coherence looks like by chance."""
    return np.stack([rng.choice(images, size=k, replace=False) for _ in range(rows)])


def purity(labels: NDArray[np.integer], rows: Rows) -> Array:
    """Share of the commonest label in each row: float64 (rows,) in (0, 1]."""
    return _label_counts(labels, rows).max(axis=1) / rows.shape[1]


def entropy(labels: NDArray[np.integer], rows: Rows) -> Array:
    """Entropy of the labels in each row, in bits: 0 when all are the same."""
    shares = _label_counts(labels, rows) / rows.shape[1]
    logs = np.log2(shares, where=shares > 0, out=np.zeros_like(shares))
    return np.abs(-(shares * logs).sum(axis=1))


def similarity(features: Array, rows: Rows) -> Array:
    """Mean cosine between the images of each row, in the features of a network not under study.

    The mean feature is subtracted first: activations are positive, and without that all images
    would look alike.

    Args:
        features: (images, other network's units).

    Returns:
        float64 (rows,) in [-1, 1].
    """
    centred = features - features.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = (centred / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float64)
    k = rows.shape[1]
    sums = np.stack([unit[row].sum(axis=0) for row in rows])
    own = np.stack([(unit[row] ** 2).sum() for row in rows])
    return ((sums**2).sum(axis=1) - own) / (k * (k - 1))


def _label_counts(labels: NDArray[np.integer], rows: Rows) -> NDArray[np.int64]:
    """How often each label occurs in each row: (rows, classes)."""
    present: NDArray[np.bool_] = labels[rows][:, :, None] == np.unique(labels)
    return present.sum(axis=1)
