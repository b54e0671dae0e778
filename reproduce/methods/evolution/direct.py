"""The direct encoding: one gene for each grey value (Nguyen et al. 2015, section 2.2).

Polynomial mutation and simulated binary crossover (SBX) after Deb & Agrawal 1995 and Deb 2001,
for genes in [0, 1]. Four presets:

    code    the authors' released code: SBX with probability 0.5, mutation rate 0.1
    paper   the paper's text: no crossover, a rate of 0.1 that halves every 1000 generations
    fast    ours, chosen by trials: how much further the same archive goes when neighbours move
            together (a convolution and a pooling blur what single pixels do)
    squares ours, for photographs: squares of any size move together, a few in each child

    theirs         here
    eta_m, eta_c   eta: the higher, the nearer a child stays to its parents
    beta_q         spread: distance of the children over distance of the parents
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from reproduce.methods.evolution.colour import rgb
from reproduce.methods.evolution.map_elites import Encoding

# In the authors' SBX a gene on which both parents agree is not copied and keeps its default.
UNCOPIED_GENE = 0.5


class Variation(NamedTuple):
    """How children differ from their parents.

    rate: probability that a gene mutates; halved every `halving` generations, never if None.
    eta: of the polynomial mutation.
    crossover: probability that a pair is recombined by SBX with `crossover_eta`.
    patch: pixels on a side of the patch that moves together when a gene mutates.
    squares: how many squares of pixels, of any size, move in a child on average, in the place of
        single genes; None for genes.
    """

    rate: float
    halving: int | None
    eta: float
    crossover: float
    crossover_eta: float = 10.0
    patch: int = 1
    squares: float | None = None


PRESETS = {
    "code": Variation(rate=0.1, halving=None, eta=15.0, crossover=0.5),
    "paper": Variation(rate=0.1, halving=1000, eta=15.0, crossover=0.0),
    "fast": Variation(rate=0.02, halving=15, eta=0.5, crossover=0.0, patch=3),
    "squares": Variation(rate=0.0, halving=None, eta=2.0, crossover=0.0, squares=4.0),
}


def encoding(preset: str = "code", size: int = 28, channels: int = 1) -> Encoding:
    """The direct encoding of size x size images, its variation by name."""
    if preset not in PRESETS:
        raise ValueError(f"a preset is one of {', '.join(PRESETS)}; got {preset}")
    return Encoding(
        random=partial(random, genes=size * size * channels),
        offspring=partial(offspring, variation=PRESETS[preset], shape=(size, size, channels)),
        render=partial(render, shape=(size, size, channels)),
        preset=preset,
    )


def random(rng: np.random.Generator, n: int, genes: int) -> np.ndarray:
    """float32 (n, genes), uniform in [0, 1]."""
    return rng.random((n, genes), np.float32)


def offspring(
    rng: np.random.Generator,
    parents: list[Any],
    n: int,
    generation: int,
    variation: Variation,
    shape: tuple[int, int, int],
) -> np.ndarray:
    """n children of parents drawn in pairs, float32 (n, genes), for images of a shape."""
    drawn = np.stack([parents[i] for i in rng.integers(len(parents), size=n + n % 2)])
    if variation.crossover:
        pairs = np.flatnonzero(rng.random(len(drawn) // 2) < variation.crossover)
        drawn[2 * pairs], drawn[2 * pairs + 1] = cross(
            rng, drawn[2 * pairs], drawn[2 * pairs + 1], variation.crossover_eta
        )
    if variation.squares is not None:
        return mutate_squares(rng, drawn[:n], variation.squares, variation.eta, shape)
    rate = mutation_rate(variation, generation)
    if variation.patch == 1:
        return mutate(rng, drawn[:n], rate, variation.eta)
    return mutate_patches(rng, drawn[:n], rate, variation.eta, variation.patch, shape)


def mutation_rate(variation: Variation, generation: int) -> float:
    """The rate in a generation, the first of which is 1."""
    halvings = 0 if variation.halving is None else (generation - 1) // variation.halving
    return variation.rate * 0.5**halvings


def mutate(rng: np.random.Generator, genomes: np.ndarray, rate: float, eta: float) -> np.ndarray:
    """Polynomial mutation: each gene with probability `rate`, clamped to [0, 1]."""
    genes = np.array(genomes, np.float32)
    chosen = np.flatnonzero(rng.random(genes.shape, np.float32) < rate)
    flat = genes.reshape(-1)
    moved = flat[chosen] + polynomial_step(rng.random(len(chosen), np.float32), eta)
    flat[chosen] = np.clip(moved, 0, 1)
    return genes


def mutate_patches(
    rng: np.random.Generator,
    genomes: np.ndarray,
    rate: float,
    eta: float,
    patch: int,
    shape: tuple[int, int, int],
) -> np.ndarray:
    """Polynomial mutation whose steps are shared by patch x patch neighbours of a pixel."""
    height, width, channels = shape
    chosen = rng.random((len(genomes), *shape), np.float32) < rate
    steps = np.zeros((len(genomes), height + patch - 1, width + patch - 1, channels), np.float32)
    drawn = polynomial_step(rng.random(int(chosen.sum()), np.float32), eta)
    moves = np.zeros(chosen.shape, np.float32)
    moves[chosen] = drawn
    for down in range(patch):
        for across in range(patch):
            steps[:, down : down + height, across : across + width] += moves
    middle = patch // 2
    steps = steps[:, middle : middle + height, middle : middle + width]
    return np.clip(genomes + steps.reshape(len(genomes), -1), 0, 1)


def mutate_squares(
    rng: np.random.Generator,
    genomes: np.ndarray,
    squares: float,
    eta: float,
    shape: tuple[int, int, int],
) -> np.ndarray:
    """Polynomial steps shared by all pixels of a square; its side is log-uniform.

    Args:
        squares: a Poisson number with this mean moves, at least one.
    """
    height, width, channels = shape
    images = np.array(genomes, np.float32).reshape(-1, *shape)
    for image in images:
        for _ in range(max(1, int(rng.poisson(squares)))):
            side = int(min(height, width) ** rng.random())
            top, left = rng.integers((height - side + 1, width - side + 1)).tolist()
            square = image[top : top + side, left : left + side]
            square += polynomial_step(rng.random(channels, np.float32), eta)
            np.clip(square, 0, 1, out=square)
    return images.reshape(len(images), -1)


def polynomial_step(u: np.ndarray, eta: float) -> np.ndarray:
    """The change of a gene for u uniform in [0, 1): density (eta + 1)/2 (1 - |step|)^eta."""
    root = np.power(np.minimum(2 * u, 2 - 2 * u), u.dtype.type(1 / (eta + 1)))
    return np.where(u < 0.5, root - 1, 1 - root)


def cross(
    rng: np.random.Generator, first: np.ndarray, second: np.ndarray, eta: float
) -> tuple[np.ndarray, np.ndarray]:
    """SBX within [0, 1]; which child takes which side is drawn gene by gene.

    Genes on which the parents agree become UNCOPIED_GENE, as in the authors' code.
    """
    low, high = np.minimum(first, second), np.maximum(first, second)
    apart = high - low
    differ = apart > np.finfo(np.float32).eps
    safe = np.where(differ, apart, np.float32(1))
    u = rng.random(first.shape, np.float32)
    middle = np.float32(0.5) * (low + high)
    below = middle - np.float32(0.5) * _spread(u, low / safe, eta) * apart
    above = middle + np.float32(0.5) * _spread(u, (1 - high) / safe, eta) * apart
    swapped = rng.random(first.shape, np.float32) < 0.5
    default = np.float32(UNCOPIED_GENE)
    one = np.where(differ, np.clip(np.where(swapped, above, below), 0, 1), default)
    other = np.where(differ, np.clip(np.where(swapped, below, above), 0, 1), default)
    return one, other


def _spread(u: np.ndarray, room: np.ndarray, eta: float) -> np.ndarray:
    """SBX's spread for u uniform, where the bound lies `room` parent distances away."""
    power = np.float32(1 / (eta + 1))
    scaled = u * (2 - (1 + 2 * room) ** np.float32(-(eta + 1)))
    contracting = scaled <= 1
    return np.where(contracting, scaled, 1 / np.where(contracting, 1, 2 - scaled)) ** power


def render(genomes: Any, shape: tuple[int, int, int]) -> np.ndarray:
    """uint8 (n, height, width, channels), the integer part of gene x 255.

    Three channels are hue, lightness and saturation, as for CPPNs.
    """
    genes = np.stack(list(genomes)) if isinstance(genomes, list) else genomes
    levels = (genes * np.float32(255)).astype(np.uint8).reshape(-1, *shape)
    if shape[2] == 3:
        for image in levels:
            hue, lightness, saturation = np.ascontiguousarray(np.moveaxis(image, -1, 0))
            rgb(hue, lightness, saturation, out=np.moveaxis(image, -1, 0))
    return levels
