"""Networks trained by others: any Keras model, and keras.applications.

They come out like ours: images float32 (n, height, width, channels) in [0, 1] in, logits out.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from reproduce.data import Dataset
from reproduce.data.download import keras_home
from reproduce.data.photographs import sized
from reproduce.networks import input_format, own_model
from reproduce.networks.ten_crops import ten_crops as over_ten_crops
from reproduce.runtime.errors import NotAvailable, UserError
from reproduce.runtime.progress import say

USUAL_SIDE = 224  # of images for a network that takes any size


def saved_by_keras(
    path: str | Sequence[str] | None, name: str | None = None, **options: Any
) -> dict[str, partial[Any]]:
    """Name -> a call of `load`, for one path or several; or of `application`, by name alone.

    Args:
        path: of a file, or module:function (`own_model.opened`).
        name: of a single network, in the place of its file's or function's; where an experiment
            asks for "LeNet", so may a network of another make be called. Without a path, a name
            in keras.applications.
    """
    if not path and name:
        bare = {key: options[key] for key in ("side", "ten_crops") if key in options}
        return {name: partial(application, name, **bare)}
    if not path:
        raise UserError(
            "networks=keras wants networks.path=<file>.keras or <module>:<function>, or a list, "
            "or networks.name= with a name in keras.applications."
        )
    paths = [path] if isinstance(path, str) else path
    if name is not None and len(paths) > 1:
        raise UserError(f"networks.name={name} names one network, and there are {len(paths)}.")
    return {name or own_model.name(each): partial(load, each, **options) for each in paths}


def load(
    path: str,
    *,
    outputs: str | None = None,
    scale: float | None = None,
    offset: float | None = None,
    side: int | None = None,
    ten_crops: bool = False,
    dataset: Dataset | None = None,
) -> keras.Model:
    """A classifier saved by Keras or made by a function.

    Args:
        path: as in `own_model.opened`.
        outputs: "logits" or "probabilities"; None looks for a softmax at the end, and at what
            the model answers.
        scale, offset: what the model expects of a pixel x in [0, 1]: x * scale + offset. A model
            of bytes has scale 255, one of [-1, 1] has scale 2 and offset -1. None, None takes
            the one of `expected.RANGES` under which the labels of training images are likeliest.
        side: of the images, for a model that takes any size.
        ten_crops: averages the softmax over ten crops of an image of 256.
        dataset: whose images it is going to be shown.
    """
    if outputs not in (None, "logits", "probabilities"):
        raise UserError(f"outputs is logits or probabilities, got {outputs}.")
    model = own_model.opened(path)
    inner = tuple(given or side or USUAL_SIDE for given in model.input_shape[1:])
    if dataset is not None:
        told = scale is not None and (outputs is not None or _ends_in_softmax(model))
        dataset = _shown(path, dataset, inner, told)
    guessed = []
    if dataset is not None:
        _check_shapes(path, inner, model, dataset)
        if scale is None and offset is None:
            scale, offset, said = input_format.pixels(model, inner, dataset.train)
            guessed.append(said)
        if outputs is None and not _ends_in_softmax(model):
            outputs, said = input_format.outputs(
                model, inner, dataset.train, scale or 1.0, offset or 0.0
            )
            guessed.append(said)
        elif outputs is None:
            guessed.append("a softmax at its end is taken off")
    scale, offset = 1.0 if scale is None else scale, offset or 0.0
    if guessed:
        say(
            f"{own_model.name(path)}: {'; '.join(guessed)}. networks.scale=, networks.offset= and "
            "networks.outputs= say otherwise."
        )
    loaded = _from_pixels(_without_softmax(model, outputs), inner, scale, offset)
    return over_ten_crops(loaded) if ten_crops else loaded


def application(name: str, *, side: int | None = None, ten_crops: bool = False) -> keras.Model:
    """A network of keras.applications with its ImageNet weights and its own preprocessing."""
    build = getattr(keras.applications, name, None)
    if not inspect.isfunction(build):
        known = [each for each in dir(keras.applications) if each[0].isupper()]
        raise UserError(f"keras.applications has no {name}; it has {', '.join(known)}.")
    cached = keras_home() / "models"
    try:
        model = build(weights="imagenet", classifier_activation=None)
    except Exception as trouble:  # Keras raises plain exceptions when a download fails
        raise NotAvailable(
            f"the weights of {name} are not in {cached}, and a download failed ({trouble}). "
            f"Put the file into {cached} under the name that Keras gives it."
        ) from trouble
    prepare = sys.modules[build.__module__].preprocess_input
    images = keras.Input(tuple(given or side or USUAL_SIDE for given in model.input_shape[1:]))
    pixels = keras.layers.Rescaling(255.0, name="bytes")(images)
    loaded = _unrolled(model, images, prepare(pixels, data_format="channels_last"))
    return over_ten_crops(loaded) if ten_crops else loaded


def _shown(path: str, dataset: Dataset, inner: tuple[int, ...], told: bool) -> Dataset | None:
    """The data set at the network's size; None where there are no images and none are needed."""
    if not dataset.names:  # no photographs
        return dataset
    if dataset.missing and told:
        return None
    if dataset.missing:
        raise NotAvailable(
            f"what {path} expects of its pixels, and gives, is found out on photographs: "
            f"{dataset.missing} Or networks.scale=, networks.offset= and networks.outputs= say it."
        )
    return sized(dataset, inner[0])


def _without_softmax(model: Any, outputs: str | None) -> Any:
    """A model of logits."""
    last = model.layers[-1]
    softmax_inside, softmax_layer = _softmax(last)
    if outputs == "logits" or not (softmax_inside or softmax_layer or outputs):
        return model
    if softmax_inside and not isinstance(last, keras.layers.Activation):
        last.activation = keras.activations.linear  # its logits, before they are rounded away
        return model
    if softmax_inside or softmax_layer:
        return keras.Model(model.inputs, last.input)
    images = keras.Input(model.input_shape[1:])
    odds = keras.ops.maximum(model(images), np.finfo(np.float32).tiny)
    return keras.Model(images, keras.ops.log(odds))


def _from_pixels(model: Any, inner: tuple[int, ...], scale: float, offset: float) -> keras.Model:
    """The model behind what makes its input of pixels in [0, 1]."""
    images = keras.Input(_image_shape(inner), name="images")
    taken = {layer.name for layer in model.layers}
    x = images
    if (scale, offset) != (1.0, 0.0):
        name = "pixels" if "pixels" not in taken else "pixels_outside"
        x = keras.layers.Rescaling(scale, offset, name=name)(x)
    if images.shape[1:] != inner:
        x = keras.layers.Reshape(inner, name="shape")(x)
    return _unrolled(model, images, x)


def _unrolled(model: Any, images: Any, prepared: Any) -> keras.Model:
    """A model of copies of the model's layers, which see `prepared` in the place of its input.

    One that is no graph of layers stays a single layer.
    """
    if not getattr(model, "inputs", None):
        return keras.Model(images, model(prepared), name="loaded")
    graph = keras.Model(model.inputs[0], model.outputs[0])
    copies: dict[int, Any] = {}

    def copied(layer: Any) -> Any:
        if id(layer) not in copies:
            copies[id(layer)] = type(layer).from_config(layer.get_config())
        return copies[id(layer)]

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = keras.tree.map_structure(
            lambda each: prepared if each is images else each, (args, kwargs)
        )
        return layer(*args, **kwargs)

    whole = keras.models.clone_model(
        graph, input_tensors=images, clone_function=copied, call_function=call
    )
    whole.set_weights(model.get_weights())
    whole.name = "loaded"
    return whole


def _softmax(last: Any) -> tuple[bool, bool]:
    """Whether a layer has a softmax as its activation, and whether it is one."""
    inside = getattr(last, "activation", None) is keras.activations.softmax
    return inside, isinstance(last, keras.layers.Softmax)


def _ends_in_softmax(model: Any) -> bool:
    return any(_softmax(model.layers[-1]))


def _check_shapes(path: str, inner: tuple[int, ...], model: Any, dataset: Dataset) -> None:
    images, classes = dataset.train.images.shape[1:], dataset.classes
    if _image_shape(inner) != images or model.output_shape[1:] != (classes,):
        raise UserError(
            f"{path} makes {model.output_shape[1:]} of {inner}: {dataset.name} "
            f"has images of {images} and {classes} classes."
        )


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
