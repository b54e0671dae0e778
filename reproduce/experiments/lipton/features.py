"""One feature, one bit: claims 7, 8, 9 and 9b."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from reproduce.data.examples import Examples
from reproduce.experiments import Context
from reproduce.experiments.lipton import texts, zoo
from reproduce.experiments.lipton.medians import median
from reproduce.experiments.lipton.rules import inputs as rules
from reproduce.methods.attacks.minimal import single_feature
from reproduce.networks.classical.trees import nodes
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact

NEAR = 0.25  # the quarter of the examples nearest to the boundary
TOP = 10  # features with the largest weights


class Shifts(NamedTuple):
    """One logistic regression and what its test examples need.

    right: how many of the `tested` test examples it classifies correctly.
    magnitude: |weight| of each feature, largest first.
    margins: float64 (n,), of correctly classified test examples.
    needed: float64 (n, features), shift of each feature alone, in its standard deviations, in
        the order of magnitude; possible: bool, whether it stays within the feature's range.
    """

    right: int
    tested: int
    magnitude: np.ndarray
    margins: np.ndarray
    needed: np.ndarray
    possible: np.ndarray


def one_feature(
    context: Context, *, corpus: partial[Any], features: int, documents: int
) -> Artefact:
    """Logistic regression on words: the smallest change of a single feature.

    Args:
        corpus: makes the texts; documents: test documents tried.
        features: words at most, the most frequent.
    """
    collection, digest = texts.collected(context, corpus)
    cells = Cells("lipton", "one_feature")
    found = {}
    for penalty in ("l2", "l1"):
        name = f"logistic regression, {penalty.upper()}"
        found[name] = context.cached(
            partial(shifts, digest, penalty, features, documents, context.seed)
        )
        _feature_row(cells, name, found[name])
    figure, axes = figures.sheet(width=4.2, height=2.8)
    for name, one in found.items():
        rank = np.unique(np.geomspace(1, (one.magnitude > 0).sum(), 60).astype(int)) - 1
        typical = np.median(np.abs(one.needed[:, rank]), axis=0)
        figures.curve(axes[0, 0], rank + 1, typical, label=name)
    axes[0, 0].set(
        xscale="log", yscale="log", xlabel="rank of the feature's weight",
        ylabel="median shift that flips the label\n(standard deviations)",
    )  # fmt: skip
    figures.legend(axes[0, 0])
    return Artefact(
        title="One feature flips a logistic regression",
        caption=(
            f"{collection.name}: {texts.question(collection)}; one feature a word (TF-IDF). "
            "flips_unbounded: some feature alone can flip the label; flips_bounded: within the "
            "range it has in the training texts; smallest_shift: of the easiest feature, in its "
            f"standard deviations (median); top_shift: of the {TOP} features with the largest "
            f"weights; top_shift_near: the same for the {NEAR:.0%} of documents nearest to the "
            "boundary."
        ),
        cells=cells.list,
        claims=[rules.one_feature(cells), rules.small_shift(cells)],
        figures={"one_feature": figure},
        notes=[f"Texts: {collection.source}; {len(collection.texts)} documents."],
        departures=texts.departures(collection),
    )


def shifts(digest: str, penalty: str, features: int, tried: int, seed: int) -> Shifts:
    """Fits a logistic regression and measures every single-feature shift on test documents."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    split = texts.split(texts.known(digest), seed)
    vectoriser = TfidfVectorizer(max_features=features, stop_words="english")
    train = vectoriser.fit_transform(split.train)
    ratio = 1.0 if penalty == "l1" else 0.0
    learnt = LogisticRegression(C=10.0, l1_ratio=ratio, solver="liblinear", random_state=seed)
    learnt.fit(train, split.train_labels)
    test = vectoriser.transform(split.test).toarray()
    right = learnt.predict(test) == split.test_labels
    examples = test[right][:tried]
    weights = learnt.coef_[0]
    order = np.argsort(-np.abs(weights))
    margins = examples @ weights + learnt.intercept_[0]
    needed = single_feature.shifts(weights, margins)
    low, high = train.min(axis=0).toarray()[0], train.max(axis=0).toarray()[0]
    possible = single_feature.within(needed, examples, low, high)
    square = np.asarray(train.multiply(train).mean(axis=0))[0]
    deviation = np.sqrt(square - np.asarray(train.mean(axis=0))[0] ** 2)
    return Shifts(
        int(right.sum()), len(right), np.abs(weights[order]), margins,
        (needed / deviation)[:, order], possible[:, order],
    )  # fmt: skip


def _feature_row(cells: Cells, name: str, one: Shifts) -> None:
    n = len(one.margins)
    sizes = np.abs(one.needed)
    near = np.abs(one.margins) <= np.quantile(np.abs(one.margins), NEAR)
    top = np.median(sizes[:, :TOP], axis=1)
    cells.rate(name, "test_accuracy", one.right, one.tested)
    cells.number(name, "features", float((one.magnitude > 0).sum()), "count")
    cells.rate(name, "flips_unbounded", int(np.isfinite(sizes).any(axis=1).sum()), n)
    cells.rate(name, "flips_bounded", int(one.possible.any(axis=1).sum()), n)
    cells.number(name, "smallest_shift", float(np.median(sizes.min(axis=1))), "sd", n)
    cells.number(name, "top_shift", float(np.median(top)), "sd", n)
    median(cells, name, "top_shift_near", top[near], "sd")
    cells.rate(name, "within_half_sd", int((sizes.min(axis=1) < 0.5).sum()), n)


class Flips(NamedTuple):
    """One tree or forest on binarised digits.

    changed: bool (n, pixels), see `single.flips`, for correctly classified test images.
    above_leaf: how far above its leaf each deciding split lies (a single tree).
    """

    changed: np.ndarray
    above_leaf: np.ndarray


def one_bit(
    context: Context, *, images: int, depths: list[int | None], forests: list[int], limit: int
) -> Artefact:
    """Trees on binarised digits: single-bit flips that change the label.

    Args:
        images: test images tried; depths: of the trees, None for full-grown.
        forests: numbers of trees; limit: training images at most.
    """
    cells = Cells("lipton", "one_bit")
    train = Examples(context.dataset.train.images[:limit], context.dataset.train.labels[:limit])
    sample = zoo.draw(context.dataset.test, images, context.seed)
    kinds: dict[str, tuple[int | None, int]] = {
        f"tree of depth {depth}" if depth else "full-grown tree": (depth, 0) for depth in depths
    }
    kinds |= {f"forest of {trees}": (None, trees) for trees in forests}
    found = {}
    for name, (depth, trees) in kinds.items():
        call = partial(flips, train, sample, depth, trees, context.seed)
        found[name] = one = context.cached(call)
        n = len(one.changed)
        cells.rate(name, "test_error", len(sample.labels) - n, len(sample.labels))
        cells.rate(name, "one_bit", int(one.changed.any(axis=1).sum()), n)
        cells.mean(name, "bits", one.changed.sum(axis=1), "count")
        if not trees and len(one.above_leaf):
            bits = one.changed.sum(axis=1)
            of_image = np.repeat(np.arange(n), bits)
            last = np.bincount(of_image, one.above_leaf == 1, minlength=n)
            cells.grouped_rate(name, "at_last_split", last, bits)
    figure, axes = figures.sheet(width=4.2, height=2.8)
    for name, one in found.items():
        if len(one.above_leaf):
            places = np.bincount(one.above_leaf)[1:]
            above = np.arange(1, len(places) + 1)
            figures.curve(axes[0, 0], above, places / places.sum(), label=name)
    axes[0, 0].set(xlabel="splits above the leaf", ylabel="share of deciding splits")
    axes[0, 0].set_ylim(bottom=0)
    figures.legend(axes[0, 0])
    return Artefact(
        title="One bit changes a tree's answer",
        caption=(
            f"Digits binarised at 0.5; {len(sample.labels)} test images, correctly classified ones "
            "count. one_bit: some single pixel's flip changes the label; bits: number of such "
            "pixels; at_last_split: share of them that leave the path at the last split before "
            "the leaf."
        ),
        cells=cells.list,
        claims=[
            rules.one_bit(cells, [name for name, (_, trees) in kinds.items() if trees]),
            rules.last_split(cells),
        ],
        figures={"one_bit": figure},
    )


def flips(train: Examples, test: Examples, depth: int | None, trees: int, seed: int) -> Flips:
    """Fits a tree (trees = 0) or a forest on binarised digits and flips every bit it asks for."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier

    learner: Any = (
        RandomForestClassifier(trees, random_state=seed)
        if trees
        else DecisionTreeClassifier(criterion="entropy", max_depth=depth, random_state=seed)
    )
    bits, tried = (_binary(some.images) for some in (train, test))
    learner.fit(bits, train.labels)
    right = learner.predict(tried) == test.labels
    kept = tried[right]
    asked = np.flatnonzero(learner.feature_importances_ > 0)
    changed = single_feature.flips(learner.predict, kept, asked)
    above: list[np.ndarray] = []
    if not trees:
        tree = nodes(learner)
        above = [
            single_feature.deciding_depths(tree, *pair) for pair in zip(kept, changed, strict=True)
        ]
    return Flips(changed, np.concatenate([*above, np.zeros(0, int)]))


def _binary(images: np.ndarray) -> np.ndarray:
    return (images.reshape(len(images), -1) > 0.5).astype(np.float32)
