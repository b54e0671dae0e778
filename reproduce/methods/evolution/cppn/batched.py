"""Small images of many CPPNs at once, a layer of nodes after the other.

In a small image a call of NumPy costs more than its arithmetic, so that nodes of equal depth and
function, of all genomes, are computed together. Each value comes about by the same operations in
the same order as node by node (`rendering.run`), so that images are the same bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reproduce.methods.evolution.cppn.genome import INPUTS
from reproduce.methods.evolution.cppn.programs import ACTIVATE, WEIGHT_RANGE, Program


def outputs(program: Program, inputs: Sequence[np.ndarray], size: int) -> np.ndarray:
    """What each genome's outputs are, float (outputs, n, size, size).

    Args:
        inputs: as `rendering.coordinates` gives them.
    """
    dtype = inputs[0].dtype
    fan_in = np.array([len(links) for links in program.links])
    depths, functions = np.array(program.depths), np.array(program.functions)
    order = np.lexsort((functions, depths))
    places = np.arange(INPUTS + len(order))  # where the values of a row are
    places[INPUTS + order] = places[INPUTS:].copy()
    sources = places[[source for links in program.links for source, _ in links]]
    genes = np.array([gene for links in program.links for _, gene in links])
    weights = (WEIGHT_RANGE * (2 * genes - 1)).astype(dtype)[:, None]

    values = np.empty((INPUTS + len(order), size * size), dtype)
    for row, array in zip(values, inputs, strict=False):
        row.reshape(size, size)[...] = array
    first = (np.cumsum(fan_in) - fan_in)[order]  # of a node's links among all
    fan_in, depths, functions = fan_in[order], depths[order], functions[order]
    starts = np.flatnonzero(np.diff(depths, prepend=0)).tolist()
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        layer = values[INPUTS + start : INPUTS + end]
        links, begins = fan_in[start:end], first[start:end]
        for nth in range(max(1, links.max())):
            having = np.flatnonzero(links > nth)
            chosen = begins[having] + nth
            terms = values.take(sources[chosen], axis=0)
            terms *= weights[chosen]
            if nth:
                layer[having] += terms
            elif len(having) == len(layer):
                layer[:] = terms
            else:
                layer[:] = 0
                layer[having] = terms
        ends = np.searchsorted(functions[start:end], range(len(ACTIVATE) + 1))
        for activate, left, right in zip(ACTIVATE, ends, ends[1:], strict=False):
            if left < right:
                activate(layer[left:right])
    shown = values.take(places[np.array(program.outputs).T], axis=0)
    return shown.reshape(*shown.shape[:2], size, size)
