"""The last step of an attack: from a minimiser near the decision boundary to the boundary itself.

Szegedy et al. 2014, section 4.1, wants f(x + r) = l with the smallest r. What the tolerance of the
search for c leaves is made up by sliding along the ray from the clean image.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from reproduce.methods.attacks import c_search
from reproduce.networks.forward import Network, Weights, batches

SAFE_MARGIN = 2e-5  # of the clean margin, and in logits: rounding must not flip the label
# Along the ray, for a minimiser that ended a hair before the boundary: the first that reaches the
# target, since behind a corner between three classes the next one may begin soon.
PUSHES = (1.0003, 1.001, 1.003, 1.01, 1.03, 1.1, 1.3)
CUTS = 6  # regula falsi steps along the ray

Tensor = Any


def to_boundary(
    network: Network, images: np.ndarray, targets: np.ndarray, found: np.ndarray
) -> np.ndarray:
    """Slides each found image along its ray to where the label has just become the target.

    Args:
        images: float32 (n, ...) in [0, 1], the clean ones.
        targets: int (n,).
        found: float32 (n, pixels), at or near the boundary; NaN stays NaN.

    Returns:
        float32 (n, pixels) in [0, 1].
    """
    slide = _slide(network, images.shape[1:])
    there = np.isfinite(found).all(axis=1)
    flat = images.reshape(len(images), -1)
    found = np.where(there[:, None], found, flat)  # no network is shown NaN
    parts = []
    for rows in batches(images):
        arguments = map(tf.constant, (flat[rows], found[rows], targets[rows].astype(np.int32)))
        parts.append(slide(network.weights, *arguments).numpy())
    result = np.clip(np.concatenate(parts)[: len(images)], 0, 1)
    return np.where(there[:, None], result, np.float32(np.nan))


@functools.lru_cache(maxsize=64)
def _slide(network: Network, shape: tuple[int, ...]) -> Callable[..., Any]:
    @tf.function
    def slide(weights: Weights, clean: Any, found: Any, targets: Any) -> Any:
        def margin(points: Any) -> Any:
            return c_search.margins(
                network.logits(weights, tf.reshape(points, (-1, *shape))), targets
            )

        wanted = tf.maximum(-SAFE_MARGIN * margin(clean), SAFE_MARGIN)
        ahead = found
        for push in PUSHES:
            pushed = tf.clip_by_value(clean + push * (found - clean), 0.0, 1.0)
            helps = (margin(ahead) < wanted) & (margin(pushed) >= wanted)
            ahead = tf.where(helps[:, None], pushed, ahead)
        return on_the_ray(margin, clean, ahead, wanted, CUTS)

    return slide


def on_the_ray(
    margin: Callable[[Tensor], Tensor], clean: Tensor, found: Tensor, wanted: Tensor, halvings: int
) -> Tensor:
    """The first point on the ray from each clean image to its found one with the wanted margin.

    Regula falsi with the Illinois rule between the ends: `found` has at least that margin.
    """
    zero = tf.zeros_like(wanted)
    outside = margin(clean) - wanted
    inside = margin(found) - wanted

    def narrow(i: Tensor, far: Tensor, near: Tensor, outside: Tensor, inside: Tensor) -> Any:
        middle = far - inside * (far - near) / (inside - outside)
        middle = tf.where(tf.math.is_finite(middle), middle, (near + far) / 2)
        # the last look lies a little inside, so that it can only bring `far` in
        middle = tf.clip_by_value(middle, near, far)
        value = margin(clean + middle[:, None] * (found - clean)) - wanted
        reaches = value >= 0
        return (
            i + 1,
            tf.where(reaches, middle, far),
            tf.where(reaches, near, middle),
            tf.where(reaches, outside / 2, value),
            tf.where(reaches, value, inside / 2),
        )

    _, far, *_ = tf.while_loop(
        lambda i, *_: i < halvings, narrow, (0, zero + 1, zero, outside, inside)
    )
    return tf.where(inside[:, None] >= 0, clean + far[:, None] * (found - clean), found)
