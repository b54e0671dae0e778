"""Screening in bfloat16: how far its log-odds are off, and how far they could be, by proof.

    python -m benchmarks.rounding         SqueezeNet and Tiny Darknet, a minute

An image that a rough forward pass puts far below every elite need not be looked at properly. That
an archive then stays the same bit for bit takes a bound on the rough pass's error. The bound here
follows rounding through the network: what a convolution is given is off by at most e and is rounded
once more, to eight bits, and so are its weights; it adds up at most |W| times all of that. Other
layers pass an error on, or scale it. Sums count as exact, so that the true bound is larger still.

On a processor without instructions for bfloat16 nothing is off.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from rich.table import Table

from reproduce.data.examples import to_unit
from reproduce.methods.evolution import cppn
from reproduce.methods.evolution.scoring import bfloat16, frozen
from reproduce.networks import imagenet
from reproduce.networks.forward import logits
from reproduce.runtime.progress import console

UNIT = 2.0**-8  # by at most so much of itself a number is rounded
IMAGES = 64  # random CPPNs, as an evolution begins with
BATCH = 16
PASSING = (layers.ReLU, layers.LeakyReLU)  # no error grows in them
LINEAR = (layers.MaxPooling2D, layers.ZeroPadding2D, layers.GlobalAveragePooling2D)


def bound(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """How far each logit may be off in bfloat16.

    Args:
        images: float32 in [0, 1], (n, height, width, channels).

    Returns:
        float32 (n, classes).

    Raises:
        ValueError: the network has a layer of another kind than those below.
    """
    known: dict[int, tuple[Any, Any]] = {}

    def of(tensor: Any) -> tuple[Any, Any]:
        layer, node, _ = tensor._keras_history
        if id(layer) not in known:
            given = [of(each) for each in layer._inbound_nodes[node].input_tensors]
            known[id(layer)] = passed(layer, *zip(*given, strict=True)) if given else start
        return known[id(layer)]

    start = ops.convert_to_tensor(images), ops.zeros_like(images)
    return np.array(of(network.outputs[0])[1])


def passed(layer: keras.Layer, values: Any, errors: Any) -> tuple[Any, Any]:
    """What a layer makes of its inputs, and of how far each of them may be off."""
    if isinstance(layer, layers.Concatenate):
        return layer(values), layer(errors)
    (value,), (error,) = values, errors
    answer = layer(value)
    if isinstance(layer, layers.Conv2D):
        off = error + (2 * UNIT + UNIT**2) * (ops.abs(value) + error)
        settings = layer.strides, layer.padding, None, layer.dilation_rate
        return answer, ops.conv(off, ops.abs(layer.kernel), *settings)
    if isinstance(layer, layers.Rescaling):
        return answer, error * ops.abs(layer.scale)
    if isinstance(layer, layers.BatchNormalization):
        slope = layer.gamma / ops.sqrt(layer.moving_variance + layer.epsilon)
        return answer, error * ops.abs(slope)
    if isinstance(layer, PASSING):
        return answer, error
    if isinstance(layer, LINEAR):
        return answer, layer(error)
    raise ValueError(f"no bound is known for {type(layer).__name__}")


def main() -> None:
    headings = "off, median", "off, at most", "bound, at least", "logits' range"
    table = Table("network", *headings, title=f"log-odds in bfloat16, {IMAGES} random CPPNs")
    for name, made in {
        "SqueezeNet": imagenet.squeezenet,
        "Tiny Darknet": imagenet.tiny_darknet,
    }.items():
        network = made()
        encoding = cppn.encoding("code", size=network.input_shape[1], channels=3)
        images = encoding.render(encoding.random(np.random.default_rng(0), IMAGES))
        exact, rough = (score(network, BATCH)(images) for score in (frozen, bfloat16))
        off = np.abs(rough - exact)
        pixels = to_unit(images)
        least = min(bound(network, part).min() for part in np.split(pixels, IMAGES // BATCH))
        range_ = np.ptp(logits(network, pixels, BATCH), axis=1).max()
        table.add_row(
            name, f"{np.median(off):.3f}", f"{off.max():.3f}", f"{least:.1e}", f"{range_:.1f}"
        )
    console.print(table)


if __name__ == "__main__":
    main()
