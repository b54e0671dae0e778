"""This package's attacks, the exact optimum of linear networks, and SciPy's L-BFGS-B."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy
import scipy.optimize
import tensorflow as tf

from benchmarks.attacks.records import Contestant, Found, Problem, within
from reproduce.methods.attacks.adversarial import BoxLBFGS
from reproduce.methods.attacks.boundary import to_boundary
from reproduce.methods.attacks.deepfool import DeepFool
from reproduce.methods.attacks.exact import ExactLinear
from reproduce.methods.attacks.ladder import CoauthorLadder
from reproduce.methods.attacks.minimal.linear import NearestHyperplane
from reproduce.networks.forward import Network

EXACT = "exact optimum"
BRACKET = (1e-3, 1e2)  # of c, for SciPy
ROUNDS = 12  # of the co-author's ladder, from c = 3 down to 1e-3


def contestants() -> list[Contestant]:
    box = [
        Contestant(
            f"ours, tau = {tau:g}", "", "targets", "evaluations = budget, else as by default",
            partial(_box, tau=tau), compiled=True,
        )
        for tau in (1.0, 16.0, 128.0)
    ]  # fmt: skip
    return [
        *box,
        Contestant(
            "SciPy L-BFGS-B", f"scipy {scipy.__version__}", "targets",
            "c by 3 to 12 bisections from the clean image, then along the ray to the boundary",
            _scipy, most=32,
        ),
        Contestant(
            "ours, attack=coauthor", "", "labels",
            "evaluations per round = budget / 12, towards (label + 1) mod 10", _coauthor,
        ),
        Contestant("ours, DeepFool", "", "labels", "steps = budget / classes", _deepfool),
    ]  # fmt: skip


def exact() -> list[Contestant]:
    """The optimum, asked for once; for linear networks alone."""
    return [
        Contestant(EXACT, "", wants, "quadratic programming", partial(_exact, attack))
        for wants, attack in (("targets", ExactLinear()), ("labels", NearestHyperplane()))
    ]


def _box(problem: Problem, budget: int, *, tau: float) -> Found:
    attack = BoxLBFGS(tau=tau, evaluations=budget)
    found = attack(problem.network, problem.images, problem.targets)
    assert found.evaluations is not None
    return Found(found.images, float(found.evaluations.mean()))


def _coauthor(problem: Problem, budget: int) -> Found:
    attack = CoauthorLadder(evaluations=max(2, budget // ROUNDS))
    found = attack(problem.network, problem.images, problem.labels)
    assert found.evaluations is not None
    return Found(found.images, float(found.evaluations.mean()))


def _deepfool(problem: Problem, budget: int) -> Found:
    classes = problem.network.output_shape[-1]
    within(budget, classes)
    rows = tf.Variable(0)

    def counted(images: Any) -> Any:
        rows.assign_add(tf.shape(images)[0])
        return problem.network(images, training=False)

    found = DeepFool(steps=max(1, budget // classes)).find(counted, problem.images, problem.labels)
    each = float(rows.numpy()) / len(problem.images)
    return Found(found.images, classes * each, each)


def _exact(attack: Any, problem: Problem, budget: int) -> Found:
    wanted = problem.targets if attack.wants == "targets" else problem.labels
    return Found(attack(problem.network, problem.images, wanted).images, 0.0)


def _scipy(problem: Problem, budget: int) -> Found:
    """Image by image: for each c of a bisection, L-BFGS-B from the clean image."""
    bisections = min(12, max(3, budget // 20))
    evaluate = _loss_and_gradient(problem)
    found = np.full((len(problem.images), problem.images[0].size), np.nan, np.float32)
    total = 0
    for number, (image, target) in enumerate(zip(problem.images, problem.targets, strict=True)):
        found[number], used = _bisected(
            evaluate, image.ravel().astype(np.float64), int(target), bisections,
            budget // bisections,
        )  # fmt: skip
        total += used
    network = Network(problem.network)
    slid = to_boundary(network, problem.images, problem.targets, found)
    return Found(slid.reshape(problem.images.shape), total / len(found))


Evaluate = Callable[[np.ndarray, int], tuple[float, np.ndarray, int]]


def _loss_and_gradient(problem: Problem) -> Evaluate:
    @tf.function
    def graph(x: Any, target: Any) -> tuple[Any, Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = problem.network(tf.reshape(x, (1, *problem.images.shape[1:])))
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(target[None], logits)[0]
        return loss, tape.gradient(loss, x), tf.argmax(logits[0])

    def evaluate(x: np.ndarray, target: int) -> tuple[float, np.ndarray, int]:
        loss, gradient, label = graph(tf.constant(x, tf.float32), tf.constant(target, tf.int32))
        return float(loss), gradient.numpy().astype(np.float64), int(label)

    return evaluate


def _bisected(
    evaluate: Evaluate, clean: np.ndarray, target: int, bisections: int, each: int
) -> tuple[np.ndarray, int]:
    """The closest of the minimisers that reach the target, and the gradients it took."""
    low, high = np.log(BRACKET)
    closest, best, used = np.inf, np.full_like(clean, np.nan), 0
    for _ in range(bisections):
        c = np.exp((low + high) / 2)

        def objective(x: np.ndarray, c: float = c) -> tuple[float, np.ndarray]:
            nonlocal used
            used += 1
            loss, gradient, _ = evaluate(x, target)
            r = x - clean
            return loss + c * r @ r, gradient + 2 * c * r

        x = scipy.optimize.minimize(
            objective, clean, jac=True, method="L-BFGS-B", bounds=[(0, 1)] * clean.size,
            options={"maxfun": each},
        ).x  # fmt: skip
        reaches = evaluate(x, target)[2] == target
        low, high = ((low + high) / 2, high) if reaches else (low, (low + high) / 2)
        square = float(np.sum((x - clean) ** 2))
        if reaches and square < closest:
            closest, best = square, x
    return best, used
