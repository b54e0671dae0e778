"""Section 3: the images that excite a unit most, and those that excite a random direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reproduce.experiments import Context
from reproduce.methods.units import directions
from reproduce.methods.units.coherence import ROW
from reproduce.networks.forward import activations_of, last_hidden
from reproduce.report import figures
from reproduce.report.results import Artefact

PANELS = "abcd"
SPHERE = (  # a departure
    "Random directions are uniform on the sphere; the paper does not say which distribution it "
    "used."
)


def figure1(context: Context, *, networks: Mapping[str, partial[Any]], network: str) -> Artefact:
    """The images that excite single units most."""
    return _rows_of_images(context.with_networks(networks), network, 1, "single units", "unit")


def figure2(context: Context, *, networks: Mapping[str, partial[Any]], network: str) -> Artefact:
    """The images that excite random directions most."""
    return _rows_of_images(
        context.with_networks(networks), network, 2, "random directions", "direction"
    )


def _rows_of_images(
    context: Context, network: str, number: int, what: str, singular: str
) -> Artefact:
    model = context.network(network)
    layer = last_hidden(model)
    images = context.dataset.test.images
    activations = activations_of(model, layer, images)
    vectors, titles = drawn(activations, singular, context.seed)
    rows = directions.most_exciting(activations, vectors, ROW)
    figure = _panels(images[rows], titles)
    return Artefact(
        title=f"Figure {number}: the images that excite {what} most",
        caption=(
            f"The {ROW} of {len(images):,} test images with the largest activation, for four "
            f"{what} of the last hidden layer of {network}, the most exciting first. Each "
            f"{singular} was drawn at random and not picked."
        ),
        figures={f"figure{number}": figure},
        departures=[
            "The paper says nothing of its convolutional network, nor which layer it shows: here "
            f"the last hidden layer of {network}.",
            *[SPHERE] * (number == 2),
        ],
    )


def drawn(
    activations: NDArray[np.floating], singular: str, seed: int
) -> tuple[NDArray[np.floating], list[str]]:
    """A panel's worth of single units, or of random directions, and what each is called.

    Args:
        activations: (images, units); a unit without any change prefers no image and is left out.
        singular: "unit" for single units; what a random direction is called.
    """
    rng = np.random.default_rng([seed, 3])
    width = activations.shape[1]
    if singular != "unit":
        names = [f"({panel}) {singular} {n + 1}" for n, panel in enumerate(PANELS)]
        return directions.gaussian(width, len(PANELS), rng), names
    alive = np.flatnonzero(activations.std(axis=0) > 0)
    chosen = np.sort(rng.choice(alive, size=min(len(PANELS), len(alive)), replace=False))
    names = [f"({panel}) unit {unit}" for panel, unit in zip(PANELS, chosen, strict=False)]
    return directions.natural_basis(width)[chosen], names


def _panels(rows: NDArray[np.floating], titles: Sequence[str]) -> Figure:
    """Two by two rows of images as in the paper, a pixel two device pixels wide.

    Args:
        rows: (4, images, height, width, channels).
    """
    pictures = [figures.mosaic(row[None]) for row in rows]
    height, width = (2 * side for side in pictures[0].shape[:2])
    gap, title = 40, 34  # device pixels
    wide, high = 2 * width + gap, 2 * (height + title)
    figure = Figure(figsize=(wide / figures.DPI, high / figures.DPI), dpi=figures.DPI)
    for panel, (picture, text) in enumerate(zip(pictures, titles, strict=True)):
        left, above = (panel % 2) * (width + gap), (panel // 2) * (height + title) + title
        place = (left / wide, 1 - (above + height) / high, width / wide, height / high)
        axes = figure.add_axes(place)
        figures.crisp(axes, picture)
        axes.set_title(text, fontsize=8, pad=2)
    return figure
