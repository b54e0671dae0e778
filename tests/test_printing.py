"""What a printed number must not say."""

import numpy as np
import pytest

from reproduce.report import agreement, intervals, printing, verdicts
from reproduce.report.cells import Cells
from reproduce.report.published import lookup


def test_certainty_is_never_rounded_up():
    assert printing.certainty(0.99996) == "99.99 %"
    assert printing.certainty(0.7252) == "72.52 %"
    assert printing.certainty(1.0) == "100.00 %"


def test_what_differs_by_rounding_alone_has_another_mark():
    cells = Cells("szegedy", "table5")
    bound = cells.number("conv1", "upper_bound", 3.0, "norm")
    assert (bound.verdict, printing.sign(bound)) == ("differs", "≢")
    rate = Cells("szegedy", "table2").rate("FC10(1)", "AE400-10", 180, 256)
    assert (rate.verdict, printing.sign(rate)) == ("differs", "≠")


def test_the_ratio_is_ours_over_the_papers():
    cell = Cells("szegedy", "table5").number("conv2", "upper_bound", 15.0, "norm")
    assert printing.ratio(cell) == 1.5


def test_about_is_one_unit_of_the_last_digit_to_each_side():
    about = lookup("szegedy", "adversarial_training", "dropout", "test_error")  # ~ 1.3 %
    assert about.allows == pytest.approx((0.012, 0.014))
    assert verdicts.of_number(0.0139, about).verdict == "consistent"
    assert verdicts.of_number(0.0141, about).verdict == "differs"


def test_the_spread_of_a_median_is_that_of_the_runs_medians(rng):
    values = rng.exponential(size=(6, 10)) ** 3  # means lie far from medians
    found = intervals.of_values(values)
    assert found.deviation == pytest.approx(np.median(values, axis=1).std(ddof=1))
    assert found.centre == np.median(values)
    assert found.runs == 6


def test_a_count_names_each_verdict_by_itself():
    cells = Cells("szegedy", "table1")
    cells.list = [
        cells.number("FC10(1)", "train_error", 0.212, "fraction")._replace(verdict=verdict)
        for verdict, times in (("consistent", 5), ("differs", 3), ("too wide", 2))
        for _ in range(times)
    ]
    found = agreement.count(cells.list)
    assert (found.consistent, found.differs, found.wide, found.published) == (5, 3, 2, 10)
    assert str(found).startswith("5 of 10 cells consistent; 2 too wide to tell")


def test_points_carry_their_sign():
    cell = Cells("lipton", "units").number(
        "row", "difference", -0.0125, "points", 40, (-0.031, 0.006)
    )
    assert printing.value(cell) == "-1.2"
    assert printing.interval(cell) == "-3.1 to +0.6"
    assert printing.unit(cell) == "points"
    assert printing.number(-1e-6, "points") == "+0.00"
