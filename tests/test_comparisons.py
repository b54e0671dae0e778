"""Tests of claims: each can say yes, no, and that it cannot be told; errors of 5 % at most."""

import numpy as np
import pytest
from scipy import stats

from reproduce.report.comparisons import (
    all_of,
    lower_in_pairs,
    lower_on_images,
    majority,
    same_rate,
)
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


@pytest.mark.parametrize(
    ("hits", "n", "expected"), [(5, 5, True), (0, 5, False), (3, 5, None), (4, 4, None)]
)
def test_a_majority_is_more_than_a_coins_toss(hits, n, expected):
    assert majority(hits, n) is expected  # 5 of 5: 1 / 32
