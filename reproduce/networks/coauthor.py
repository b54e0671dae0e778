"""The MNIST network that a co-author of Szegedy et al. 2014 published.

W. Zaremba's repository wojzaremba/morf has a convolutional network whose file is dated 11 December
2013, ten days before the paper. Whether it is the one of Figures 1 and 2 is not said.

The file is of MATLAB 5 and holds objects of MATLAB classes, which SciPy returns as bytes: eight of
heading, then elements of the same format, one in another. An element is a kind and a length, four
bytes each, and its content, filled to a multiple of eight; a content of up to four bytes stands in
the second half of the heading. An array is an element that holds flags, sizes, a name and values.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import scipy.io
from scipy.io.matlab import MatReadError

from reproduce.data.download import Wanted, find
from reproduce.runtime.errors import UserError

FILE = Wanted(
    file="mnist_conv.mat",
    folder="mnist/coauthor_convnet",
    url="https://raw.githubusercontent.com/wojzaremba/morf/"
    "a5171bf1c9de931a57e7d51db05b7b8003f8ba11/trained/mnist_conv.mat",
    sha256="932f80ef85150cbd7d9df7a298ccfc4314a70248c6546d742f8abf11275fca80",
)
HEADING = 8  # bytes before the objects
SIZES, SINGLES, ARRAY = 5, 7, 14  # kinds of elements: int32, float32, array
KERNELS, FLAT, HIDDEN, CLASSES = 50, 800, 100, 10  # 800 = 50 maps of 4 x 4
SHAPES = {
    "conv kernel": (KERNELS, 10, 10),
    "conv bias": (KERNELS, 1),
    "features kernel": (FLAT, HIDDEN),
    "features bias": (1, HIDDEN),
    "logits kernel": (HIDDEN, CLASSES),
    "logits bias": (1, CLASSES),
}
KEPT = 0.5  # dropout before the hidden layer, which multiplies by it when it is not trained


class _Element(NamedTuple):
    kind: int
    content: memoryview


def load(path: str | None = None) -> keras.Model:
    """The co-author's network: 0.78 % error on the MNIST test set, 0.41 % on the training set.

    Args:
        path: the file mnist_conv.mat; None looks in REPRODUCE_DATA and in Keras's cache, and
            downloads it as a last resort. It has no licence: it is fetched, and never passed on.

    Returns:
        images float32 (n, 28, 28, 1) in [0, 1] -> logits (n, 10).
    """
    found = find(FILE) if path is None else Path(path)
    if not found.exists():
        raise UserError(f"no file {found}: networks.coauthor.path= names mnist_conv.mat.")
    try:
        weights = _weights(found.read_bytes())
    except (ValueError, KeyError, IndexError, struct.error, MatReadError) as error:
        raise UserError(f"{found} is not the co-author's network.") from error
    model = _network()
    # Theirs: kernel, row, column, and the hidden layer sees kernel, column, row.
    hidden = weights["features kernel"].reshape(KERNELS, 4, 4, HIDDEN).transpose(2, 1, 0, 3)
    model.set_weights(
        [
            weights["conv kernel"].transpose(1, 2, 0)[:, :, None],
            weights["conv bias"].ravel(),
            KEPT * hidden.reshape(FLAT, HIDDEN),
            weights["features bias"].ravel(),
            weights["logits kernel"],
            weights["logits bias"].ravel(),
        ]
    )
    return model


def _network() -> keras.Model:
    images = keras.Input((28, 28, 1), name="images")
    x = keras.layers.Conv2D(KERNELS, 10, 2, activation="relu", name="conv")(images)
    x = keras.layers.MaxPooling2D(4, 2, name="pool")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(HIDDEN, "relu", name="features")(x)
    x = keras.layers.Dense(CLASSES, name="logits")(x)
    return keras.Model(images, x, name="coauthor")


def _weights(content: bytes) -> dict[str, np.ndarray]:
    """The arrays float32 by what they are, which their shapes tell; KeyError without one of them.

    The file holds each shape once, as an array of single precision.
    """
    objects = scipy.io.loadmat(io.BytesIO(content))["__function_workspace__"].tobytes()
    found = {array.shape: array for array in _singles(memoryview(objects)[HEADING:])}
    return {name: found[shape] for name, shape in SHAPES.items()}


def _singles(stream: memoryview) -> Iterator[np.ndarray]:
    """All arrays of single precision, however deep they lie."""
    inside = list(_elements(stream))
    for element in inside:
        if element.kind == ARRAY:
            yield from _singles(element.content)
    if len(inside) == 4 and inside[1].kind == SIZES and inside[3].kind == SINGLES:
        sizes = np.frombuffer(inside[1].content, "<i4")
        yield np.frombuffer(inside[3].content, "<f4").reshape(sizes, order="F")


def _elements(stream: memoryview) -> Iterator[_Element]:
    at = 0
    while at + HEADING <= len(stream):
        kind, length = struct.unpack_from("<II", stream, at)
        if kind >> 16:  # a short one: the length shares its four bytes with the kind
            yield _Element(kind & 0xFFFF, stream[at + 4 : at + 4 + (kind >> 16)])
            at += HEADING
            continue
        at += HEADING
        yield _Element(kind, stream[at : at + length])
        at += -(-length // 8) * 8
