"""The network that is fooled: Caffe's LeNet (Nguyen et al. 2015, section 2)."""

from __future__ import annotations

from reproduce.experiments import Context
from reproduce.experiments.nguyen.runs import NETWORK
from reproduce.networks.forward import mistakes
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact


def networks(context: Context) -> Artefact:
    """LeNet's test error beside the published one."""
    cells = Cells("nguyen", "networks")
    test = context.dataset.test
    model = context.network(NETWORK)
    wrong = mistakes(model, test)
    cells.rate(NETWORK, "test_error", wrong, len(test.labels))
    return Artefact(
        title="The network that is fooled",
        caption="Share of clean test images labelled wrongly.",
        cells=cells.list,
        departures=[
            "Trained anew for fewer steps than Caffe's example, with a one-cycle learning rate, "
            "to a lower error; networks=lenet_authors takes the authors' own weights.",
        ],
    )
