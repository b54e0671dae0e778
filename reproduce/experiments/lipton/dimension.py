"""Size of the input and of the network: claims 10 and 11."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from scipy import stats

from reproduce import models
from reproduce.data import Examples, frozen
from reproduce.experiments import Setting
from reproduce.experiments.lipton import rules, zoo
from reproduce.methods import fgsm
from reproduce.methods.smallest import linear
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact
from reproduce.training import logits

EDITION = 1


def dimension(
    setting: Setting,
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
    cells = Cells("goodfellow", "dimension")
    train = _first(setting.dataset.train, limit)
    sample = zoo.draw(setting.dataset.test, images, setting.seed)
    least: dict[str, dict[int, np.ndarray]] = {softmax: {}, deep: {}}
    for side in sides:
        small, tried = _resized(train, side), _resized(sample, side)
        row = f"{side} x {side}"
        network = setting.network(softmax, examples=small)
        least[softmax][side**2] = _linear_row(cells, row, network, tried)
        wide = setting.network(deep, examples=small)
        found = _deep(setting, wide, tried)
        least[deep][side**2] = found
        cells.number(f"{row}, {deep}", "test_error", _error(wide, tried), "fraction")
        cells.number(f"{row}, {deep}", "linf", _median(found), "max")
    for name, by_size in least.items():
        _slope(cells, f"{name} against inputs", by_size)
    by_width = {}
    for width in widths:
        network = _of_width(setting, deep, width, train)
        found = _deep(setting, network, sample)
        by_width[network.count_params()] = found
        row = f"{width}-{width}-10"
        cells.number(row, "parameters", network.count_params(), "count")
        cells.number(row, "test_error", _error(network, sample), "fraction")
        cells.number(row, "linf", _median(found), "max")
    _slope(cells, f"{deep} against parameters", by_width, column="slope_parameters")
    figure, axes = figures.sheet(1, 2, width=3.2, height=2.6)
    for name, by_size in least.items():
        _curve(axes[0, 0], by_size, name)
    _curve(axes[0, 1], by_width, "by width")
    axes[0, 0].set(xscale="log", yscale="log", xlabel="inputs", ylabel="smallest maximum change")
    axes[0, 1].set(xscale="log", yscale="log", xlabel="parameters")
    figures.legend(axes[0, 0])
    return Artefact(
        title="Number of inputs, and of parameters",
        caption=(
            f"{len(sample.labels)} test images; networks trained on {len(train.labels)}. linf: "
            "median smallest maximum change of a pixel within [0, 1]: exact for the linear "
            "network, by iterated gradient signs for the other; l2: Euclidean, exact; box_ratio: "
            "median of the exact Euclidean change within [0, 1] over the one without bounds; "
            "one_pixel: one pixel alone flips the label. slope: of log linf, over images."
        ),
        cells=cells.list,
        claims=[rules.bounded_pixels(cells), rules.easier_in_many_dimensions(cells)],
        figures={"dimension": figure},
        notes=[
            "Smaller images are blurred ones: the clean errors in the table tell how far the "
            "tasks differ."
        ],
    )


def _linear_row(cells: Cells, row: str, network: Any, sample: Examples) -> np.ndarray:
    """Exact distances of a linear network; returns the maximum changes."""
    kernel, *bias = network.layers[-1].get_weights()
    offset = bias[0] if bias else np.zeros(kernel.shape[1])
    right = logits(network, sample.images).argmax(axis=1) == sample.labels
    images = sample.images[right]
    largest = linear.boxed_chebyshev(kernel, offset, images)
    free = linear.free(kernel, offset, images, 2)
    boxed = linear.boxed(kernel, offset, images).distance
    cells.number(row, "test_error", _error(network, sample), "fraction")
    cells.number(row, "linf", _median(largest), "max", len(images))
    cells.number(row, "l2", _median(boxed), "norm", len(images))
    cells.number(row, "box_ratio", _median(boxed / free), "ratio", len(images))
    alone = linear.free(kernel, offset, images, 1)
    cells.rate(row, "one_pixel_unbounded", int(np.isfinite(alone).sum()), len(images))
    inside = linear.one_pixel_within(kernel, offset, images)
    cells.rate(row, "one_pixel_bounded", int(inside.sum()), len(images))
    return largest


def _deep(setting: Setting, network: Any, sample: Examples) -> np.ndarray:
    right = logits(network, sample.images).argmax(axis=1) == sample.labels
    found: np.ndarray = setting.cached(
        partial(fgsm.smallest_epsilon, network, sample.images[right], sample.labels[right])
    )
    return found


def _slope(
    cells: Cells, row: str, by_size: dict[int, np.ndarray], column: str = "slope_linf"
) -> None:
    """Slope of log change over log size by least squares on all images, with its interval."""
    sizes = np.concatenate([np.full(len(v), np.log(n)) for n, v in by_size.items()])
    changes = np.concatenate(list(by_size.values()))
    known = np.isfinite(changes) & (changes > 0)
    if len(by_size) < 2 or known.sum() < 3:
        return
    line = stats.linregress(sizes[known], np.log(changes[known]))
    reach = stats.t.ppf(0.975, known.sum() - 2) * line.stderr
    cell = cells.number(row, column, line.slope, "exponent", int(known.sum()))
    cells.list[-1] = cell._replace(low=line.slope - reach, high=line.slope + reach)


def _of_width(setting: Setting, name: str, width: int, train: Examples) -> Any:
    """The network of that name with hidden layers of another width."""
    call = setting.networks[name]
    build = partial(models.dense, units=[width, width])
    return setting.cached(partial(call, network=build, examples=train, seed=setting.seed))


def _resized(examples: Examples, side: int) -> Examples:
    if side == examples.images.shape[1]:
        return examples
    small = tf.image.resize(examples.images, (side, side), method="area").numpy()
    return frozen(np.clip(small, 0, 1), examples.labels)


def _first(examples: Examples, limit: int) -> Examples:
    if limit >= len(examples.labels):
        return examples
    return frozen(examples.images[:limit], examples.labels[:limit])


def _error(network: Any, sample: Examples) -> float:
    return float((logits(network, sample.images).argmax(axis=1) != sample.labels).mean())


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _curve(axes: Any, by_size: dict[int, np.ndarray], label: str) -> None:
    by_size = {n: v for n, v in by_size.items() if len(v)}
    if not by_size:
        return
    sizes = np.array(list(by_size))
    quartiles = np.array([np.quantile(v, [0.25, 0.5, 0.75]) for v in by_size.values()])
    figures.curve(axes, sizes, quartiles[:, 1], quartiles[:, 0], quartiles[:, 2], label=label)
