"""Networks trained by others: any Keras model, and the LeNet of Nguyen et al. 2015.

They come out like ours: images float32 (n, height, width, channels) in [0, 1] in, logits out.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from reproduce.download import fetch
from reproduce.errors import NotAvailable, UserError
from reproduce.models import lenet

EDITION = 1
AUTHORS_LENET = (
    "https://raw.githubusercontent.com/Evolving-AI-Lab/fooling/"
    "66f097dd6bd2eb6794ade3e187a7adfdf1887688/model/lenet/lenet_iter_10000"
)
AUTHORS_LENET_SHA256 = "6c1c91f3bf68f48f0034756c66f769f4b6cd6a6931f713a8f7b93e3aa31f5af2"


def saved_by_keras(path: str | Sequence[str] | None, **options: Any) -> dict[str, partial[Any]]:
    """Name -> a call of `load`, for one file or several."""
    if not path:
        raise UserError("networks=keras wants networks.path=<file>.keras, or a list of files.")
    files = [path] if isinstance(path, str) else path
    return {Path(file).stem: partial(load, file, **options) for file in files}


def load(
    path: str, *, outputs: str | None = None, scale: float = 1.0, offset: float = 0.0
) -> keras.Model:
    """A classifier saved by Keras (.keras or .h5), opened in safe mode.

    Args:
        path: the file.
        outputs: "logits" or "probabilities"; None looks for a softmax at the end.
        scale, offset: what the model expects of a pixel x in [0, 1]: x * scale + offset. A model
            of bytes has scale 255, one of [-1, 1] has scale 2 and offset -1.
    """
    if outputs not in (None, "logits", "probabilities"):
        raise UserError(f"outputs is logits or probabilities, got {outputs}.")
    if not Path(path).exists():
        raise UserError(f"there is no Keras model at {path}.")
    try:
        model: Any = keras.models.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError) as trouble:
        raise UserError(f"{path} cannot be opened as a Keras model: {trouble}") from trouble
    inner = model.input_shape[1:]
    images = keras.Input(_image_shape(inner), name="images")
    x = images
    if (scale, offset) != (1.0, 0.0):
        x = keras.layers.Rescaling(scale, offset, name="pixels")(x)
    if images.shape[1:] != inner:
        x = keras.layers.Reshape(inner, name="shape")(x)
    last = model.layers[-1]
    softmax_inside = getattr(last, "activation", None) is keras.activations.softmax
    softmax_layer = isinstance(last, keras.layers.Softmax)
    if outputs == "logits" or not (softmax_inside or softmax_layer or outputs):
        x = model(x)
    elif softmax_inside and not isinstance(last, keras.layers.Activation):
        last.activation = keras.activations.linear  # its logits, before they are rounded away
        x = model(x)
    elif softmax_inside or softmax_layer:
        x = keras.Model(model.inputs, last.input)(x)
    else:
        x = keras.ops.log(keras.ops.maximum(model(x), np.finfo(np.float32).tiny))
    return keras.Model(images, x, name="loaded")


def _image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Height, width, channels of the images behind a model's input."""
    if len(shape) == 3:
        return shape
    if len(shape) == 2:
        return (*shape, 1)
    side = math.isqrt(math.prod(shape))
    if len(shape) == 1 and side * side == shape[0]:
        return (side, side, 1)
    raise UserError(f"an input of shape {shape} is no image: height, width, channels expected.")


def lenet_authors(path: str | None = None) -> keras.Model:
    """The LeNet that Nguyen et al. 2015 shipped with their code: Caffe's, after 10,000 steps.

    Their description subtracts the mean image; on the MNIST test set the network then errs in
    2.6 %, and in 0.82 % when bytes are divided by 256 and nothing is subtracted, as here.

    Args:
        path: the file lenet_iter_10000(.caffemodel); None looks in REPRODUCE_DATA and in Keras's
            cache, and downloads it at last.
    """
    found = _authors_file() if path is None else Path(path)
    if not found.exists():
        raise UserError(f"no file {found}: networks.path= names the authors' lenet_iter_10000.")
    try:
        layers = caffe_layers(found.read_bytes())
        (k1, b1), (k2, b2), (w1, c1), (w2, c2) = (
            layers[name] for name in ("conv1", "conv2", "ip1", "ip2")
        )
    except (ValueError, KeyError, IndexError, struct.error) as trouble:
        raise UserError(f"{found} is not the authors' LeNet as Caffe saves it.") from trouble
    model = lenet((28, 28, 1), seed=0)
    # Caffe has output, input, row, column; Keras row, column, input, output, also where a
    # fully connected layer sees the flattened 50 maps of 4 x 4.
    k1, k2 = (kernel.transpose(2, 3, 1, 0) for kernel in (k1, k2))
    w1 = w1.reshape(500, 50, 4, 4).transpose(2, 3, 1, 0).reshape(800, 500)
    model.set_weights([k1, b1, k2, b2, w1, c1, w2.reshape(10, 500).T, c2])
    return model


def _authors_file() -> Path:
    cache = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    places = [cache / "lenet_iter_10000.caffemodel"]
    if "REPRODUCE_DATA" in os.environ:
        folder = Path(os.environ["REPRODUCE_DATA"]) / "mnist" / "lenet_nguyen2015"
        places.insert(0, folder / "lenet_iter_10000.caffemodel")
    for place in places:
        if place.exists():
            return place
    trouble = fetch(AUTHORS_LENET, places[-1], AUTHORS_LENET_SHA256)
    if trouble:
        raise NotAvailable(
            f"the authors' LeNet is neither in REPRODUCE_DATA nor in {cache}, and a download "
            f"failed ({trouble}). Put {AUTHORS_LENET} into the folder mnist/lenet_nguyen2015 of "
            "REPRODUCE_DATA as lenet_iter_10000.caffemodel."
        )
    return places[-1]


def caffe_layers(message: bytes) -> dict[str, list[np.ndarray]]:
    """The blobs of each layer in a .caffemodel of Caffe's first format (NetParameter.layers).

    Protocol buffers: a key (field << 3 | kind) before each value; kind 0 is a number of seven
    bits a byte, 2 a length and so many bytes, 5 four bytes. The field numbers are caffe.proto's.
    """
    layers: dict[str, list[np.ndarray]] = {}
    for field, layer in _fields(message):
        if field != 2:  # NetParameter.layers
            continue
        parts = list(_fields(layer))
        name = next(value.decode() for field, value in parts if field == 4)
        layers[name] = [_blob(value) for field, value in parts if field == 6]
    return layers


def _blob(message: bytes) -> np.ndarray:
    fields = dict(_fields(message))
    shape = [fields.get(field, 1) for field in (1, 2, 3, 4)]  # num, channels, height, width
    array = np.frombuffer(fields[5], "<f4").reshape(shape)
    return array.reshape(-1) if array.shape[:3] == (1, 1, 1) else array


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The numbers and contents of a message's fields, in their order."""
    at = 0

    def varint() -> int:
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = message[at]
            value |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
            continue
        if kind not in (1, 2, 5):
            raise ValueError(f"a field of kind {kind}")
        size = varint() if kind == 2 else 8 if kind == 1 else 4
        yield key >> 3, message[at : at + size]
        at += size
