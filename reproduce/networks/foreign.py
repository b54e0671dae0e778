"""Networks trained by others: a Keras model in a file, or made by a function of one's own.

They come out like ours: images float32 (n, height, width, channels) in [0, 1] in, logits out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from reproduce.data.examples import Dataset
from reproduce.data.photographs import sized
from reproduce.networks import input_format
from reproduce.networks.applications import application, is_weights_file
from reproduce.networks.forward import inference
from reproduce.networks.image_shapes import arranged, photographs, shapes
from reproduce.networks.opening import called, first_words, named, opened
from reproduce.networks.rewiring import (
    as_answered,
    probed,
    rewired,
    takes_integers,
    to_logits,
    without_end,
)
from reproduce.networks.served import served
from reproduce.networks.ten_crops import ten_crops as over_ten_crops
from reproduce.runtime.errors import NotAvailable, UserError
from reproduce.runtime.progress import say

OUTPUTS = ("logits", "probabilities", "sigmoids")
OPTIONS = "networks.scale=, networks.offset= and networks.outputs= say otherwise."


def saved_by_keras(
    path: str | Sequence[str] | None, name: str | None = None, **options: Any
) -> dict[str, partial[Any]]:
    """Name -> a call of `load`, for one path or several; or of `application`.

    Args:
        path: of a file, or module:function (`opened`).
        name: of a single network, in the place of its file's or function's; where an experiment
            asks for "LeNet", so may a network of another make be called. Without a path, or with
            that of a file of weights alone, a name in keras.applications.
    """
    if not path and not name:
        raise UserError(
            "networks=keras wants networks.path=<file>.keras or <module>:<function>, or a list, "
            "or networks.name= with a name in keras.applications."
        )
    paths = [path] if isinstance(path, str) else list(path or ())
    if not paths or (name and len(paths) == 1 and is_weights_file(paths[0])):
        bare: dict[str, Any] = {
            key: options[key] for key in ("side", "ten_crops") if key in options
        }
        unused = [key for key in ("outputs", "scale", "offset") if options.get(key) is not None]
        if unused:
            raise UserError(
                f"networks.{unused[0]}= is for models of one's own: what {name} of "
                "keras.applications expects and gives is known."
            )
        if paths:
            bare["weights"] = paths[0]
        return {str(name): partial(application, str(name), **bare)}
    if name is not None and len(paths) > 1:
        raise UserError(f"networks.name={name} names one network, and there are {len(paths)}.")
    return {name or each: partial(load, path, **options) for each, path in named(paths).items()}


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
        path: as in `opened`.
        outputs: "logits", "probabilities" (of which one softmax at the end is taken off) or
            "sigmoids"; None looks for softmaxes or a sigmoid at the end, and at what the model
            answers.
        scale, offset: what the model expects of a pixel x in [0, 1]: x * scale + offset. A model
            of bytes has scale 255, one of [-1, 1] has scale 2 and offset -1. None, None takes
            the one of `input_format.ranges` that training images speak for.
        side: of the images, for a model of photographs that takes any size.
        ten_crops: averages the softmax over ten crops of an image of 256.
        dataset: whose images it is going to be shown.
    """
    if outputs not in (None, *OUTPUTS):
        raise UserError(f"outputs is one of {', '.join(OUTPUTS)}, got {outputs}.")
    model = opened(path)
    shape, inner = shapes(model, path, side, dataset)
    images = keras.Input(shape, name="images", dtype="float32")
    x, rescaling = images, None
    unsaid = scale is None and offset is None
    if dataset is not None if unsaid else (scale, offset or 0.0) != (1.0, 0.0):
        usual = 255.0 if takes_integers(model) else 1.0
        rescaling = keras.layers.Rescaling(
            usual if scale is None else scale, offset or 0.0, dtype="float32", name="input_range"
        )
        x = rescaling(x)
    x = arranged(x, inner)
    network, taken = without_end(rewired(_whole(model, path, images, x), model, images, x), outputs)
    kind = "logits" if taken else outputs
    if rescaling is not None:
        rescaling.scale, rescaling.offset = 1.0, 0.0  # until the range is known
    settled = kind is not None and (scale is not None or offset is not None)
    shown = dataset and _shown(path, dataset, shape, settled)
    if shown:
        _check_classes(path, network.output_shape[1:], shown)
        scale, offset, kind = _found_out(path, network, shown, scale, offset, kind, taken)
    if rescaling is not None:
        rescaling.scale, rescaling.offset = (1.0 if scale is None else scale), offset or 0.0
    loaded = served(path, to_logits(network, kind or "logits"))
    return over_ten_crops(loaded) if ten_crops else loaded


def _whole(model: Any, path: str, images: Any, prepared: Any) -> keras.Model:
    layers = model._flatten_layers() if isinstance(model, keras.layers.Layer) else ()
    kept = [layer.name for layer in layers if getattr(layer, "stateful", False)]
    if kept:
        raise UserError(
            f"{path} keeps a state from one batch to the next ({kept[0]}), so that an image's "
            "answer depends on those before it: stateful=False is expected."
        )
    try:
        whole = as_answered(model, images, prepared)
        probed(inference(whole), whole)
        return whole
    except UserError:
        raise
    except Exception as error:  # of whatever kind a foreign model raises
        size = tuple(prepared.shape[1:])
        raise UserError(f"{path} does not take images of {size}: {first_words(error)}") from error


def _found_out(
    path: str,
    network: keras.Model,
    dataset: Dataset,
    scale: float | None,
    offset: float | None,
    kind: str | None,
    taken: Sequence[str],
) -> tuple[float, float, str]:
    """What was not said, from training images; what was found is said in a line.

    Args:
        kind: of the answers, where it is known; taken: what stood at the network's end.
    """
    sample = input_format.sample(dataset.train)
    graph, guessed = tf.function(inference(network)), []

    def forward(images: Any) -> Any:
        try:
            return graph(images)
        except Exception as error:  # of whatever kind a foreign model raises
            told = f"{path} does not take {len(images)} images at once: {first_words(error)}"
            raise UserError(told) from error

    if scale is None and offset is None:
        usual = input_format.ranges(dataset.train.images)
        found = {
            name: input_format.answers(forward, sample, *pair, kind) for name, pair in usual.items()
        }
        best, said = input_format.pixels(found)
        (scale, offset), given = usual[best], found[best]
        guessed.append(said)
    else:
        scale, offset = 1.0 if scale is None else scale, offset or 0.0
        given = input_format.answers(forward, sample, scale, offset, kind)
    if len(taken) > 1:
        guessed.append(
            f"ends in {len(taken)} softmaxes, which are taken off; its own confidences, flatter "
            "than those shown, are kept by networks.outputs=probabilities"
        )
    elif taken:
        guessed.append(f"a {taken[0]} at its end is taken off")
    elif kind is None:
        guessed.append(f"gives {given.kind}")
    broken = int((~np.isfinite(given.logits).all(axis=1)).sum())
    if broken:
        raise UserError(
            f"{path} gives no number for {broken} of {len(given.labels)} training images "
            f"(pixels in [{offset:g}, {scale + offset:g}]): networks.scale= and networks.offset= "
            "set another range."
        )
    if guessed:
        say(f"{called(path)}: {'; '.join(guessed)}. {OPTIONS}")
    right, total = int((~given.wrong).sum()), len(given.labels)
    guessing = input_format.at_chance(right, total, given.logits.shape[1])
    if guessing:
        say(f"{called(path)}: {guessing}")
    return scale, offset, given.kind


def _shown(path: str, dataset: Dataset, shape: tuple[int, ...], settled: bool) -> Dataset | None:
    """The data set at the network's size; None where there are no images and none are needed."""
    if not photographs(dataset):
        if dataset.train.images.shape[1:] != shape:
            raise UserError(
                f"{path} takes images of {shape}: {dataset.name} has images of "
                f"{dataset.train.images.shape[1:]}. A function (networks.path=module:function) may "
                "put keras.layers.Resizing or ZeroPadding2D before the model."
            )
        return dataset
    if dataset.missing and settled:
        return None
    if dataset.missing:
        raise NotAvailable(
            f"what {path} expects of its pixels, and gives, is found out on photographs: "
            f"{dataset.missing} Or networks.scale=, networks.offset= and networks.outputs= say it."
        )
    return sized(dataset, shape[0])


def _check_classes(path: str, answers: tuple[int, ...], dataset: Dataset) -> None:
    two = answers == (1,) and dataset.classes == 2  # by one score
    if answers != (dataset.classes,) and not two:
        raise UserError(
            f"{path} gives {answers} numbers an image: {dataset.name} has images of "
            f"{dataset.train.images.shape[1:]} and {dataset.classes} classes."
        )
