"""Views of a photograph: the middle, or ten crops whose answers are averaged."""

from __future__ import annotations

import math
from typing import Any

import keras

from reproduce.data.photographs import SIDE
from reproduce.runtime.errors import UserError


def ten_crops(network: keras.Model, side: int = SIDE) -> keras.Model:
    """The mean of the softmax over ten crops: four corners, the middle, and their mirror images.

    Args:
        network: images (n, s, s, 3) -> logits, s at most `side`.

    Returns:
        images (n, side, side, 3) -> logarithm of the mean, (n, classes): logits of that mean.

    Raises:
        UserError: for a network of other images.
    """
    height, inner, channels = network.input_shape[1:]
    if height != inner or inner > side or channels != 3:
        raise UserError(
            f"ten_crops=true is for networks of square colour images of at most {side} pixels; "
            f"this one takes {height} x {inner} x {channels} (networks.ten_crops=false)."
        )
    rest = side - inner
    images = keras.Input((side, side, 3), name="images")
    corners = [(0, 0), (0, rest), (rest, 0), (rest, rest), (rest // 2, rest // 2)]
    crops: list[Any] = []
    for top, left in corners:
        crop = images[:, top : top + inner, left : left + inner]
        crops += [crop, keras.ops.flip(crop, axis=2)]
    logits = network(keras.ops.concatenate(crops, axis=0))
    log_odds = keras.ops.log_softmax(logits)
    apart = keras.ops.reshape(log_odds, (len(crops), -1, network.output_shape[1]))
    mean = keras.ops.logsumexp(apart, axis=0) - math.log(len(crops))
    model = keras.Model(images, mean, name=f"{network.name}_ten_crops")
    model.views = 2 * len(corners)
    return model


def views(network: keras.Model) -> int:
    """Crops of an image over which a network's answer is averaged; 1 where it sees one."""
    return int(getattr(network, "views", 1))
