"""Tables of measurements: claim 6b, since the article speaks of nearly all machine learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from reproduce.data.measurements import measurements
from reproduce.experiments import Context
from reproduce.experiments.lipton import protocol, zoo
from reproduce.experiments.lipton.medians import median
from reproduce.experiments.lipton.models import NOISES, noise_changes
from reproduce.experiments.lipton.rules import models as rules
from reproduce.networks import classical
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact


def tabular(
    context: Context,
    *,
    tables: Sequence[str],
    models: Mapping[str, partial[Any]],
    rows: int,
    search: Mapping[str, Any],
    evaluations: int,
    compiled: bool = True,
) -> Artefact:
    """The smallest change of each row that alters its label, as for images in `models`.

    Args:
        tables: names of `measurements`.
        models: name -> a learner of `networks.classical`.
        rows: test rows changed, at most, in each table.
        search: options of the search by labels; evaluations, compiled: of the attack by gradient.
    """
    cells = Cells("lipton", "tabular")
    for table in tables:
        train, test = measurements(table, context.seed)
        sample = zoo.draw(test, rows, context.seed)
        separation = protocol.class_separation(sample.images, sample.labels, train)
        for name, learn in models.items():
            recipe = partial(classical.fit, learn, train, context.seed)
            model = zoo.made(recipe)
            kept = model.labels(sample.images) == sample.labels
            row = f"{table}, {name}"
            wrong = int((model.labels(test.images) != test.labels).sum())
            cells.rate(row, "test_error", wrong, len(test.labels))
            if not kept.any():
                cells.number(row, "of_separation", np.nan, "ratio")
                continue
            found: protocol.Smallest = context.cached(
                partial(
                    protocol.smallest, recipe, sample.images[kept], train, seed=context.seed,
                    search=dict(search), classes=len(np.unique(train.labels)),
                    evaluations=evaluations, compiled=compiled,
                ),
                title=row,
            )  # fmt: skip
            change = found.change
            cells.rate(row, "changed", int(np.isfinite(change.distance).sum()), int(kept.sum()))
            median(cells, row, "distance", change.distance, "norm")
            median(cells, row, "of_separation", change.distance / separation[kept], "ratio")
            cells.rate(row, "proven", int(change.proven.sum()), int(kept.sum()))
            changed = noise_changes(model, sample.images[kept], change.distance, context)
            if len(changed):
                draws = np.full(len(changed), NOISES)
                cells.grouped_rate(row, "noise_changes", changed, draws)
    return Artefact(
        title="Tables of measurements under the same protocol",
        caption=(
            f"scikit-learn's {', '.join(tables)}; one half of the rows to learn from, at most "
            f"{rows} of the other half changed, those that a model classifies correctly. Features "
            "are scaled to [0, 1]. distance: median Euclidean length of the smallest change; "
            "of_separation: over the distance to the nearest training row of another class; "
            "proven: share known to be the smallest there is; noise_changes: answers altered by "
            "Gaussian noise of the same size."
        ),
        cells=cells.list,
        claims=[rules.all_susceptible(cells, "6b")],
        departures=[
            "The article names no data; tables that come with scikit-learn are ours.",
            "Where nothing exact is to be had, the smallest change is an upper bound.",
        ],
    )
