"""Networks of keras.applications, with ImageNet's weights or those of a file."""

from __future__ import annotations

import contextlib
import inspect
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from reproduce.data.download import keras_home
from reproduce.networks.image_shapes import open_side
from reproduce.networks.rewiring import as_answered, rewired, without_end
from reproduce.networks.ten_crops import ten_crops as over_ten_crops
from reproduce.runtime.errors import NotAvailable, UserError


def application(
    name: str, *, weights: str | None = None, side: int | None = None, ten_crops: bool = False
) -> keras.Model:
    """A network of keras.applications with its own preprocessing, logits out.

    Args:
        weights: a file of weights alone; None takes ImageNet's, from Keras's cache or downloaded.
        side: of the images, for a network that takes any size.
        ten_crops: averages the softmax over ten crops of an image of 256.
    """
    build = getattr(keras.applications, name, None)
    if not inspect.isfunction(build):
        known = [each for each in dir(keras.applications) if each[0].isupper()]
        raise UserError(f"keras.applications has no {name}; it has {', '.join(known)}.")
    model = _pretrained(build, name) if weights is None else _with_weights(build, name, weights)
    prepare = sys.modules[build.__module__].preprocess_input
    usual = open_side(name, model.input_shape[1:], side)
    images = keras.Input(tuple(given or usual for given in model.input_shape[1:]))
    pixels = keras.layers.Rescaling(255.0, name="bytes")(images)
    prepared = prepare(pixels, data_format="channels_last")
    whole = as_answered(model, images, prepared)
    loaded, _ = without_end(rewired(whole, model, images, prepared), None)
    return over_ten_crops(loaded) if ten_crops else loaded


def is_weights_file(path: str) -> bool:
    """Whether a file holds weights as Keras saves them, and no model."""
    file = Path(path).expanduser()
    if not file.is_file() or not h5py.is_hdf5(file):
        return False
    with h5py.File(file) as content:
        return "model_config" not in content.attrs


def _pretrained(build: Any, name: str) -> keras.Model:
    cached = keras_home() / "models"
    try:
        return build(weights="imagenet", classifier_activation=None)
    except Exception as error:  # Keras raises plain exceptions when a download fails
        raise NotAvailable(
            f"the weights of {name} are not in {cached}, and a download failed ({error}). "
            f"Put the file into {cached} under the name that Keras gives it, or name it: "
            f"networks.name={name} networks.path=<file>."
        ) from error


def _with_weights(build: Any, name: str, path: str) -> keras.Model:
    file = Path(path).expanduser().resolve()
    with h5py.File(file) as content:
        older = "layer_names" in content.attrs
        classes = _classes(content) or 1000
    with contextlib.ExitStack() as stack:
        if older == file.name.endswith(".weights.h5"):  # Keras tells the two formats by the name
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            link = folder / ("older.h5" if older else "newer.weights.h5")
            link.symlink_to(file)
            file = link
        stack.enter_context(warnings.catch_warnings(action="ignore"))  # looked into here
        for end in ("softmax", None):  # of the model whose weights these are; it shifts the names
            model = build(weights=None, classifier_activation=end, classes=classes)
            for variable in model.variables:  # Keras may leave one as it was
                variable.assign(np.full(variable.shape, np.nan))
            try:
                model.load_weights(file)
                if any(np.isnan(variable.numpy()).any() for variable in model.variables):
                    raise ValueError("some layers are not in it")
                return model
            except Exception as error:  # whatever does not fit, by Keras's many kinds of them
                why = error
    raise UserError(
        f"{path} does not hold the weights of keras.applications.{name} with its last layer: "
        f"{' '.join(str(why).split())[:200]}"
    )


def _classes(content: h5py.File) -> int | None:
    """How many classes the weights in a file are for: the length of the last layer's bias.

    That is the last dense layer, or the last convolution where there is none; Keras's names count
    the layers of a kind (dense, dense_1, ...), or say "predictions".
    """
    biases: list[tuple[bool, int, int]] = []

    def look(name: str, each: Any) -> None:
        arrays = (
            [part for part in each.values() if isinstance(part, h5py.Dataset)]
            if isinstance(each, h5py.Group)
            else []
        )
        if len(arrays) == 2 and sorted(len(part.shape) for part in arrays)[0] == 1:
            dense = max(len(part.shape) for part in arrays) == 2
            number = re.search(r"_(\d+)(/vars)?$", name)
            last = 10**6 if "pred" in name else int(number[1]) if number else 0
            biases.append((dense, last, min((part.shape for part in arrays), key=len)[0]))

    content.visititems(look)
    return max(biases)[2] if biases else None
