"""How often each rule calls two numbers of one source different, and how often a fifth more.

python -m tests.calibration.simulate docs/reference/calibration.md      writes the table
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reproduce.report import intervals, verdicts
from reproduce.report.published import Published

FIFTH = 1.2
DRAWS = 1500


class Case(NamedTuple):
    """A rule with a source; `verdict(rng, factor)` draws one, the paper's source `factor` ours.

    cautious: whether the rule may err less than in three of a hundred: it takes the larger of two
        deviations, the runs' own and that of their images.
    """

    rule: str
    source: str
    verdict: Callable[[np.random.Generator, float], str]
    cautious: bool = False


def printed(value: float, unit: str, n: int | None) -> Published:
    """A number as a paper prints it, with digits enough."""
    text = f"{100 * value if unit == 'fraction' else value:.6f}"
    return Published(value, text, unit, n, "confirmed", "")


def rate(p: float, ours: int, theirs: int) -> Case:
    def verdict(rng: np.random.Generator, factor: float) -> str:
        paper = rng.binomial(theirs, min(p * factor, 1.0)) / theirs
        found = verdicts.of_rate(
            int(rng.binomial(ours, p)), ours, printed(paper, "fraction", theirs)
        )
        return found.verdict

    return Case("a rate", f"{p:.0%} of {ours:,} and of {theirs:,} images", verdict)


def mean(ours: int, theirs: int) -> Case:
    def verdict(rng: np.random.Generator, factor: float) -> str:
        sample = rng.gamma(9, 1 / 9, ours)
        paper = factor * rng.gamma(9, 1 / 9, theirs).mean()
        judged = verdicts.of_mean(*intervals.spread(sample), ours, printed(paper, "rms", theirs))
        return judged.verdict

    return Case("a mean", f"{ours:,} and {theirs:,} images, spread a third", verdict)


def over_runs(p: float, runs: int, seeds: float, ours: int, theirs: int, each: int = 1) -> Case:
    """Rates over runs, seeds apart by `seeds` of the rate; each of our numbers a mean of `each`."""

    def sample(rng: np.random.Generator, count: int, images: int, factor: float) -> np.ndarray:
        rates = np.clip(p * factor * (1 + seeds * rng.standard_normal(count)), 0, 1)
        return rng.binomial(images, rates) / images

    def verdict(rng: np.random.Generator, factor: float) -> str:
        values = sample(rng, runs * each, ours, 1.0).reshape(runs, each).mean(axis=1)
        paper = printed(sample(rng, 1, theirs, factor)[0], "fraction", theirs)
        average, deviation = intervals.spread(values)
        if not deviation:
            return "too wide"
        images = verdicts.NO_IMAGES
        if each == 1:
            images = verdicts.sampling(average * (1 - average), ours, paper, shared=False)
        return verdicts.of_runs(average, deviation, runs, paper, images, each).verdict

    spread = f"seeds {seeds:.0%} apart" if seeds else "no spread between seeds"
    what = f"{p:.0%} in {runs} runs of {ours:,} images, the paper's of {theirs:,}, {spread}"
    of_means = f", each a mean of {each}" if each > 1 else ""
    return Case("several runs", what + of_means, verdict, cautious=each == 1)


def shared_images(p: float, runs: int, images: int) -> Case:
    """Rates of runs that all have the same images; the paper's run has others.

    Whether one fools a network depends on the image by four fifths, on the run by one. The more
    on the image, the nearer to five of a hundred the rule comes.
    """
    apart = 1 / 0.8 - 1

    def verdict(rng: np.random.Generator, factor: float) -> str:
        ours = rng.random((runs, images)) < rng.beta(apart * p, apart * (1 - p), images)
        there = min(p * factor, 1 - 1e-9)
        theirs = rng.random(images) < rng.beta(apart * there, apart * (1 - there), images)
        paper = printed(theirs.mean(), "fraction", images)
        average, deviation = intervals.spread(ours.mean(axis=1))
        added = verdicts.sampling(average * (1 - average), images, paper, shared=True)
        return verdicts.of_runs(average, deviation, runs, paper, added).verdict

    return Case(
        "several runs, the same images", f"{p:.0%} in {runs} runs of {images}", verdict, True
    )


def median(runs: int, theirs: int, shared: float) -> Case:
    """Medians of ten confidences a run; `shared`: the part of the variance that a run shares."""

    def sample(rng: np.random.Generator, count: int, factor: float) -> np.ndarray:
        own = rng.standard_normal((count, 10))
        odds = 1 + np.sqrt(shared) * rng.standard_normal((count, 1)) + np.sqrt(1 - shared) * own
        return np.asarray(intervals.from_scale(odds, "fraction")) * factor

    def verdict(rng: np.random.Generator, factor: float) -> str:
        paper = min(float(np.median(sample(rng, theirs, factor))), 1.0)
        ours = sample(rng, runs, 1.0)
        return verdicts.of_median(ours, printed(paper, "fraction", theirs)).verdict

    return Case(
        "a median", f"{runs} and {theirs} runs of ten, {shared:.0%} shared within a run", verdict
    )


RUNS = (3, 5, 10, 30)
CASES = [
    *(rate(p, 256, 256) for p in (0.01, 0.02, 0.05, 0.1, 0.3, 0.5, 0.9)),
    *(rate(p, 5000, 256) for p in (0.02, 0.1, 0.5, 0.9)),
    *(mean(n, 256) for n in (30, 256, 5000)),
    *(over_runs(p, r, s, 256, 256) for p in (0.1, 0.5) for r in RUNS for s in (0.0, 0.2)),
    *(over_runs(0.3, r, 0.1, 5000, 256) for r in RUNS),
    *(over_runs(0.3, r, 0.2, 1000, 1000, each=3) for r in (3, 5, 10)),
    *(shared_images(p, r, 256) for p in (0.1, 0.5) for r in RUNS),
    *(median(r, r, s) for r in RUNS for s in (0.0, 0.5, 1.0)),
    *(median(r, 5, 0.5) for r in (5, 30)),
]


def shares(case: Case, factor: float, draws: int = DRAWS) -> dict[str, float]:
    """verdict -> how often it is given."""
    rng = np.random.default_rng([len(case.rule), len(case.source), round(100 * factor)])
    found = [case.verdict(rng, factor) for _ in range(draws)]
    return {verdict: found.count(verdict) / draws for verdict in ("differs", "too wide")}


def table() -> str:
    """Markdown: each rule on each source."""
    lines = [
        "# How often the verdicts err, and what they can see",
        "",
        f"Made by `python -m tests.calibration.simulate`, {DRAWS:,} draws a row. *Nothing "
        "different*: both numbers come from one source, and 5 % should differ. *A fifth more*: the "
        "paper's source is 1.2 times ours; how often the rule tells. *Too wide*: how often no "
        "verdict of agreement is given. Several runs are judged by their own spread or by that of "
        "their images, whichever is wider, and so err less where seeds hardly differ.",
        "",
        "| rule | source | differs, nothing different (%) | too wide (%) "
        "| differs, a fifth more (%) |",
        "|---|---|---:|---:|---:|",
    ]
    for case in CASES:
        same, more = shares(case, 1.0), shares(case, FIFTH)
        numbers = (same["differs"], same["too wide"], more["differs"])
        cells = " | ".join(f"{100 * number:.1f}" for number in numbers)
        lines.append(f"| {case.rule} | {case.source} | {cells} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    from tests.calibration import claims

    Path(sys.argv[1]).write_text(table() + claims.table(), encoding="utf-8")
