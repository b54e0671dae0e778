"""A CPPN image without its repeated elements (Nguyen et al. 2015, section 3.5, figure 10).

The authors deleted repeats by hand, for example all but one of several bars. Here the genome
shows them: a sine node repeats itself over the image when its phase runs through more than one
period. Such a node is held to a single period, the one at the image's middle. A phase that turns
by half a period or more from one pixel to the next (as weights up to 10 on raw pixel coordinates
let it) is left alone: what repeats in the image is then an alias and not the node.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from reproduce.methods.evolution.cppn.genome import FUNCTIONS, INPUTS, Genome
from reproduce.methods.evolution.cppn.programs import program
from reproduce.methods.evolution.cppn.rendering import coordinates, draw, run, weighted_sum

SINE = FUNCTIONS.index("sine")


def repeating(genome: Genome, size: int, preset: str = "code") -> dict[int, float]:
    """Active sine nodes that go through more than one visible period: row -> periods."""
    each, inputs = program([genome]), coordinates(size, preset)
    values = run(each, inputs)
    periods = {}
    for row, (function, links) in enumerate(zip(each.functions, each.links, strict=True), INPUTS):
        if function == SINE:
            phase = np.broadcast_to(weighted_sum(values, links), (size, size))
            steps = max(np.abs(np.diff(phase, axis=axis)).max() for axis in (0, 1))
            if steps < np.pi:
                periods[row] = float(np.ptp(phase) / (2 * np.pi))
    return {row: count for row, count in periods.items() if count > 1}


def without_repeats(
    genome: Genome, rows: Collection[int], size: int, preset: str = "code"
) -> np.ndarray:
    """uint8 (size, size, 1 or 3): the image when these sine nodes show one period each."""
    each = program([genome])
    values = run(each, coordinates(size, preset), once=rows)
    image = np.empty((size, size, genome.outputs), np.uint8)
    draw([values[row] for row in each.outputs[0]], image)
    return image
