"""CPPN genomes as images.

Only nodes from which a path leads to an output are computed, each as one row over the pixels:
a weighted sum of rows, and the activation function in place. Mean 7 rows an image.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from reproduce.methods.cppn.colour import rgb
from reproduce.methods.cppn.genome import FUNCTIONS, INPUTS, Genome

EDITION = 1
COORDINATES = ("code", "unit")
WEIGHT_RANGE = 10.0  # genes in [0, 1] are weights in [-10, 10]; the authors' released code
FEW_PIXELS = 1024  # up to here, one product with all earlier rows is quicker than one a link
BLOCK = 8192  # pixels at a time: rows of a block stay in the processor's cache


class Program(NamedTuple):
    """A genome made ready to be computed: its active nodes in order.

    links: for each active node, the rows it is fed from, all before its own, with their weights.
    functions: of each active node, an index into FUNCTIONS.
    nodes: the number of each in the genome.
    outputs: the rows of the outputs.
    """

    links: list[list[tuple[int, float]]]
    functions: list[int]
    nodes: list[int]
    outputs: list[int]


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
    inputs = coordinates(size, preset, field, dtype)
    programs = [program(genome) for genome in genomes]
    channels = genomes[0].outputs
    images = np.empty((len(genomes), size * size, channels), np.uint8)
    longest = max(len(each.nodes) for each in programs)
    for start in range(0, size * size, BLOCK):
        block = inputs[:, start : start + BLOCK]
        rows = np.empty((INPUTS + longest + 1, block.shape[1]), dtype)
        rows[:INPUTS] = block
        for each, image in zip(programs, images, strict=True):
            run(each, rows)
            _draw(rows[each.outputs], image[start : start + BLOCK].T)
    return images.reshape(-1, size, size, channels)


@lru_cache(maxsize=8)
def coordinates(
    size: int, preset: str, field: float | None = None, dtype: Any = np.float32
) -> np.ndarray:
    """The inputs of each pixel, (INPUTS, size * size): x, y, distance from the centre, 1."""
    unit = np.linspace(-1, 1, size)
    end = size - 1 if field is None else field
    axis = np.linspace(0, end, size) if preset == "code" else unit
    y, x = np.meshgrid(axis, axis, indexing="ij")
    distance = np.hypot(*np.meshgrid(unit, unit, indexing="ij"))
    inputs = np.stack([x, y, distance, np.ones_like(x)]).reshape(INPUTS, -1).astype(dtype)
    inputs.flags.writeable = False
    return inputs


def program(genome: Genome) -> Program:
    """Orders the nodes from which a path leads to an output, each behind those it needs."""
    sources: dict[int, list[tuple[int, float]]] = {}
    for source, target, gene in genome.connections:
        sources.setdefault(target, []).append((source, gene))
    place = {node: node for node in range(INPUTS)}
    outputs = range(INPUTS, INPUTS + genome.outputs)
    links, waiting = [], list(outputs)
    while waiting:
        node = waiting[-1]
        missing = [source for source, _ in sources.get(node, ()) if source not in place]
        if missing and node not in place:
            waiting += missing
            continue
        waiting.pop()
        if node in place:
            continue
        links.append(
            [
                (place[source], WEIGHT_RANGE * (2 * gene - 1))
                for source, gene in sources.get(node, ())
            ]
        )
        place[node] = len(place)
    nodes = list(place)[INPUTS:]
    functions = [genome.functions[node - INPUTS] for node in nodes]
    return Program(links, functions, nodes, [place[output] for output in outputs])


def run(program: Program, rows: np.ndarray, once: Collection[int] = ()) -> None:
    """Fills the rows behind the inputs with the values of the active nodes.

    Args:
        rows: (at least INPUTS + active nodes + 1, pixels), the inputs in the first; the last is
            for sums.
        once: sine nodes that are to show a single period, the one of the middle pixel.
    """
    few = rows.shape[1] <= FEW_PIXELS
    term = rows[-1]
    for row, (links, function) in enumerate(
        zip(program.links, program.functions, strict=True), INPUTS
    ):
        value = rows[row]
        if few or not links:
            weights = np.zeros(row, rows.dtype)
            for source, weight in links:
                weights[source] += weight
            np.dot(weights, rows[:row], out=value)
        else:
            np.multiply(rows[links[0][0]], links[0][1], out=value)
            for source, weight in links[1:]:
                np.multiply(rows[source], weight, out=term)
                value += term
        if once and program.nodes[row - INPUTS] in once:
            _single_period(value)
        ACTIVATE[function](value)


def _draw(values: np.ndarray, planes: np.ndarray) -> None:
    """Outputs (1 or 3, pixels) in [-1, 1] into uint8 planes, grey or red, green and blue."""
    np.abs(values, out=values)
    values *= 255
    if len(values) == 1:
        planes[...] = values
    else:
        hue, lightness, saturation = values.astype(np.uint8)
        rgb(hue, lightness, saturation, out=planes)


def _single_period(phase: np.ndarray) -> None:
    """Holds a phase at the ends of the period that the middle pixel lies in."""
    middle = 2 * np.pi * np.round(phase[len(phase) // 2] / (2 * np.pi))
    np.clip(phase, middle - np.pi, middle + np.pi, out=phase)


def _sine(p: np.ndarray) -> None:
    np.sin(p, out=p)


def _sigmoid(p: np.ndarray) -> None:
    """2 / (1 + exp(-p)) - 1, which is tanh(p / 2)."""
    p *= 0.5
    np.tanh(p, out=p)


def _gaussian(p: np.ndarray) -> None:
    np.multiply(p, p, out=p)
    np.negative(p, out=p)
    np.exp(p, out=p)


def _linear(p: np.ndarray) -> None:
    np.clip(p, -3, 3, out=p)
    p /= 3


ACTIVATE: tuple[Callable[[np.ndarray], None], ...] = (_sine, _sigmoid, _gaussian, _linear)
assert len(ACTIVATE) == len(FUNCTIONS)
