"""CPPN genomes: how they begin and how they vary.

Structural mutation as in the authors' released code (a feed-forward graph in the manner of NEAT,
Stanley & Miikkulainen 2002, without crossover or speciation): rates per child, one after the
other and independent of each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

INPUTS = 4  # x, y, distance from the centre, and a bias of 1
FUNCTIONS = ("sine", "sigmoid", "Gaussian", "linear")
GENE_RATE = 0.1  # per weight and per activation function; Nguyen et al. 2015, section 2.2
ETA = 15.0  # of the polynomial mutation of a weight
# The authors' released code, per child.
ADD_CONNECTION, DELETE_CONNECTION = 0.5, 0.3
ADD_NEURON, DELETE_NEURON = 0.5, 0.2

Connection = tuple[int, int, float]


class Genome(NamedTuple):
    """A feed-forward network as plain numbers.

    Nodes are numbered: INPUTS inputs, then the outputs, then the hidden ones.

    outputs: how many.
    functions: for each node that is no input, an index into FUNCTIONS.
    connections: (source, target, gene), gene in [0, 1] for a weight in [-10, 10].
    """

    outputs: int
    functions: Sequence[int]
    connections: Sequence[Connection]


def random(rng: np.random.Generator, n: int, outputs: int) -> list[Genome]:
    """n genomes without hidden nodes: every input to every output, all else drawn."""
    functions = rng.integers(len(FUNCTIONS), size=(n, outputs)).tolist()
    genes = rng.random((n, outputs, INPUTS)).tolist()
    return [
        Genome(
            outputs,
            tuple(functions[i]),
            tuple(
                (source, INPUTS + output, genes[i][output][source])
                for output in range(outputs)
                for source in range(INPUTS)
            ),
        )
        for i in range(n)
    ]


def drifted(rng: np.random.Generator, n: int, outputs: int, mutations: int) -> list[Genome]:
    """n random genomes, each mutated so many times in a row with nothing to select it."""
    genomes = random(rng, n, outputs)
    for _ in range(mutations):
        genomes = [mutate(rng, genome) for genome in genomes]
    return genomes


def offspring(
    rng: np.random.Generator,
    parents: list[Genome],
    n: int,
    generation: int,
    rate: float = GENE_RATE,
    eta: float = ETA,
) -> list[Genome]:
    """n mutated children of parents drawn uniformly."""
    drawn = rng.integers(len(parents), size=n).tolist()
    return [mutate(rng, parents[i], rate, eta) for i in drawn]


def mutate(
    rng: np.random.Generator, genome: Genome, rate: float = GENE_RATE, eta: float = ETA
) -> Genome:
    """Weights and functions at a rate for each, then structure."""
    draws = 2 * len(genome.connections) + 2 * len(genome.functions) + 12
    u = iter(rng.random(draws).tolist())
    outputs = genome.outputs
    connections = [
        (source, target, _moved(gene, next(u), eta) if next(u) < rate else gene)
        for source, target, gene in genome.connections
    ]
    functions = [
        int(next(u) * len(FUNCTIONS)) if next(u) < rate else function
        for function in genome.functions
    ]
    if next(u) < ADD_CONNECTION:
        _add_connection(connections, len(functions), outputs, u)
    if next(u) < DELETE_CONNECTION and connections:
        del connections[int(next(u) * len(connections))]
    if next(u) < ADD_NEURON and connections:
        source, target, gene = connections.pop(int(next(u) * len(connections)))
        neuron = INPUTS + len(functions)
        functions.append(int(next(u) * len(FUNCTIONS)))
        connections += [(source, neuron, gene), (neuron, target, gene)]  # both keep the weight
    if next(u) < DELETE_NEURON and len(functions) > outputs:
        hidden = outputs + int(next(u) * (len(functions) - outputs))
        connections = _without(connections, INPUTS + hidden)
        del functions[hidden]
    return Genome(outputs, tuple(functions), tuple(connections))


def _moved(gene: float, u: float, eta: float) -> float:
    """Polynomial mutation for u uniform in [0, 1), clamped to [0, 1]."""
    root = min(2 * u, 2 - 2 * u) ** (1 / (eta + 1))
    return min(1.0, max(0.0, gene + (root - 1 if u < 0.5 else 1 - root)))


def _add_connection(
    connections: list[Connection], neurons: int, outputs: int, u: Iterator[float]
) -> None:
    """From any node but an output, to any node but an input or one the source depends on."""
    source = int(next(u) * (INPUTS + neurons - outputs))
    if source >= INPUTS:
        source += outputs  # the outputs are numbered between inputs and hidden nodes
    behind = depends_on(connections, [source])
    targets = [node for node in range(INPUTS, INPUTS + neurons) if node not in behind]
    if targets:
        connections.append((source, targets[int(next(u) * len(targets))], next(u)))


def depends_on(connections: Sequence[Connection], nodes: Sequence[int]) -> set[int]:
    """The nodes themselves and all from which a path leads to them."""
    sources: dict[int, list[int]] = {}
    for source, target, _ in connections:
        sources.setdefault(target, []).append(source)
    found, waiting = set(nodes), list(nodes)
    while waiting:
        for source in sources.get(waiting.pop(), ()):
            if source not in found:
                found.add(source)
                waiting.append(source)
    return found


def _without(connections: list[Connection], node: int) -> list[Connection]:
    """Without a node's connections, and those behind it one number lower."""
    return [
        (source - (source > node), target - (target > node), gene)
        for source, target, gene in connections
        if node not in (source, target)
    ]
