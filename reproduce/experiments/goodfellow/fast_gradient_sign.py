"""Sections 4, 6 and 8: error and confidence on images one step of the gradient's sign away."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from reproduce.experiments import Context
from reproduce.experiments.goodfellow.models import (
    EPSILON,
    confidence,
    first_of,
    radial,
    record,
    trained,
)
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.comparisons import all_of, lower_in_samples, lower_on_images, mean_below
from reproduce.report.intervals import LEVEL, Z, t_quantile
from reproduce.report.results import Artefact, Claim, Strength, answer

MAXOUT = "maxout"
ADVERSARIAL = "maxout trained adversarially"
RADIAL = "RBF"
LOW = 0.5  # confidence
NOISE = ("maxout trained with random signs", "maxout trained with uniform noise")
TRANSFERS = {  # row -> whose images, fed to which network
    "made for the ordinary maxout, fed to the adversarially trained": (MAXOUT, ADVERSARIAL),
    "made for the adversarially trained maxout, fed to the ordinary": (ADVERSARIAL, MAXOUT),
}


def fast_gradient_sign(
    context: Context, *, rows: Mapping[str, str], rbf: partial[Any], limit: int, images: int
) -> Artefact:
    """The table of the paper's text: each model on its own images, two on each other's.

    Args:
        rows: row -> network.
        rbf: learns the RBF network; limit: from so many training images at most.
        images: test images attacked, the first ones.
    """
    cells = Cells("goodfellow", "fgsm")
    sample = first_of(context.dataset.test, images)
    subjects = {row: trained(context, name) for row, name in rows.items()}
    subjects[RADIAL] = radial(context, rbf, limit)
    changed, wrong = {}, {}
    for row, subject in subjects.items():
        changed[row] = subject.fooling(sample)
        answers = subject.logits(changed[row])
        clean = subject.logits(sample.images)
        wrong[row] = record(cells, row, clean, answers, sample.labels)
        if row == RADIAL:
            cells.mean(row, "clean_confidence", confidence(clean), "fraction")
            sure, unsure = confidence(clean), confidence(answers)[wrong[row]]
    for row, (maker, reader) in TRANSFERS.items():
        answers = subjects[reader].logits(changed[maker])
        record(cells, row, None, answers, sample.labels)
    pictures = np.stack([sample.images[:10], *[made[:10] for made in changed.values()]])
    tested = len(sample.labels)
    return Artefact(
        title="The fast gradient sign method on MNIST",
        caption=(
            f"{len(sample.labels):,} test images, epsilon {EPSILON:g}, one training of each "
            "network. test_error: on the images as they are; error: after one step; "
            "mean_confidence: mean of the largest probability among the mistakes; "
            "clean_confidence: on all images as they are."
        ),
        cells=cells.list,
        claims=[
            _training_helps(wrong[MAXOUT], wrong[ADVERSARIAL]),
            _noise_does_not(wrong),
            _unsure(sure, unsure, tested),
        ],
        figures={
            "fast_gradient_sign": figures.grid(
                np.clip(pictures, 0, 1), row_labels=["original", *changed]
            )
        },
        notes=[
            "Not made: the ensembles of twelve networks, the MP-DBM, and CIFAR-10.",
            "In the picture pixels are clipped to [0, 1]; the networks saw them as computed.",
        ],
        departures=[
            "The paper gives neither the pieces of a maxout unit, nor the length and rates of the "
            "training. Ours (five pieces, momentum, 15 epochs) were chosen before any error was "
            "seen; conf/networks/goodfellow.yaml has them. It falls short: on the full MNIST the "
            "clean errors are 1.8 % (published 0.94) and 3.0 % with adversarial training (0.84); "
            "most numbers of maxout networks below depend on how far they are trained.",
            "Of its RBF network the paper says no more than that it is shallow, without a hidden "
            "layer. Ours has Gaussian units at clusters of each class, weights by least squares, "
            "and a softmax with a temperature fitted on held-out images; it learns from "
            f"{min(limit, len(context.dataset.train.labels)):,} images. A softmax's confidence is "
            "1 / classes at the least, which the published 1.2 % is not.",
            "The weight decay of softmax regression is ours, and most of its numbers depend on it.",
            "Whether the paper clips the changed images is not said; ours are not clipped.",
        ],
    )


def _training_helps(before: np.ndarray, after: np.ndarray) -> Claim:
    """Paired over images (McNemar's exact test, 5 %)."""
    better, worse = int((before & ~after).sum()), int((~before & after).sum())
    return Claim(
        id="adversarial training resists",
        sentence="A network trained on such images errs less often on them.",
        verdict=answer(lower_on_images(after, before)),
        evidence=f"error {before.mean():.1%} before and {after.mean():.1%} after; of the images "
        f"{better} were mended and {worse} lost (published: 89.4 and 17.9 %).",
        strength=Strength(1, len(before), "more images lost than mended, at 5 %,"),
    )


def _noise_does_not(wrong: Mapping[str, np.ndarray]) -> Claim:
    """Noise as large must bring less than a tenth of what adversarial training brings.

    The tenth is ours: of the paper's networks noise brings 3.2 and -1 points of 71.5. Where
    adversarial training is not shown to bring anything, there is nothing to compare.
    """
    gain = wrong[MAXOUT].mean() - wrong[ADVERSARIAL].mean()
    limit, each_no = gain / 10, LEVEL / len(NOISE)  # one row that does refutes
    ends, above = [], False
    for row in NOISE:
        pair = wrong[MAXOUT].astype(float) - wrong[row]
        error = pair.std(ddof=1) / np.sqrt(len(pair))
        ends.append((pair.mean() - Z * error, pair.mean() + Z * error))
        above |= bool(pair.mean() - t_quantile(math.inf, each_no) * error > limit)
    below = all(high < limit for _, high in ends)
    gained = lower_on_images(wrong[ADVERSARIAL], wrong[MAXOUT])
    text = "; ".join(
        f"{row}: error {wrong[row].mean():.1%}, lower by {low:+.1%} to {high:+.1%}"
        for row, (low, high) in zip(NOISE, ends, strict=True)
    )
    return Claim(
        id="noise does not",
        sentence="Training on noise of the same size does not have that effect.",
        verdict=answer(None if not gained else True if below else False if above else None),
        evidence=f"{text} (95 %); adversarial training lowers it by {gain:.1%}.",
        strength=Strength(
            1,
            len(wrong[MAXOUT]),
            f"an interval of {1 - each_no:.1%} above {limit:.1%}, a tenth of that,",
        ),
    )


def _unsure(sure: np.ndarray, unsure: np.ndarray, tested: int) -> Claim:
    """Below one half in the mean (t test), and below clean images (Welch's t test), 5 %.

    Low: no more than all other classes together. The paper prints no limit, and 1.2 %. How its
    network comes to a confidence is not said, and with another than our softmax less may come out,
    so that nothing here refutes.

    Args:
        sure, unsure: confidence on clean images, and in the mistakes.
    """
    told = all_of([mean_below(unsure, LOW, of=2), lower_in_samples(unsure, sure, of=2)])
    return Claim(
        id="RBF networks are unsure when wrong",
        sentence="RBF networks have low confidence, below one half, in what they get wrong, and "
        "less than on images as they are.",
        verdict=answer(told or None),
        evidence=(
            f"mean confidence {unsure.mean():.1%} in {len(unsure)} mistakes, {sure.mean():.1%} on "
            "images as they are, by our softmax (published: 1.2 and 60.6 %)."
            if len(unsure) > 1
            else "too few mistakes."
        ),
        strength=Strength(1, tested, ""),
    )
