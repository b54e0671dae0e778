"""The models under one protocol: how each comes from the data, and its clean errors.

A model is made by a recipe, a call that the store can name; what is measured on a model is kept
under its recipe, and the model itself, cheap to make again, once a process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from reproduce.data.examples import Examples
from reproduce.experiments import Context, fitting
from reproduce.methods.attacks import exact
from reproduce.networks import classical
from reproduce.networks.classical import Model
from reproduce.runtime import store
from reproduce.runtime.errors import NotAvailable

Recipe = partial[Model]
Recipes = Mapping[str, Callable[[Context], Recipe]]
_made: dict[str, Model] = {}


def learner(context: Context, *, learn: partial[Any], limit: int | None = None) -> Recipe:
    """A model of `reproduce.networks.classical`.

    Args:
        limit: examples at most, where learning is slow.
    """
    data = context.dataset
    return fitting.fitted(learn, data.train, data.classes, context.seed, limit)


def network(context: Context, *, name: str) -> Recipe:
    """A network of conf/networks, trained on what the others learn from, and calibrated.

    What a loaded one has learnt from is not known.
    """
    learnt, kept_back = classical.held_out(context.dataset.train)
    trained = context.network(name, examples=learnt)
    fitted_on = len(learnt.labels) if context.is_trained(name) else None
    return partial(of_network, trained, kept_back, fitted_on)


def of_network(network: Any, calibration: Examples, fitted_on: int | None) -> Model:
    """`classical.of_network`; whether it is linear is told by its answers, not by its layers."""
    linear = exact.linear_classifier(network)
    return classical.of_network(network, calibration, fitted_on, linear)


def made(recipe: Recipe) -> Model:
    """The model of a recipe."""
    key = store.key(recipe)
    if key not in _made:
        _made[key] = recipe()
    return _made[key]


def recipes(context: Context, models: Recipes) -> dict[str, Recipe]:
    """name -> recipe, in the table's order."""
    return {name: model(context) for name, model in models.items()}


def draw(examples: Examples, count: int, seed: int) -> Examples:
    """Test images drawn without replacement; a seed always draws the same ones."""
    count = min(count, len(examples.labels))
    drawn = np.random.default_rng([seed, 77]).permutation(len(examples.labels))[:count]
    return Examples(examples.images[drawn], examples.labels[drawn])


def answers(recipe: Recipe, images: np.ndarray) -> np.ndarray:
    """Calibrated logits on some images, for the store."""
    return made(recipe).logits(images)


def answered(context: Context, recipe: Recipe, images: np.ndarray) -> np.ndarray:
    """The same from the store; 10,000 images through a slow model take a while."""
    logits: np.ndarray = context.cached(partial(answers, recipe, images))
    return logits


def recognised(name: str, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which images get their own label, bool (n,): those that are attacked.

    Raises:
        NotAvailable: where none does.
    """
    right: np.ndarray = scores.argmax(axis=1) == labels
    if not right.any():
        raise NotAvailable(
            f"{name} labels none of {len(labels)} test images rightly, so that there is nothing "
            "to attack."
        )
    return right


# What the field knows: clean test error on MNIST, learnt from all 60,000 images, and the band in
# which a properly trained model lies; beyond it the table is about something else. The bands for
# a few thousand images are wide: there is little literature to go by.
#
#   LeCun et al. 1998, "Gradient-based learning applied to document recognition", table in III.C:
#       linear 8.4 to 12, k-NN 5.0 (others: 3.1 on the present images), RBF network 3.6,
#       two-layer networks 2.5 to 4.7, convolutional 0.7 to 1.7, SVM 1.1 to 1.4
#   scikit-learn's documentation and common practice: tree 12, forest 3, boosting 2 to 3, Gaussian
#       naive Bayes with smoothed variances 18 to 22
KNOWN = {  # name: (60,000 low, high, 4,000 low, high)
    "softmax regression": (0.07, 0.09, 0.08, 0.14),
    "linear SVM": (0.075, 0.12, 0.08, 0.15),
    "RBF SVM": (0.01, 0.03, 0.03, 0.07),
    "nearest neighbour": (0.025, 0.05, 0.05, 0.09),
    "nearest neighbour, rejecting": (0.025, 0.06, 0.05, 0.11),
    "naive Bayes": (0.15, 0.24, 0.15, 0.26),
    "decision tree": (0.10, 0.15, 0.19, 0.29),
    "random forest": (0.025, 0.045, 0.05, 0.09),
    "boosting": (0.018, 0.05, 0.04, 0.10),
    "RBF network": (0.02, 0.06, 0.04, 0.09),
    "fully connected network": (0.012, 0.03, 0.05, 0.10),
    "convolutional network": (0.006, 0.015, 0.015, 0.05),
}


def known_band(name: str, examples: int | None) -> tuple[float, float] | None:
    """The band for a model that learnt from so many images of MNIST; between, by log size."""
    if name not in KNOWN or examples is None:
        return None
    low, high, small_low, small_high = KNOWN[name]
    share = float(np.clip(np.log(60_000 / max(examples, 1)) / np.log(60_000 / 4_000), 0, 1))
    return low + share * (small_low - low), high + share * (small_high - high)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities, float64 (n, classes)."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
