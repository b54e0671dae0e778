"""The papers' networks as Keras models: images in [0, 1] in, logits out.

Only Keras's own layers, so that a saved model opens in safe mode; whatever a network does to
its pixels first is a layer inside it.

    Szegedy et al. 2014, Table 1    FC10, FC100-100-10, FC200-200-10, AE400-10    dense()
    Szegedy et al. 2014, Figure 1   "a convolutional network", no more is said    convolutional()
    Nguyen et al. 2015, section 2   Caffe's LeNet                                 lenet()
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

# Caffe's LeNet scales bytes by 0.00390625 = 1/256; our pixels are bytes / 255.
CAFFE_SCALE = 255 / 256

Shape = tuple[int, int, int]


def dense(
    input_shape: Shape,
    units: Sequence[int] = (),
    classes: int = 10,
    *,
    seed: int,
    activation: str = "sigmoid",
    bias: bool = True,
    dropout: Sequence[float] = (),
) -> keras.Model:
    """Fully connected layers, the last one linear. FC10 has no `units`, FC100-100-10 100 and 100.

    Args:
        input_shape: height, width, channels.
        units: width of each hidden layer, input side first.
        seed: of the initial weights (Glorot uniform) and of the dropout.
        dropout: share of the input, then of each hidden layer, that is left out while training.
    """
    if len(dropout) > len(units) + 1:
        raise ValueError(
            f"{len(units)} hidden layers take {len(units) + 1} dropout rates at most, "
            f"got {len(dropout)}"
        )
    seeds = _seeds(seed)
    rates = [*dropout, *[0.0] * (len(units) + 1 - len(dropout))]
    images = keras.Input(input_shape, name="images")
    x = keras.layers.Flatten(name="pixels")(images)
    for layer, (width, rate) in enumerate(zip([*units, classes], rates, strict=True), start=1):
        if rate:
            x = keras.layers.Dropout(rate, seed=next(seeds), name=f"dropout{layer}")(x)
        last = layer == len(units) + 1
        x = keras.layers.Dense(
            width,
            activation=None if last else activation,
            use_bias=bias,
            kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
            name="logits" if last else f"hidden{layer}",
        )(x)
    return keras.Model(images, x, name="dense")


def lenet(input_shape: Shape, classes: int = 10, *, seed: int) -> keras.Model:
    """Caffe's LeNet (Nguyen et al. 2015, section 2): one ReLU; else only pooling is not linear.

    Args:
        input_shape: height, width, channels.
        seed: of the initial weights (Caffe's "xavier": uniform, by fan-in).
    """
    seeds = _seeds(seed)
    images = keras.Input(input_shape, name="images")
    x = keras.layers.Rescaling(CAFFE_SCALE, name="bytes_by_256")(images)
    for block, filters in enumerate((20, 50), start=1):
        x = keras.layers.Conv2D(
            filters, 5, kernel_initializer=_xavier(next(seeds)), name=f"conv{block}"
        )(x)
        x = keras.layers.MaxPooling2D(2, 2, name=f"pool{block}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(500, "relu", kernel_initializer=_xavier(next(seeds)), name="ip1")(x)
    x = keras.layers.Dense(classes, kernel_initializer=_xavier(next(seeds)), name="ip2")(x)
    return keras.Model(images, x, name="lenet")


def convolutional(
    input_shape: Shape,
    classes: int = 10,
    *,
    filters: Sequence[int] = (16, 32),
    units: int = 100,
    seed: int,
) -> keras.Model:
    """A small network of the usual kind: convolutions 5 x 5, ReLU, pooling, a hidden layer.

    Args:
        input_shape: height, width, channels.
        filters: of each convolution.
        units: width of the hidden layer, the "last feature layer" of Szegedy et al. 2014.
        seed: of the initial weights (He uniform).
    """
    seeds = _seeds(seed)
    images = keras.Input(input_shape, name="images")
    x = images
    for block, width in enumerate(filters, start=1):
        x = keras.layers.Conv2D(
            width,
            5,
            activation="relu",
            kernel_initializer=keras.initializers.HeUniform(seed=next(seeds)),
            name=f"conv{block}",
        )(x)
        x = keras.layers.MaxPooling2D(2, 2, name=f"pool{block}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(
        units,
        activation="relu",
        kernel_initializer=keras.initializers.HeUniform(seed=next(seeds)),
        name="features",
    )(x)
    x = keras.layers.Dense(
        classes,
        kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
        name="logits",
    )(x)
    return keras.Model(images, x, name="convolutional")


def _seeds(seed: int) -> Any:
    """One seed per layer from the network's seed."""
    return iter(int(word) for word in np.random.SeedSequence(seed).generate_state(16))


def _xavier(seed: int) -> keras.initializers.Initializer:
    return keras.initializers.VarianceScaling(1.0, "fan_in", "uniform", seed=seed)
