"""A Keras network in PyTorch, made from arrays, that counts what is asked of it.

The attacks of others know images as (n, channels, height, width); the network turns them back
before it flattens, so that weights keep their order.
"""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
import torch

from benchmarks.attacks.records import LARGE
from reproduce.networks.forward import slot_logits

AGREEMENT = 1e-5  # largest difference of logits, relative to the largest logit


class Counter:
    """Images sent forwards and gradients sent back."""

    def __init__(self) -> None:
        self.forwards = 0
        self.gradients = 0


class _Counted(torch.autograd.Function):
    """The identity, which sees each gradient pass."""

    @staticmethod
    def forward(ctx: Any, images: Any, counter: Counter) -> Any:
        ctx.counter = counter
        return images.view_as(images)

    @staticmethod
    def backward(ctx: Any, *slopes: Any) -> Any:
        ctx.counter.gradients += len(slopes[0])
        return slopes[0], None


class Twin(torch.nn.Module):
    """The network as PyTorch computes it: images (n, channels, height, width) -> logits."""

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        self.counter = Counter()
        self._network = network
        self._weights = {
            layer.name: [torch.tensor(np.asarray(array)) for array in layer.get_weights()]
            for layer in network.layers
        }

    def forward(self, images: Any) -> Any:
        self.counter.forwards += len(images)
        if images[0].numel() >= LARGE:  # convolutions are faster so, by a fifth and more
            images = images.contiguous(memory_format=torch.channels_last)
        images = _Counted.apply(images, self.counter)
        values = {id(self._network.inputs[0]): images}
        for layer in self._network.layers:
            if isinstance(layer, keras.layers.InputLayer):
                continue
            given = layer.input
            inputs = [values[id(one)] for one in given] if isinstance(given, list) else values[
                id(given)
            ]  # fmt: skip
            values[id(layer.output)] = _apply(layer, inputs, self._weights[layer.name])
        return values[id(self._network.outputs[0])]


@functools.lru_cache(maxsize=1)
def twin(network: keras.Model) -> Twin:
    """The network in PyTorch; the same one each time it is asked for."""
    return Twin(network).eval()


def disagreement(network: keras.Model, images: np.ndarray) -> float:
    """The largest difference between the logits of both, relative to the largest logit.

    Raises:
        ValueError: it is above AGREEMENT.
    """
    with torch.no_grad():
        theirs = twin(network)(torch.tensor(images.transpose(0, 3, 1, 2).copy())).numpy()
    ours = slot_logits(network, images)
    difference = float(np.abs(theirs - ours).max() / np.abs(ours).max())
    if difference > AGREEMENT:
        raise ValueError(
            f"logits in PyTorch differ from Keras's by {difference:.1e} of the largest"
        )
    return difference


def _apply(layer: Any, x: Any, weights: list[Any]) -> Any:
    """One layer; shapes as PyTorch has them."""
    functional = torch.nn.functional
    config = layer.get_config()
    match type(layer).__name__:
        case "Flatten":
            return x.permute(0, 2, 3, 1).flatten(1) if x.ndim == 4 else x.flatten(1)
        case "Dropout":
            return x
        case "Dense":
            bias = weights[1] if len(weights) > 1 else None
            return _activated(functional.linear(x, weights[0].T, bias), config["activation"])
        case "Rescaling":
            offset = torch.tensor(np.asarray(config["offset"], np.float32).reshape(-1, 1, 1))
            return x * config["scale"] + offset
        case "Conv2D":
            kernel = weights[0].permute(3, 2, 0, 1)
            side = kernel.shape[-1]
            padding = side // 2 if config["padding"] == "same" else 0
            if padding and (side % 2 == 0 or tuple(config["strides"]) != (1, 1)):
                raise ValueError(f"{layer.name}: same padding of another kind than expected")
            bias = weights[1] if len(weights) > 1 else None
            x = functional.conv2d(
                x, kernel, bias, config["strides"], padding, groups=config["groups"]
            )
            return _activated(x, config["activation"])
        case "MaxPooling2D" if config["padding"] == "valid":
            return functional.max_pool2d(x, config["pool_size"], config["strides"])
        case "ZeroPadding2D":
            (top, bottom), (left, right) = config["padding"]
            return functional.pad(x, (left, right, top, bottom))
        case "Concatenate":
            return torch.cat(x, 1)
        case "GlobalAveragePooling2D":
            return x.mean((2, 3))
    raise ValueError(f"{layer.name} is a {type(layer).__name__}, unknown to the benchmark")


def _activated(x: Any, name: str) -> Any:
    known = {"linear": lambda x: x, "relu": torch.relu, "sigmoid": torch.sigmoid}
    return known[name](x)
