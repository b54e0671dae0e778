"""The exact nearest adversarial example of a linear network: a yardstick for the attack.

With logits z = x W + b, "the label of x + r is l" means z_l >= z_j for every other class j, so
section 4.1's problem of Szegedy et al. 2014,

    minimise |r|^2   subject to   z_l(x + r) >= z_j(x + r) for all j,   0 <= x + r <= 1,

is a quadratic program with classes - 1 inequalities and a box. PIQP (Schwan et al. 2023), a
proximal interior-point method, solves it to about nine digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import piqp
import scipy.sparse

from reproduce.methods.attacks.attack import Adversarial, Attack, beyond, proposed
from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import slot_logits
from reproduce.runtime.errors import UserError

PRECISION = 1e-12  # absolute, of |r|^2 among others, which is 1e-4 for the nearest images
AFFINE = 1e-3  # deviation from a linear function, relative to the spread of logits, by rounding

Array = Any


@dataclass(frozen=True)
class ExactLinear(Attack):
    """The optimum, for linear networks alone; pushed over the boundary by single precision."""

    name: ClassVar[str] = "quadratic programming"
    objective: ClassVar[str] = "euclidean distance"
    wants: ClassVar[str] = "targets"

    def find(self, classify: Classifier, images: np.ndarray, wanted: np.ndarray) -> Adversarial:
        weights, bias = expect_linear(classify, images.shape[1:])
        found = nearest(weights, bias, images, wanted)
        return found._replace(images=beyond(classify, images, found.images, targets=wanted))


def linear_classifier(
    classify: Classifier, shape: tuple[int, ...] | None = None
) -> tuple[np.ndarray, np.ndarray] | None:
    """W, float32 (pixels, classes), and b of a network that is linear; None for any other.

    Read off the logits of the empty image and of each pixel alone, then tried on random images.

    Args:
        shape: of one image; by default what a Keras model expects.
    """
    shape = tuple(getattr(classify, "input_shape", (None,))[1:]) if shape is None else shape
    if not shape:
        raise UserError("shape of one image is needed for a classifier that is no Keras model")
    pixels = int(np.prod(shape))
    trials = np.random.default_rng(0).random((8, pixels), np.float32)
    bias = slot_logits(classify, np.zeros((1, *shape), np.float32))[0]
    # A handful of pixels tell most networks apart before all of them are tried.
    tried = slot_logits(classify, trials.reshape(-1, *shape))
    doubled = slot_logits(classify, trials.reshape(-1, *shape) / 2)
    spread = np.abs(tried - bias).max() + 1e-12
    if np.abs(tried + bias - 2 * doubled).max() > AFFINE * spread:
        return None
    weights = slot_logits(classify, np.eye(pixels, dtype=np.float32).reshape(-1, *shape)) - bias
    if np.abs(trials @ weights + bias - tried).max() > AFFINE * spread:
        return None
    return weights, bias


def expect_linear(classify: Classifier, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """W and b of a linear network; a UserError for any other."""
    linear = linear_classifier(classify, shape)
    if linear is None:
        raise UserError("the exact distance is known for linear networks alone; this one is not")
    return linear


def nearest(weights: Array, bias: Array, images: Array, targets: Array) -> Adversarial:
    """The closest points of the box that the linear network takes for their targets.

    Args:
        weights, bias: (pixels, classes), (classes,).
        images: (n, ...) in [0, 1]; targets: int (n,).

    Returns:
        images in float64, on the decision boundary; NaN where no point of the box has the label.
    """
    images = np.asarray(images, np.float64)
    flat = images.reshape(len(images), -1)
    weights, bias = np.asarray(weights, np.float64), np.asarray(bias, np.float64)
    if flat.shape[1] != weights.shape[0]:
        raise UserError(f"images of {weights.shape[0]} pixels, got {flat.shape[1]}")
    problems = zip(flat, targets, strict=True)
    found = np.stack([_nearest(weights, bias, image, int(target)) for image, target in problems])
    back = found.reshape(images.shape)
    return proposed(images, back, targets, proven=np.isfinite(found).all(axis=1))


def _nearest(weights: np.ndarray, bias: np.ndarray, image: np.ndarray, target: int) -> np.ndarray:
    others = np.delete(np.arange(len(bias)), target)
    lead = (weights[:, others] - weights[:, [target]]).T  # of each other class over the target
    room = -(lead @ image + bias[others] - bias[target])
    solver = piqp.SparseSolver()
    solver.settings.eps_abs = solver.settings.eps_duality_gap_abs = PRECISION
    solver.setup(
        P=scipy.sparse.eye_array(len(image), format="csc"),
        c=np.zeros(len(image)),
        G=scipy.sparse.csc_array(lead),
        h_u=room,
        x_l=-image,
        x_u=1 - image,
    )
    if solver.solve() != piqp.PIQP_SOLVED:
        return np.full_like(image, np.nan)
    return np.clip(image + solver.result.x, 0, 1)
