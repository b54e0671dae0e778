"""CPPN genomes as images.

A large image is computed node by node (`run`), each node over no more than it depends on: one fed
by the bias is a single number, one fed by x alone a line of pixels, and NumPy's broadcasting puts
them together. Small images are computed many at once (`layers`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np

from reproduce.methods.evolution.colour import rgb
from reproduce.methods.evolution.cppn import batched
from reproduce.methods.evolution.cppn.genome import INPUTS, Genome
from reproduce.methods.evolution.cppn.programs import ACTIVATE, Links, Program, program, weight

BLOCK = 65536  # pixels at a time, so that a block's values stay in the processor's cache
SMALL = 64  # pixels on a side; of smaller images
TOGETHER = 256  # so many are computed at once
BIAS = INPUTS - 1  # the row whose value is 1
BRIGHTEST = np.array(255, np.float32)


def render(
    genomes: Sequence[Genome],
    size: int,
    preset: str = "code",
    field: float | None = None,
    dtype: Any = np.float32,
) -> np.ndarray:
    """uint8 (n, size, size, 1 or 3), the integer part of |output| x 255.

    Args:
        size: pixels on a side.
        preset: what x and y are, pixel indices (`code`) or numbers in [-1, 1] (`unit`).
        field: where x and y end in the preset `code`, if not at the pixel index size - 1;
            27 draws what a 28 x 28 image shows, with more pixels.
        dtype: of the computation.
    """
    images = np.empty((len(genomes), size, size, genomes[0].outputs), np.uint8)
    inputs = coordinates(size, preset, field, dtype)
    if size < SMALL:
        for first in range(0, len(genomes), TOGETHER):
            some = slice(first, first + TOGETHER)
            draw([*batched.outputs(program(genomes[some]), inputs, size)], images[some])
        return images
    x, y, distance, bias = inputs
    height = max(1, BLOCK // size)
    for genome, image in zip(genomes, images, strict=True):
        each = program([genome])
        for top in range(0, size, height):
            lines = slice(top, top + height)
            values = run(each, [x, y[lines], distance[lines], bias])
            draw([values[row] for row in each.outputs[0]], image[lines])
    return images


@lru_cache(maxsize=8)
def coordinates(
    size: int, preset: str, field: float | None = None, dtype: Any = np.float32
) -> list[np.ndarray]:
    """The inputs: x (1, size), y (size, 1), distance from the centre (size, size), and 1 ()."""
    unit = np.linspace(-1, 1, size)
    end = size - 1 if field is None else field
    axis = np.linspace(0, end, size) if preset == "code" else unit
    x, y, distance = axis[None], axis[:, None], np.hypot(unit[None], unit[:, None])
    inputs = [np.array(each, dtype, order="C") for each in (x, y, distance, 1)]
    for array in inputs:
        array.flags.writeable = False
    return inputs


def run(
    program: Program,
    inputs: Sequence[np.ndarray],
    changes: Mapping[int, Callable[[np.ndarray], None]] = MappingProxyType({}),
) -> list[np.ndarray]:
    """The values of inputs and nodes, each no larger than what it depends on.

    Args:
        changes: row of a node -> what is done to its weighted sum, in place, before its function.
    """
    values = list(inputs)
    for links, function in zip(program.links, program.functions, strict=True):
        value = weighted_sum(values, links)
        if len(values) in changes:
            changes[len(values)](value)
        ACTIVATE[function](value)
        values.append(value)
    return values


def weighted_sum(values: Sequence[np.ndarray], links: Links) -> np.ndarray:
    """A new array, as large as the sources together ask for."""
    dtype: Any = values[0].dtype.type
    terms = [
        weight(gene, dtype) if source == BIAS else np.asarray(values[source] * weight(gene, dtype))
        for source, gene in links
    ]
    total = np.zeros((), dtype) if not terms else terms[0]
    for term in terms[1:]:
        total = np.asarray(total + term)
    return total if total.flags.writeable else total.copy()  # a lone weight is kept for others


def draw(outputs: Sequence[np.ndarray], image: np.ndarray) -> None:
    """One output or three, in [-1, 1], into uint8 images (..., height, width, 1 or 3)."""
    levels = [np.abs(values) * BRIGHTEST for values in outputs]
    if len(levels) == 1:
        image[..., 0] = levels[0]
    else:
        hue, lightness, saturation = levels
        rgb(hue, lightness, saturation, out=np.moveaxis(image, -1, 0))
