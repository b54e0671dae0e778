"""Units and directions: claims 2 and 2b, in short; `experiment=szegedy` has them at length."""

from __future__ import annotations

import keras
import numpy as np

from reproduce.experiments import Setting
from reproduce.experiments.lipton import rules
from reproduce.methods import directions, equivalence
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact
from reproduce.training.evaluation import outputs

TOP = 10  # images that excite a direction most
MARGIN = 0.05  # of mean purity: half an image in ten


def units(
    setting: Setting, *, layers: dict[str, dict[str, str]], directions_tried: int
) -> Artefact:
    """Purity of the ten test images that excite a unit, or a random direction, most.

    Args:
        layers: network -> {label of the row: layer}; a row that ends in "last hidden" is one.
        directions_tried: random directions, at most as many units.
    """
    cells = Cells("goodfellow", "lipton_units")
    test = setting.dataset.test
    rng = np.random.default_rng([setting.seed, 2])
    for name, rows in layers.items():
        network = setting.network(name)
        for row, layer in rows.items():
            part = keras.Model(network.inputs, network.get_layer(layer).output)
            activations = outputs(part, test.images).reshape(len(test.labels), -1)
            activations = activations[:, activations.std(axis=0) > 0]
            count = activations.shape[1]
            chosen = rng.permutation(count)[:directions_tried]
            natural = directions.natural_basis(count)[chosen]
            mixed = directions.gaussian(count, directions_tried, rng)
            units_, mixed_ = (
                directions.purity(test.labels, directions.most_exciting(activations, some, TOP))
                for some in (natural, mixed)
            )
            chance = directions.purity(
                test.labels, directions.random_sets(len(test.labels), directions_tried, TOP, rng)
            )
            label = f"{name}, {row}"
            cells.mean(label, "units", units_, "purity")
            cells.mean(label, "random_directions", mixed_, "purity")
            cells.mean(label, "chance", chance, "purity")
            compared = equivalence.compare(units_, mixed_, MARGIN)
            cells.number(label, "difference", compared.difference, "purity")
            cells.list[-1] = cells.list[-1]._replace(low=compared.low, high=compared.high)
    cells.number("margin", "difference", MARGIN, "purity")
    return Artefact(
        title="Units and random directions",
        caption=(
            f"Mean purity (share of the commonest digit) of the {TOP} test images that excite a "
            "unit, or a random direction, most; chance: of images drawn blindly. difference: units "
            "less directions, with its 90 % interval; equivalent if that lies within the margin."
        ),
        cells=cells.list,
        claims=[rules.directions_like_units(cells), rules.only_the_last_layer(cells)],
    )
