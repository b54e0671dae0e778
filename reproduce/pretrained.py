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
from scipy.special import logsumexp

from reproduce.data import Dataset, Examples
from reproduce.download import fetch
from reproduce.errors import NotAvailable, UserError
from reproduce.models import lenet
from reproduce.progress import say

EDITION = 1
SAMPLE = 500  # training images that tell what a model expects
# What models expect of a pixel x in [0, 1]: x * scale + offset.
RANGES = {"[0, 1]": (1.0, 0.0), "[-1, 1]": (2.0, -1.0), "[0, 255]": (255.0, 0.0)}
AUTHORS_LENET = (
    "https://raw.githubusercontent.com/Evolving-AI-Lab/fooling/"
    "66f097dd6bd2eb6794ade3e187a7adfdf1887688/model/lenet/lenet_iter_10000"
)
AUTHORS_LENET_SHA256 = "6c1c91f3bf68f48f0034756c66f769f4b6cd6a6931f713a8f7b93e3aa31f5af2"


def saved_by_keras(
    path: str | Sequence[str] | None, name: str | None = None, **options: Any
) -> dict[str, partial[Any]]:
    """Name -> a call of `load`, for one file or several.

    Args:
        name: of a single network, in the place of its file's; where an experiment asks for
            "LeNet", so may a network of another make be called.
    """
    if not path:
        raise UserError("networks=keras wants networks.path=<file>.keras, or a list of files.")
    files = [path] if isinstance(path, str) else path
    if name is not None and len(files) > 1:
        raise UserError(f"networks.name={name} names one network, and there are {len(files)}.")
    return {name or Path(file).stem: partial(load, file, **options) for file in files}


def load(
    path: str,
    *,
    outputs: str | None = None,
    scale: float | None = None,
    offset: float | None = None,
    dataset: Dataset | None = None,
) -> keras.Model:
    """A classifier saved by Keras (.keras or .h5), opened in safe mode.

    Args:
        path: the file.
        outputs: "logits" or "probabilities"; None looks for a softmax at the end, and at what
            the model answers.
        scale, offset: what the model expects of a pixel x in [0, 1]: x * scale + offset. A model
            of bytes has scale 255, one of [-1, 1] has scale 2 and offset -1. None, None takes
            the one of `RANGES` under which the labels of training images are likeliest.
        dataset: whose images it is going to be shown.
    """
    if outputs not in (None, "logits", "probabilities"):
        raise UserError(f"outputs is logits or probabilities, got {outputs}.")
    if not Path(path).exists():
        raise UserError(f"there is no Keras model at {path}.")
    try:
        model: Any = keras.models.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError) as trouble:
        raise UserError(f"{path} cannot be opened as a Keras model: {trouble}") from trouble
    guessed = []
    if dataset is not None:
        _check_shapes(path, model, dataset)
        if scale is None and offset is None:
            scale, offset, said = _range(model, dataset.train)
            guessed.append(said)
        if outputs is None and not _ends_in_softmax(model):
            outputs, said = _kind(model, dataset.train, scale or 1.0, offset or 0.0)
            guessed.append(said)
        elif outputs is None:
            guessed.append("a softmax at its end is taken off")
    scale, offset = 1.0 if scale is None else scale, offset or 0.0
    if guessed:
        say(
            f"{Path(path).stem}: {'; '.join(guessed)}. networks.scale=, networks.offset= and "
            "networks.outputs= say otherwise."
        )
    inner = model.input_shape[1:]
    images = keras.Input(_image_shape(inner), name="images")
    x = images
    if (scale, offset) != (1.0, 0.0):
        x = keras.layers.Rescaling(scale, offset, name="pixels")(x)
    if images.shape[1:] != inner:
        x = keras.layers.Reshape(inner, name="shape")(x)
    last = model.layers[-1]
    softmax_inside, softmax_layer = _softmax(last)
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


def _softmax(last: Any) -> tuple[bool, bool]:
    """Whether a layer has a softmax as its activation, and whether it is one."""
    inside = getattr(last, "activation", None) is keras.activations.softmax
    return inside, isinstance(last, keras.layers.Softmax)


def _ends_in_softmax(model: Any) -> bool:
    return any(_softmax(model.layers[-1]))


def _check_shapes(path: str, model: Any, dataset: Dataset) -> None:
    images, classes = dataset.train.images.shape[1:], dataset.classes
    if _image_shape(model.input_shape[1:]) != images or model.output_shape[1:] != (classes,):
        raise UserError(
            f"{path} makes {model.output_shape[1:]} of {model.input_shape[1:]}: {dataset.name} "
            f"has images of {images} and {classes} classes."
        )


def _answers(model: Any, examples: Examples, scale: float, offset: float) -> np.ndarray:
    images = examples.images[:SAMPLE].reshape(-1, *model.input_shape[1:])
    return np.asarray(model(images * np.float32(scale) + np.float32(offset), training=False))


def _range(model: Any, examples: Examples) -> tuple[float, float, str]:
    """Scale and offset under which the labels of some training images are likeliest."""
    labels = examples.labels[:SAMPLE]
    answers = {name: _answers(model, examples, *pair) for name, pair in RANGES.items()}
    best = min(answers, key=lambda name: _surprise(answers[name], labels))  # the first of equals
    rates = ", ".join(
        f"{name} {100 * np.mean(given.argmax(axis=1) != labels):.1f} %"
        for name, given in answers.items()
    )
    said = f"takes pixels in {best} (errors on {len(labels)} training images: {rates})"
    return *RANGES[best], said


def _surprise(answers: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy."""
    if _are_odds(answers):
        logs = np.log(np.maximum(answers, np.finfo(np.float32).tiny))
    else:
        logs = answers - logsumexp(answers, axis=1, keepdims=True)
    return -float(logs[np.arange(len(labels)), labels].mean())


def _are_odds(answers: np.ndarray) -> bool:
    return bool(answers.min() >= 0 and np.allclose(answers.sum(axis=1), 1, atol=1e-3))


def _kind(model: Any, examples: Examples, scale: float, offset: float) -> tuple[str, str]:
    odds = _are_odds(_answers(model, examples, scale, offset))
    kind = "probabilities" if odds else "logits"
    return kind, f"gives {kind}"


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
