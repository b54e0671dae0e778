"""CPPN genomes made ready to be computed: only what reaches an output, and each node once.

Nodes that compute the same, in one genome or in several, are one: the children of a generation
share a third of theirs. Mean 7 nodes an image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from reproduce.methods.evolution.cppn.genome import FUNCTIONS, INPUTS, Genome

WEIGHT_RANGE = 10.0  # genes in [0, 1] are weights in [-10, 10]; the authors' released code
ROWS_OF_INPUTS = {node: node for node in range(INPUTS)}
# Exact in any precision. NumPy is faster with arrays of no dimension than with other numbers.
HALF, LOW, HIGH = (np.array(number, np.float32) for number in (0.5, -3, 3))

Links = tuple[tuple[int, float], ...]


class Program(NamedTuple):
    """The distinct active nodes of some genomes, each behind those it needs.

    The first rows are the inputs'; nodes follow.

    links: for each node, the rows it is fed from, with genes.
    functions: of each node, an index into FUNCTIONS.
    depths: of each node, the most steps from an input; 1 or more.
    outputs: for each genome, the rows of its outputs.
    """

    links: list[Links]
    functions: list[int]
    depths: list[int]
    outputs: list[list[int]]


def program(genomes: Sequence[Genome]) -> Program:
    """Orders the nodes from which a path leads to an output."""
    found = Program([], [], [], [])
    rows: dict[tuple[int, Links], int] = {}
    for genome in genomes:
        _add(genome, found, rows)
    return found


def _add(genome: Genome, found: Program, rows: dict[tuple[int, Links], int]) -> None:
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
        links = tuple([(place[source], gene) for source, gene in fed])
        what = genome.functions[node - INPUTS], links
        row = rows.get(what)
        if row is None:
            row = rows[what] = INPUTS + len(rows)
            found.functions.append(what[0])
            found.links.append(links)
            depth = 0
            for source, _ in links:
                if source >= INPUTS and found.depths[source - INPUTS] > depth:
                    depth = found.depths[source - INPUTS]
            found.depths.append(depth + 1)
        place[node] = row
    found.outputs.append([place[node] for node in outputs])


@lru_cache(maxsize=1 << 16)  # most of a child's genes are its parent's
def weight(gene: float, dtype: Any = np.float32) -> np.ndarray:
    """What a gene in [0, 1] means, an array of no dimension."""
    array = np.array(WEIGHT_RANGE * (2 * gene - 1), dtype)
    array.flags.writeable = False
    return array


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
