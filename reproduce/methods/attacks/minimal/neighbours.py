"""One nearest neighbour: the exact smallest change, by the cells of the other classes' points.

The label ceases to be c where some point y_j of another class is at least as near as every point
y_i of class c. For one j that is a convex cell: with a_i = y_i - y_j,

    a_i . z <= b_i = (|y_i|^2 - |y_j|^2) / 2    for all i,    and z in [0, 1]^n,

and the nearest z is a quadratic programme, solved in its dual (Wang et al. 2019, "Evaluating the
robustness of nearest neighbor classifiers: a primal-dual perspective"). For multipliers m >= 0
the minimiser is z = clip(x - sum m_i a_i, 0, 1), and the dual's value bounds the squared distance
from below at any m: a cell is given up as soon as its bound exceeds the best found. The farthest
bisector between y_j and the nearest y_i gives a first bound, by which the cells are ordered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.optimize import minimize

from reproduce.methods.attacks.attack import Adversarial, Attack, beyond, proposed
from reproduce.networks.classifier import Classifier

BISECTORS = 24  # nearest points of the own class that give the first bound
CUTS = 12  # violated constraints taken up at a time
SLACK = 1e-5  # how far, relative, a proven optimum may lie above its lower bound


@dataclass(frozen=True)
class NearestCell(Attack):
    """The optimum for one nearest neighbour, whose points have to be known.

    points, point_labels, cells: see `nearest`.
    """

    points: np.ndarray
    point_labels: np.ndarray
    cells: int = 400

    name: ClassVar[str] = "nearest cell"
    objective: ClassVar[str] = "euclidean distance"
    wants: ClassVar[str] = "labels"

    def find(self, classify: Classifier, images: np.ndarray, wanted: np.ndarray) -> Adversarial:
        found = nearest(self.points, self.point_labels, images, wanted, cells=self.cells)
        return found._replace(images=beyond(classify, images, found.images, labels=wanted))


class _Cell(NamedTuple):
    """The nearest point of one cell; proven: its distance is the cell's, to within SLACK."""

    point: np.ndarray
    square: float
    proven: bool


def nearest(
    points: np.ndarray,
    point_labels: np.ndarray,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    cells: int = 400,
) -> Adversarial:
    """The nearest point of [0, 1]^n whose nearest neighbour bears another label.

    Args:
        points: float32 (m, ...) in [0, 1], the training images; point_labels: int64 (m,).
        images: float32 (n, ...); labels: int64 (n,), the labels of their nearest neighbours.
        cells: of other points, at most so many are looked into for each image; beyond that the
            result is not proven.
    """
    flat_points = points.reshape(len(points), -1).astype(np.float64)
    flat = images.reshape(len(images), -1).astype(np.float64)
    changed, proven = np.empty_like(flat), np.zeros(len(flat), bool)
    for i, (x, label) in enumerate(zip(flat, labels, strict=True)):
        is_own = point_labels == label
        changed[i], proven[i] = _nearest(x, flat_points[is_own], flat_points[~is_own], cells)
    return proposed(images, changed.astype(np.float32), proven=proven)


def _nearest(
    x: np.ndarray, own: np.ndarray, others: np.ndarray, cells: int
) -> tuple[np.ndarray, bool]:
    own = own[np.argsort(((own - x) ** 2).sum(axis=1))]
    near = own[:BISECTORS]
    # signed distance of x from the bisector of y_j and y_i, positive on the side of y_i
    to_others = ((others - x) ** 2).sum(axis=1)[:, None]
    to_near = ((near - x) ** 2).sum(axis=1)[None]
    apart = (others**2).sum(axis=1)[:, None] + (near**2).sum(axis=1)[None] - 2 * others @ near.T
    bounds = (to_others - to_near) / (2 * np.sqrt(np.maximum(apart, 1e-12)))
    bound = np.maximum(bounds.max(axis=1), 0) ** 2
    best, nearest_point, proven = np.inf, np.full(len(x), np.nan), True
    for tried, j in enumerate(np.argsort(bound)):
        if bound[j] >= best:
            break
        if tried == cells:
            proven = False
            break
        cell = _into_cell(x, own, others[j], best)
        if cell is None:
            continue
        proven &= cell.proven
        if cell.square < best:
            best, nearest_point = cell.square, cell.point
    return nearest_point, proven


def _into_cell(x: np.ndarray, own: np.ndarray, point: np.ndarray, best: float) -> _Cell | None:
    """The nearest point of one cell; None as soon as it is certain to be farther than `best`."""
    directions = own - point
    limits = ((own**2).sum(axis=1) - (point**2).sum()) / 2
    taken = np.arange(min(CUTS, len(own)))
    multipliers = np.zeros(len(taken))
    lower = 0.0
    for _ in range(60):
        a, b = directions[taken], limits[taken]
        multipliers, value = _solve_dual(x, a, b, multipliers)
        lower = max(lower, value)
        if lower >= best:
            return None
        z = np.clip(x - multipliers @ a, 0, 1)
        excess = directions @ z - limits
        worst = np.argsort(-excess)[:CUTS]
        fresh = np.setdiff1d(worst[excess[worst] > 1e-9], taken)
        inside = _inwards(z, point, excess, limits - directions @ point)
        square = float(((inside - x) ** 2).sum())
        if square <= lower * (1 + SLACK) + 1e-12 or not len(fresh):
            break
        taken = np.concatenate([taken, fresh])
        multipliers = np.concatenate([multipliers, np.zeros(len(fresh))])
    return _Cell(inside, square, square <= lower * (1 + 10 * SLACK) + 1e-9)


def _solve_dual(
    x: np.ndarray, a: np.ndarray, b: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, float]:
    """Maximises the dual over the multipliers; its value bounds the squared distance from below."""

    def negative(multipliers: np.ndarray) -> tuple[float, np.ndarray]:
        z = np.clip(x - multipliers @ a, 0, 1)
        excess = a @ z - b
        value = ((z - x) ** 2).sum() / 2 + multipliers @ excess
        return -float(value), -excess

    found = minimize(
        negative, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start),
        options={"maxiter": 200, "ftol": 1e-13, "gtol": 1e-8},
    )  # fmt: skip
    return found.x, -2 * float(found.fun)


def _inwards(z: np.ndarray, point: np.ndarray, excess: np.ndarray, room: np.ndarray) -> np.ndarray:
    """z moved towards the cell's point until it lies in the cell (which is convex)."""
    beyond = excess > 0
    if not beyond.any():
        return z
    share = (excess[beyond] / (excess[beyond] + room[beyond])).max()
    return z + min(1.0, share * (1 + 1e-6) + 1e-9) * (point - z)
