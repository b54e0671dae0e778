"""The indirect encoding: images drawn by compositional pattern-producing networks (CPPN).

Nguyen et al. 2015, section 2.2: a small network is asked for each pixel's grey value (or colour)
by the pixel's position; its topology, weights and activation functions evolve. Two presets:

    code    the authors' released code: x and y are raw pixel indices
    unit    ours: x and y lie in [-1, 1], as in most other work with CPPNs, and every child is
            made by one of several operators (`operators`): the same archive fills up sooner

`genome` says how networks begin and vary, `rendering` how they become images, `colour` what three
outputs mean, and `repetition` what is left of an image without its repeats.
"""

from __future__ import annotations

from functools import partial

from reproduce.methods.evolution.cppn import operators
from reproduce.methods.evolution.cppn.genome import (
    ETA,
    GENE_RATE,
    Genome,
    drifted,
    mutate,
    offspring,
    random,
)
from reproduce.methods.evolution.cppn.rendering import render
from reproduce.methods.evolution.map_elites import Encoding

__all__ = ["Genome", "drifted", "encoding", "mutate", "offspring", "random", "render"]

PRESETS = ("code", "unit")


def encoding(
    preset: str = "code",
    size: int = 28,
    channels: int = 1,
    rate: float | None = None,
    eta: float | None = None,
) -> Encoding:
    """CPPNs that draw size x size images: one output for grey, three for colour.

    Args:
        rate, eta: of the authors' mutation, per weight and function; where one is given, `unit`
            varies by this mutation alone. None for the authors' own.
    """
    if preset not in PRESETS:
        raise ValueError(f"a preset is one of {', '.join(PRESETS)}; got {preset}")
    if channels not in (1, 3):
        raise ValueError(f"a CPPN draws 1 (grey) or 3 (colour) channels; got {channels}")
    if preset == "unit" and rate is None and eta is None:
        vary = partial(operators.offspring)
    else:
        vary = partial(
            offspring, rate=GENE_RATE if rate is None else rate, eta=ETA if eta is None else eta
        )
    return Encoding(
        random=partial(random, outputs=channels),
        offspring=vary,
        render=partial(render, size=size, preset=preset),
        preset=preset,
    )
