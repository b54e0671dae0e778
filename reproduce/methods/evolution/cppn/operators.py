"""How CPPN genomes vary under the preset `unit`: for every child one of seven operators is drawn.

Chosen by trials. In colour on Tiny Darknet with 1,000 niches, by what each operator's children
added to the sum of all confidences: early most of that comes from children that take a niche of
another class than their parent's, and crossover makes most of those; later from small steps within
a niche. In grey on LeNet, by the generation at which it is sure: larger steps, of all weights at
once; after the first generations the authors' mutation, further, finds more than they do.

    mutate                the authors' mutation
    mutate_more           the same with more and larger steps of the weights
    perturb_few           1 to 20 weights by steps of one size, drawn from 0.001 to 0.3
    perturb_many          20 weights (in most genomes all) by steps from 0.03 to 0.3
    scale_inputs          the weights of x, y, the distance, or all by one factor: another scale
    crossover             one or two outputs, with all they depend on, from another parent
    crossover_and_mutate  one after the other
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from reproduce.methods.evolution.cppn import genome as genomes
from reproduce.methods.evolution.cppn.genome import ETA, GENE_RATE, INPUTS, Genome, depends_on

MORE_RATE, MORE_ETA = 0.2, 2.0  # of `mutate_more`
FEW = (1, 2, 5, 20)  # genes at once
SMALL_STEPS = (-3.0, -0.5)  # powers of ten between which the size of a step lies
MANY, LARGE_STEPS = 20, (-1.5, -0.5)  # genes at once, and the powers likewise
SCALE_DEVIATION = 0.8  # standard deviation of the factor's binary logarithm
INPUT_GROUPS = ((0, 1, 2), (0, 1), (0,), (1,), (2,))  # inputs scaled by one factor


def offspring(
    rng: np.random.Generator, parents: Sequence[Genome], n: int, generation: int
) -> list[Genome]:
    """n children of parents drawn uniformly."""
    first, second = rng.integers(len(parents), size=(2, n)).tolist()
    grey = GREY if generation <= EARLY else LATER_GREY
    shares = grey if parents[0].outputs == 1 else COLOUR
    operators = rng.choice(len(OPERATORS), size=n, p=shares).tolist()
    return [
        OPERATORS[operator](rng, parents[one], parents[other])
        for operator, one, other in zip(operators, first, second, strict=True)
    ]


def mutate(rng: np.random.Generator, genome: Genome, other: Genome) -> Genome:
    """The authors' mutation."""
    return genomes.mutate(rng, genome, GENE_RATE, ETA)


def mutate_more(rng: np.random.Generator, genome: Genome, other: Genome) -> Genome:
    """The same, further."""
    return genomes.mutate(rng, genome, MORE_RATE, MORE_ETA)


def perturb_few(rng: np.random.Generator, genome: Genome, other: Genome) -> Genome:
    """Normal steps of some weights."""
    return _perturb(rng, genome, FEW[rng.integers(len(FEW))], SMALL_STEPS)


def perturb_many(rng: np.random.Generator, genome: Genome, other: Genome) -> Genome:
    """Larger ones, of many."""
    return _perturb(rng, genome, MANY, LARGE_STEPS)


def scale_inputs(rng: np.random.Generator, genome: Genome, other: Genome) -> Genome:
    """A pattern stretched or shrunk."""
    factor = 2 ** (SCALE_DEVIATION * rng.normal())
    inputs = INPUT_GROUPS[rng.integers(len(INPUT_GROUPS))]
    return genome._replace(
        connections=tuple(
            (source, target, _clip(0.5 + factor * (gene - 0.5)) if source in inputs else gene)
            for source, target, gene in genome.connections
        )
    )


def crossover(rng: np.random.Generator, genome: Genome, other: Genome) -> Genome:
    """Some outputs from another parent, say the hue; what no output depends on goes."""
    outputs = [int(output) for output in rng.permutation(genome.outputs)]
    taken = outputs[: int(rng.integers(1, max(2, genome.outputs)))]
    return graft(genome, other, taken)


def crossover_and_mutate(rng: np.random.Generator, genome: Genome, other: Genome) -> Genome:
    """One after the other."""
    return genomes.mutate(rng, crossover(rng, genome, other), GENE_RATE, ETA)


def graft(genome: Genome, other: Genome, outputs: Sequence[int]) -> Genome:
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
    return prune(Genome(genome.outputs, tuple(functions), tuple(connections)))


def prune(genome: Genome) -> Genome:
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


def _perturb(
    rng: np.random.Generator, genome: Genome, most: int, powers: tuple[float, float]
) -> Genome:
    connections = list(genome.connections)
    chosen = rng.permutation(len(connections))[:most].tolist()
    steps = (10 ** rng.uniform(*powers) * rng.normal(size=len(chosen))).tolist()
    for place, step in zip(chosen, steps, strict=True):
        source, target, gene = connections[place]
        connections[place] = (source, target, _clip(gene + step))
    return genome._replace(connections=tuple(connections))


def _clip(gene: float) -> float:
    return min(1.0, max(0.0, gene))


Operator = Callable[[np.random.Generator, Genome, Genome], Genome]
OPERATORS: tuple[Operator, ...] = (
    mutate, mutate_more, perturb_few, scale_inputs, crossover, crossover_and_mutate, perturb_many,
)  # fmt: skip
COLOUR = (0.1, 0.1, 0.3, 0.15, 0.1, 0.25, 0.0)
GREY = (0.0, 0.2, 0.0, 0.3, 0.0, 0.0, 0.5)  # with a single output there is nothing to cross
EARLY = 10  # generations under GREY
LATER_GREY = (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
