"""Adversarial examples by box-constrained L-BFGS (Szegedy et al. 2014, section 4.1).

For an image x and a target label l that differs from f(x), the paper looks for the smallest r
with f(x + r) = l and x + r in [0, 1]^m; it approximates it by minimising c|r| + loss(x + r, l) in
the box and searching for c (`c_search` says how, and why its "minimum c" must be the largest).

`norm` chooses between c|r|^2, the default, and c|r|, as printed. Where c is found for each
image the two have the same stationary points, with c' = 2c|r|, and the squared one is smooth at
r = 0. `tau` multiplies the logits in the loss. The paper's loss is tau = 1; its minimiser on the
decision boundary is not the nearest point there, because the cross-entropy also weighs how the
other classes share the rest. The larger tau, the smaller that gap (Carlini & Wagner 2017 reach
the same end by a hinge).

`slots` says how many images go through a graph together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from reproduce.methods.attacks import slots
from reproduce.methods.attacks.attack import (
    Adversarial,
    Attack,
    distortion,
    judged,
    pooled,
    proposed,
)
from reproduce.methods.attacks.boundary import to_boundary
from reproduce.methods.attacks.c_state import Budget
from reproduce.methods.attacks.targets import choose_targets
from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import Network
from reproduce.runtime import progress
from reproduce.runtime.arguments import finite, whole
from reproduce.runtime.errors import UserError

__all__ = ["Adversarial", "BoxLBFGS", "choose_targets", "distortion", "nearest", "pooled"]

LEAST_SEARCHES = 3  # values of c that a small budget leaves room for

Array = Any


@dataclass(frozen=True)
class BoxLBFGS(Attack):
    """Szegedy et al.'s attack: the closest images that the network takes for their targets.

    A network of an architecture seen before costs no compilation.

    tau: multiplies the logits in the loss.
    norm: "squared" for c|r|^2, "euclidean" for c|r|.
    searches: values of c to settle at, at most, for an image.
    iterations: evaluations at most before the next c is tried; where c is to be found, a third of
        `evaluations` at most, since the first c often misses.
    evaluations: in all, at most, for an image.
    tolerance: a minimiser has settled when the objective falls by less than this fraction.
    margin: c is found when the margin is within this fraction of the clean image's.
    pairs: length of the L-BFGS history.
    compiled: by XLA, where images have at most `slots.COMPILED_PIXELS` numbers and the network
        no convolution. A graph takes 5 seconds of a core to compile and is three times as fast
        then; last digits may differ.
    """

    tau: float = 1.0
    norm: str = "squared"
    searches: int = 12
    iterations: int = 100
    evaluations: int = 300
    tolerance: float = 1e-5
    margin: float = 2e-3
    pairs: int = 4
    compiled: bool = True

    name: ClassVar[str] = "box-constrained L-BFGS"
    objective: ClassVar[str] = "c|r|^2 + cross-entropy of the target, at the largest c that serves"
    wants: ClassVar[str] = "targets"
    choices: ClassVar[tuple[str, ...]] = (
        "The paper finds c by an unspecified line search; here each image has its own c, found by "
        "secant steps and bisection.",
        "The target label is drawn at random for each image, from the labels that are neither true "
        "nor predicted; the paper does not say how its targets were chosen. Chosen because the "
        "published distances come out; other rules give some too small by half or far too large.",
    )

    def __post_init__(self) -> None:
        if self.norm not in ("squared", "euclidean"):
            raise UserError(f"norm is squared or euclidean, got {self.norm!r}")
        finite("tau", self.tau, above=0)
        for name in ("tolerance", "margin"):
            finite(name, getattr(self, name))
        for name in ("searches", "iterations", "evaluations", "pairs"):
            whole(name, getattr(self, name), least=1)

    def find(self, classify: Classifier, images: np.ndarray, wanted: np.ndarray) -> Adversarial:
        network = Network(classify)
        found = self._minimisers(network, images, wanted, np.full(len(images), np.nan))
        flat = found.images.reshape(len(images), -1)
        return found._replace(images=to_boundary(network, images, wanted, flat))

    def at(self, classify: Classifier, images: Array, targets: Array, c: Array) -> Adversarial:
        """The minimiser for a given c, a number or (n,), as it is; failed where it misses."""
        images, targets = self.checked(classify, images, targets)
        given = np.broadcast_to(np.asarray(c, np.float64), len(images))
        if not (np.isfinite(given) & (given > 0)).all():
            raise UserError(f"c is a positive number or (n,) of them, got {c}")
        found = self._minimisers(Network(classify), images, targets, given)
        return judged(classify, images, found)

    def _minimisers(
        self, network: Network, images: np.ndarray, targets: np.ndarray, given: np.ndarray
    ) -> Adversarial:
        searches = LEAST_SEARCHES if np.isnan(given).any() else 1
        iterations = min(self.iterations, max(1, self.evaluations // searches))
        budget = Budget(
            float(self.tau), self.norm, self.searches, iterations, self.evaluations,
            self.tolerance, self.margin,
        )  # fmt: skip
        flat = images.reshape(len(images), -1)
        with progress.stage("adversarial examples", total=len(images)) as advance:
            found = slots.search(
                network, images.shape[1:], flat, targets, given, budget, self.pairs, self.compiled,
                advance,
            )  # fmt: skip
        return proposed(
            images, found.images, targets, converged=found.converged, c=found.c,
            evaluations=found.evaluations,
        )  # fmt: skip


def nearest(
    classify: Classifier, images: Array, targets: Array, *, c: Array | None = None, **options: Any
) -> Adversarial:
    """The closest images that the network takes for their targets, by the paper's attack.

    Args:
        classify: images -> logits.
        images: float32 (n, ...) in [0, 1].
        targets: int (n,), other than the network's present labels.
        c: where given, a number or (n,), the minimiser for this c is the result, as it is.
        options: of `BoxLBFGS`.
    """
    attack = BoxLBFGS(**options)
    if c is None:
        return attack(classify, images, targets)
    return attack.at(classify, images, targets, c)
