"""The Lipschitz constants of what has no weights: activations and pooling.

Max-pooling is called contractive; that is true of windows that do not overlap. A pixel that is the
largest in m windows at once is copied m times, so overlapping windows get sqrt(m).
"""

from __future__ import annotations

import math
from typing import Any

import keras

from reproduce.runtime.errors import NotAvailable

# The largest slope of each activation. The paper bounds rectified layers; a sigmoid is four times
# flatter at its steepest.
SLOPES = {"linear": 1.0, "relu": 1.0, "tanh": 1.0, "sigmoid": 0.25}


def slope(layer: keras.Layer) -> float:
    """The largest slope of a layer's activation.

    Raises:
        NotAvailable: where it is not known here.
    """
    known = known_slope(layer.activation)
    if math.isnan(known):
        name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
        raise NotAvailable(f"{layer.name}: the largest slope of {name} is not known here.")
    return known


def known_slope(activation: Any) -> float:
    """The largest slope of an activation, a function or a ReLU layer; NaN where it is not known."""
    if isinstance(activation, keras.layers.ReLU):
        return relu_slope(activation)
    home = (getattr(activation, "__module__", None) or "").partition(".")[0]
    if home not in ("keras", "tensorflow"):  # a function of one's own may be called relu, too
        return math.nan
    return SLOPES.get(getattr(activation, "__name__", ""), math.nan)


def relu_slope(layer: keras.layers.ReLU) -> float:
    """Of a rectifier's two sides; NaN where it jumps, at a threshold other than 0."""
    return math.nan if layer.threshold else max(1.0, abs(float(layer.negative_slope)))


def pooling_constant(layer: keras.Layer) -> float:
    """Of max-pooling or average pooling, from above."""
    constant = 1.0
    sizes = layer.input.shape[1:] if layer.data_format == "channels_last" else layer.input.shape[2:]
    for side, stride, size in zip(layer.pool_size, layer.strides, sizes[:2], strict=True):
        windows = math.ceil(side / stride)  # that share a pixel
        if isinstance(layer, keras.layers.AveragePooling2D):
            # A window's mean of n pixels has norm 1 / sqrt(n).
            same = layer.padding == "same"
            constant *= windows / (_fewest(side, stride, size) if same else side)
        else:
            constant *= windows
    return math.sqrt(constant)


def _fewest(side: int, stride: int, size: int | None) -> int:
    """Pixels of a window that lie inside the image, by which its mean divides; of the smallest."""
    if size is None:
        return 1
    windows = math.ceil(size / stride)
    before = max((windows - 1) * stride + side - size, 0) // 2  # pixels of padding
    starts = range(-before, windows * stride - before, stride)
    return min(min(start + side, size) - max(start, 0) for start in starts)
