"""Size of the input and of the network: claims 10 and 11."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from reproduce.data.examples import Examples, read_only
from reproduce.experiments import Context, fitting
from reproduce.experiments.lipton import zoo
from reproduce.experiments.lipton.rules import inputs as rules
from reproduce.methods.attacks import fgsm
from reproduce.methods.attacks.attack import distance
from reproduce.methods.attacks.minimal import linear
from reproduce.methods.units.directions import orthonormal
from reproduce.networks.classical.margins import linear_svm
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.intervals import of_slope
from reproduce.report.results import Artefact
from reproduce.training import logits

FEWEST = 5  # images that have a slope
PROJECTED = "linear SVM on projections"


def dimension(
    context: Context,
    *,
    softmax: str,
    deep: str,
    sides: list[int],
    widths: list[int],
    images: int,
    limit: int,
) -> Artefact:
    """The smallest change against the number of inputs and the width of a network.

    Args:
        softmax, deep: names of a linear and of a fully connected network.
        sides: of the images, reduced by averaging over area.
        widths: of both hidden layers, at the full size.
        images: test images attacked; limit: training images at most.
    """
    cells = Cells("lipton", "dimension")
    train = _first(context.dataset.train, limit)
    test, sample = context.dataset.test, zoo.draw(context.dataset.test, images, context.seed)
    least: dict[str, dict[int, np.ndarray]] = {softmax: {}, deep: {}, PROJECTED: {}}
    for side in sides:
        small, tests, tried = (_resized(some, side) for some in (train, test, sample))
        row = f"{side} x {side}"
        network = context.network(softmax, examples=small)
        cells.rate(row, "test_error", _wrong(network, tests), len(tests.labels))
        least[softmax][side**2] = _linear_row(cells, row, network, tried)
        wide = context.network(deep, examples=small)
        found = _deep(context, deep, wide, tried)
        least[deep][side**2] = found
        cells.rate(f"{row}, {deep}", "test_error", _wrong(wide, tests), len(tests.labels))
        cells.number(f"{row}, {deep}", "linf", _median(found), "max")
    fitting.of_every_class(PROJECTED, train.labels, context.dataset.classes)
    for side in sides:
        wrong, found = context.cached(
            partial(projected, train, test, sample, side**2, context.seed)
        )
        least[PROJECTED][side**2] = found
        cells.rate(f"{side**2} projections", "test_error", wrong, len(test.labels))
        known = int(np.isfinite(found).sum())
        cells.number(f"{side**2} projections", "linf", _median(found), "max", known)
    for name, by_size in least.items():
        _slope(cells, f"{name} against inputs", by_size)
    by_width = {}
    for width in widths:
        network = _of_width(context, deep, width, train)
        found = _deep(context, deep, network, sample)
        by_width[network.count_params()] = found
        row = f"{width}-{width}-{context.dataset.classes}"
        cells.number(row, "parameters", network.count_params(), "count")
        cells.rate(row, "test_error", _wrong(network, test), len(test.labels))
        cells.number(row, "linf", _median(found), "max")
    _slope(cells, f"{deep} against parameters", by_width, column="slope_parameters")
    return Artefact(
        title="Number of inputs, and of parameters",
        caption=(
            f"{len(sample.labels)} test images; networks trained on {len(train.labels)}. linf: "
            "median smallest maximum change of an input: of pixels within [0, 1], exact for the "
            "linear network, by iterated gradient signs for the other; of projections on random "
            "orthonormal directions, exact for a linear SVM, unbounded. l2: Euclidean, exact; "
            "box_ratio: median of the exact Euclidean change within [0, 1] over the one without "
            "bounds; one_pixel: one pixel alone flips the label. slope: of log linf over log size; "
            "its interval resamples images, which are the same at every size."
        ),
        cells=cells.list,
        claims=[rules.bounded_pixels(cells), rules.easier_in_many_dimensions(cells)],
        figures={"dimension": _figure(least, by_width)},
        notes=[
            "Smaller images are the large ones averaged over squares, and lose little; projections "
            "lose more: the clean errors in the table tell how far the tasks differ."
        ],
    )


def _linear_row(cells: Cells, row: str, network: Any, sample: Examples) -> np.ndarray:
    """Exact distances of a linear network; returns the maximum changes."""
    kernel, *bias = network.layers[-1].get_weights()
    offset = bias[0] if bias else np.zeros(kernel.shape[1])
    right = zoo.recognised(
        f"softmax regression on {row}", logits(network, sample.images), sample.labels
    )
    images = sample.images[right]
    largest = linear.boxed_chebyshev(kernel, offset, images)
    free = linear.free(kernel, offset, images, 2)
    boxed = distance(images, linear.boxed(kernel, offset, images).images)
    cells.number(row, "linf", _median(largest), "max", len(images))
    cells.number(row, "l2", _median(boxed), "norm", len(images))
    cells.number(row, "box_ratio", _median(boxed / free), "ratio", len(images))
    alone = linear.free(kernel, offset, images, 1)
    cells.rate(row, "one_pixel_unbounded", int(np.isfinite(alone).sum()), len(images))
    inside = linear.one_pixel_within(kernel, offset, images)
    cells.rate(row, "one_pixel_bounded", int(inside.sum()), len(images))
    return _among_all(right, largest)


def projected(
    train: Examples, test: Examples, sample: Examples, count: int, seed: int
) -> tuple[int, np.ndarray]:
    """A linear SVM on random orthonormal directions instead of pixels.

    Returns:
        how many test images it classifies wrongly, and the exact smallest maximum changes of its
        inputs, float64 (n,); NaN for images in the sample that it classifies wrongly.
    """
    stream = np.random.default_rng([seed, 11])
    basis = orthonormal(sample.images[0].size, stream, vectors=count).T

    def seen(some: Examples) -> Examples:
        flat = some.images.reshape(len(some.labels), -1)
        return Examples((flat @ basis)[:, :, None, None], some.labels)

    model = linear_svm(seen(train), seed)
    assert model.linear is not None
    images, labels = seen(sample)
    right = zoo.recognised(PROJECTED, model.logits(images), labels)
    wrong = int((model.labels(seen(test).images) != test.labels).sum())
    return wrong, _among_all(right, linear.free(*model.linear, images[right], np.inf))


def _deep(context: Context, name: str, network: Any, sample: Examples) -> np.ndarray:
    right = zoo.recognised(name, logits(network, sample.images), sample.labels)
    found: np.ndarray = context.cached(
        partial(fgsm.smallest_epsilon, network, sample.images[right], sample.labels[right])
    )
    return _among_all(right, found)


def _among_all(right: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Numbers of the images that are classified correctly; NaN for the others."""
    every = np.full(len(right), np.nan)
    every[right] = found
    return every


def _slope(
    cells: Cells, row: str, by_size: dict[int, np.ndarray], column: str = "slope_linf"
) -> None:
    """Slope of log change over log size by least squares; its interval by resampling images.

    The same images are attacked at every size, so that an image is one observation.
    """
    changes = np.stack(list(by_size.values()), axis=1)
    changes[~(np.isfinite(changes) & (changes > 0))] = np.nan
    seen = np.isfinite(changes).any(axis=1)
    if len(by_size) < 2 or seen.sum() < FEWEST:
        return
    slope, interval = of_slope(np.log(list(by_size)), np.log(changes[seen]))
    cells.number(row, column, slope, "exponent", int(seen.sum()), interval)


def _of_width(context: Context, name: str, width: int, train: Examples) -> Any:
    """The network of that name with hidden layers of another width."""
    recipe = context.recipe(name)
    wide = replace(recipe, network=partial(recipe.network, units=[width, width]))
    return context.cached(context.training(wide, train, context.seed))


def _resized(examples: Examples, side: int) -> Examples:
    if side == examples.images.shape[1]:
        return examples
    small = tf.image.resize(examples.images, (side, side), method="area").numpy()
    return read_only(np.clip(small, 0, 1), examples.labels)


def _first(examples: Examples, limit: int) -> Examples:
    if limit >= len(examples.labels):
        return examples
    return read_only(examples.images[:limit], examples.labels[:limit])


def _wrong(network: Any, sample: Examples) -> int:
    return int((logits(network, sample.images).argmax(axis=1) != sample.labels).sum())


def _median(values: np.ndarray) -> float:
    values = values[~np.isnan(values)]
    return float(np.median(values)) if len(values) else float("nan")


def _figure(least: dict[str, dict[int, np.ndarray]], by_width: dict[int, np.ndarray]) -> Figure:
    """Medians and quartiles of the smallest maximum change, against inputs and parameters."""
    figure, axes = figures.sheet(1, 2, width=3.2, height=2.6)
    for name, by_size in least.items():
        _curve(axes[0, 0], by_size, name)
    _curve(axes[0, 1], by_width, "")
    for ax, sizes in zip(axes[0], (next(iter(least.values())), by_width), strict=True):
        ax.set(xscale="log", yscale="log", ylabel="smallest maximum change")
        ax.set_xticks(list(sizes), [f"{size:,}" for size in sizes])
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
        ax.set_ylim(bottom=0.7 * ax.get_ylim()[0])  # room for the legend
    axes[0, 0].set_xlabel("inputs")
    axes[0, 1].set_xlabel("parameters")
    figures.legend(axes[0, 0])
    return figure


def _curve(ax: Any, by_size: dict[int, np.ndarray], label: str) -> None:
    by_size = {n: v[np.isfinite(v)] for n, v in by_size.items() if np.isfinite(v).any()}
    if not by_size:
        return
    sizes = np.array(list(by_size))
    quartiles = np.array([np.quantile(v, [0.25, 0.5, 0.75]) for v in by_size.values()])
    figures.curve(ax, sizes, quartiles[:, 1], quartiles[:, 0], quartiles[:, 2], label=label)
