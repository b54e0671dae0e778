"""A CPPN image without its repeated elements (Nguyen et al. 2015, section 3.5, figure 10).

The authors deleted repeats by hand, for example all but one of several bars. Here the genome
shows them: a sine node repeats itself over the image when its phase runs through more than one
period. Such a node is held to a single period, the one at the image's middle. A phase that turns
by half a period or more from one pixel to the next (as weights up to 10 on raw pixel coordinates
let it) is left alone: what repeats in the image is then an alias and not the node.

Or a single element is deleted: a connected region of the image in which the phase runs through
one period. There the node gives what it gives at the region's edge, which is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

import numpy as np
from scipy import ndimage

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
    return _drawn(genome, dict.fromkeys(rows, _single_period), size, preset)


def elements(genome: Genome, row: int, size: int, preset: str = "code") -> list[np.ndarray]:
    """What a sine node repeats: each connected region of one period, by itself.

    Those of less than half the usual size, mostly cut off by the image's edge, are no repetitions.

    Returns:
        bool, in the shape of the node's phase, which is (size, size), (1, size) or (size, 1).
    """
    each = program([genome])
    phase = weighted_sum(run(each, coordinates(size, preset)), each.links[row - INPUTS])
    period = np.round(phase / (2 * np.pi))
    regions = []
    for number in np.unique(period):
        labelled, count = ndimage.label(period == number)
        regions += [labelled == i for i in range(1, count + 1)]
    usual = np.median([region.sum() for region in regions])
    return [region for region in regions if region.sum() >= usual / 2]


def without_element(
    genome: Genome, row: int, element: np.ndarray, size: int, preset: str = "code"
) -> np.ndarray:
    """uint8 (size, size, 1 or 3): the image without one of a node's `elements`."""
    return _drawn(genome, {row: partial(_delete, element)}, size, preset)


def _drawn(
    genome: Genome,
    changes: Mapping[int, Callable[[np.ndarray], None]],
    size: int,
    preset: str,
) -> np.ndarray:
    each = program([genome])
    values = run(each, coordinates(size, preset), changes)
    image = np.empty((size, size, genome.outputs), np.uint8)
    draw([values[row] for row in each.outputs[0]], image)
    return image


def _single_period(phase: np.ndarray) -> None:
    """Holds a phase at the ends of the period that the middle pixel lies in."""
    centre = tuple(length // 2 for length in phase.shape)
    middle = 2 * np.pi * np.round(phase[centre] / (2 * np.pi))
    np.clip(phase, middle - np.pi, middle + np.pi, out=phase)


def _delete(element: np.ndarray, phase: np.ndarray) -> None:
    """A phase of half a period, whose sine is 0, as at the element's edge."""
    phase[element] = np.pi
