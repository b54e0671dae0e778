"""Section 3 in numbers: are the images of a row of one digit, are they alike to another network?

A row is the images that excite one unit, or one direction, most.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from reproduce.methods.units import directions
from reproduce.networks.forward import activations_of, last_hidden

ROW = 10  # images, as in Figures 1 and 2
FAMILIES = ("units", "random", "basis", "PCA")


class Coherence(NamedTuple):
    """How alike the images of each row are: three numbers a row, (rows,) each."""

    purity: NDArray[np.floating]
    entropy: NDArray[np.floating]
    similarity: NDArray[np.floating]


def coherence(
    network: keras.Model | None,
    layer: str | None,
    judge: keras.Model,
    images: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    rows: int,
    seed: int,
) -> dict[str, Coherence]:
    """The coherence of the rows of one layer, for each family of directions.

    Args:
        network, layer: None for pixel space.
        judge: the network whose last hidden layer similarity is measured in.
    """
    activations = (
        images.reshape(len(images), -1)
        if network is None or layer is None
        else activations_of(network, layer, images)
    )
    features = activations_of(judge, last_hidden(judge), images)
    return of_activations(activations, features, labels, rows=rows, seed=seed)


def of_activations(
    activations: NDArray[np.floating],
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    rows: int,
    seed: int,
) -> dict[str, Coherence]:
    """The same, where what the images excite is known.

    Args:
        activations: (images, units) of the layer under study.
        features: (images, units) in which similarity is measured.
    """
    rng = np.random.default_rng([seed, 4])
    vectors = dict(zip(FAMILIES, _families(activations, rows, rng), strict=True))
    return {
        family: _coherence(directions.most_exciting(activations, each, ROW), labels, features)
        for family, each in vectors.items()
    }


def blind_coherence(
    judge: keras.Model,
    images: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    rows: int,
    seed: int,
) -> dict[str, Coherence]:
    """The coherence of images drawn at random."""
    features = activations_of(judge, last_hidden(judge), images)
    return blind(features, labels, rows=rows, seed=seed)


def blind(
    features: NDArray[np.floating], labels: NDArray[np.integer], *, rows: int, seed: int
) -> dict[str, Coherence]:
    """The same, in known features."""
    drawn = directions.random_sets(len(labels), rows, ROW, np.random.default_rng([seed, 5]))
    return {"random": _coherence(drawn, labels, features)}


def shuffled_coherence(
    network: keras.Model,
    layer: str,
    judge: keras.Model,
    images: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    rows: int,
    seed: int,
) -> dict[str, Coherence]:
    """The coherence along random directions once each unit was shuffled over the images."""
    rng = np.random.default_rng([seed, 6])
    activations = rng.permuted(activations_of(network, layer, images), axis=0)
    vectors = directions.gaussian(activations.shape[1], rows, rng)
    features = activations_of(judge, last_hidden(judge), images)
    found = directions.most_exciting(activations, vectors, ROW)
    return {"shuffled": _coherence(found, labels, features)}


def _families(
    activations: NDArray[np.floating], rows: int, rng: np.random.Generator
) -> Iterator[NDArray[np.floating]]:
    """Directions of each family, at most `rows` of them."""
    width = activations.shape[1]
    alive = np.flatnonzero(activations.std(axis=0) > 0)
    chosen = np.sort(rng.choice(alive, size=min(rows, len(alive)), replace=False))
    yield directions.natural_basis(width)[chosen]
    yield directions.gaussian(width, rows, rng)
    yield directions.orthonormal(width, rng, vectors=min(rows, width))
    yield directions.principal(activations, most=math.ceil(rows / 2))


def _coherence(
    rows: directions.Rows, labels: NDArray[np.integer], features: NDArray[np.floating]
) -> Coherence:
    return Coherence(
        purity=directions.purity(labels, rows),
        entropy=directions.entropy(labels, rows),
        similarity=directions.similarity(features, rows),
    )
