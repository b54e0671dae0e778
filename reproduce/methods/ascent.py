"""Gradient ascent to fooling images (Nguyen et al. 2015, section 3.8 and figure 13).

The authors' rule raises the softmax output p_c of a class by steps whose *predicted* gain is
`early`, later the fraction `late` of what is missing, on bytes with the mean image subtracted:

    X    pixels - mean, pixels in [0, 255]          g    dp_c / dX
    X <- clip(X + mean, 0, 255) - mean
    X <- X + g min(10^7, min(early, late (1 - p_c)) / |g|^2)
    X <- (1 - decay) X, then blur, then two kinds of pixels set to zero

The four settings are those the authors' code arrives at; three regularise, and are named here by
what they add, `none` nothing, `blur` a decay as well, `blur_sparse` both (169, 188 and 360 start
the code's random choice of them). `fast`, for images of 28 x 28, and `fast224`, for those of about
224 x 224, are ours: the gradient of log p_c, brought to unit norm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy.ndimage import gaussian_filter

from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import inference
from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import stage

LARGEST_RATE = 1e7  # authors' released code
THRESHOLDS = (0.5, 0.99, 0.999, 0.9999)
PIXELS = 2_000_000  # evaluated at once: 39 images of 224 x 224, whose maps take about 2 GB


class Rule(NamedTuple):
    """How an image moves up, and what is done to it after each step.

    steps: how many.
    early, late: predicted gain of a step, and the fraction of 1 - p_c it is held to.
    decay: the share of X - the difference from the mean - lost in each step.
    blur, blur_every: radius of a Gaussian in pixels, and the steps from one to the next.
    small_norm, small_benefit: share of pixels set to the mean in each step, those of smallest
        norm over the channels and those whose removal changes p_c least.
    log: climb log p_c by steps of norm `early` (in units of [0, 1]); `late` has no part.
    """

    steps: int
    early: float
    late: float = 0.0
    decay: float = 0.0
    blur: float = 0.0
    blur_every: int = 1
    small_norm: float = 0.0
    small_benefit: float = 0.0
    log: bool = False


RULES = {
    "none": Rule(steps=500, early=0.02, late=0.1),
    "decay": Rule(steps=1500, early=0.03, late=0.02, decay=0.01, blur_every=4),
    "blur": Rule(steps=1000, early=0.03, late=0.05, decay=0.001, blur=0.4, blur_every=2),
    "blur_sparse": Rule(
        steps=1500, early=0.03, late=0.05, decay=0.001, blur=0.3,
        small_norm=0.2, small_benefit=0.2,
    ),
    "fast": Rule(steps=50, early=0.5, decay=0.005, log=True),
    "fast224": Rule(steps=60, early=2.0, decay=0.01, log=True),
}  # fmt: skip


class Ascent(NamedTuple):
    """Where the images of a batch came to.

    images: float32 (n, height, width, channels) in [0, 1], the last iterates, clipped.
    confidence: float64 (n, steps + 1), p_c before each step and at the end; NaN once an image
        has left the batch.
    reached: int64 (n, thresholds), the first step at which p_c stood at each of THRESHOLDS or
        above; -1 where it never did.
    """

    images: np.ndarray
    confidence: np.ndarray
    reached: np.ndarray


def ascend(
    classify: Classifier,
    targets: Sequence[int],
    *,
    mean: np.ndarray,
    seeds: Sequence[int | Sequence[int]],
    rule: str | Rule = "none",
    steps: int | None = None,
    until: float | None = None,
) -> Ascent:
    """Climbs from the mean image plus noise to high confidence in each target.

    Args:
        targets: n classes, one for each image.
        mean: float32 (height, width, channels) in [0, 1], what X is counted from.
        seeds: n, of the noise N(0, 1) in units of bytes that each image starts with.
        rule: one of RULES by name, or another.
        steps: fewer or more than the rule's.
        until: p_c at which an image is done and leaves the batch; None climbs to the last step.
    """
    rule = RULES[rule] if isinstance(rule, str) else rule
    steps = rule.steps if steps is None else steps
    middle = mean.astype(np.float32) * 255
    x = np.stack([np.random.default_rng(seed).normal(size=mean.shape) for seed in seeds])
    x = x.astype(np.float32)
    classes = np.asarray(targets, np.int32)
    gradient = _gradient(classify, mean.shape, rule.log)
    pixels = np.empty_like(x)
    confidence = np.full((len(x), steps + 1), np.nan)
    climbing = np.arange(len(x))
    with stage(f"gradient ascent, {len(x)} images", total=steps) as advance:
        for step in range(steps + 1):
            pixels[climbing] = np.clip(x + middle, 0, 255)
            x = pixels[climbing] - middle
            p, g = gradient(pixels[climbing] if step == steps else x + middle, classes[climbing])
            confidence[climbing, step] = p
            if until is not None:
                on = p < until
                climbing, x, p, g = climbing[on], x[on], p[on], g[on]
            if step == steps or not len(climbing):
                break
            x = regularised(moved(x, p, g, rule), g, rule, step)
            advance(1, median_confidence=float(np.nanmedian(latest(confidence))))
    there = confidence[:, :, None] >= np.array(THRESHOLDS)
    reached = np.where(there.any(axis=1), there.argmax(axis=1), -1)
    return Ascent((pixels / 255).astype(np.float32), confidence, reached)


def latest(confidence: np.ndarray) -> np.ndarray:
    """The last confidence of each image, where it left the batch or the climb ended."""
    ended = np.isfinite(confidence).sum(axis=1) - 1
    return confidence[np.arange(len(confidence)), ended]


def moved(x: np.ndarray, p: np.ndarray, g: np.ndarray, rule: Rule) -> np.ndarray:
    """One step up the gradient g, for a batch."""
    squared = np.square(g, dtype=np.float64).sum(axis=(1, 2, 3))
    wanted = 255 * rule.early if rule.log else np.minimum(rule.early, rule.late * (1 - p))
    length = np.sqrt(squared) if rule.log else squared
    # Where the gradient vanishes, p at 1 among others, there is no step: 0/0 would be no image.
    rate = np.divide(wanted, length, out=np.zeros_like(squared), where=squared > 0)
    return x + np.minimum(LARGEST_RATE, rate).astype(np.float32)[:, None, None, None] * g


def regularised(x: np.ndarray, g: np.ndarray, rule: Rule, step: int) -> np.ndarray:
    """Decay, blur, and pixels to zero, in the authors' order.

    Args:
        g: the gradient at which the step was taken, for the benefit |sum of g x| of a pixel.
        step: counted from 0; a blur comes with step 0.
    """
    x = x * np.float32(1 - rule.decay)
    if rule.blur and step % rule.blur_every == 0:
        x = gaussian_filter(x, (0, rule.blur, rule.blur, 0))
    if rule.small_norm:
        x = _without_smallest(x, np.linalg.norm(x, axis=-1), rule.small_norm)
    if rule.small_benefit:
        x = _without_smallest(x, np.abs((g * x).sum(axis=-1)), rule.small_benefit)
    return x


def _without_smallest(x: np.ndarray, size: np.ndarray, share: float) -> np.ndarray:
    """Zero where a pixel's size (n, height, width) is below its image's quantile."""
    limit = np.quantile(size, share, axis=(1, 2), keepdims=True)
    return np.where((size < limit)[..., None], np.float32(0), x)


def _gradient(
    classify: Classifier, shape: tuple[int, ...], log: bool
) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """bytes (n, *shape), classes (n,) -> p_c float64 (n,), and the gradient of p_c or log p_c."""

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, *shape), tf.float32), tf.TensorSpec((None,), tf.int32),
        ]
    )  # fmt: skip
    def evaluate(pixels: tf.Tensor, classes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(pixels)
            log_p = tf.nn.log_softmax(inference(classify)(pixels / 255.0))
            log_p = tf.gather(log_p, classes, axis=1, batch_dims=1)
            p = tf.exp(log_p)
            value = log_p if log else p
        return p, tape.gradient(value, pixels)

    together = max(1, PIXELS // (shape[0] * shape[1]))

    def gradient(pixels: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slices = [slice(first, first + together) for first in range(0, len(pixels), together)]
        parts = [evaluate(tf.constant(pixels[some]), tf.constant(classes[some])) for some in slices]
        p, g = (np.concatenate(each) for each in zip(*parts, strict=True))
        if not (np.isfinite(p).all() and np.isfinite(g).all()):
            raise UserError("the network's confidence or its gradient is no number on the way up.")
        return p.astype(np.float64), g

    return gradient
