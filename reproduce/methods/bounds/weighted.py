"""The layers with weights, and the kernel that each amounts to once training is over."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

# Convolutions whose operator has no block for each frequency here; their norm is found as it is.
UNUSUAL = (keras.layers.SeparableConv2D, keras.layers.Conv2DTranspose)
WEIGHTED = (
    keras.layers.Dense,
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    *UNUSUAL,
)


def weighted_layers(network: keras.Model) -> list[tuple[keras.Layer, Array]]:
    """Convolutions and fully connected layers with the kernel they amount to, in order.

    A batch normalisation that follows one at once belongs to it: what it multiplies the maps by
    multiplies the kernel (of a separable convolution the one that mixes the maps). Any other
    stands by itself, with what it multiplies the maps by.
    """
    normalisations = {
        id(layer.input): layer
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    found = []
    for layer in network.layers:
        if isinstance(layer, WEIGHTED):
            linear = keras.activations.serialize(layer.activation) == "linear"
            after = normalisations.pop(id(layer.output), None) if linear else None
            factor: Array = np.ones(1, np.float32) if after is None else batch_factor(after)
            found.append((layer, _times(layer, kernel_of(layer), factor)))
        elif isinstance(layer, keras.layers.BatchNormalization) and (
            normalisations.get(id(layer.input)) is layer
        ):
            found.append((layer, batch_factor(layer)))
    return found


def uncounted(network: keras.Model) -> list[str]:
    """Names of the layers with weights that `weighted_layers` leaves out."""
    return [
        layer.name
        for layer in network.layers
        if layer.weights and not isinstance(layer, (*WEIGHTED, keras.layers.BatchNormalization))
    ]


def kernel_of(layer: keras.Layer) -> Array:
    """What the layer multiplies by, without its bias.

    Of a convolution map by map, as that of one in as many groups as there are maps; of a separable
    one the part that mixes the maps.
    """
    kernel: Array = layer.get_weights()[isinstance(layer, keras.layers.SeparableConv2D)]
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return kernel.reshape(*kernel.shape[:2], 1, -1)
    return kernel


def batch_factor(layer: keras.layers.BatchNormalization) -> Array:
    """What each map is multiplied by once training is over."""
    factor: Array = 1 / np.sqrt(np.asarray(layer.moving_variance) + layer.epsilon)
    return factor * np.asarray(layer.gamma) if layer.scale else factor


def _times(layer: keras.Layer, kernel: Array, factor: Array) -> Array:
    """The kernel of a layer whose maps are multiplied by a factor each."""
    if isinstance(layer, keras.layers.Conv2DTranspose):  # its kernel has the outputs first
        return kernel * np.broadcast_to(factor, kernel.shape[2])[:, None]
    return kernel * factor
