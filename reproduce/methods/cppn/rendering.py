"""CPPN genomes as images.

Only nodes from which a path leads to an output are computed, each over no more than it depends
on: a node fed by x alone is one line of pixels, one fed by the bias a single number, and NumPy's
broadcasting puts them together. Mean 7 nodes an image.
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
    x, y, distance, bias = coordinates(size, preset, field, dtype)
    programs = [program(genome) for genome in genomes]
    channels = genomes[0].outputs
    images = np.empty((len(genomes), size, size, channels), np.uint8)
    height = max(1, BLOCK // size)
    for top in range(0, size, height):
        lines = slice(top, top + height)
        inputs = [x, y[lines], distance[lines], bias]
        for each, image in zip(programs, images, strict=True):
            values = run(each, inputs)
            draw([values[row] for row in each.outputs], np.moveaxis(image[lines], -1, 0))
    return images


@lru_cache(maxsize=8)
def coordinates(
    size: int, preset: str, field: float | None = None, dtype: Any = np.float32
) -> list[np.ndarray]:
    """The inputs: x (1, size), y (size, 1), distance from the centre (size, size), 1 (1, 1)."""
    unit = np.linspace(-1, 1, size)
    end = size - 1 if field is None else field
    axis = np.linspace(0, end, size) if preset == "code" else unit
    inputs = [axis[None], axis[:, None], np.hypot(unit[None], unit[:, None]), np.ones((1, 1))]
    inputs = [array.astype(dtype) for array in inputs]
    for array in inputs:
        array.flags.writeable = False
    return inputs


def program(genome: Genome) -> Program:
    """Orders the nodes from which a path leads to an output, each behind those it needs."""
    sources: dict[int, list[tuple[int, float]]] = {}
    for source, target, gene in genome.connections:
        weight = WEIGHT_RANGE * (2 * gene - 1)
        sources.setdefault(target, []).append((source, weight))
    place = {node: node for node in range(INPUTS)}
    outputs = range(INPUTS, INPUTS + genome.outputs)
    links, waiting = [], list(outputs)
    while waiting:
        node = waiting[-1]
        if node in place:
            waiting.pop()
            continue
        feeds = sources.get(node, [])
        missing = [source for source, _ in feeds if source not in place]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        links.append([(place[source], weight) for source, weight in feeds])
        place[node] = len(place)
    nodes = list(place)[INPUTS:]
    functions = [genome.functions[node - INPUTS] for node in nodes]
    return Program(links, functions, nodes, [place[output] for output in outputs])


def run(
    program: Program, inputs: Sequence[np.ndarray], once: Collection[int] = ()
) -> list[np.ndarray]:
    """The values of inputs and active nodes, each no larger than what it depends on.

    Args:
        once: sine nodes that are to show a single period, the one of the middle pixel; for
            whole images only.
    """
    values = list(inputs)
    for node, links, function in zip(program.nodes, program.links, program.functions, strict=True):
        value = weighted_sum(values, links)
        if once and node in once:
            _single_period(value)
        ACTIVATE[function](value)
        values.append(value)
    return values


def weighted_sum(values: Sequence[np.ndarray], links: list[tuple[int, float]]) -> np.ndarray:
    """A new array, as large as the sources together ask for."""
    if not links:
        return np.zeros_like(values[-1], shape=(1, 1))
    total = values[links[0][0]] * links[0][1]
    for source, weight in links[1:]:
        total = total + values[source] * weight
    return total


def draw(outputs: list[np.ndarray], planes: np.ndarray) -> None:
    """One output or three, in [-1, 1], into uint8 planes: grey, or red, green and blue."""
    levels = [(np.abs(values) * 255).astype(np.uint8) for values in outputs]
    if len(levels) == 1:
        planes[0] = levels[0]
    else:
        hue, lightness, saturation = levels
        rgb(hue, lightness, saturation, out=planes)


def _single_period(phase: np.ndarray) -> None:
    """Holds a phase at the ends of the period that the middle pixel lies in."""
    row, column = (length // 2 for length in phase.shape)
    middle = 2 * np.pi * np.round(phase[row, column] / (2 * np.pi))
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
