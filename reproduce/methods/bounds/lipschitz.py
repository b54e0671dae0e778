"""What a network's layers bound together: its Lipschitz constant and the smallest distortion.

Szegedy et al. 2014, section 4.3: the product of the layers' constants bounds the network's,
||phi(x) - phi(x + r)|| <= L ||r||. A change of label needs two logits to change places, and so

    ||r|| >= (z_label(x) - z_target(x)) / (sqrt(2) L):

no distortion below that can succeed, whatever attack looks for it. The paper prints the layers'
constants alone (Table 5) and says that large ones prove nothing while small ones would exclude
adversarial examples; the smallest distortion they permit puts a number on "large".
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from reproduce.methods.bounds import operator_norms, weightless
from reproduce.methods.bounds.weighted import (
    UNUSUAL,
    WEIGHTED,
    batch_factor,
    kernel_of,
    uses,
)
from reproduce.runtime.errors import NotAvailable

Array = NDArray[np.floating]

HARMLESS = (
    keras.layers.InputLayer,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Dropout,  # the identity once training is over
)


class LayerBound(NamedTuple):
    """One layer's Lipschitz constant, from above.

    size: as in Table 5, "96 x 5 x 5 x 256", inputs first.
    norm: of the layer as it is, zeros around the image and all.
    circular: the paper's bound on `norm`, by Fourier blocks; NaN where it has none.
    printed: the paper's formula as printed, too small by a factor of the stride.
    slope: the largest of the activation.
    """

    layer: str
    size: str
    stride: int | None
    norm: float
    circular: float
    printed: float
    slope: float

    @property
    def upper(self) -> float:
        """The bound by Fourier blocks, or the norm itself where there is none."""
        return self.norm if math.isnan(self.circular) else self.circular

    @property
    def constant(self) -> float:
        """The layer's Lipschitz constant is at most this."""
        return self.norm * self.slope


def layer_bounds(network: keras.Model) -> list[LayerBound]:
    """Every layer of a chain of layers that can stretch or shrink, in order.

    Raises:
        NotAvailable: for other graphs, and for layers whose constant is not known here.
    """
    chain = uses(network)
    if not chain:
        raise NotAvailable(f"{network.name} shows no graph of layers, and a bound is a product.")
    for before, after in itertools.pairwise(chain):
        if after.given != (before.gives,):
            raise NotAvailable(
                f"a network's bound is the product over a chain of layers, and {after.layer.name} "
                f"does not follow {before.layer.name} alone."
            )
        if [use.layer for use in chain].count(after.layer) > 1:
            raise NotAvailable(
                f"{after.layer.name} stands in the chain more than once, and its norm is known "
                "for one size of images."
            )
    return [bound for use in chain if (bound := _layer_bound(use.layer)) is not None]


def separate_bound(layer: keras.Layer, kernel: Array) -> LayerBound:
    """A convolution or fully connected layer by itself, wherever it stands (Table 5).

    `norm`, on which the circular bound is one, is computed where a stride makes the two
    conventions differ, and is NaN elsewhere; `slope` is NaN where it is not known.

    Args:
        kernel: the one that `weighted.weighted_layers` gives.
    """
    if isinstance(layer, keras.layers.BatchNormalization):
        return _normalisation(layer)
    slope = weightless.known_slope(layer.activation)
    if isinstance(layer, keras.layers.Dense):
        return _dense(layer, kernel, slope)
    if _is_unusual(layer):
        return _unusual(layer, kernel, slope)
    return _convolution(layer, kernel, slope, exact=layer.strides[0] > 1)


def lipschitz(bounds: Sequence[LayerBound]) -> float:
    """The product over the layers: a bound on the whole network."""
    return math.prod(bound.constant for bound in bounds)


def difference_constants(network: keras.Model, bounds: Sequence[LayerBound]) -> Array:
    """How fast z_i - z_j can change, for each pair of labels: float64 (classes, classes).

    Sharper than sqrt(2) L: of the last layer, only the difference of two columns matters.
    For a linear network this is the truth. Where the last layer is not fully connected, or has an
    activation, which stretches two logits unlike, sqrt(2) L.
    """
    last = network.layers[-1]
    dense = isinstance(last, keras.layers.Dense)
    if not dense or last.activation is not keras.activations.linear:
        return np.full((network.output_shape[-1],) * 2, math.sqrt(2) * lipschitz(bounds))
    kernel = last.get_weights()[0].astype(np.float64)
    apart = np.linalg.norm(kernel[:, :, None] - kernel[:, None, :], axis=0)
    return apart * lipschitz(bounds[:-1])


def permitted_distortion(
    logits: Array, targets: NDArray[np.integer], constants: float | Array, pixels: int
) -> Array:
    """The smallest root mean square change per pixel that the bound leaves possible.

    Args:
        logits: (n, classes), of the unchanged images.
        targets: int (n,), the labels an attack wants.
        constants: how fast a difference of two logits can change; sqrt(2) L for all pairs, or
            `difference_constants`.

    Returns:
        float64 (n,); 0 where the network gives the target already.
    """
    images = np.arange(len(logits))
    labels = logits.argmax(axis=1)
    margins = (logits[images, labels] - logits[images, targets]).astype(np.float64)
    rates = np.broadcast_to(constants, (logits.shape[1],) * 2)[labels, targets]
    least = np.divide(margins, rates, out=np.zeros_like(margins), where=margins > 0)
    return least / math.sqrt(pixels)


def _layer_bound(layer: keras.Layer) -> LayerBound | None:
    match layer:
        case keras.layers.Dense():
            return _dense(layer, layer.get_weights()[0], weightless.slope(layer))
        case keras.layers.Conv2D() | keras.layers.DepthwiseConv2D() if not _is_unusual(layer):
            return _convolution(layer, kernel_of(layer), weightless.slope(layer))
        case _ if isinstance(layer, WEIGHTED):
            return _unusual(layer, kernel_of(layer), weightless.slope(layer))
        case keras.layers.BatchNormalization():
            return _normalisation(layer)
        case keras.layers.Rescaling():
            return _plain(layer, float(np.abs(layer.scale).max()))
        case keras.layers.Activation():
            return _plain(layer, weightless.slope(layer))
        case keras.layers.ReLU() if not layer.threshold:
            return _plain(layer, weightless.relu_slope(layer))
        case keras.layers.MaxPooling2D() | keras.layers.AveragePooling2D():
            return _plain(layer, weightless.pooling_constant(layer))
    if isinstance(layer, HARMLESS):
        return None
    raise NotAvailable(
        f"no Lipschitz constant is known here for {layer.name}, a {type(layer).__name__}."
    )


def _dense(layer: keras.layers.Dense, kernel: Array, slope: float) -> LayerBound:
    norm = operator_norms.dense_norm(kernel)
    size = " x ".join(map(str, kernel.shape))
    return LayerBound(layer.name, size, None, norm, norm, norm, slope)


def _convolution(
    layer: keras.layers.Conv2D, kernel: Array, slope: float, *, exact: bool = True
) -> LayerBound:
    stride = layer.strides[0]
    map_by_map = isinstance(layer, keras.layers.DepthwiseConv2D)
    groups = layer.input.shape[3] if map_by_map else layer.groups
    height, width, inputs, outputs = kernel.shape
    image = tuple(layer.input.shape[1:3])
    torus = operator_norms.enclosing_torus(image, (height, width), stride, layer.padding)
    if (height, width) == (1, 1):
        torus = (stride, stride)  # the transform of a single pixel is the same at every frequency
    circular = operator_norms.circular_norm(kernel, torus, stride, groups=groups)
    norm = math.nan
    if exact and map_by_map:
        norm = _norm_itself(layer, kernel)  # too many groups to look at each
    elif exact:
        norm = operator_norms.zero_padded_norm(kernel, image, stride, layer.padding, groups=groups)
    size = f"{inputs} x {height} x {width} x {outputs}"
    if groups > 1:
        size += f" in {groups} groups"
    return LayerBound(layer.name, size, stride, norm, circular, circular / stride, slope)


def _is_unusual(layer: keras.Layer) -> bool:
    """Whether the paper's formula is not about such a layer.

    So with other strides in the two directions, a dilated kernel, a transposed or a separable
    convolution.
    """
    return isinstance(layer, UNUSUAL) or (
        len(set(layer.strides)) > 1 or set(layer.dilation_rate) != {1}
    )


def _unusual(layer: keras.Layer, kernel: Array, slope: float) -> LayerBound:
    norm = _norm_itself(layer, kernel)
    size = " and ".join(" x ".join(map(str, weight.shape)) for weight in _kernels(layer))
    stride = layer.strides[0] if len(set(layer.strides)) == 1 else None
    return LayerBound(layer.name, size, stride, norm, math.nan, math.nan, slope)


def _norm_itself(layer: keras.Layer, kernel: Array) -> float:
    """By the layer in double precision, without bias and activation, with `kernel` as its last."""
    plain = {"dtype": "float64", "activation": "linear", "use_bias": False}
    linear = type(layer).from_config(layer.get_config() | plain)
    linear.build((1, *layer.input.shape[1:]))
    *others, last = _kernels(layer)
    linear.set_weights([*others, kernel.reshape(last.shape)])
    return operator_norms.operator_norm(linear, layer.input.shape[1:])


def _kernels(layer: keras.Layer) -> list[Array]:
    return [weight for weight in layer.get_weights() if weight.ndim > 1]


def _normalisation(layer: keras.layers.BatchNormalization) -> LayerBound:
    factor = np.abs(batch_factor(layer))
    norm = float(factor.max())
    return LayerBound(layer.name, f"{factor.size} maps", None, norm, norm, norm, 1.0)


def _plain(layer: keras.Layer, constant: float) -> LayerBound | None:
    """A layer without weights; left out when it cannot stretch or shrink."""
    if constant == 1:
        return None
    return LayerBound(layer.name, "", None, constant, constant, constant, 1.0)
