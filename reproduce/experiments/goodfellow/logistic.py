"""Section 5 and Figure 2: logistic regression on 3 against 7, where the method is exact."""

from __future__ import annotations

import numpy as np

from reproduce.data.examples import Examples, read_only
from reproduce.experiments import Context
from reproduce.experiments.goodfellow.models import EPSILON, record, trained
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact
from reproduce.runtime.errors import NotAvailable

ROW = "logistic 3 against 7"
DIGITS = (3, 7)


def logistic(context: Context, *, network: str, images: int) -> Artefact:
    """Error on the test images of 3 and 7, before and after one step; Figure 2's four panels.

    Args:
        network: softmax regression, which has two classes here; images: test images at most.
    """
    cells = Cells("goodfellow", "fgsm")
    subject = trained(context, network, _pair(context.dataset.train), len(DIGITS))
    test = _pair(context.dataset.test)
    sample = Examples(test.images[:images], test.labels[:images])
    changed = subject.fooling(sample)
    clean, answers = subject.logits(sample.images), subject.logits(changed)
    record(cells, ROW, clean, answers, sample.labels)
    kernel = subject.classify.get_weights()[0]  # type: ignore[attr-defined]
    slope = (kernel[:, 1] - kernel[:, 0]).reshape(context.dataset.test.images.shape[1:])
    shown = [slope / np.abs(slope).max() / 2 + 0.5, np.sign(slope) / 2 + 0.5]
    picture = np.stack([np.stack([*shown, *sample.images[:8]]), np.stack([*shown, *changed[:8]])])
    return Artefact(
        title="Figure 2: logistic regression, 3 against 7",
        caption=(
            f"{len(sample.labels):,} test images of 3 and 7, epsilon {EPSILON:g}. Left: the "
            "weights and their signs; then digits (above) and the same after one step (below)."
        ),
        cells=cells.list,
        figures={"figure2": figures.grid(np.clip(picture, 0, 1), row_labels=["digits", "changed"])},
        departures=["How the paper trains this model is not said; ours is at its optimum under "
                    "a weight decay of 1e-4."],
    )  # fmt: skip


def _pair(examples: Examples) -> Examples:
    """The examples of both digits, with labels 0 and 1.

    Raises:
        NotAvailable: where one of them has none.
    """
    if lacking := set(DIGITS) - set(examples.labels.tolist()):
        raise NotAvailable(f"there are no images of class {', '.join(map(str, sorted(lacking)))}.")
    chosen = np.isin(examples.labels, DIGITS)
    return read_only(examples.images[chosen], (examples.labels[chosen] == DIGITS[1]).astype(int))
