"""The ImageNet networks at hand: SqueezeNet and Tiny Darknet, each near AlexNet's accuracy."""

from __future__ import annotations

from pathlib import Path

import keras

from reproduce import pretrained
from reproduce.download import Wanted, find

EDITION = 1

SQUEEZENET = Wanted(
    file="squeezenet_v1.0_imagenet.keras",
    folder="imagenet/models",
    sha256="0145c13c7204b172a106ed0e11fd2b57b9a87a0b1b2e370127afe06c839c06b5",
)
TINY_DARKNET = Wanted(
    file="tiny_darknet_imagenet.keras",
    folder="imagenet/models",
    sha256="5a43d9a4aea6de5e538de99dd17c95689e4b65127009afd13103c9c04605eff7",
)


def squeezenet(path: str | None = None, *, ten_crops: bool = False) -> keras.Model:
    """SqueezeNet v1.0 (Iandola et al. 2016) after Deep Compression; images of 227 x 227.

    Its scores come out of a ReLU before the average pooling, so they are never negative.

    Args:
        path: the Keras file; None looks in REPRODUCE_DATA and in Keras's cache.
        ten_crops: averages the softmax over ten crops of an image of 256.
    """
    return _of_bytes(path, SQUEEZENET, ten_crops)


def tiny_darknet(path: str | None = None, *, ten_crops: bool = False) -> keras.Model:
    """Tiny Darknet (J. Redmon); images of 224 x 224. Arguments as for `squeezenet`."""
    return _of_bytes(path, TINY_DARKNET, ten_crops)


def _of_bytes(path: str | None, wanted: Wanted, ten_crops: bool) -> keras.Model:
    file = find(wanted) if path is None else Path(path)
    return pretrained.load(
        str(file), scale=255.0, offset=0.0, outputs="logits", ten_crops=ten_crops
    )
