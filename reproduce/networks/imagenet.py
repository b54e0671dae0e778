"""The papers' ImageNet network, AlexNet, and two of its accuracy that are smaller.

squeezenet()      57.5 % of the ILSVRC validation photographs right, as its authors say
tiny_darknet()    58.7 %
alexnet()         57.1 %
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from reproduce.data.download import Wanted, find
from reproduce.networks import architectures, caffe, deep_compression, foreign
from reproduce.networks.ten_crops import ten_crops as over_ten_crops
from reproduce.runtime.errors import NotAvailable, UserError

MODELS = "imagenet/models"  # in REPRODUCE_DATA
SQUEEZENET = Wanted(
    file="compressed_SqueezeNet.net",
    folder=MODELS,
    url="https://raw.githubusercontent.com/songhan/SqueezeNet-Deep-Compression/"
    "fb13faa2cf121ced9999f8a9d538ec6c56084733/compressed_SqueezeNet.net",
    sha256="e4ab6960ae8cd81505e1c2136921201507e930966c53deaf15862a395b3a3261",
)
TINY_DARKNET = Wanted(
    file="tiny_darknet_imagenet.keras",
    folder=MODELS,
    sha256="5a43d9a4aea6de5e538de99dd17c95689e4b65127009afd13103c9c04605eff7",
)
ALEXNET_COMPRESSED = Wanted(
    file="AlexNet_compressed.net",
    folder=MODELS,
    url="https://raw.githubusercontent.com/songhan/Deep-Compression-AlexNet/master/"
    "AlexNet_compressed.net",
    git_blob="ea0d14e98edfbcbfba995003c94d7259fa23b6cc",
)
ALEXNET = Wanted(
    file="bvlc_alexnet.caffemodel",
    folder=MODELS,
    sha1="9116a64c0fbe4459d18f4bb6b56d647b63920377",  # as Caffe's model zoo has it
)


def squeezenet(path: str | None = None, *, ten_crops: bool = False) -> keras.Model:
    """SqueezeNet v1.0 (Iandola et al. 2016) after Deep Compression; images of 227 x 227.

    Its scores come out of a ReLU before the average pooling, so they are never negative.

    Args:
        path: compressed_SqueezeNet.net; None looks in REPRODUCE_DATA and in Keras's cache, and
            downloads it at last.
        ten_crops: averages the softmax over ten crops of an image of 256.
    """
    return _seen(_from_caffe(architectures.squeezenet, path or str(find(SQUEEZENET))), ten_crops)


def alexnet(path: str | None = None, *, ten_crops: bool = False) -> keras.Model:
    """Caffe's AlexNet; images of 227 x 227.

    Args:
        path: AlexNet_compressed.net or bvlc_alexnet.caffemodel; None looks for either in
            REPRODUCE_DATA and in Keras's cache, and downloads the first, 8.9 MB, at last.
        ten_crops: averages the softmax over ten crops of an image of 256, as Nguyen et al. 2015.
    """
    return _seen(_from_caffe(architectures.alexnet, path or str(_alexnet_file())), ten_crops)


def tiny_darknet(path: str | None = None, *, ten_crops: bool = False) -> keras.Model:
    """Tiny Darknet (J. Redmon); images of 224 x 224.

    Args:
        path: a Keras file that takes bytes; None looks in REPRODUCE_DATA and in Keras's cache.
        ten_crops: averages the softmax over ten crops of an image of 256.
    """
    file = path or str(find(TINY_DARKNET))
    return foreign.load(file, scale=255.0, offset=0.0, outputs="logits", ten_crops=ten_crops)


def _alexnet_file() -> Path:
    try:
        return find(ALEXNET)
    except NotAvailable:  # not at hand, and too large to be downloaded unasked
        return find(ALEXNET_COMPRESSED)


def _from_caffe(architecture: Callable[[], keras.Model], path: str) -> keras.Model:
    """A network with the weights of a .net or .caffemodel file."""
    file = Path(path)
    if not file.exists():
        raise UserError(f"there is no file {path}, which the network's path names.")
    model = architecture()
    shapes = architectures.caffe_shapes(model)
    try:
        content = file.read_bytes()
        if file.suffix == ".net":
            return architectures.put_in(model, deep_compression.layers(content, shapes))
        read = {name.replace("/", "_"): arrays for name, arrays in caffe.layers(content).items()}
        weights = {name: _pair(read[name]) for name in shapes}
        return architectures.put_in(model, weights)
    except (ValueError, KeyError, IndexError, struct.error) as trouble:
        raise UserError(
            f"{path} is not {model.name} as .net or .caffemodel ({trouble!r:.120})."
        ) from trouble


def _pair(arrays: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    weights, biases = arrays
    return weights, biases


def _seen(network: keras.Model, ten_crops: bool) -> keras.Model:
    return over_ten_crops(network) if ten_crops else network
