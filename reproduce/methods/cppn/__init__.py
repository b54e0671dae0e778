"""The indirect encoding: images drawn by compositional pattern-producing networks (CPPN).

Nguyen et al. 2015, section 2.2: a small network is asked for each pixel's grey value (or colour)
by the pixel's position; its topology, weights and activation functions evolve. Three presets:

    code    the authors' released code: x and y are raw pixel indices
    unit    x and y lie in [-1, 1], as in most other work with CPPNs, and genes mutate twice as
            often and further: how much sooner the same archive fills up
    fast    coordinates as in `unit`, and for every child one of several operators (`mixture`)

`genome` says how networks begin and vary, `rendering` how they become images, `colour` what three
outputs mean, and `repetition` what is left of an image without its repeats.
"""

from __future__ import annotations

from functools import partial

from reproduce.methods.cppn import mixture
from reproduce.methods.cppn.genome import ETA, GENE_RATE, Genome, drifted, mutate, offspring, random
from reproduce.methods.cppn.rendering import render
from reproduce.methods.evolution import Encoding

__all__ = ["Genome", "drifted", "encoding", "mutate", "offspring", "random", "render"]

# Rate per weight and function, and eta of the polynomial mutation; for `unit`, found by trials.
VARIATION = {"code": (GENE_RATE, ETA), "unit": (0.2, 2.0)}
COORDINATES = {"code": "code", "unit": "unit", "fast": "unit"}  # of each preset


def encoding(
    preset: str = "code",
    size: int = 28,
    channels: int = 1,
    rate: float | None = None,
    eta: float | None = None,
) -> Encoding:
    """CPPNs that draw size x size images: one output for grey, three for colour.

    Args:
        rate, eta: of the mutation of genes in `code` and `unit`; None takes the preset's.
    """
    if preset not in COORDINATES:
        raise ValueError(f"a preset is one of {', '.join(COORDINATES)}; got {preset}")
    if channels not in (1, 3):
        raise ValueError(f"a CPPN draws 1 (grey) or 3 (colour) channels; got {channels}")
    if preset == "fast":
        if (rate, eta) != (None, None):
            raise ValueError("the preset fast has rates and etas of its own")
        vary = partial(mixture.offspring)
    else:
        usual_rate, usual_eta = VARIATION[preset]
        rate, eta = usual_rate if rate is None else rate, usual_eta if eta is None else eta
        vary = partial(offspring, rate=rate, eta=eta)
    return Encoding(
        random=partial(random, outputs=channels),
        offspring=vary,
        render=partial(render, size=size, preset=COORDINATES[preset]),
    )
