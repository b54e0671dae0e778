"""AlexNet and SqueezeNet as Caffe's descriptions have them, as Keras models.

RGB images in [0, 1] in, what stands before the softmax out. Layers with weights bear Caffe's
names. Caffe's convolutions see blue, green, red; a kernel's input channels are turned round where
weights are put in, so that the network sees red, green, blue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

MEAN_RGB = (123.0, 117.0, 104.0)  # of ImageNet's bytes, as Caffe's examples subtract it
CLASSES = 1000
# Caffe's LRN of AlexNet: x / (1 + ALPHA / NEIGHBOURS * sum over NEIGHBOURS channels of x^2)^BETA
NEIGHBOURS, ALPHA, BETA = 5, 1e-4, 0.75
# Fire modules of SqueezeNet v1.0: maps after squeezing, and of each half after expanding.
FIRES = {2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128), 6: (48, 192), 7: (48, 192),
         8: (64, 256), 9: (64, 256)}  # fmt: skip
POOLED = (4, 8)  # fire modules that pooling follows

Weights = Mapping[str, tuple[np.ndarray, np.ndarray]]


def alexnet() -> keras.Model:
    """Caffe's AlexNet (bvlc_alexnet): convolutions in two groups, normalisation before pooling.

    60,965,224 parameters; images of 227 x 227. Dropout, which only training knows, is left out.
    """
    images = keras.Input((227, 227, 3), name="images")
    x = _centred(images)
    x = _conv(x, "conv1", 96, 11, strides=4)
    x = _pool(local_response_normalization(x), "pool1")
    x = _conv(x, "conv2", 256, 5, padding="same", groups=2)
    x = _pool(local_response_normalization(x), "pool2")
    x = _conv(x, "conv3", 384, 3, padding="same")
    x = _conv(x, "conv4", 384, 3, padding="same", groups=2)
    x = _conv(x, "conv5", 256, 3, padding="same", groups=2)
    x = keras.layers.Flatten(name="flatten")(_pool(x, "pool5"))
    x = keras.layers.Dense(4096, "relu", name="fc6")(x)
    x = keras.layers.Dense(4096, "relu", name="fc7")(x)
    x = keras.layers.Dense(CLASSES, name="fc8")(x)
    return keras.Model(images, x, name="alexnet")


def squeezenet() -> keras.Model:
    """SqueezeNet v1.0 (Iandola et al. 2016), 1,248,424 parameters; images of 227 x 227."""
    images = keras.Input((227, 227, 3), name="images")
    x = _pool(_conv(_centred(images), "conv1", 96, 7, strides=2), "pool1")
    for fire, (squeezed, expanded) in FIRES.items():
        name = f"fire{fire}_conv"
        x = _conv(x, f"{name}1x1_1", squeezed, 1)
        halves = [
            _conv(x, f"{name}1x1_2", expanded, 1),
            _conv(x, f"{name}3x3_2", expanded, 3, padding="same"),
        ]
        x = keras.layers.Concatenate(name=f"fire{fire}_concat")(halves)
        if fire in POOLED:
            x = _pool(x, f"pool{fire}")
    x = keras.layers.ZeroPadding2D(name="pad_conv_final")(x)  # Caffe pads this 1 x 1 convolution
    x = _conv(x, "conv_final", CLASSES, 1)
    x = keras.layers.GlobalAveragePooling2D(name="pool_final")(x)
    return keras.Model(images, x, name="squeezenet")


def local_response_normalization(x: Any) -> Any:
    """Each map divided by what its neighbours in the order of channels hold (Caffe's LRN).

    Args:
        x: (n, height, width, channels).
    """
    half, channels = NEIGHBOURS // 2, x.shape[-1]
    squares = keras.ops.pad(keras.ops.square(x), ((0, 0), (0, 0), (0, 0), (half, half)))
    around = squares[..., :channels]
    for shift in range(1, NEIGHBOURS):
        around = around + squares[..., shift : shift + channels]
    return x * (1 + ALPHA / NEIGHBOURS * around) ** -BETA


def caffe_shapes(model: keras.Model) -> dict[str, tuple[int, ...]]:
    """Layers with weights, in order, and the shapes in which Caffe keeps their weights."""
    found: dict[str, tuple[int, ...]] = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            height, width, inputs, outputs = layer.kernel.shape
            found[layer.name] = (outputs, inputs, height, width)
        elif isinstance(layer, keras.layers.Dense):
            found[layer.name] = layer.kernel.shape[::-1]
    return found


def put_in(model: keras.Model, weights: Weights) -> keras.Model:
    """The model with Caffe's weights, by the names of the layers."""
    shapes = caffe_shapes(model)
    maps: tuple[int, ...] | None = None  # height, width, channels that a flattening saw
    colours = True  # until the first convolution
    for layer in model.layers:
        if isinstance(layer, keras.layers.Flatten):
            maps = layer.input.shape[1:]
        if layer.name not in shapes:
            continue
        kernel, bias = weights[layer.name]
        kernel = kernel.reshape(shapes[layer.name])
        if kernel.ndim == 4:
            kernel = kernel[:, ::-1] if colours else kernel
            colours = False
            kernel = kernel.transpose(2, 3, 1, 0)
        elif maps is not None:  # Caffe flattens channel, row, column
            height, width, channels = maps
            kernel = kernel.reshape(-1, channels, height, width).transpose(2, 3, 1, 0)
            kernel, maps = kernel.reshape(-1, kernel.shape[-1]), None
        else:
            kernel = kernel.T
        layer.set_weights([kernel, bias.ravel()])
    return model


def _centred(images: Any) -> Any:
    return keras.layers.Rescaling(255.0, [-mean for mean in MEAN_RGB], name="centred")(images)


def _conv(
    x: Any, name: str, maps: int, side: int, *, strides: int = 1, padding: str = "valid",
    groups: int = 1,
) -> Any:  # fmt: skip
    return keras.layers.Conv2D(
        maps, side, strides, padding, groups=groups, activation="relu", name=name
    )(x)


def _pool(x: Any, name: str) -> Any:
    return keras.layers.MaxPooling2D(3, 2, name=name)(x)
