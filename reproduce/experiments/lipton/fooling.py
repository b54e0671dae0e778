"""Evolved images that networks are sure of: claim 13. `experiment=nguyen` has them at length."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from reproduce.data.examples import to_unit
from reproduce.experiments import Context
from reproduce.experiments.fitting import Preset, sized
from reproduce.experiments.lipton import protocol
from reproduce.experiments.lipton.medians import median
from reproduce.experiments.lipton.rules import models as rules
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.map_elites import Evolution, evolve
from reproduce.networks import classical
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact


def fooling(
    context: Context, *, networks: list[str], encodings: Mapping[str, Preset], generations: int
) -> Artefact:
    """Both encodings of Nguyen et al. against networks as they were trained, not calibrated.

    Args:
        networks: their names; encodings: name -> of direct pixels, or of a CPPN.
    """
    cells = Cells("lipton", "fooling")
    learnt, _ = classical.held_out(context.dataset.train)
    shown: dict[str, np.ndarray] = {}
    for name in networks:
        network = context.network(name, examples=learnt)
        for encoding, preset in encodings.items():
            found: Evolution = context.cached(
                partial(
                    evolve, network, sized(preset, context.image_shape),
                    classes=context.dataset.classes, generations=generations,
                    seeds=[context.seed],
                )
            )  # fmt: skip
            row = f"{name}, {encoding}"
            certainty = confidence(found.log_odds[0, -1])
            images = to_unit(found.archives[0].images)
            away = protocol.to_training(images, context.dataset.train)
            median(cells, row, "median_confidence", certainty, "fraction")
            cells.number(row, "least_fooled_class", float(certainty.min()), "fraction")
            cells.number(row, "distance", float(np.median(away)), "norm", len(away))
            shown[row] = images
    return Artefact(
        title="Evolved images against networks",
        caption=(
            f"One run of {generations} generations of 200 images for each network and encoding, "
            "a class each; confidence is the network's own. distance: median Euclidean distance of "
            "these images from the nearest training image."
        ),
        cells=cells.list,
        claims=[rules.evolved_certainty(cells)],
        figures={
            "evolved": figures.grid(
                np.stack(list(shown.values())),
                row_labels=list(shown),
                column_labels=[str(label) for label in range(context.dataset.classes)],
            )
        },
    )
