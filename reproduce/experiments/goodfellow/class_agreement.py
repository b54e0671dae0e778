"""Section 8: do other models give an adversarial example the same wrong class?"""

from __future__ import annotations

from functools import partial
from typing import Any

from reproduce.experiments import Context
from reproduce.experiments.goodfellow.models import EPSILON, first_of, radial, trained
from reproduce.report.cells import Cells
from reproduce.report.comparisons import more_than, refuting
from reproduce.report.results import Artefact, Claim, Strength, answer


def class_agreement(
    context: Context, *, maker: str, other: str, rbf: partial[Any], limit: int, images: int
) -> Artefact:
    """Images made for one network, as softmax regression and an RBF network see them.

    Args:
        maker: the maxout network; other: softmax regression.
        rbf, limit, images: as in `fast_gradient_sign`.
    """
    cells = Cells("goodfellow", "class_agreement")
    sample = first_of(context.dataset.test, images)
    source = trained(context, maker)
    changed = source.fooling(sample)
    labels = {"maxout": source.logits(changed).argmax(1)}
    labels["softmax"] = trained(context, other).logits(changed).argmax(1)
    labels["RBF"] = radial(context, rbf, limit).logits(changed).argmax(1)
    err = {name: given != sample.labels for name, given in labels.items()}
    for row in ("softmax", "RBF"):
        same = labels[row] == labels["maxout"]
        fooled, both = err["maxout"], err["maxout"] & err[row]
        cells.rate(row, "same_class", int((same & fooled).sum()), int(fooled.sum()))
        cells.rate(row, "same_class_both_err", int((same & both).sum()), int(both.sum()))
    both = err["RBF"] & err["softmax"]
    agree = int(((labels["RBF"] == labels["softmax"]) & both).sum())
    cells.rate("RBF and softmax", "same_class_both_err", agree, int(both.sum()))
    wrong = err["maxout"] & err["softmax"]
    alike = int(((labels["softmax"] == labels["maxout"]) & wrong).sum())
    return Artefact(
        title="Do models agree on the wrong class?",
        caption=(
            f"The first {len(sample.labels):,} test images after one step (epsilon {EPSILON:g}) "
            "against the maxout network. same_class: of those that the network misclassifies, "
            "given the same class; same_class_both_err: of those that both misclassify."
        ),
        cells=cells.list,
        claims=[_beyond_chance(alike, int(wrong.sum()), context.dataset.classes, len(wrong))],
        notes=["The paper does not say which examples the first column is of; ours counts those "
               "that fool the maxout network."],
    )  # fmt: skip


def _beyond_chance(alike: int, n: int, classes: int, tested: int) -> Claim:
    """Against one in all wrong classes, an exact binomial test, 5 % each way."""
    chance = 1 / (classes - 1)
    return Claim(
        id="models agree on the wrong class",
        sentence="Where softmax regression errs too, it gives the class that maxout gives more "
        "often than chance would.",
        verdict=answer(more_than(alike, n, chance)),
        evidence=f"{alike} of {n}, where one in {classes - 1} would be chance (published: 84.6 %).",
        strength=Strength(1, tested, refuting(n, chance)),
    )
