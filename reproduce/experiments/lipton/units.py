"""Units and directions: claims 2 and 2b; `experiment=szegedy` has the comparison at length."""

from __future__ import annotations

from functools import partial

import numpy as np

from reproduce.experiments import Context
from reproduce.experiments.lipton.rules import meaning as rules
from reproduce.experiments.szegedy.units import MARGINS, UNITS
from reproduce.methods.units import equivalence
from reproduce.methods.units.coherence import ROW, Coherence, coherence, shuffled_coherence
from reproduce.networks import classical
from reproduce.networks.forward import last_hidden
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact

MEASURES = ("purity", "similarity")


def units(context: Context, *, layers: dict[str, dict[str, str]], rows: int) -> Artefact:
    """How alike the ten test images are that excite a unit, or a direction, most.

    Args:
        layers: two networks -> {what a row is called: layer}.
            Each network judges how alike two images are to the other's units.
        rows: units and directions of each kind at most.
    """
    cells = Cells("lipton", "units")
    learnt, _ = classical.held_out(context.dataset.train)
    networks = {name: context.network(name, examples=learnt) for name in layers}
    images, labels = context.dataset.test
    last: list[str] = []  # rows of last hidden layers
    for name, of_network in layers.items():
        judge = next(network for other, network in networks.items() if other != name)
        for label, layer in of_network.items():
            found: dict[str, Coherence] = {}
            for measured in (coherence, shuffled_coherence):
                call = partial(measured, networks[name], layer, judge, images, labels)
                found |= context.cached(partial(call, rows=rows, seed=context.seed))
            for measure in MEASURES:
                row = f"{name}, {label}: {measure}"
                _row(cells, row, found, measure)
                last += [row] * (layer == last_hidden(networks[name]))
    return Artefact(
        title="Units and random directions",
        caption=(
            f"The {ROW} test images that excite a unit, or a direction, most: share of the "
            "commonest digit (purity, %), mean cosine in the last hidden layer of the other "
            "network (similarity). units: single ones; random: Gaussian directions; basis: of one "
            "random rotation; PCA: principal directions of both signs; shuffled: random directions "
            "after each unit's activations were shuffled over the images. difference: units less "
            "random, with its 90 % interval; margin: what counts as none, set beforehand."
        ),
        cells=cells.list,
        claims=[rules.directions_like_units(cells, last), rules.in_the_last_layer(cells, last)],
    )


def _row(cells: Cells, row: str, found: dict[str, Coherence], measure: str) -> None:
    values = {family: np.asarray(getattr(one, measure)) for family, one in found.items()}
    for family, each in values.items():
        cells.mean(row, family, each, UNITS[measure])
    compared = equivalence.compare(values["units"], values["random"], MARGINS[measure])
    interval = compared.low, compared.high
    unit = "points" if UNITS[measure] == "fraction" else UNITS[measure]
    cells.number(row, "difference", compared.difference, unit, interval=interval)
    cells.number(row, "margin", MARGINS[measure], UNITS[measure])
