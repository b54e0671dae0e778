"""The appendix on rubbish classes: Gaussian noise, and what models are sure to see in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from reproduce.experiments import Context
from reproduce.experiments.goodfellow.models import radial, trained
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.comparisons import all_of, fewer_than, more_than
from reproduce.report.results import Artefact, Claim, Strength, answer

NONE = 0.005  # of the samples: the published 0 % is less
SURE = 0.5  # a class above this counts as an error
SIGMOIDS = "maxout, sigmoids"
MAXOUT, RADIAL = "maxout", "RBF"


def rubbish(
    context: Context, *, rows: Mapping[str, str], rbf: partial[Any], limit: int, samples: int
) -> Artefact:
    """How often a model takes N(0, I) for a digit, and with which confidence.

    Args:
        rows: row -> network; the row SIGMOIDS has no softmax.
        rbf, limit: as in `fast_gradient_sign`.
        samples: drawn from N(0, I), not clipped.
    """
    cells = Cells("goodfellow", "rubbish")
    by_class = Cells("goodfellow", "rubbish_classes")
    rng = np.random.default_rng([context.seed, 2015])
    shape = context.dataset.test.images.shape[1:]
    noise = rng.standard_normal((samples, *shape), np.float32)
    subjects = {row: trained(context, name) for row, name in rows.items()}
    subjects[RADIAL] = radial(context, rbf, limit)
    counts = {}
    for row, subject in subjects.items():
        answers = subject.logits(noise).astype(np.float64)
        probabilities = expit(answers) if row == SIGMOIDS else softmax(answers, axis=1)
        most = probabilities.max(axis=1)
        counts[row] = int((most > SURE).sum())
        cells.rate(row, "error", counts[row], samples, same_images=False)
        cells.mean(row, "mean_confidence", most[most > SURE], "fraction")
        if row == MAXOUT:
            taken = probabilities.argmax(axis=1)[most > SURE]
            for label in range(context.dataset.classes):
                by_class.rate(row, str(label), int((taken == label).sum()), len(taken))
    return Artefact(
        title="Gaussian noise taken for digits",
        caption=(
            f"{samples:,} samples of N(0, I), one training of each network. error: any class above "
            f"{SURE:g}; mean_confidence: among those. The columns 0 to 9: which class."
        ),
        cells=[*cells.list, *by_class.list],
        claims=[_silent(counts[RADIAL], [counts[row] for row in rows], samples)],
        figures={"rubbish": figures.grid(np.clip(noise[None, :10] / 6 + 0.5, 0, 1))},
        notes=["In the picture the samples are scaled, so that -3 is black and 3 is white."],
    )


def _silent(radial: int, others: Sequence[int], samples: int) -> Claim:
    """Below half a per cent, printed as 0 %, and each other model above, by binomial tests."""
    of = 1 + len(others)
    told = [fewer_than(radial, samples, NONE, of)]
    told += [more_than(count, samples, NONE, of) for count in others]
    return Claim(
        id="RBF networks take no noise for a digit",
        sentence="An RBF network takes no Gaussian noise for a digit, where linear and maxout "
        "networks do.",
        verdict=answer(all_of(told)),
        evidence=f"RBF {radial} of {samples}; the least of the others {min(others)} of {samples} "
        "(published: 0 %, and 59.8 to 98.35 %).",
        strength=Strength(
            1, samples, f"more than {NONE:.1%} of the RBF network, or less of another, at 5 %,"
        ),
    )
