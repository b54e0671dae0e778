"""One large problem in the box [0, 1], by projected L-BFGS with a long memory.

For an attack on all images as one problem, as a co-author's public code has it: the images do not
interact, but they share step length, memory and the number of evaluations, so that most of them
are not quite at their minimum when it ends.

    Nocedal & Wright   here
    s_k, y_k           steps, changes   (pairs, n), oldest first
    p_k                direction        (n,)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]

SUFFICIENT_DECREASE = 1e-4  # as in the co-author's code
SHORTEST = 1e-9  # change of a variable below which a step has vanished
# Interpolated step lengths are kept within these shares of the last one.
LEAST, MOST = 1e-3, 0.6
TINY = float(np.finfo(np.float32).tiny)  # sums of squares below it have lost their digits


class Minimum(NamedTuple):
    position: np.ndarray  # float32 (n,)
    objective: float
    converged: bool
    evaluations: int


def minimise(
    objective: Objective,
    start: np.ndarray,
    *,
    pairs: int = 100,
    evaluations: int = 500,
    tolerance: float = 1e-6,
) -> Minimum:
    """Minimises until no free variable has a slope above `tolerance`, or evaluations run out.

    Args:
        objective: float32 (n,) -> value, gradient (n,).
        start: float32 (n,) in [0, 1].
        pairs: steps remembered.
    """
    position = np.asarray(start, np.float32)
    value, gradient = objective(position)
    used = 1
    memory = Memory(pairs, len(position))
    while used < evaluations:
        free = ~(((position <= 0) & (gradient > 0)) | ((position >= 1) & (gradient < 0)))
        if np.abs(gradient[free]).max(initial=0) <= tolerance:
            return Minimum(position, value, True, used)
        direction = np.zeros_like(position)
        direction[free] = -memory.quasi_newton(gradient[free], free)
        slope = float(gradient @ direction)
        if slope >= 0:
            memory.count = 0
            direction = np.where(free, -gradient, 0).astype(np.float32)
            slope = float(gradient @ direction)
        length = 1.0 if memory.count else min(1.0, 1 / float(np.abs(gradient).sum()))
        while True:
            trial = np.clip(position + np.float32(length) * direction, 0, 1)
            new_value, new_gradient = objective(trial)
            used += 1
            step = trial - position
            if new_value <= value + SUFFICIENT_DECREASE * float(gradient @ step):
                break
            if used >= evaluations or np.abs(step).max() < SHORTEST:
                return Minimum(position, value, False, used)
            fitted = -slope * length / (2 * (new_value - value - slope * length))
            length *= float(np.clip(fitted, LEAST, MOST))
        memory.remember(step, new_gradient - gradient)
        position, value, gradient = trial, new_value, new_gradient
    return Minimum(position, value, False, used)


class Memory:
    """The last steps and changes of the gradient, in rings of rows."""

    def __init__(self, pairs: int, n: int) -> None:
        self.steps = np.zeros((pairs, n), np.float32)
        self.changes = np.zeros((pairs, n), np.float32)
        self.count = 0
        self._next = 0

    def remember(self, step: np.ndarray, change: np.ndarray) -> None:
        """Takes a pair in, unless the curvature along it is not positive."""
        if float(step @ change) <= 1e-10 * float(step @ step):
            return
        self.steps[self._next], self.changes[self._next] = step, change
        self._next = (self._next + 1) % len(self.steps)
        self.count = min(self.count + 1, len(self.steps))

    def quasi_newton(self, gradient: np.ndarray, free: np.ndarray) -> np.ndarray:
        """The inverse Hessian estimate times the gradient, both of the free variables alone."""
        order = [(self._next - 1 - k) % len(self.steps) for k in range(self.count)]  # newest first
        pairs = []
        for i in order:
            s, y = self.steps[i][free], self.changes[i][free]
            curvature, square = float(s @ y), float(y @ y)
            if curvature > 0 and square > TINY:  # it may lie outside of the free variables alone
                pairs.append((s, y, curvature))
        result, alphas = gradient.astype(np.float32), []
        for s, y, curvature in pairs:
            alphas.append(float(s @ result) / curvature)
            result = result - np.float32(alphas[-1]) * y
        if pairs:
            _, y, curvature = pairs[0]
            result = result * np.float32(curvature / float(y @ y))
        for (s, y, curvature), alpha in zip(reversed(pairs), reversed(alphas), strict=True):
            result = result + np.float32(alpha - float(y @ result) / curvature) * s
        return result
