"""What distorted images do to other networks (Szegedy et al. 2014, section 4.2, tables 2 and 4).

Two readings the paper leaves open are settled here, and the other one is kept as an option.
Noise is not clipped: the published noise rows fit Gaussian noise added as it is. Amplification
"to stddev 0.1" multiplies the whole set's change by one factor; scaled image by image, a
network's error on its own examples falls below the published 100 %.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reproduce.methods.attacks.attack import distortion, pooled
from reproduce.runtime.errors import UserError

Array = Any


def gaussian_noise(
    images: Array, deviation: float, *, seed: int = 0, clip: bool = False
) -> np.ndarray:
    """Images with noise of that standard deviation added to each pixel, float32 (n, ...).

    Args:
        clip: back to [0, 1], which makes the change smaller: noise of 0.3 on MNIST ends at 0.22.
    """
    images = np.asarray(images, np.float32)
    noise = np.random.default_rng(seed).normal(0, deviation, images.shape)
    noisy = (images + noise).astype(np.float32)
    return noisy.clip(0, 1) if clip else noisy


def amplify(
    images: Array, perturbed: Array, deviation: float, *, clip: bool = True, average: str = "mean"
) -> np.ndarray:
    """The same changes, enlarged by one factor for the set to that average distortion (table 4).

    Args:
        clip: back to [0, 1] afterwards. The paper does not say; the change is then a bit smaller.
        average: which distortion becomes `deviation`: the "mean" of images, or the "pooled" one.

    Returns:
        float32 (n, ...); NaN where `perturbed` is.
    """
    each = distortion(images, perturbed)
    if average not in ("mean", "pooled"):
        raise UserError(f"average is mean or pooled, got {average!r}")
    present = pooled(each) if average == "pooled" else float(np.nanmean(each))
    images, perturbed = np.asarray(images, np.float32), np.asarray(perturbed, np.float32)
    larger = images + np.float32(deviation / present) * (perturbed - images)
    return larger.clip(0, 1) if clip else larger
