"""What is done to every model alike: the smallest change, and the evolution of fooling images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from reproduce.data.examples import Examples
from reproduce.experiments.lipton.zoo import Recipe, made
from reproduce.methods.attacks import adversarial
from reproduce.methods.attacks.attack import Adversarial, distance
from reproduce.methods.attacks.minimal import hop_skip_jump, linear, neighbours, trees
from reproduce.methods.attacks.minimal.hop_skip_jump import nearest_others, squares
from reproduce.methods.evolution.map_elites import Encoding, Evolution, evolve

TOGETHER = 5000  # training images to which distances are measured at a time
TIGHT = 64.0  # tau: so sharp a loss comes within a few per cent of the exact distance


class Nearest(NamedTuple):
    """The nearest changed images of one way, or of several.

    images: float32, NaN where nothing was found; distance: float64 (n,), Euclidean, there infinite;
    proven: bool (n,), whether nothing nearer exists.
    """

    images: np.ndarray
    distance: np.ndarray
    proven: np.ndarray


class Smallest(NamedTuple):
    """The smallest change of each image that alters a model's answer to another digit.

    change: the nearest found by any of the ways below; proven where that way is exact.
    by_labels: float64 (n,), what the search that sees only labels reached; infinite if nothing.
    queries, reached: of that search, see `hop_skip_jump.Walk`.
    """

    change: Nearest
    by_labels: np.ndarray
    queries: np.ndarray
    reached: np.ndarray


def smallest(
    recipe: Recipe,
    images: np.ndarray,
    pool: Examples,
    *,
    seed: int,
    search: Mapping[str, Any],
    classes: int,
    evaluations: int = 300,
    compiled: bool = True,
) -> Smallest:
    """Exact where the model allows it, by gradient where there is one, and by labels always.

    Args:
        pool: images from which the search by labels starts: the nearest that gets another label.
        search: options of `hop_skip_jump.search`.
        classes: a label beyond them is "none of them".
        evaluations: of the gradient at most, for each target of an image.
        compiled: the attack by gradient, by XLA.
    """
    model = made(recipe)
    labels = model.labels(images)

    def digits(some: np.ndarray) -> np.ndarray:
        """Labels, where "none of them" (-1) is not yet another digit."""
        answers = model.labels(some)
        return np.where(answers < classes, answers, -1)

    starts = nearest_others(digits, images, labels, pool.images)
    walk = hop_skip_jump.search(digits, images, starts, seed=seed, none=-1, **search)
    by_labels = _measured(images, walk.found)
    found = [by_labels]
    if model.linear is not None:
        found.append(_measured(images, linear.boxed(*model.linear, images)))
    elif model.nodes is not None:
        tree = trees.leaves(model.nodes, images[0].size)
        found.append(_measured(images, trees.nearest(tree, images, labels)))
    elif model.points is not None:
        nearest = _measured(images, neighbours.nearest(*model.points, images, labels))
        # Whoever rejects has the same boundary where he accepts: the optimum, if he accepts it.
        valid = _crosses(digits, images, nearest.images, labels)
        found.append(
            Nearest(
                nearest.images,
                np.where(valid, nearest.distance, np.inf),
                nearest.proven & valid,
            )
        )
    elif model.classify is not None:
        found.append(_by_gradient(model, images, labels, classes, evaluations, compiled))
    best = found[0]
    for other in found[1:]:
        closer = (other.distance < best.distance) | other.proven
        best = Nearest(
            np.where(closer[:, None, None, None], other.images, best.images),
            np.where(closer, other.distance, best.distance),
            np.where(closer, other.proven, best.proven),
        )
    return Smallest(best, by_labels.distance, walk.queries, walk.distance)


def _measured(images: np.ndarray, found: Adversarial) -> Nearest:
    assert found.proven is not None
    reached = distance(images, found.images)
    return Nearest(found.images.astype(np.float32), reached, found.proven)


def _crosses(
    predict: Any, images: np.ndarray, changed: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Whether a hundredth of a per cent beyond each changed image another digit is answered."""
    answers = predict(np.clip(images + 1.0001 * (changed - images), 0, 1))
    return (answers != labels) & (answers != -1)


def class_separation(images: np.ndarray, labels: np.ndarray, training: Examples) -> np.ndarray:
    """Distance from each image to the nearest training image of another class, float64 (n,)."""
    least = np.full(len(images), np.inf)
    for apart, others in _apart(images, training):
        apart[labels[:, None] == others[None]] = np.inf
        least = np.minimum(least, apart.min(axis=1))
    return np.sqrt(least)


def to_training(images: np.ndarray, training: Examples) -> np.ndarray:
    """Distance from each image to the nearest training image, float64 (n,)."""
    least = [apart.min(axis=1) for apart, _ in _apart(images, training)]
    return np.sqrt(np.min(least, axis=0))


def _apart(images: np.ndarray, training: Examples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Squared distances to some training images at a time, float64 (n, some), and their labels.

    To all 60,000 at once 1,000 images take 2 GB.
    """
    for first in range(0, len(training.labels), TOGETHER):
        some = slice(first, first + TOGETHER)
        yield squares(images, training.images[some]), training.labels[some]


def _by_gradient(
    model: Any,
    images: np.ndarray,
    labels: np.ndarray,
    classes: int,
    evaluations: int,
    compiled: bool,
) -> Nearest:
    """The paper's attack towards the two classes that are most likely besides the answer."""
    scores = model.logits(images)[:, :classes].copy()
    scores[np.arange(len(images)), np.minimum(labels, classes - 1)] = -np.inf
    tried = min(2, scores.shape[1] - 1)
    targets = np.argsort(-scores, axis=1)[:, :tried].T.astype(np.int64)
    found = adversarial.nearest(
        model.classify, np.concatenate([images] * tried), targets.ravel(),
        tau=TIGHT, searches=8, evaluations=evaluations, compiled=compiled,
    )  # fmt: skip
    changed = np.full(images.shape, np.nan, np.float32)
    best = np.full(len(images), np.inf)
    each = found.images.reshape(tried, *images.shape), found.failed.reshape(tried, -1)
    for candidates, failed in zip(*each, strict=True):
        reach = distance(images, candidates)
        valid = ~failed
        valid[valid] = model.labels(candidates[valid]) != labels[valid]
        closer = valid & (reach < best)
        changed[closer], best[closer] = candidates[closer], reach[closer]
    return Nearest(changed, best, np.zeros(len(images), bool))


def fooling(
    recipe: Recipe,
    encoding: Encoding,
    classes: int,
    generations: int,
    seed: int,
    children: int = 200,
) -> Evolution:
    """Nguyen et al.'s evolution against any model.

    Fitness is the calibrated log-odds; the model is asked, never differentiated.
    """
    model = made(recipe)

    def asked(images: Any) -> Any:  # trees know nothing of tensors
        return tf.numpy_function(model.logits, [images], tf.float32)

    return evolve(
        model.classify or asked,
        encoding,
        classes=classes,
        generations=generations,
        seeds=[seed],
        children=children,
        initial=children,
    )
