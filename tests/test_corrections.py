"""Claims over many networks: chance alone refutes in five of a hundred cases at most."""

import numpy as np
import pytest
from scipy import stats

from reproduce.report import comparisons
from reproduce.report.comparisons import (
    all_of,
    beyond,
    extreme,
    fewer_than,
    lower_in_pairs,
    lower_in_samples,
    mean_above,
    mean_below,
    median_above,
    more_than,
    over_cases,
    refuting,
)

NETWORKS, DRAWS = 8, 600


def refuted_by_chance(told):
    """How often one of several networks says no, where each is a coin's toss."""
    return np.mean([all_of(told()) is False for _ in range(DRAWS)])


def test_rates_of_many_networks_refute_by_chance_in_five_of_a_hundred(rng):
    def told():
        counts = rng.binomial(200, 0.3, NETWORKS)
        return [more_than(int(k), 200, 0.3, of=NETWORKS) for k in counts]

    assert refuted_by_chance(told) < 0.08


@pytest.mark.parametrize("which", ["pairs", "samples", "mean"])
def test_means_of_many_networks_refute_by_chance_in_five_of_a_hundred(rng, which):
    def one():
        first, second = rng.normal(size=(2, 12))
        if which == "pairs":
            return lower_in_pairs(first, second, of=NETWORKS)
        if which == "samples":
            return lower_in_samples(first, second, of=NETWORKS)
        return mean_above(first, 0.0, of=NETWORKS)

    assert refuted_by_chance(lambda: [one() for _ in range(NETWORKS)]) < 0.08


def test_a_share_is_told_by_the_binomial_tails():
    """60 of 100 against one half: .0284 above; 42: .0666 below; 40: .0284."""
    assert more_than(60, 100, 0.5) is True
    assert more_than(42, 100, 0.5) is None
    assert more_than(40, 100, 0.5) is False
    assert more_than(40, 100, 0.5, of=2) is None
    assert more_than(0, 0, 0.5) is None
    for k, n, share in ((3, 80, 0.1), (9, 80, 0.1), (20, 80, 0.1), (0, 12, 0.2)):
        above = stats.binom.sf(k - 1, n, share) < 0.05
        below = stats.binom.cdf(k, n, share) < 0.05
        expected = True if above else False if below else None
        assert more_than(k, n, share) is expected
        assert fewer_than(k, n, share) is (None if expected is None else not expected)


def test_what_would_refute_is_the_largest_count_that_does():
    for n, share, of in ((10, 0.5, 1), (100, 0.02, 1), (1000, 0.02, 3)):
        words = refuting(n, share, of)
        refutes = [k for k in range(n + 1) if more_than(k, n, share, of) is False]
        assert words == (f"at most {max(refutes)} of {n}" if refutes
                         else f"more than the {n} there are")  # fmt: skip


def test_means_and_medians_against_a_limit():
    values = np.array([1.0, 1.2, 0.9, 1.1, 1.05])
    assert mean_above(values, 0.8) is True
    assert mean_above(values, 1.4) is False
    assert mean_above(values, 1.04) is None
    assert mean_below(values, 1.4) is True
    assert mean_above(values[:1], 0.0) is None
    assert mean_above(np.array([2.0, 2.0]), 1.0) is True
    p = stats.ttest_1samp(values, 0.95, alternative="greater").pvalue
    assert (mean_above(values, 0.95) is True) == (p < 0.05)
    assert median_above(np.array([1.0, 2, 3, 4, 5]), 0.5) is True
    assert median_above(np.array([1.0, 2, 3, 4, 5]), 2.5) is None
    assert median_above(np.array([1.0, 2, 3, 4, np.nan]), 0.5) is None


def test_samples_of_another_spread_are_compared_by_welch(rng):
    first, second = rng.normal(0, 1, 40), rng.normal(1.5, 6, 12)
    welch = stats.ttest_ind(first, second, equal_var=False).pvalue
    assert (lower_in_samples(first, second) is None) == (welch >= 0.05)
    assert lower_in_samples(first, first + 2) is True
    assert lower_in_samples(first + 2, first) is False


def test_a_value_is_extreme_among_its_permutations():
    chance = np.arange(1.0, 100)  # 99 permutations
    assert extreme(0.0, chance) is True  # (1 + 0) / 100
    assert extreme(4.0, chance) is None  # (1 + 4) / 100 is not below .05
    assert extreme(3.5, chance) is True
    assert extreme(100.0, chance) is False
    assert extreme(0.0, np.arange(1.0, 10)) is None  # one in ten at the best


def test_an_interval_that_holds_the_limit_decides_nothing():
    assert beyond((0.2, 0.4), 0.1) is True
    assert beyond((0.2, 0.4), 0.5) is False
    assert beyond((0.2, 0.4), 0.3) is None
    assert beyond((None, 0.4), 0.3) is None


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([True, True], "holds"),
        ([True, True, False], "holds with exceptions"),
        ([True, False], "refuted"),
        ([True, None], "cannot be told"),
        ([True, False, False], "refuted"),
        ([True, None, None], "cannot be told"),
        ([], "cannot be told"),
    ],
)
def test_a_claim_about_many_cases_is_about_most_of_them(answers, verdict):
    assert over_cases(answers) == verdict


def test_not_is_not_unknown():
    assert [comparisons.opposite(each) for each in (True, False, None)] == [False, True, None]
