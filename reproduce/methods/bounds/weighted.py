"""The layers with weights, and the kernel that each amounts to once training is over."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

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


class Use(NamedTuple):
    """A layer where it stands in a network.

    given, gives: the tensors that go in and the one that comes out, by their identity.
    """

    layer: Any
    given: tuple[int, ...]
    gives: int


def uses(network: keras.Model) -> list[Use]:
    """Each use of each layer, in the order of the graph; none where a network shows no graph.

    A layer's own `input` and `output` are those of its first call, which may be another network's:
    Sequential.add calls all layers anew.
    """
    graph: Any = getattr(network, "_functional", None) or network
    depths = getattr(graph, "_nodes_by_depth", {})
    return [
        Use(node.operation, tuple(map(id, node.input_tensors)), id(node.outputs[0]))
        for depth in sorted(depths, reverse=True)
        for node in depths[depth]
    ]


def weighted_layers(network: keras.Model) -> list[tuple[keras.Layer, Array]]:
    """Convolutions and fully connected layers with the kernel they amount to, in order.

    A batch normalisation that alone follows one at once belongs to it: what it multiplies the maps
    by multiplies the kernel (of a separable convolution the one that mixes the maps). Any other
    stands by itself, with what it multiplies the maps by.
    """
    folded = _folded(network)
    found = []
    for layer in network.layers:
        if isinstance(layer, WEIGHTED):
            after = folded.get(layer)
            factor: Array = np.ones(1, np.float32) if after is None else batch_factor(after)
            found.append((layer, _times(layer, kernel_of(layer), factor)))
        elif isinstance(layer, keras.layers.BatchNormalization) and layer not in folded.values():
            found.append((layer, batch_factor(layer)))
    return found


def _folded(network: keras.Model) -> dict[Any, Any]:
    """Linear layer -> the normalisation that is all that follows it; each is used once."""
    found = uses(network)
    times = Counter(use.layer for use in found)
    readers = Counter(tensor for use in found for tensor in use.given)
    readers.update(id(tensor) for tensor in network.outputs or ())
    makers = {use.gives: use.layer for use in found}
    pairs = {}
    for use in found:
        if isinstance(use.layer, keras.layers.BatchNormalization) and times[use.layer] == 1:
            before = makers[use.given[0]]
            alone = readers[use.given[0]] == 1 and times[before] == 1
            if alone and isinstance(before, WEIGHTED) and _is_linear(before):
                pairs[before] = use.layer
    return pairs


def _is_linear(layer: keras.Layer) -> bool:
    return bool(keras.activations.serialize(layer.activation) == "linear")


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
