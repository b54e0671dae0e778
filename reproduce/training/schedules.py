"""Schedules: the fraction of the training that is done, in [0, 1), -> a rate or a factor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Schedule = Callable[[np.ndarray], np.ndarray]


def constant(done: np.ndarray, value: float) -> np.ndarray:
    """The same all the time."""
    return np.full_like(done, value)


def cosine(done: np.ndarray, start: float, end: float, warm_up: float = 0.0) -> np.ndarray:
    """From start to end along half a cosine (Loshchilov & Hutter 2017), after a linear warm-up."""
    fall = np.clip((done - warm_up) / (1 - warm_up), 0, 1)
    rise = np.minimum(1, done / warm_up) if warm_up else 1.0
    return rise * (end + (start - end) * (1 + np.cos(np.pi * fall)) / 2)


def one_cycle(done: np.ndarray, peak: float, warm_up: float = 0.25) -> np.ndarray:
    """Linearly up to the peak and down to zero (Smith 2018, "super-convergence")."""
    return peak * np.minimum(done / warm_up, (1 - done) / (1 - warm_up))


def falling(done: np.ndarray, start: float, end: float, hold: float = 0.5) -> np.ndarray:
    """Holds the start for a while, then goes geometrically to the end."""
    fall = np.clip((done - hold) / (1 - hold), 0, 1)
    return start * (end / start) ** fall
