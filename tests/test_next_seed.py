"""Where a further seed's cell may lie: closed forms, and how often it alarms."""

import numpy as np
import pytest
from drawn_runs import a_run, five
from scipy import stats

from reproduce.report import further, next_seed, scatter
from reproduce.report.cells import Cells


def test_one_new_run_in_twenty_at_most_is_a_false_alarm():
    """Over many references: the level holds for the whole procedure, not for one lucky draw."""
    rng = np.random.default_rng(0)
    alarms = [bool(further.check(a_run(rng), five(rng)).outside) for _ in range(40)]
    assert stats.binomtest(sum(alarms), len(alarms), 0.05, alternative="greater").pvalue > 0.05


@pytest.mark.parametrize(
    ("row", "factor"),
    [("rate 3", 2.5), ("rare 14", 12), ("mean 0", 2.2), ("sure 2", 2.0), ("bound", 1.01)],
)
def test_planted_shifts_are_found(row, factor):
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(10):
        shifted = a_run(rng, shift=lambda name, x: x * factor if name == row else x)
        outside = further.check(shifted, five(rng)).outside
        found += any(cell.row == row for cell in outside)
    assert found >= 9


def test_the_range_of_a_further_draw_is_the_closed_form():
    """Hahn & Meeker 1991, table A.13: 3.04 standard deviations for five draws at 95 %."""
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    cells = [Cells("szegedy", "t").number("row", "x", value, "bits") for value in values]
    low, high = next_seed.allowed(cells, 0.05)
    assert high - 3 == pytest.approx(3.04 * values.std(ddof=1), rel=1e-3)
    assert low == pytest.approx(6 - high)


def test_counts_in_range_are_those_that_fisher_s_test_does_not_tell_apart():
    cells = rates(2, 3, 3, 3, 4, n=60)
    low, high = next_seed.allowed(cells, 0.01)
    for count in range(61):
        sides = [
            stats.fisher_exact([[count, 60 - count], [15, 285]], alternative).pvalue
            for alternative in ("less", "greater")
        ]
        assert (low <= count / 60 <= high) == (min(sides) > 0.005), count


def rates(*counts, row="row", n=40):
    return [Cells("szegedy", "t").rate(row, "x", count, n) for count in counts]


def test_dispersion_is_pearson_s_statistic_over_its_degrees_of_freedom():
    for counts in ((4, 12, 30, 8, 20), (10, 11, 9, 12, 10)):
        table = [counts, [40 - count for count in counts]]
        found = stats.chi2_contingency(table, correction=False)
        expected = found.statistic / 4 if found.pvalue < scatter.OWN_HINT else 1
        assert scatter.dispersion([rates(*counts)]).factor == pytest.approx(expected)


def test_each_seed_counts_by_its_own_number_of_images():
    """640 of 1,000 and 500 of 1,000 differ, however few images a third seed has."""
    pairs = [(20, 40), (500, 1000), (640, 1000)]
    cells = [Cells("szegedy", "t").rate("row", "x", *pair) for pair in pairs]
    table = [[wrong for wrong, _ in pairs], [n - wrong for wrong, n in pairs]]
    found = stats.chi2_contingency(table, correction=False)
    assert scatter.dispersion([cells]).factor == pytest.approx(found.statistic / 2)


def test_a_mean_lies_where_the_errors_of_its_images_put_it():
    """Of so many images the t interval is the normal one; between seeds nothing is added."""
    rng = np.random.default_rng(7)
    images = 0.06 + 0.02 * rng.normal(size=(5, 4000))
    cells = [Cells("szegedy", "t").mean("row", "x", each, "rms") for each in images]
    low, high = next_seed.allowed(cells, 0.01)
    error = images.std(axis=1, ddof=1).mean() / 4000**0.5
    assert (high - low) / 2 == pytest.approx(stats.norm.ppf(0.995) * error * 1.2**0.5, rel=1e-3)
    apart = [cell._replace(value=cell.value + 0.01 * i) for i, cell in enumerate(cells)]
    apart = [c._replace(low=c.low + 0.01 * i, high=c.high + 0.01 * i) for i, c in enumerate(apart)]
    spread = scatter.dispersion([apart])
    values = np.array([cell.value for cell in apart])
    assert spread.factor == pytest.approx(values.var(ddof=1) / error**2, rel=1e-3)
    low, high = next_seed.allowed(apart, 0.05, spread)
    assert (high - low) / 2 == pytest.approx(3.04 * values.std(ddof=1), rel=1e-3)


def test_a_rate_that_no_seed_changes_has_to_be_the_same_but_for_images_that_rounding_turns():
    """Five draws of 770 of 4,000 agree once in 30 million times; five of 1 of 40 now and then."""
    low, high = next_seed.allowed(rates(*[770] * 5, n=4000), 1e-4)
    assert low < 766 / 4000 < 774 / 4000 < high
    assert high - low < 9 / 4000
    low, high = next_seed.allowed(rates(*[1] * 5), 1e-4)
    assert high > 4 / 40


def test_images_that_behave_alike_count_as_few():
    """A network takes all its noise for one digit: the next one may take it for another."""
    shares = {"0": (0, 6, 0, 0, 0), "1": (6, 0, 0, 6, 0), "2": (0, 0, 6, 0, 6), "3": (0,) * 5}
    runs = [a_run(np.random.default_rng(0))._replace(cells=()) for _ in range(5)]
    for seed, run in enumerate(runs):
        cells = [rates(shares[digit][seed], n=6)[0]._replace(column=digit) for digit in shares]
        runs[seed] = run._replace(cells=tuple(cells))
    low, high = further.ranges(runs)["t", "row", "3"]
    assert low <= 0
    assert high >= 1
    rare = next_seed.allowed(rates(0, 0, 0, 0, 0, n=200), 0.001)
    assert rare.high < 0.05, "where nothing hints at more than the binomial, it holds"


def test_a_number_that_no_seed_changes_has_to_be_the_same():
    cells = [Cells("szegedy", "t").number("row", "x", 4.0, "s") for _ in range(5)]
    low, high = next_seed.allowed(cells, 0.05)
    assert 4 - 1e-4 < low < 4 < high < 4 + 1e-4


def test_a_convex_training_may_stop_elsewhere_on_another_machine():
    """The norm of FC10(1e-4), seed 0, 5,000 digits: a reference's, and that of a later run."""
    norms = [12.7547, 12.7392]
    for norm in norms:
        cells = [Cells("szegedy", "t").number("row", "x", norm, "norm") for _ in range(5)]
        low, high = next_seed.allowed(cells, 0.05)
        assert all(low < other < high for other in norms)
        assert not low < 1.01 * norm < high


def test_counts_that_happen_to_agree_keep_the_spread_of_counts():
    """The exact conditional test of two Poisson means (Przyborowski & Wilenski 1940)."""
    cells = [Cells("szegedy", "t").number("row", "x", 8, "count") for _ in range(5)]
    low, high = next_seed.allowed(cells, 0.05)
    for count in range(30):
        sides = [
            stats.binomtest(count, count + 40, 1 / 6, alternative).pvalue
            for alternative in ("less", "greater")
        ]
        assert (low <= count <= high) == (min(sides) > 0.025), count


def test_counts_that_are_nearly_the_same_keep_the_spread_of_counts():
    """Of 293, 293, 292, 292 and 292 questions the next seed may ask 302: 17 is the root of 292."""
    cells = [Cells("lipton", "t").number("row", "x", v, "count") for v in (293, 293, 292, 292, 292)]
    low, high = next_seed.allowed(cells, 1e-4)
    for count in (200, 220, 240, 302, 350, 380):
        sides = [
            stats.binomtest(count, count + 1462, 1 / 6, alternative).pvalue
            for alternative in ("less", "greater")
        ]
        assert (low <= count <= high) == (min(sides) > 5e-5), count
    apart = [cell._replace(value=v) for cell, v in zip(cells, (0, 400, 10, 900, 3), strict=True)]
    assert next_seed.allowed(apart, 0.05).high > 900, "what seeds scatter beyond that counts"


def test_a_cell_without_a_value_is_not_judged():
    rng = np.random.default_rng(2)
    run = a_run(rng)
    run = run._replace(cells=(run.cells[0]._replace(value=None), *run.cells[1:]))
    assert run.cells[0] in further.check(run, five(rng)).unknown


def test_a_number_on_which_seeds_agree_lies_in_its_own_interval():
    """A median over few images takes few values: what three seeds agree on, a fourth need not."""
    cells = [Cells("szegedy", "t").number("row", "x", 0.09375, "norm", 83, (0.033, 0.0945))] * 4
    low, high = next_seed.allowed(cells, 0.001)
    assert (low, high) == pytest.approx((0.033, 0.0945), rel=1e-5)


def test_a_difference_of_shares_lies_on_both_sides_of_nothing():
    cells = [
        Cells("szegedy", "t").number("row", "x", value, "points")
        for value in (0.086, 0.0258, 0.0238, -0.0024)
    ]
    low, high = next_seed.allowed(cells, 0.05)
    values = np.array([cell.value for cell in cells])
    half = stats.t.ppf(0.975, 3) * values.std(ddof=1) * 1.25**0.5
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half))


def test_confidences_near_one_differ_by_what_they_miss():
    """.9999997 and .9999999 are as far apart as .97 and .99: factors of an odds."""
    near, far = (
        [Cells("nguyen", "t").number("row", "x", 1 - miss * scale, "fraction") for miss in misses]
        for scale in (1e-5, 1)
        for misses in [(0.001, 0.003, 0.01, 0.03)]
    )
    for cells, scale in ((near, 1e-5), (far, 1)):
        odds = np.log([1 / cell.value - 1 for cell in cells])
        half = stats.t.ppf(0.975, 3) * odds.std(ddof=1) * 1.25**0.5
        low, _ = next_seed.allowed(cells, 0.05)
        assert 1 - low == pytest.approx(1 / (1 + np.exp(-odds.mean() - half)) + 1e-6, rel=1e-6)
        assert next_seed.allowed(cells, 0.05).high >= 1 - 0.0001 * scale


def test_confidences_of_nothing_are_the_same_however_small():
    tiny = [Cells("nguyen", "t").number("row", "x", value, "fraction")
            for value in (2e-13, 3e-11, 4e-12, 1e-10)]  # fmt: skip
    low, high = next_seed.allowed(tiny, 1e-4)
    assert low <= 0
    assert 3e-8 < high < 1e-5


def test_the_log_odds_of_a_rate_reach_its_ends():
    """None of 60 images is half an image of 61: Haldane's odds are not below it."""
    counts = (59, 45, 58, 40)
    cells = rates(*counts, n=60)
    spread = scatter.dispersion([cells])
    assert spread.factor > 1
    odds = np.log([(count + 0.5) / (60.5 - count) for count in counts])
    low = next_seed.allowed(cells, 0.05, spread).low
    end = odds.mean() - stats.t.ppf(0.975, 3) * odds.std(ddof=1) * 1.25**0.5
    whole = np.floor(61 / (1 + np.exp(-end)) - 0.5)
    assert low == pytest.approx(whole / 60, abs=2e-6)
    assert whole == 1
    assert next_seed.allowed(cells, 1e-6, spread).low <= 0
    other = next_seed.allowed(rates(*(60 - count for count in counts), n=60), 0.05, spread)
    assert other.high == pytest.approx(1 - low, abs=3e-6), "half an image of the other answer"


def test_a_column_that_scatters_widens_its_cells():
    """Seeds of one column lie three standard errors apart, all others as the images say."""
    rng = np.random.default_rng(4)
    cells = {}
    for column, deviation in (("at_99", 0.25), ("test_error", 0.0)):
        for row in range(15):
            shares = np.clip(0.4 + deviation * rng.standard_normal(5), 0.02, 0.98)
            counts = rng.binomial(50, shares)
            cells["figure11", f"DNN{row}", column] = rates(*counts, n=50)
    found = scatter.between_seeds(cells)
    both = scatter.dispersion(list(cells.values()))
    wide = scatter.dispersion([c for (_, _, column), c in cells.items() if column == "at_99"])
    turned = {(table, column, row): same for (table, row, column), same in cells.items()}
    by_row = scatter.between_seeds(turned)
    assert {(t, r, c): one for (t, c, r), one in by_row.items()} == found, "a row does the same"
    assert wide.factor > both.factor > 1
    assert min(one.factor for place, one in found.items() if place[2] == "at_99") >= wide.factor
    assert max(one.factor for place, one in found.items() if place[2] != "at_99") < wide.factor


def test_a_seed_that_is_surer_than_a_number_can_say_does_not_narrow_a_confidence():
    cells = [Cells("nguyen", "t").number("row", "x", value, "fraction")
             for value in (0.97, 0.99, 0.999, 0.9999, 1.0)]  # fmt: skip
    low, high = next_seed.allowed(cells, 5e-4)
    assert low < 0.5
    assert high >= 1


def test_sizes_differ_by_factors():
    """Of .002 to .006 a tree's distance may be .02 as well as .0006, and is never negative."""
    values = np.array([0.002, 0.004, 0.003, 0.006, 0.005])
    cells = [Cells("lipton", "t").number("row", "x", value, "norm") for value in values]
    low, high = next_seed.allowed(cells, 0.05)
    logs = np.log(values)
    half = stats.t.ppf(0.975, 4) * logs.std(ddof=1) * 1.2**0.5
    assert np.log([low, high]) == pytest.approx([logs.mean() - half, logs.mean() + half])


def test_a_mean_of_counts_has_no_poisson_spread():
    cells = [
        Cells("lipton", "t").number("row", "x", value, "count", 3) for value in (3.3, 3.5, 3.8)
    ]
    values = np.array([cell.value for cell in cells])
    half = stats.t.ppf(0.975, 2) * values.std(ddof=1) * (4 / 3) ** 0.5
    assert next_seed.allowed(cells, 0.05) == pytest.approx((3.53333333 - half, 3.53333333 + half))
