"""CPPN genomes as images.

Only nodes from which a path leads to an output are computed, mean 7 an image, and each over no
more than it depends on: a node fed by the bias is a single number, one fed by x alone a line of
pixels, and NumPy's broadcasting puts them together. In a small image lines cost more to broadcast
than they save, so that all but the bias are whole there. Single numbers are arrays of no dimension,
which NumPy multiplies by faster than by its scalars, by Python's, or by arrays of one element.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from reproduce.methods.cppn.colour import rgb
from reproduce.methods.cppn.genome import FUNCTIONS, INPUTS, Genome

EDITION = 1
WEIGHT_RANGE = 10.0  # genes in [0, 1] are weights in [-10, 10]; the authors' released code
BLOCK = 65536  # pixels at a time, so that a block's values stay in the processor's cache
BIAS = INPUTS - 1  # the row whose value is 1
SMALL = 64  # pixels on a side; below that, x and y are whole images,
TOGETHER = 256  # and so many genomes are one program
ROWS_OF_INPUTS = {node: node for node in range(INPUTS)}
# Exact in any precision.
HALF, LOW, HIGH, BRIGHTEST = (np.array(number, np.float32) for number in (0.5, -3, 3, 255))


_Node = tuple[int | tuple[int, float], ...]  # its function, then rows it is fed from, with genes


class Program(NamedTuple):
    """Genomes made ready to be computed: their distinct active nodes in order.

    links: for each node, the rows it is fed from, all before its own, and the weights, arrays of
        no dimension. The inputs have the first rows.
    functions: of each node, an index into FUNCTIONS.
    outputs: for each genome, the rows of its outputs.
    """

    links: list[list[tuple[int, np.ndarray]]]
    functions: list[int]
    outputs: list[list[int]]


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
    x, y, distance, bias = coordinates(size, preset, field, dtype)
    together = TOGETHER if size < SMALL else 1
    groups = range(0, len(genomes), together)
    programs = [program(genomes[first : first + together], dtype) for first in groups]
    images = np.empty((len(genomes), size, size, genomes[0].outputs), np.uint8)
    height = max(1, BLOCK // size)
    for top in range(0, size, height):
        lines = slice(top, top + height)
        inputs = [x[lines] if len(x) > 1 else x, y[lines], distance[lines], bias]
        for first, each in zip(groups, programs, strict=True):
            draw(run(each, inputs), each.outputs, images[first : first + together, lines])
    return images


@lru_cache(maxsize=8)
def coordinates(
    size: int, preset: str, field: float | None = None, dtype: Any = np.float32
) -> list[np.ndarray]:
    """The inputs: x (1, size), y (size, 1), distance from the centre (size, size), and 1 ().

    x and y are (size, size) where the image is small.
    """
    unit = np.linspace(-1, 1, size)
    end = size - 1 if field is None else field
    axis = np.linspace(0, end, size) if preset == "code" else unit
    x, y, distance = axis[None], axis[:, None], np.hypot(unit[None], unit[:, None])
    if size < SMALL:
        x, y = np.broadcast_arrays(x, y)
    inputs = [np.array(each, dtype, order="C") for each in (x, y, distance, 1)]
    for array in inputs:
        array.flags.writeable = False
    return inputs


def program(genomes: Sequence[Genome], dtype: Any = np.float32) -> Program:
    """Orders the nodes from which a path leads to an output, each behind those it needs.

    Nodes that compute the same, in one genome or in several, are one: children share a third of
    theirs.
    """
    found = Program([], [], [])
    rows: dict[_Node, int] = {}
    for genome in genomes:
        _add(genome, found, rows, dtype)
    return found


def _add(genome: Genome, found: Program, rows: dict[_Node, int], dtype: Any) -> None:
    """Puts a genome into a program; rows: what a node computes -> where."""
    feeds: dict[int, list[tuple[int, float]]] = {}
    for source, target, gene in genome.connections:
        if target in feeds:
            feeds[target].append((source, gene))
        else:
            feeds[target] = [(source, gene)]
    place = ROWS_OF_INPUTS.copy()
    outputs = range(INPUTS, INPUTS + genome.outputs)
    waiting = [*outputs]
    while waiting:
        node = waiting[-1]
        fed = feeds.get(node, ())
        for source, _ in fed:
            if source not in place:
                waiting.append(source)
        if waiting[-1] != node:
            continue
        waiting.pop()
        if node in place:
            continue
        function = genome.functions[node - INPUTS]
        what = (function, *[(place[source], gene) for source, gene in fed])
        row = rows.get(what)
        if row is None:
            row = rows[what] = INPUTS + len(rows)
            found.functions.append(function)
            found.links.append([(place[source], weight(gene, dtype)) for source, gene in fed])
        place[node] = row
    found.outputs.append([place[node] for node in outputs])


@lru_cache(maxsize=1 << 16)  # most of a child's genes are its parent's
def weight(gene: float, dtype: Any = np.float32) -> np.ndarray:
    """What a gene in [0, 1] means, an array of no dimension."""
    array = np.array(WEIGHT_RANGE * (2 * gene - 1), dtype)
    array.flags.writeable = False
    return array


def run(
    program: Program, inputs: Sequence[np.ndarray], once: Collection[int] = ()
) -> list[np.ndarray]:
    """The values of inputs and nodes, each no larger than what it depends on.

    Args:
        once: rows of sine nodes that are to show a single period, the one of the middle pixel; for
            whole images only.
    """
    values = list(inputs)
    for links, function in zip(program.links, program.functions, strict=True):
        value = weighted_sum(values, links)
        if once and len(values) in once:
            _single_period(value)
        ACTIVATE[function](value)
        values.append(value)
    return values


def weighted_sum(values: Sequence[np.ndarray], links: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """A new array, as large as the sources together ask for."""
    if not links:
        return np.zeros((), values[-1].dtype)
    source, by = links[0]
    total = by.copy() if source == BIAS else np.asarray(values[source] * by)
    for source, by in links[1:]:
        total = total + (by if source == BIAS else np.asarray(values[source] * by))
    return np.asarray(total)


def draw(values: Sequence[np.ndarray], outputs: list[list[int]], images: np.ndarray) -> None:
    """The rows of each genome's outputs, in [-1, 1], as uint8 (n, height, width, 1 or 3)."""
    if images.shape[-1] == 1:
        levels = np.empty(images.shape[:-1], values[-1].dtype)
        for level, (row,) in zip(levels, outputs, strict=True):
            level[...] = values[row]
        np.abs(levels, out=levels)
        levels *= BRIGHTEST
        images[..., 0] = levels
    else:
        for image, rows in zip(images, outputs, strict=True):
            hue, lightness, saturation = (np.abs(values[row]) * BRIGHTEST for row in rows)
            rgb(hue, lightness, saturation, out=np.moveaxis(image, -1, 0))


def _single_period(phase: np.ndarray) -> None:
    """Holds a phase at the ends of the period that the middle pixel lies in."""
    centre = tuple(length // 2 for length in phase.shape)
    middle = 2 * np.pi * np.round(phase[centre] / (2 * np.pi))
    np.clip(phase, middle - np.pi, middle + np.pi, out=phase)


def _sine(p: np.ndarray) -> None:
    np.sin(p, out=p)


def _sigmoid(p: np.ndarray) -> None:
    """2 / (1 + exp(-p)) - 1, which is tanh(p / 2)."""
    p *= HALF
    np.tanh(p, out=p)


def _gaussian(p: np.ndarray) -> None:
    p *= p
    np.negative(p, out=p)
    np.exp(p, out=p)


def _linear(p: np.ndarray) -> None:
    np.maximum(p, LOW, out=p)
    np.minimum(p, HIGH, out=p)
    p /= HIGH


ACTIVATE: tuple[Callable[[np.ndarray], None], ...] = (_sine, _sigmoid, _gaussian, _linear)
assert len(ACTIVATE) == len(FUNCTIONS)
