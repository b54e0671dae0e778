"""Evolutions of known confidence, for tests of what is concluded from them."""

import numpy as np
from scipy.special import logit

from reproduce.methods.evolution.map_elites import Evolution

CLASSES, ILSVRC = 10, 1000


def odds(p, count=5, scatter=0.1, classes=CLASSES):
    """Log-odds (runs, 1, classes) whose runs' medians scatter about that of p, the same always."""
    shift = scatter * np.linspace(-1, 1, count)[:, None, None]
    return logit(p) + shift + np.zeros((count, 1, classes))


def evolution(log_odds, **more):
    return Evolution([None] * len(log_odds), log_odds, (), np.empty(0), (400, 400), **more)
