"""Figures 3 and 4: the photographs that excite single units most, or random directions."""

from __future__ import annotations

from functools import partial

import numpy as np

from reproduce.experiments import Context
from reproduce.experiments.imagenet import photographs, the_network
from reproduce.experiments.szegedy.top_images import SPHERE, drawn
from reproduce.methods.units import directions
from reproduce.networks.features import activations, places
from reproduce.report import figures
from reproduce.report.results import Artefact

ROW = 5  # photographs; four rows of them


def figure3(context: Context) -> Artefact:
    """The photographs that excite single units most."""
    return _rows_of_photographs(context, 3, "single units", "unit")


def figure4(context: Context) -> Artefact:
    """The photographs that excite random directions most."""
    return _rows_of_photographs(context, 4, "random directions", "direction")


def _rows_of_photographs(context: Context, number: int, what: str, singular: str) -> Artefact:
    called, network = the_network(context)
    images, _ = photographs(context, network)
    last = places(network)[-1].name
    call = partial(activations, network, last, images)
    phi: np.ndarray = context.cached(call, title=f"looking at {len(images)} photographs")
    vectors, titles = drawn(phi, singular, context.seed)
    rows = directions.most_exciting(phi, vectors, ROW)
    return Artefact(
        title=f"Figure {number}: the photographs that excite {what} most",
        caption=(
            f"The {ROW} of {len(images):,} photographs with the largest activation, for four "
            f"{what} of the last feature layer of {called} ({last}, {phi.shape[1]} units), the "
            f"most exciting first. Each {singular} was drawn at random and not picked."
        ),
        figures={f"figure{number}": figures.grid(images[rows], row_labels=titles, enlarged=False)},
        departures=[
            "The paper does not say which layer it shows: here the last feature layer, and of a "
            "convolution the mean over the image of each of its maps.",
            "The paper shows validation photographs. The ones at hand may be training photographs "
            "of the network.",
            *[SPHERE] * (number == 4),
        ],
    )
