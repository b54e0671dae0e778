"""Figures 3 and 4 in numbers: how alike are the photographs of one row?

The same count as on MNIST (`szegedy.units`), by the same functions and margins.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from reproduce.data.imagenet_classes import COUNT
from reproduce.data.photographs import sized
from reproduce.experiments import Context
from reproduce.experiments.imagenet import photographs, the_network
from reproduce.experiments.szegedy.units import MARGINS, RIVALS, UNITS, claims, draw
from reproduce.methods.units.coherence import ROW, Coherence, blind, of_activations
from reproduce.networks.features import activations, places
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact
from reproduce.runtime.errors import NotAvailable

THUMBNAIL = 16  # pixels of a side, for directions in pixel space
# Groups that the order of the classes holds together; the photographs at hand show one or two of
# each of the thousand classes, so that rows of one class there are none.
GROUPS = {"dogs": range(151, 269), "other animals": range(398), "things": range(398, COUNT)}


def units(context: Context, *, judges: Mapping[str, partial[Any]], rows: int) -> Artefact:
    """The coherence of rows in three layers, and an equivalence test for each.

    Args:
        judges: networks, the first of which that is not under study says how alike two
            photographs are.
        rows: units and directions of each kind at most; a larger layer's are drawn at random.
    """
    name, network = the_network(context)
    examples = photographs(context, network)
    labels = groups(examples.labels) if context.dataset.classes == COUNT else examples.labels
    judge, features = _judged(context, judges, name)
    found: dict[str, dict[str, Coherence]] = {}
    budget = {"rows": rows, "seed": context.seed}
    heard = places(network)
    chosen = dict.fromkeys([heard[0].name, heard[len(heard) // 2].name, heard[-1].name])
    for place in chosen:
        phi = context.cached(partial(activations, network, place, examples.images))
        call = partial(of_activations, phi, features, labels, **budget)
        found[place] = context.cached(call, title=f"rows {place}")
    small = _thumbnails(context.dataset.test.images)
    found["pixels"] = context.cached(partial(of_activations, small, features, labels, **budget))
    found["random sets"] = context.cached(partial(blind, features, labels, **budget))
    cells = Cells("szegedy", "units_imagenet")
    for measure in MARGINS:
        for row, families in found.items():
            for family, each in families.items():
                cells.mean(f"{measure}: {row}", family, getattr(each, measure), UNITS[measure])
    layers = {place: found[place] for place in chosen}
    return Artefact(
        title="Units and directions: how alike are the photographs of one row?",
        caption=(
            f"For three layers of {name}, the {ROW} of {len(labels)} photographs with the largest "
            "activation along single units, Gaussian random directions (random), the vectors of "
            "one random orthonormal basis (basis) and principal directions of both signs (PCA): "
            "share of the commonest group of classes (purity, %), entropy of the groups (bits), "
            f"and mean cosine between the photographs in the last feature layer of {judge} "
            f"(similarity). Controls: pixels, of thumbnails {THUMBNAIL} x {THUMBNAIL}, and sets "
            "drawn at random."
        ),
        cells=cells.list,
        claims=claims(layers, found["random sets"]["random"]),
        figures={"units": draw(found)},
        notes=[
            "Groups: " + ", ".join(GROUPS) + "; there are too few photographs of each class.",
            "Equivalent: two one-sided Welch tests rule out, at 5 % after Holm's correction for "
            f"all {len(layers) * len(MARGINS) * len(RIVALS)} comparisons, a difference of "
            + ", ".join(f"{margin:g} ({measure})" for measure, margin in MARGINS.items())
            + " or more; the margins are those of MNIST.",
        ],
        departures=["The paper gives pictures and no numbers for this comparison."],
    )


def groups(labels: np.ndarray) -> np.ndarray:
    """The first of GROUPS that each class belongs to, int64 (n,)."""
    belongs = [np.isin(labels, list(classes)) for classes in GROUPS.values()]
    return np.argmax(belongs, axis=0)


def _judged(
    context: Context, judges: Mapping[str, partial[Any]], studied: str
) -> tuple[str, np.ndarray]:
    """Features of another network than the one under study, and its name."""
    reasons = []
    for judge in judges:
        if judge == studied:
            continue
        try:
            network = context.with_networks(judges).network(judge)
        except NotAvailable as missing:
            reasons.append(str(missing))
            continue
        images = sized(context.dataset, network.input_shape[1]).test.images
        call = partial(activations, network, places(network)[-1].name, images)
        return judge, context.cached(call, title=f"{judge} looks at {len(images)} photographs")
    raise NotAvailable("no second network says how alike photographs are: " + " ".join(reasons))


def _thumbnails(images: np.ndarray) -> np.ndarray:
    """float32 (n, pixels), the means of squares."""
    n, side, _, channels = images.shape
    step = side // THUMBNAIL
    parts = images.reshape(n, THUMBNAIL, step, THUMBNAIL, step, channels)
    return parts.mean(axis=(2, 4)).reshape(n, -1)
