"""L-BFGS for one large problem: full batches, a long memory, mostly one evaluation an iteration.

The direction is that of the two-loop recursion (Nocedal & Wright 2006, algorithm 7.4), written
with matrices (Byrd, Nocedal & Schnabel 1994, theorem 2.2). All inner products that it needs stand
in one Gram matrix, so an iteration reads the pairs twice: once to multiply them with the newest
pair and the gradient, once to add them up to a direction. The step is that of a search for the
strong Wolfe conditions (Nocedal & Wright 2006, algorithms 3.5 and 3.6), which tries 1 first.

    theirs      here
    S_k, Y_k    pairs[0], pairs[1]     (memory, n): steps, and changes of the gradient
    gamma_k     scale                  s'y / y'y of the newest pair
    R_k, D_k    r, d                   upper triangle and diagonal of S'Y
    c_1, c_2    DECREASE, CURVATURE
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from reproduce.runtime.files import dispensable

DECREASE = 1e-4  # Nocedal & Wright 2006, section 3.1
CURVATURE = 0.9
TRIALS = 20  # evaluations of one line search
FLAT = 1e-10  # s'y / y'y of a pair that is left out: rounding alone may have made it positive
EVERY = 50  # iterations from one checkpoint to the next

# float32 (n,) -> value, gradient float32 (n,)
Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]


class State(NamedTuple):
    """Where a minimisation is.

    position, gradient: float32 (n,); value: of the objective at the position.
    pairs: float32 (2, memory, n), steps and changes of the gradient; pair number k is in row
        k modulo memory. It is written in place.
    products: float64 (2, memory, 2, memory), the inner products of the pairs' rows.
    kept: how many of the newest pairs are in use; taken: how many there have been.
    iterations, evaluations: done so far.
    converged: no component of the gradient is larger than the tolerance.
    failed: no lower point was found, not even along the gradient. Where neither holds at the
        end, the budget ran out.
    """

    position: np.ndarray
    value: float
    gradient: np.ndarray
    pairs: np.ndarray
    products: np.ndarray
    kept: int = 0
    taken: int = 0
    iterations: int = 0
    evaluations: int = 0
    converged: bool = False
    failed: bool = False


class Point(NamedTuple):
    """A step along a direction: its length, the value there, the slope, the gradient (n,)."""

    step: float
    value: float
    slope: float
    gradient: np.ndarray


def minimise(
    objective: Objective,
    start: np.ndarray,
    *,
    iterations: int,
    memory: int,
    tolerance: float = 0.0,
    checkpoint: Path | None = None,
    after: Callable[[State], Any] = lambda state: None,
) -> State:
    """The end of at most so many iterations. A stopped call goes on to the same end, bit by bit.

    Args:
        start: float32 (n,).
        memory: pairs that are remembered.
        tolerance: the largest component of the gradient at which the search ends as converged.
        checkpoint: file (.npz) that is written now and then, and read where it exists.
        after: called after each iteration.
    """
    if checkpoint is not None and checkpoint.exists():
        state = _read(checkpoint)
    else:
        state = _begin(objective, start.astype(np.float32), memory)
    while state.iterations < iterations:
        if abs(state.gradient).max() <= tolerance:
            return state._replace(converged=True)
        state = iterate(objective, state)
        if state.failed:
            return state
        after(state)
        if checkpoint is not None and state.iterations % EVERY == 0:
            with dispensable("a checkpoint"):
                _write(state, checkpoint)
    return state


def iterate(objective: Objective, state: State) -> State:
    """One direction, one line search, one pair more."""
    along = direction(state)
    slope = float(along @ state.gradient)
    if slope >= 0:  # rounding has made the pairs useless
        state = state._replace(kept=0)
        along = direction(state)
        slope = float(along @ state.gradient)
    here = Point(0.0, state.value, slope, state.gradient)
    first = 1.0 if state.kept else min(1.0, 1 / float(np.linalg.norm(along)))
    evaluations = state.evaluations

    def at(step: float) -> Point:
        nonlocal evaluations
        evaluations += 1
        value, gradient = objective(state.position + np.float32(step) * along)
        return Point(step, value, float(along @ gradient), gradient)

    found = wolfe(at, here, first)
    state = state._replace(evaluations=evaluations)
    if found.step == 0:
        if state.kept:
            return iterate(objective, state._replace(kept=0))
        return state._replace(failed=True)
    position = state.position + np.float32(found.step) * along
    moved = state._replace(
        position=position,
        value=found.value,
        gradient=found.gradient,
        iterations=state.iterations + 1,
    )
    return remember(moved, position - state.position, found.gradient - state.gradient)


def direction(state: State) -> np.ndarray:
    """Minus the inverse Hessian's approximation times the gradient, float32 (n,)."""
    if state.kept == 0:
        return -state.gradient
    rows = _rows(state)
    s, y = state.pairs
    products = state.products[:, rows][:, :, :, rows]
    sy, yy = products[0, :, 1], products[1, :, 1]
    sg, yg = (s @ state.gradient)[rows].astype(float), (y @ state.gradient)[rows].astype(float)
    scale = sy[-1, -1] / yy[-1, -1]
    r, d = np.triu(sy), np.diag(np.diag(sy))
    p = solve_triangular(r, sg)
    of_s = solve_triangular(r, (d + scale * yy) @ p - scale * yg, trans="T")
    coefficients = np.zeros((2, len(s)), np.float32)
    coefficients[0, rows], coefficients[1, rows] = of_s, -scale * p
    return -(coefficients[0] @ s + coefficients[1] @ y + np.float32(scale) * state.gradient)


def remember(state: State, step: np.ndarray, change: np.ndarray) -> State:
    """The state with a pair more, unless the pair shows no positive curvature."""
    if step @ change <= FLAT * (change @ change):
        return state
    memory = state.pairs.shape[1]
    row = state.taken % memory
    state.pairs[:, row] = step, change
    for kind, vector in enumerate((step, change)):
        new = np.stack([pairs @ vector for pairs in state.pairs]).astype(float)
        state.products[kind, row] = new
        state.products[:, :, kind, row] = new
    return state._replace(kept=min(state.kept + 1, memory), taken=state.taken + 1)


def wolfe(at: Callable[[float], Point], here: Point, first: float) -> Point:
    """A point that meets the strong Wolfe conditions, or the lowest found; `here` if none is lower.

    Args:
        at: step -> point; here: the point at step 0, whose slope is negative; first: step tried.
    """
    low, high, step = here, None, first
    for _ in range(TRIALS):
        trial = at(step)
        enough = here.value + DECREASE * step * here.slope
        if not trial.value <= enough or trial.value >= low.value:
            high = trial
        elif abs(trial.slope) <= -CURVATURE * here.slope:
            return trial
        else:
            if trial.slope * (np.inf if high is None else high.step - low.step) >= 0:
                high = low
            low = trial
        step = 4 * low.step if high is None else _between(low, high)
    return low


def _between(low: Point, high: Point) -> float:
    """The minimum of the cubic through both points, kept away from the ends."""
    ends = sorted((low.step, high.step))
    width = ends[1] - ends[0]
    step = np.nan
    if np.isfinite(high.value) and np.isfinite(high.slope):  # Nocedal & Wright 2006, equation 3.59
        d1 = low.slope + high.slope - 3 * (low.value - high.value) / (low.step - high.step)
        root = d1**2 - low.slope * high.slope
        if root >= 0:
            d2 = np.sign(high.step - low.step) * np.sqrt(root)
            share = (high.slope + d2 - d1) / (high.slope - low.slope + 2 * d2)
            step = high.step - (high.step - low.step) * share
    if not np.isfinite(step):
        step = ends[0] + width / 2 if np.isfinite(high.value) else ends[0] + width / 10
    return float(np.clip(step, ends[0] + width / 10, ends[1] - width / 10))


def _rows(state: State) -> np.ndarray:
    """Rows of the pairs in use, the oldest first."""
    return np.arange(state.taken - state.kept, state.taken) % state.pairs.shape[1]


def _begin(objective: Objective, start: np.ndarray, memory: int) -> State:
    value, gradient = objective(start)
    return State(
        position=start,
        value=value,
        gradient=gradient,
        pairs=np.zeros((2, memory, len(start)), np.float32),
        products=np.zeros((2, memory, 2, memory)),
        evaluations=1,
    )


def _write(state: State, checkpoint: Path) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    aside = checkpoint.with_suffix(".part.npz")
    arrays: dict[str, Any] = state._asdict()
    np.savez(aside, **arrays)
    os.replace(aside, checkpoint)


def _read(checkpoint: Path) -> State:
    with np.load(checkpoint, allow_pickle=False) as file:
        arrays = {name: file[name] for name in State._fields}
    return State(**{name: a if a.ndim else a.item() for name, a in arrays.items()})
