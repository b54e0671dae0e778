"""Gradient ascent on a network of photographs, kept: from ImageNet's mean to any class."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import keras
import numpy as np

from reproduce import training
from reproduce.data.examples import to_unit
from reproduce.experiments import Context
from reproduce.experiments.imagenet import BATCH
from reproduce.methods.ascent import RULES, ascend
from reproduce.methods.evolution import archive
from reproduce.networks.heads import past_relu

# Mean red, green and blue of the ILSVRC 2012 training images, as Caffe has them.
MEAN_PIXEL = (122.67891434, 116.66876762, 104.00698793)
FEWEST_STEPS = 20
SHOWN_SHARE = 0.998  # of an image's values lie within black and white; single peaks do not


class Climbed(NamedTuple):
    """Images that were climbed to, as files keep them.

    images: uint8 (n, side, side, 3), the last iterates.
    log_odds: float64 (n,), of these bytes for their class.
    confidence, reached: on the way, before rounding to bytes; as in `ascent.Ascent`.
    cpu_seconds: of the process, for all of them.
    """

    images: np.ndarray
    log_odds: np.ndarray
    confidence: np.ndarray
    reached: np.ndarray
    cpu_seconds: float


def climb_cached(
    context: Context,
    network: keras.Model,
    classes: Sequence[int],
    *,
    rule: str,
    together: int,
    starts: int = 1,
    steps_share: float = 1.0,
    until: float | None = None,
) -> Climbed:
    """Images of each class, made `together` classes at a time and kept.

    Args:
        starts: noise images for each class; those of a class lie one after the other.
        steps_share: of the rule's own steps, for a quick look.
        until: confidence at which an image is done.
    """
    targets = [(label, start) for label in classes for start in range(starts)]
    groups = [targets[i : i + together * starts] for i in range(0, len(targets), together * starts)]
    parts = [
        context.cached(
            partial(
                climb,
                network,
                [label for label, _ in group],
                seeds=[(context.seed, label, start) for label, start in group],
                rule=rule,
                steps=max(FEWEST_STEPS, round(steps_share * RULES[rule].steps)),
                until=until,
            )
        )
        for group in groups
    ]
    images, log_odds, confidence, reached, seconds = zip(*parts, strict=True)
    return Climbed(
        np.concatenate(images),
        np.concatenate(log_odds),
        np.concatenate(confidence),
        np.concatenate(reached),
        sum(seconds),
    )


def climb(
    network: keras.Model,
    targets: Sequence[int],
    *,
    seeds: Sequence[Sequence[int]],
    rule: str,
    steps: int,
    until: float | None,
) -> Climbed:
    """One batch of `ascend`, rounded to bytes and scored once more.

    A rule of log p follows gradients past a last ReLU; the authors' rules do not.
    """
    began = time.process_time()
    classify = past_relu(network) if RULES[rule].log else network
    found = ascend(
        classify, targets, mean=mean_image(network), seeds=seeds, rule=rule, steps=steps,
        until=until,
    )  # fmt: skip
    images = np.round(found.images * 255).astype(np.uint8)
    logits = training.logits(network, to_unit(images), BATCH)
    return Climbed(
        images,
        archive.log_odds(logits)[np.arange(len(images)), list(targets)],
        found.confidence,
        found.reached,
        time.process_time() - began,
    )


def mean_image(network: keras.Model) -> np.ndarray:
    """float32 (side, side, 3) in [0, 1]: one colour, since the mean image is not at hand."""
    pixel = to_unit(np.array(MEAN_PIXEL))
    return np.tile(pixel, (*network.input_shape[1:3], 1))


def without_mean(images: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The difference from the mean around a middle grey, each image to its own range.

    Args:
        images: uint8 (n, side, side, 3).
        mean: float32 (side, side, 3) in [0, 1].

    Returns:
        float32 (n, side, side, 3) in [0, 1].
    """
    difference = to_unit(images) - mean
    reach = np.quantile(np.abs(difference), SHOWN_SHARE, axis=(1, 2, 3), keepdims=True)
    return np.clip(0.5 + difference / np.maximum(2 * reach, 1e-6), 0, 1).astype(np.float32)
