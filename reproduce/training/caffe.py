"""The schedule of Caffe's MNIST example, by which the LeNet of Nguyen et al. 2015 was trained."""

from __future__ import annotations

import numpy as np


def inverse(done: np.ndarray, start: float, gamma: float, power: float, steps: int) -> np.ndarray:
    """Caffe's policy "inv": start * (1 + gamma * step) ** -power.

    Args:
        done: the fraction of the training that is done, in [0, 1).
        steps: of the whole training, by which a fraction becomes a step.
    """
    return np.asarray(start * (1 + gamma * steps * done) ** -power)
