"""What distorted images do to other networks (Szegedy et al. 2014, section 4.2, tables 2 and 4).

Two readings the paper leaves open are settled here, and the other one is kept as an option.
Noise is not clipped: the published noise rows fit Gaussian noise added as it is. Amplification
"to stddev 0.1" multiplies the whole set's change by one factor; scaled image by image, a
network's error on its own examples falls below the published 100 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from reproduce.methods.attacks.attack import distortion, pooled
from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import slot_logits
from reproduce.runtime.errors import UserError

Array = Any


def wrong(classify: Classifier, images: Array, labels: Array) -> np.ndarray:
    """Which images the network does not give their label, bool (n,)."""
    labels = np.asarray(labels)
    if len(images) != len(labels):
        raise UserError(f"one label an image, got {len(labels)} for {len(images)} images")
    return slot_logits(classify, images).argmax(1) != labels


def errors(
    networks: Mapping[str, Classifier], sets: Mapping[str, tuple[Array, Array]]
) -> dict[tuple[str, str], float]:
    """The error of each network on each set of images, as a fraction: table 2.

    Args:
        sets: by name, images and their true labels. Images that hold NaN (a failed attack) are
            left out.

    Returns:
        by (name of the set, name of the network).
    """
    table = {}
    for row, (images, labels) in sets.items():
        whole = np.isfinite(np.asarray(images)).reshape(len(images), -1).all(axis=1)
        for column, classify in networks.items():
            table[row, column] = float("nan")
            if whole.any():
                mistakes = wrong(classify, images[whole], np.asarray(labels)[whole])
                table[row, column] = float(mistakes.mean())
    return table


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


def amplify_as_printed(images: Array, perturbed: Array, length: float = 0.1) -> np.ndarray:
    """x + 0.1 (x' - x) / ||x' - x||_2, as section 4.2 prints it.

    With the norm over 784 pixels this *shrinks* the distortion, to 0.1 / 28 = 0.0036.
    """
    images, perturbed = np.asarray(images, np.float32), np.asarray(perturbed, np.float32)
    change = perturbed - images
    norm = np.sqrt(np.sum(change**2, axis=tuple(range(1, change.ndim)), keepdims=True))
    return (images + length * change / norm).astype(np.float32)
