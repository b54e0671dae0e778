"""How CPPN genomes vary under the preset `unit`: for every child one of seven operators is drawn.

Chosen by trials. In colour on Tiny Darknet with 1,000 niches, by what each operator's children
added to the sum of all confidences: early most of that comes from children that take a niche of
another class than their parent's, and crossover makes most of those; later from small steps within
a niche. In grey on LeNet, by the generation at which it is sure: larger steps, of all weights at
once; after the first generations the authors' mutation, further, finds more than they do.

    remade      the authors' mutation
    remade more the same with more and larger steps of the weights
    nudged      a few weights, or many, by steps of one size, drawn from 0.001 to 0.3
    shaken      the same for twenty weights, in most genomes all, from 0.03 to 0.3
    zoomed      the weights of x, of y, of the distance, or of all by one factor: another scale
    crossed     one or two of the outputs, with all they depend on, from another parent
    crossed and remade
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from reproduce.methods.evolution.cppn.genome import (
    ETA,
    GENE_RATE,
    INPUTS,
    Genome,
    depends_on,
    mutate,
)

EDITION = 3
OFTEN, FAR = 0.2, 2.0  # rate and eta of `remade more`
NUDGED = (1, 2, 5, 20)  # genes at once
STEPS = (-3.0, -0.5)  # powers of ten between which the size of a nudge lies
SHAKEN, LARGE = 20, (-1.5, -0.5)  # genes at once, and likewise
ZOOM = 0.8  # standard deviation of the factor's binary logarithm
TOGETHER = ((0, 1, 2), (0, 1), (0,), (1,), (2,))  # inputs that are zoomed by the same factor


def offspring(
    stream: np.random.Generator, parents: Sequence[Genome], n: int, generation: int
) -> list[Genome]:
    """n children of parents drawn uniformly."""
    first, second = stream.integers(len(parents), size=(2, n)).tolist()
    grey = GREY if generation <= EARLY else LATER_GREY
    shares = grey if parents[0].outputs == 1 else COLOUR
    operators = stream.choice(len(OPERATORS), size=n, p=shares).tolist()
    return [
        OPERATORS[operator](stream, parents[one], parents[other])
        for operator, one, other in zip(operators, first, second, strict=True)
    ]


def remade(stream: np.random.Generator, genome: Genome, other: Genome) -> Genome:
    """The authors' mutation."""
    return mutate(stream, genome, GENE_RATE, ETA)


def remade_more(stream: np.random.Generator, genome: Genome, other: Genome) -> Genome:
    """The same, further."""
    return mutate(stream, genome, OFTEN, FAR)


def nudged(stream: np.random.Generator, genome: Genome, other: Genome) -> Genome:
    """Normal steps of some weights."""
    return _stepped(stream, genome, NUDGED[stream.integers(len(NUDGED))], STEPS)


def shaken(stream: np.random.Generator, genome: Genome, other: Genome) -> Genome:
    """Larger ones, of many."""
    return _stepped(stream, genome, SHAKEN, LARGE)


def zoomed(stream: np.random.Generator, genome: Genome, other: Genome) -> Genome:
    """A pattern stretched or shrunk."""
    factor = 2 ** (ZOOM * stream.normal())
    inputs = TOGETHER[stream.integers(len(TOGETHER))]
    return genome._replace(
        connections=tuple(
            (source, target, _within(0.5 + factor * (gene - 0.5)) if source in inputs else gene)
            for source, target, gene in genome.connections
        )
    )


def crossed(stream: np.random.Generator, genome: Genome, other: Genome) -> Genome:
    """Some outputs from another parent, say the hue; what no output depends on goes."""
    outputs = [int(output) for output in stream.permutation(genome.outputs)]
    taken = outputs[: int(stream.integers(1, max(2, genome.outputs)))]
    return grafted(genome, other, taken)


def crossed_and_remade(stream: np.random.Generator, genome: Genome, other: Genome) -> Genome:
    """One after the other."""
    return mutate(stream, crossed(stream, genome, other), GENE_RATE, ETA)


def grafted(genome: Genome, other: Genome, outputs: Sequence[int]) -> Genome:
    """A genome with some outputs of another, and with all that they depend on there."""
    first_hidden = INPUTS + genome.outputs
    shift = len(genome.functions) - genome.outputs

    def moved(node: int) -> int:
        return node if node < first_hidden else node + shift

    needed = depends_on(other.connections, [INPUTS + output for output in outputs])
    connections = [
        *(each for each in genome.connections if each[1] - INPUTS not in outputs),
        *(
            (moved(source), moved(target), gene)
            for source, target, gene in other.connections
            if target in needed
        ),
    ]
    functions = [*genome.functions, *other.functions[other.outputs :]]
    for output in outputs:
        functions[output] = other.functions[output]
    return pruned(Genome(genome.outputs, tuple(functions), tuple(connections)))


def pruned(genome: Genome) -> Genome:
    """Without hidden nodes from which no path leads to an output; draws the same."""
    first_hidden = INPUTS + genome.outputs
    active = depends_on(genome.connections, range(INPUTS, first_hidden))
    hidden = sorted(node for node in active if node >= first_hidden)
    number = {node: node for node in range(first_hidden)}
    number |= {node: first_hidden + place for place, node in enumerate(hidden)}
    return Genome(
        genome.outputs,
        (
            *genome.functions[: genome.outputs],
            *(genome.functions[node - INPUTS] for node in hidden),
        ),
        tuple(
            (number[source], number[target], gene)
            for source, target, gene in genome.connections
            if target in active
        ),
    )


def _stepped(
    stream: np.random.Generator, genome: Genome, most: int, powers: tuple[float, float]
) -> Genome:
    connections = list(genome.connections)
    chosen = stream.permutation(len(connections))[:most].tolist()
    steps = (10 ** stream.uniform(*powers) * stream.normal(size=len(chosen))).tolist()
    for place, step in zip(chosen, steps, strict=True):
        source, target, gene = connections[place]
        connections[place] = (source, target, _within(gene + step))
    return genome._replace(connections=tuple(connections))


def _within(gene: float) -> float:
    return min(1.0, max(0.0, gene))


Operator = Callable[[np.random.Generator, Genome, Genome], Genome]
OPERATORS: tuple[Operator, ...] = (
    remade, remade_more, nudged, zoomed, crossed, crossed_and_remade, shaken,
)  # fmt: skip
COLOUR = (0.1, 0.1, 0.3, 0.15, 0.1, 0.25, 0.0)
GREY = (0.0, 0.2, 0.0, 0.3, 0.0, 0.0, 0.5)  # with a single output there is nothing to cross
EARLY = 10  # generations under GREY
LATER_GREY = (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
