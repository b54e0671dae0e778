"""The rule: intervals against published values, tests against enumeration and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reproduce.report import verdicts
from reproduce.report.cells import Cells
from reproduce.report.published import Published
from reproduce.report.results import Cell


def printed(text: str, unit: str = "fraction", n: int | None = 256) -> Published:
    digits = float(text.split()[-1])
    return Published(digits / 100 if unit == "fraction" else digits, text, unit, n, "confirmed", "")


@pytest.mark.parametrize(
    ("wrong", "n", "low", "high"),
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_agrees_with_the_literature(wrong, n, low, high):
    assert verdicts.wilson(wrong, n) == pytest.approx((low, high), abs=5e-5)


def fisher_by_enumeration(a: int, n: int, b: int, m: int) -> float:
    """Two-sided: the tables with these margins that are no likelier than the one seen."""
    total = a + b
    chances = [
        math.comb(n, k) * math.comb(m, total - k)
        for k in range(max(0, total - m), min(n, total) + 1)
    ]
    seen = math.comb(n, a) * math.comb(m, b)
    return sum(chance for chance in chances if chance <= seen) / sum(chances)


@pytest.mark.parametrize("wrong", [0, 5, 16, 20, 27, 40, 52, 60, 256])
def test_the_verdict_on_a_rate_is_fishers(wrong):
    # 11.7 % of 256 is 30 images, and no other count prints so.
    p_value = fisher_by_enumeration(wrong, 256, 30, 256)
    verdict = verdicts.of_rate(wrong, 256, printed("11.7"))
    assert verdict == ("consistent" if p_value >= 0.05 else "differs")


def test_extreme_rates_are_told_apart_only_when_the_counts_allow():
    everything = printed("100")
    assert verdicts.of_rate(256, 256, everything) == "consistent"
    assert verdicts.of_rate(252, 256, everything) == "consistent"
    assert verdicts.of_rate(230, 256, everything) == "differs"
    assert verdicts.of_rate(2, 2, printed("0")) == "differs"
    assert verdicts.of_rate(1, 1, printed("0", n=1)) == "consistent"  # one image tells nothing


def test_rounding_counts_for_the_paper():
    # "0" per cent of 60,000 may be up to 300 images; "0.00" may be three.
    assert verdicts.of_rate(290, 60_000, printed("0", n=60_000)) == "consistent"
    assert verdicts.of_rate(290, 60_000, printed("0.00", n=60_000)) == "differs"


def test_an_upper_bound_is_met_from_below():
    below = printed("< 1.2", n=10_000)
    assert verdicts.of_rate(20, 10_000, below) == "consistent"
    assert verdicts.of_rate(200, 10_000, below) == "differs"
    assert verdicts.of_number(49.0, printed("< 50", "count", None)) == "consistent"
    assert verdicts.of_number(74.0, printed("< 50", "count", None)) == "differs"


def test_two_samples_of_one_rate_differ_in_at_most_five_of_a_hundred_cases():
    rng = np.random.default_rng(0)
    for rate in (0.03, 0.25, 0.9):
        pairs = rng.binomial(256, rate, size=(2000, 2))
        seen: dict[tuple[int, int], bool] = {}
        for ours, theirs in map(tuple, pairs):
            if (ours, theirs) not in seen:
                text = f"{100 * theirs / 256:.4f}"
                seen[ours, theirs] = verdicts.of_rate(ours, 256, printed(text)) == "differs"
        assert np.mean([seen[tuple(pair)] for pair in pairs]) < 0.05


def test_the_papers_run_falls_among_ours_in_95_of_100_cases():
    rng = np.random.default_rng(1)
    runs = rng.normal(0.5, 0.1, size=(4000, 6))
    agree = [
        verdicts.of_runs(*verdicts.spread(own), 5, printed(f"{last:.9f}", "rms")) == "consistent"
        for *own, last in runs
    ]
    assert np.mean(agree) == pytest.approx(0.95, abs=0.012)


def test_the_papers_mean_falls_within_our_spread_in_95_of_100_cases():
    rng = np.random.default_rng(2)
    agree = []
    for _ in range(2000):
        ours, theirs = rng.gamma(9, 1 / 9, 1000), rng.gamma(9, 1 / 9, 256)
        quoted = printed(f"{theirs.mean():.9f}", "rms")
        agree.append(verdicts.of_mean(*verdicts.spread(ours), 1000, quoted) == "consistent")
    assert np.mean(agree) == pytest.approx(0.95, abs=0.02)


def test_the_papers_median_falls_among_ours_in_about_95_of_100_cases():
    rng = np.random.default_rng(5)
    agree = []
    for _ in range(100):
        level = rng.normal(size=(60, 1))  # a run's own luck, shared by its ten classes
        values = 0.9 + 0.02 * level + 0.01 * rng.normal(size=(60, 10))
        quoted = printed(f"{np.median(values[:30]):.9f}", "rms", n=30)
        agree.append(verdicts.of_median(values[30:], quoted) == "consistent")
    assert np.mean(agree) == pytest.approx(0.95, abs=0.05)


def test_a_median_is_that_of_all_values():
    values = np.random.default_rng(6).random((5, 10))
    cell = Cells("nguyen", "figure11").median("DNN1", "median_confidence", values, "fraction")
    assert cell.value == np.median(values)
    assert cell.low <= cell.value <= cell.high
    assert (cell.n, cell.verdict) == (5, "differs")
    one = Cells("nguyen", "figure11").median("DNN1", "median_confidence", values[:1], "fraction")
    assert (one.low, one.value) == (None, np.median(values[0]))


def test_the_interval_of_a_pooled_distortion_covers_the_true_one():
    rng = np.random.default_rng(3)
    truth = math.sqrt(9 * 10 / 81)  # of the gamma distribution with shape 9 and mean 1
    covered = []
    for _ in range(2000):
        cell = Cells("szegedy", "none").pooled_rms("r", "c", rng.gamma(9, 1 / 9, 256))
        covered.append(cell.low <= truth <= cell.high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_a_pooled_distortion_is_that_of_all_pixels_together():
    rng = np.random.default_rng(4)
    change = rng.normal(size=(50, 784)) * rng.random((50, 1))
    each = np.sqrt((change**2).mean(axis=1))
    cell = Cells("szegedy", "none").pooled_rms("r", "c", np.append(each, np.nan))
    assert cell.value == pytest.approx(np.sqrt((change**2).mean()))
    assert cell.n == 50


def test_a_cell_carries_what_the_paper_prints():
    cells = Cells("szegedy", "table2")
    cell = cells.rate("FC100-100-10", "FC10(1e-4)", 108, 256)
    assert (cell.published, cell.published_status, cell.verdict) == (0.289, "confirmed", "differs")
    assert cells.rate("FC100-100-10", "a network of ours", 1, 256).verdict == "unpublished"
    assert cells.list[0] is cell


def test_a_rate_that_all_runs_share_keeps_the_interval_of_its_images():
    cells = Cells("szegedy", "table2")
    cell = cells.rate_over_runs("FC10(1)", "FC10(1)", [256] * 3, [256] * 3)
    assert (cell.low, cell.high, cell.n) == (*verdicts.wilson(256, 256), 256)
    assert cell.verdict == "consistent"


def test_fewer_images_in_the_paper_widen_what_its_run_may_give():
    # Runs that agree to 0.01 points on 10,000 images each: 256 images still scatter by 3 points.
    cells = Cells("szegedy", "table2")
    wrong = [3900, 3901, 3902]  # 39.0 %, the paper prints 35.9
    assert cells.rate_over_runs("FC10(1e-2)", "FC100-100-10", wrong, [10_000] * 3).verdict == (
        "consistent"
    )
    rates = [0.390, 0.3901, 0.3902]
    alone = cells.over_runs("FC10(1e-2)", "FC100-100-10", np.array(rates), "fraction")
    assert alone.verdict == "differs"


def test_wrong_counts_and_units_are_refused():
    cells = Cells("szegedy", "table1")
    with pytest.raises(ValueError, match="257 of 256"):
        cells.rate("FC10(1)", "test_error", 257, 256)
    with pytest.raises(ValueError, match="ours in count, the paper's in fraction"):
        cells.number("FC10(1)", "test_error", 3, "count")


def test_nothing_but_failures_has_no_value_and_no_verdict():
    cell = Cells("szegedy", "table1").pooled_rms("FC10(1)", "distortion", np.full(3, np.nan))
    assert (cell.value, cell.low, cell.verdict) == (None, None, "unpublished")


def test_the_count_says_what_chance_alone_does():
    cell = Cell("t", "r", "c", 0.1, "fraction", 0.0, 0.2, 256, 0.1, "confirmed", "consistent")
    cells = [cell] * 27 + [cell._replace(verdict="differs")] * 9
    cells += [cell._replace(verdict="unpublished", published=None)]
    text = str(verdicts.count(cells))
    assert text.startswith("27 of 36 cells consistent")
    assert "up to 1.8 of the 36" in text
