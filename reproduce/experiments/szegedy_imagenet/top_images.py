"""Figures 3 and 4: the photographs that excite single units most, or random directions."""

from __future__ import annotations

from functools import partial

import numpy as np

from reproduce.experiments import Setting
from reproduce.experiments.imagenet import photographs, the_network
from reproduce.imagenet.features import activations, places
from reproduce.methods import directions
from reproduce.report import figures
from reproduce.report.results import Artefact

PANELS, ROW = "abcd", 5  # four rows of five photographs


def figure3(setting: Setting) -> Artefact:
    """The photographs that excite single units most."""
    return _rows_of_photographs(setting, "figure3", "single units", "unit")


def figure4(setting: Setting) -> Artefact:
    """The photographs that excite random directions most."""
    return _rows_of_photographs(setting, "figure4", "random directions", "direction")


def _rows_of_photographs(setting: Setting, name: str, what: str, singular: str) -> Artefact:
    called, network = the_network(setting)
    images, _ = photographs(setting, network)
    last = places(network)[-1].name
    call = partial(activations, network, last, images)
    phi: np.ndarray = setting.cached(call, title=f"looking at {len(images)} photographs")
    rng = np.random.default_rng([setting.seed, 3])
    if name == "figure3":
        alive = np.flatnonzero(phi.std(axis=0) > 0)  # a dead unit prefers no photograph
        count = min(len(PANELS), len(alive))
        chosen = np.sort(rng.choice(alive, size=count, replace=False))
        vectors = directions.natural_basis(phi.shape[1])[chosen]
        titles = [f"({panel}) unit {unit}" for panel, unit in zip(PANELS, chosen, strict=False)]
    else:
        vectors = directions.gaussian(phi.shape[1], len(PANELS), rng)
        titles = [f"({panel}) direction {n + 1}" for n, panel in enumerate(PANELS)]
    rows = directions.most_exciting(phi, vectors, ROW)
    return Artefact(
        title=f"Figure {name[-1]}: the photographs that excite {what} most",
        caption=(
            f"The {ROW} of {len(images):,} photographs with the largest activation, for four "
            f"{what} of the last feature layer of {called} ({last}, {phi.shape[1]} units), the "
            f"most exciting first. Each {singular} was drawn at random and not picked."
        ),
        figures={name: figures.grid(images[rows], row_labels=titles, enlarged=False)},
        departures=[
            "The paper does not say which layer it shows: here the last feature layer, and of a "
            "convolution the mean over the image of each of its maps.",
            "The paper shows validation photographs. The ones at hand may be training photographs "
            "of the network.",
            *(
                ["Random directions are uniform on the sphere; the paper does not say which "
                 "distribution it used."]
                if name == "figure4"
                else []
            ),
        ],
    )  # fmt: skip
