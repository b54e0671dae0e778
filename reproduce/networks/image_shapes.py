"""The shape of the images that a model by others is shown, and of what it takes of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from reproduce.data.examples import Dataset
from reproduce.data.photographs import SIDE
from reproduce.runtime.errors import UserError

USUAL_SIDE = 224  # of images for a network that takes any size


def photographs(dataset: Dataset) -> bool:
    return bool(dataset.names) and dataset.train.images.shape[1:3] == (SIDE, SIDE)


def open_side(name: str, given: Sequence[int | None], side: int | None) -> int:
    """The side of the images of a network that takes any size; `side`, or USUAL_SIDE for None.

    Args:
        given: the shape of its input; None where it is open.

    Raises:
        UserError: a side for a network of one size.
    """
    sizes = given[:-1] if len(given) == 3 else given  # the last of three: channels
    if side is not None and None not in tuple(sizes):
        raise UserError(f"networks.side={side} is of no use: {name} takes {tuple(given)} alone.")
    return USUAL_SIDE if side is None else side


def shapes(
    model: Any, path: str, side: int | None, dataset: Dataset | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of the images, and of what the model takes of each; what it leaves open is filled in."""
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) > 1:
        raise UserError(
            f"{path} takes {len(inputs)} inputs, and one image is expected: a function "
            "(networks.path=module:function) may return a model of one input."
        )
    if dataset is None or photographs(dataset):
        open_or_usual = open_side(path, inputs[0].shape[1:] if inputs else (None,), side)
        usual: tuple[int, ...] = (open_or_usual, open_or_usual, 3)
    elif side is None:
        usual = dataset.train.images.shape[1:]
    else:
        raise UserError(
            f"networks.side={side} is of no use: {path} is shown the images of {dataset.name}, "
            f"{dataset.train.images.shape[1:]}."
        )
    if not inputs:
        return usual, usual
    if inputs[0].dtype == "string":
        raise UserError(f"{path} takes texts, and images are expected.")
    given = tuple(inputs[0].shape[1:])
    if len(given) == 3:
        inner = tuple(size or other for size, other in zip(given, usual, strict=True))
        channels_first = inner != usual and inner == (usual[2], *usual[:2])
        return (usual if channels_first else inner), inner
    if len(given) == 2:
        inner = (given[0] or usual[0], given[1] or usual[1] * usual[2])
        return (usual if inner == (usual[0], usual[1] * usual[2]) else (*inner, 1)), inner
    if len(given) == 1:
        inner = (given[0] or math.prod(usual),)
        root = math.isqrt(inner[0])
        if inner[0] == math.prod(usual):
            return usual, inner
        if root * root == inner[0]:
            return (root, root, 1), inner
    raise UserError(
        f"{path}: an input of shape {given} is no image: height, width, channels expected."
    )


def arranged(x: Any, inner: tuple[int, ...]) -> Any:
    """Images as the model takes them: flat, in rows, or channels first."""
    shape = tuple(x.shape[1:])
    if shape == inner:
        return x
    if len(inner) == 3:
        return keras.layers.Permute((3, 1, 2), name="channels_first")(x)
    return keras.layers.Reshape(inner, name="shape")(x)
