"""A decision tree, a random forest, gradient boosting: no gradient, so NumPy alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from reproduce.data.examples import Examples
from reproduce.networks.classical import Model
from reproduce.networks.classical.nodes import Nodes

LEVELS = 32


def decision_tree(
    examples: Examples, seed: int, *, depth: int | None = None, smallest_leaf: int = 1
) -> Model:
    """CART by entropy; a leaf's score is the logarithm of its counts, each plus one (Laplace).

    Args:
        depth: at most; smallest_leaf: examples in a leaf, at least.
    """
    from sklearn.tree import DecisionTreeClassifier

    learnt = DecisionTreeClassifier(
        criterion="entropy", max_depth=depth, min_samples_leaf=smallest_leaf, random_state=seed
    ).fit(_flat(examples.images), examples.labels)
    tree = learnt.tree_
    counts = tree.value[:, 0] * tree.weighted_n_node_samples[:, None]
    scores = np.log((counts + 1) / (counts.sum(axis=1, keepdims=True) + counts.shape[1]))

    def logits(images: np.ndarray) -> np.ndarray:
        return scores[tree.apply(_flat(images))].astype(np.float32)

    return Model(logits, nodes=nodes(learnt))


def nodes(learnt: Any) -> Nodes:
    """scikit-learn's tree as arrays."""
    tree = learnt.tree_
    labels = learnt.classes_[tree.value[:, 0].argmax(axis=1)].astype(np.int64)
    return Nodes(tree.children_left, tree.children_right, tree.feature, tree.threshold, labels)


def random_forest(examples: Examples, seed: int, *, trees: int = 100) -> Model:
    """Breiman's forest; a score is the logarithm of the mean share, each plus half a tree."""
    from sklearn.ensemble import RandomForestClassifier

    learnt = RandomForestClassifier(trees, random_state=seed).fit(
        _flat(examples.images), examples.labels
    )

    def logits(images: np.ndarray) -> np.ndarray:
        flat = _flat(images)  # tree by tree: `predict_proba` sets up a pool at each call
        share = np.mean([tree.tree_.predict(flat) for tree in learnt.estimators_], axis=0)
        return np.log((share * trees + 0.5) / (trees + 0.5 * share.shape[1])).astype(np.float32)

    return Model(logits)


def boosting(
    examples: Examples, seed: int, *, rounds: int = 40, rate: float = 0.25, leaves: int = 16
) -> Model:
    """Histogram gradient boosting on LEVELS grey levels.

    On finer ones a bin may end at a value that pixels have, and then no change is too small.

    Args:
        rounds: trees for each class; rate: what each adds; leaves: of each.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "openmp"):  # threads that wait for each other at every tree
        learnt = HistGradientBoostingClassifier(
            max_iter=rounds, learning_rate=rate, max_leaf_nodes=leaves, max_bins=2 * LEVELS,
            early_stopping=False, random_state=seed,
        ).fit(_levels(examples.images), examples.labels)  # fmt: skip

    def logits(images: np.ndarray) -> np.ndarray:
        with threadpool_limits(1, "openmp"):
            scores = learnt.decision_function(_levels(images)).astype(np.float32)
        # Of two classes it has one score, the second's.
        return np.stack([-scores, scores], axis=1) / 2 if scores.ndim == 1 else scores

    return Model(logits)


def _flat(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images.reshape(len(images), -1), np.float32)


def _levels(images: np.ndarray) -> np.ndarray:
    return np.minimum(np.floor(_flat(images) * LEVELS), LEVELS - 1)
