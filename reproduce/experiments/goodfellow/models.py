"""The paper's models by their rows, as one kind of thing; errors and confidences of a row."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.special import softmax

from reproduce.data.examples import Examples
from reproduce.experiments import Context, fitting
from reproduce.methods.attacks import fgsm
from reproduce.networks.classical import Model
from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import logits
from reproduce.report.cells import Cells

EPSILON = 0.25  # section 4, MNIST with pixels in [0, 1]


class Subject(NamedTuple):
    """A model of one row.

    classify: images -> logits, with a gradient; logits: the same for any number of images.
    """

    classify: Classifier
    logits: Callable[[np.ndarray], np.ndarray]

    def fooling(self, sample: Examples) -> np.ndarray:
        """The sample's images after one step of the gradient's sign; not clipped, as printed."""
        return fgsm.fast(self.classify, sample.images, sample.labels, epsilon=EPSILON)


def trained(
    context: Context, name: str, examples: Examples | None = None, classes: int | None = None
) -> Subject:
    """A network of conf/networks; see `Context.network`."""
    network = context.network(name, examples=examples, classes=classes)
    return Subject(network, partial(logits, network))


def radial(context: Context, learn: partial[Any], limit: int) -> Subject:
    """The RBF network, from as many training images as its memory allows.

    Args:
        learn: `prototypes.rbf_network` with its options; limit: training images at most.
    """
    data = context.dataset
    call = fitting.fitted(learn, data.train, data.classes, context.seed, limit)
    model: Model = context.store.remembered(call)
    assert model.classify is not None
    return Subject(model.classify, model.logits)


def first_of(examples: Examples, count: int) -> Examples:
    """The first `count` examples, or all where there are fewer."""
    return Examples(examples.images[:count], examples.labels[:count])


def record(
    cells: Cells, row: str, clean: np.ndarray | None, changed: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Adds a row: clean error, error on the changed images, mean confidence in the mistakes.

    Args:
        clean, changed: logits (n, classes) of the original and of the changed images.

    Returns:
        bool (n,), whether the changed image is misclassified.
    """
    if clean is not None:
        cells.rate(row, "test_error", int((clean.argmax(1) != labels).sum()), len(labels))
    wrong = np.asarray(changed.argmax(1) != labels)
    cells.rate(row, "error", int(wrong.sum()), len(labels))
    cells.mean(row, "mean_confidence", confidence(changed)[wrong], "fraction")
    return wrong


def confidence(answers: np.ndarray) -> np.ndarray:
    """The largest probability of each row of logits, float64 (n,)."""
    return np.asarray(softmax(answers.astype(np.float64), axis=1).max(axis=1))
