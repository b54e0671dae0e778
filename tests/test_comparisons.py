"""Tests of claims: each can say yes, no, and that it cannot be told; errors of 5 % at most."""

import numpy as np
import pytest
from scipy import stats

from reproduce.report.comparisons import (
    all_of,
    any_of,
    beyond,
    extreme,
    lower_in_pairs,
    lower_in_samples,
    lower_on_images,
    majority,
    mean_above,
    median_above,
    more_than,
    refuting,
    same_rate,
)
from reproduce.report.intervals import of_sample_median, of_slope
from reproduce.report.results import answer


def masks(only_first, only_second, both=5, n=1000):
    first, second = np.zeros(n, bool), np.zeros(n, bool)
    first[: both + only_first] = True
    second[:both] = True
    second[both + only_first : both + only_first + only_second] = True
    return first, second


@pytest.mark.parametrize(
    ("only_first", "only_second", "expected"),
    [(2, 20, True), (20, 2, False), (0, 2, None), (0, 5, None), (0, 6, True), (0, 0, None)],
)
def test_two_networks_differ_by_the_images_that_one_gets_wrong(only_first, only_second, expected):
    # 0 of 5: p = 2 / 2**5 = .0625; 0 of 6: .03125
    assert lower_on_images(*masks(only_first, only_second)) is expected


def test_seeds_are_paired():
    noise = np.array([0.0, 0.01, -0.01, 0.005])
    shared = np.array([1.0, 2.0, 3.0, 4.0])
    assert lower_in_pairs(shared, shared + 0.1 + noise) is True
    assert lower_in_pairs(shared + 0.1 + noise, shared) is False
    assert lower_in_pairs(shared, shared + 10 * noise) is None
    assert lower_in_pairs(shared[:1], shared[:1] + 9) is None
    assert lower_in_pairs(np.array([1, np.nan]), np.array([2.0, 3.0])) is None


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_equal_networks_are_told_apart_in_five_of_a_hundred(seeds):
    rng = np.random.default_rng(seeds)
    pairs = rng.normal(size=(2000, 2, seeds))
    told = np.mean([lower_in_pairs(first, second) is not None for first, second in pairs])
    assert 0.03 < told < 0.07


def test_sameness_needs_a_margin():
    assert same_rate(80, 10_000, 84, 10_000, 0.005) is True
    assert same_rate(300, 10_000, 84, 10_000, 0.005) is False
    assert same_rate(8, 1000, 8, 1000, 0.005) is None
    assert same_rate(0, 0, 8, 1000, 0.005) is None


def test_what_is_a_margin_apart_is_called_the_same_in_five_of_a_hundred():
    rng = np.random.default_rng(1)
    counts = stats.binom.rvs(10_000, [0.015, 0.01], size=(2000, 2), random_state=rng)
    same = np.mean([same_rate(a, 10_000, b, 10_000, 0.005) is True for a, b in counts.tolist()])
    assert same < 0.07


def test_a_claim_from_numbers_that_are_missing_cannot_be_told():
    assert answer(True, 1.0, np.nan) == "cannot be told"
    assert answer(False, np.array([1.0, np.nan])) == "cannot be told"
    assert answer(True, 1.0) == "holds"
    assert answer(False, np.array([1.0, 2.0])) == "refuted"


def test_one_that_cannot_be_told_leaves_the_rest_untold():
    assert all_of([True, True]) is True
    assert all_of([True, None]) is None
    assert all_of([None, False]) is False
    assert all_of([]) is None
    assert any_of([False, None, True]) is True
    assert any_of([False, None]) is None
    assert any_of([False, False]) is False
    assert any_of([]) is None


def told_where_nothing_is(rule, draws, repeats=600):
    return np.mean([rule(*draws()) is not None for _ in range(repeats)])


@pytest.mark.parametrize("runs", [2, 3, 5, 20])
def test_equal_runs_are_told_apart_in_ten_of_a_hundred_at_most_and_in_five_by_two_sides(runs):
    """mean_above is one-sided at 5 % each way, lower_in_samples two-sided at 5 %."""
    rng = np.random.default_rng(runs)
    one = told_where_nothing_is(mean_above, lambda: (rng.normal(size=runs), 0.0))
    two = told_where_nothing_is(lower_in_samples, lambda: rng.normal(size=(2, runs)))
    assert 0.07 < one < 0.13
    assert two < 0.07  # of two runs each Welch's test is conservative


@pytest.mark.parametrize("n", [5, 30, 200])
def test_exact_tests_err_in_five_of_a_hundred_each_way_at_most(n):
    rng = np.random.default_rng(n)
    for rate in (0.02, 0.5, 0.95):
        answers = [more_than(int(rng.binomial(n, rate)), n, rate) for _ in range(600)]
        assert max(answers.count(True), answers.count(False)) / 600 < 0.07
    assert told_where_nothing_is(median_above, lambda: (rng.normal(size=n), 0.0)) < 0.12


def test_of_many_networks_one_in_twenty_claims_is_refuted_by_chance_and_not_each():
    rng = np.random.default_rng(0)
    of = 10
    refuted = [
        all_of(lower_in_pairs(*rng.normal(size=(2, 8)), of=of) for _ in range(of)) is False
        for _ in range(400)
    ]
    assert np.mean(refuted) < 0.08
    assert lower_in_pairs(np.arange(9.0), np.arange(9) - 1 + np.resize([0.9, -0.9], 9)) is False
    assert (
        lower_in_pairs(np.arange(9.0), np.arange(9) - 1 + np.resize([0.9, -0.9], 9), of=50) is None
    )


def test_a_permutation_is_extreme_in_five_of_a_hundred_each_way():
    rng = np.random.default_rng(0)
    told = told_where_nothing_is(extreme, lambda: (rng.normal(), rng.normal(size=199)))
    assert 0.07 < told < 0.13
    assert extreme(-9, np.arange(100)) is True
    assert extreme(999, np.arange(100)) is False
    assert extreme(50, np.arange(100)) is None


def test_a_slope_over_thirty_images_holds_the_true_one_in_95_of_a_hundred():
    rng, x = np.random.default_rng(0), np.log([49.0, 100, 196, 400, 784])
    inside = []
    for _ in range(300):
        slope, (low, high) = of_slope(x, rng.normal(-0.3, 0.3, (30, 1)) * x, 300)
        inside.append(low < -0.3 < high)
        assert low <= slope <= high
    assert 0.92 < np.mean(inside) < 0.98


@pytest.mark.parametrize(
    ("interval", "told"),
    [((1, 2), True), ((-2, -1), False), ((-1, 1), None), ((None, 1), None), ((np.nan, 1), None)],
)
def test_an_interval_is_above_below_or_across(interval, told):
    assert beyond(interval, 0) is told


def test_what_it_takes_to_refute_is_what_refutes():
    for n, share in ((5, 0.5), (10, 0.5), (200, 0.02), (64, 0.95), (30, 1 / 9)):
        text = refuting(n, share)
        most = int(text.split()[2])
        assert more_than(most, n, share) is False
        assert more_than(most + 1, n, share) is not False
    assert refuting(4) == "more than the 4 there are"
    assert refuting(0) == "more than the 0 there are"


@pytest.mark.parametrize(
    ("hits", "n", "expected"), [(5, 5, True), (0, 5, False), (3, 5, None), (4, 4, None)]
)
def test_a_majority_is_more_than_a_coins_toss(hits, n, expected):
    assert majority(hits, n) is expected  # 5 of 5: 1 / 32


def test_a_slope_is_known_as_well_as_its_images_are_many():
    """Images that shift as a whole say nothing new at the next size: against the closed form."""
    rng = np.random.default_rng(0)
    x, images = np.log([49.0, 100, 196, 400, 784]), 400
    each = rng.normal(-0.5, 0.2, (images, 1))
    y = each * x + rng.normal(0, 1, (images, 1))
    slope, (low, high) = of_slope(x, y)
    assert slope == pytest.approx(each.mean())
    error = each.std(ddof=1) / np.sqrt(images)
    assert (high - low) == pytest.approx(2 * 1.96 * error, rel=0.1)
    y[0, 1:] = np.nan
    assert of_slope(x, y)[0] == pytest.approx(each[1:].mean(), abs=0.01)


@pytest.mark.parametrize(("n", "rank"), [(6, 1), (10, 2), (30, 10), (100, 40)])
def test_the_interval_of_a_median_is_between_order_statistics(n, rank):
    """Ranks as tables of the sign test print them (Conover 1999, table A3), 95 % at least."""
    values = np.random.default_rng(0).permutation(n) + 1.0
    assert of_sample_median(values) == (rank, n + 1 - rank)
    assert np.isnan(of_sample_median(values[:5])).all()
