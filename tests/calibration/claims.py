"""How often the tests of claims say yes, and no, where the truth lies on the limit, and beyond."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from reproduce.report import comparisons
from reproduce.report.intervals import of_sample_median, of_slope

DRAWS = 1500
SIZES = np.log([49.0, 100, 196, 400, 784])
Answer = bool | None


class Case(NamedTuple):
    """A test on a source; `answer(rng, shift)` draws one, `shift` 0 on the limit, 1 beyond it."""

    test: str
    source: str
    beyond: str
    answer: Callable[[np.random.Generator, float], Answer]


def same_images(n: int) -> Case:
    def answer(rng: np.random.Generator, shift: float) -> Answer:
        first, second = (rng.random(n) < rate for rate in (0.02, 0.02 * (1 + 0.5 * shift)))
        return comparisons.lower_on_images(first, second)

    return Case("McNemar's", f"{n:,} images, errors of 2 %", "2 and 3 %", answer)


def pairs(runs: int) -> Case:
    def answer(rng: np.random.Generator, shift: float) -> Answer:
        difference = rng.normal(-2 * shift, 1, runs)
        return comparisons.lower_in_pairs(difference, np.zeros(runs))

    return Case("paired t", f"{runs} runs", "two standard deviations", answer)


def samples(runs: int) -> Case:
    def answer(rng: np.random.Generator, shift: float) -> Answer:
        return comparisons.lower_in_samples(rng.normal(-3 * shift, 1, runs), rng.normal(size=runs))

    return Case("Welch's t", f"{runs} and {runs} runs", "three standard deviations", answer)


def one_mean(runs: int) -> Case:
    def answer(rng: np.random.Generator, shift: float) -> Answer:
        return comparisons.mean_above(rng.normal(2 * shift, 1, runs), 0.0)

    return Case("t against a limit", f"{runs} runs", "two standard deviations", answer)


def share(n: int, limit: float, more: float) -> Case:
    def answer(rng: np.random.Generator, shift: float) -> Answer:
        return comparisons.more_than(int(rng.binomial(n, limit + shift * more)), n, limit)

    source = f"{n:,} images against {limit:.0%}"
    return Case("binomial", source, f"{limit + more:.0%}", answer)


def middle(n: int) -> Case:
    def answer(rng: np.random.Generator, shift: float) -> Answer:
        values = rng.gamma(4, 1, n)
        limit = 3.67206075 * (1 - 0.2 * shift)  # the median of gamma(4)
        return comparisons.beyond(of_sample_median(values), limit)

    return Case("interval of a median", f"{n} images, spread a half", "a fifth", answer)


def slope(images: int) -> Case:
    def answer(rng: np.random.Generator, shift: float) -> Answer:
        each = rng.normal(-0.25 - 0.25 * shift, 0.2, (images, 1))
        found = of_slope(SIZES, each * SIZES + rng.normal(0, 0.3, (images, 5)), 300)
        return comparisons.opposite(comparisons.beyond(found[1], -0.25))

    return Case("interval of a slope", f"{images} images at five sizes", "twice as steep", answer)


def alike(n: int) -> Case:
    def answer(rng: np.random.Generator, shift: float) -> Answer:
        wrong = [int(rng.binomial(n, rate)) for rate in (0.01, 0.015 - 0.005 * shift)]
        return comparisons.same_rate(wrong[1], n, wrong[0], n, 0.005)

    return Case("sameness", f"{n:,} images, a margin of half of 1 %", "no difference", answer)


CASES = [
    same_images(1000), same_images(10_000),
    *(pairs(runs) for runs in (2, 3, 5, 10)),
    *(samples(runs) for runs in (2, 3, 5)),
    *(one_mean(runs) for runs in (2, 5, 30)),
    share(5, 0.5, 0.45), share(50, 0.5, 0.25), share(256, 0.5, 0.1), share(100, 0.02, 0.08),
    middle(10), middle(30), middle(100), slope(30), alike(1000), alike(10_000),
]  # fmt: skip


def shares(case: Case, shift: float, draws: int = DRAWS) -> tuple[float, float]:
    """How often yes, and how often no."""
    rng = np.random.default_rng([len(case.test), len(case.source), round(shift)])
    found = [case.answer(rng, shift) for _ in range(draws)]
    return found.count(True) / draws, found.count(False) / draws


def table() -> str:
    """Markdown: each test on each source."""
    lines = [
        "",
        "## The tests of claims",
        "",
        "The same of the tests that [claims](claims.md) are decided by. *On the limit*: nothing is "
        "different, or the share, mean or slope is the very one asked about; yes and no are each "
        "5 % at most, of a two-sided test 2.5 %. *Beyond*: how often yes where the truth lies as "
        "far beyond the limit as is said.",
        "",
        "| test | source | yes, on the limit (%) | no, on the limit (%) | beyond "
        "| yes, beyond (%) |",
        "|---|---|---:|---:|---|---:|",
    ]
    for case in CASES:
        (yes, no), (power, _) = shares(case, 0), shares(case, 1)
        numbers = f"{100 * yes:.1f} | {100 * no:.1f} | {case.beyond} | {100 * power:.1f}"
        lines.append(f"| {case.test} | {case.source} | {numbers} |")
    return "\n".join(lines) + "\n"
