"""What a network's layers say of photographs: one number for each unit or map."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np

from reproduce.networks.forward import outputs
from reproduce.runtime.errors import NotAvailable

BATCH = 32


class Place(NamedTuple):
    """Where a network is listened to.

    name: "before fc8"; tensor: what the layer of that name takes in.
    """

    name: str
    tensor: Any


def places(network: keras.Model) -> list[Place]:
    """What each convolution or fully connected layer takes in, but for the first, in order.

    The last one is the last feature layer: what the network decides by.
    """
    layers = [
        layer
        for layer in network.layers
        if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D)
    ]
    if len(layers) < 2:
        raise NotAvailable(
            "the network shows no two layers with weights of its own: it has to be a graph of "
            "layers (networks.ten_crops=false)."
        )
    found: list[Place] = []
    for layer in layers[1:]:
        if not found or layer.input is not found[-1].tensor:
            found.append(Place(f"before {layer.name}", layer.input))
    return found


def activations(network: keras.Model, place: str, images: np.ndarray) -> np.ndarray:
    """float32 (n, units); a feature map counts as one unit, by its mean over the image.

    Args:
        place: its name.
        images: float32 (n, side, side, 3).
    """
    tensor = next(each.tensor for each in places(network) if each.name == place)
    if len(tensor.shape) == 4:
        tensor = keras.layers.GlobalAveragePooling2D()(tensor)
    return outputs(keras.Model(network.inputs[0], tensor), images, BATCH)
