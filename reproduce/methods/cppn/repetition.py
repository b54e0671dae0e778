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

from reproduce.methods.cppn.colour import rgb
from reproduce.methods.cppn.genome import FUNCTIONS, INPUTS, Genome
from reproduce.methods.cppn.rendering import Program, coordinates, program, run

EDITION = 1
SINE = FUNCTIONS.index("sine")


def repeating(genome: Genome, size: int, preset: str = "code") -> dict[int, float]:
    """Active sine nodes that go through more than one visible period: node -> periods."""
    each = program(genome)
    rows = _rows(each, size, preset)
    run(each, rows)
    periods = {}
    for node, function, links in zip(each.nodes, each.functions, each.links, strict=True):
        if function == SINE and links:
            phase = sum(weight * rows[source].astype(np.float64) for source, weight in links)
            image = np.reshape(phase, (size, size))
            steps = max(np.abs(np.diff(image, axis=axis)).max() for axis in (0, 1))
            if steps < np.pi:
                periods[node] = float(np.ptp(image) / (2 * np.pi))
    return {node: count for node, count in periods.items() if count > 1}


def without_repeats(
    genome: Genome, nodes: Collection[int], size: int, preset: str = "code"
) -> np.ndarray:
    """uint8 (size, size, 1 or 3): the image when these sine nodes show one period each."""
    each = program(genome)
    rows = _rows(each, size, preset)
    run(each, rows, once=nodes)
    pixels = (np.abs(rows[each.outputs]) * 255).astype(np.uint8)
    planes = rgb(*pixels) if len(pixels) == 3 else pixels
    return np.ascontiguousarray(planes.T).reshape(size, size, -1)


def _rows(each: Program, size: int, preset: str) -> np.ndarray:
    rows = np.empty((INPUTS + len(each.nodes) + 1, size * size), np.float32)
    rows[:INPUTS] = coordinates(size, preset)
    return rows
