"""The equivalence test on samples whose true difference is known."""

import numpy as np
import pytest
from scipy import stats

from reproduce.methods.units import equivalence

MARGIN = 0.2


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def bootstrap(
    first: np.ndarray,
    second: np.ndarray,
    margin: float,
    rng: np.random.Generator,
    *,
    resamples: int = 10_000,
) -> equivalence.Comparison:
    """The same without a normal distribution: both samples drawn anew, with replacement."""
    means = [
        np.concatenate(
            [
                sample[rng.integers(len(sample), size=(count, len(sample)))].mean(axis=1)
                for count in np.diff(np.linspace(0, resamples, 11).astype(int))
            ]
        )
        for sample in (first, second)
    ]
    differences = means[0] - means[1]
    low, high = np.quantile(differences, [equivalence.LEVEL, 1 - equivalence.LEVEL])

    def share(event: np.ndarray) -> float:
        return float((event.sum() + 1) / (resamples + 1))

    return equivalence.Comparison(
        difference=float(first.mean() - second.mean()),
        low=float(low),
        high=float(high),
        margin=margin,
        p_equivalent=max(share(differences <= -margin), share(differences >= margin)),
        p_different=min(1.0, 2 * min(share(differences <= 0), share(differences >= 0))),
    )


def resampled(first, second, margin):
    return bootstrap(first, second, margin, np.random.default_rng(1), resamples=2000)


@pytest.mark.parametrize("compare", [equivalence.compare, resampled])
@pytest.mark.parametrize(
    ("shift", "size", "verdict"),
    [
        (0.0, 2000, "equivalent"),  # the same distribution, and enough of it
        (0.0, 10, "undecided"),  # the same, but ten values cannot tell
        (0.4, 2000, "more"),
        (-0.4, 2000, "less"),
        (0.12, 5000, "equivalent"),  # a sure difference, but smaller than the margin
    ],
)
def test_verdicts(rng, compare, shift, size, verdict):
    first, second = rng.normal(size=size) + shift, rng.normal(size=size)
    assert equivalence.verdicts([compare(first, second, MARGIN)]) == [verdict]


@pytest.mark.parametrize("shift", [MARGIN, -MARGIN])
def test_at_the_margin_one_in_twenty_is_called_equivalent(rng, shift):
    wrong = [
        equivalence.compare(rng.normal(size=800) + shift, rng.normal(size=900), MARGIN).p_equivalent
        < 0.05
        for _ in range(2000)
    ]
    assert stats.binomtest(sum(wrong), 2000, 0.05).pvalue > 1e-3


def test_the_difference_agrees_with_scipy(rng):
    first, second = rng.normal(size=30), rng.exponential(size=50)
    welch = stats.ttest_ind(first, second, equal_var=False)
    found = equivalence.compare(first, second, MARGIN)
    assert found.p_different == pytest.approx(welch.pvalue)
    interval = welch.confidence_interval(0.90)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("size", [20, 60, 200, 500])
def test_equivalent_means_that_the_interval_lies_within_the_margin(rng, size):
    found = equivalence.compare(rng.normal(size=size), rng.normal(size=size) + 0.1, MARGIN)
    inside = found.low > -MARGIN and found.high < MARGIN
    assert inside == (found.p_equivalent < equivalence.LEVEL)


def test_the_bootstrap_agrees_with_the_t_test_on_normal_data(rng):
    first, second = rng.normal(size=300), rng.normal(size=400) + 0.1
    by_t = equivalence.compare(first, second, MARGIN)
    by_resampling = resampled(first, second, MARGIN)
    assert by_resampling.low == pytest.approx(by_t.low, abs=0.02)
    assert by_resampling.high == pytest.approx(by_t.high, abs=0.02)


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.2: times 4, 3, 2, 1, never falling.
    assert equivalence.holm([0.03, 0.2, 0.01, 0.02]) == pytest.approx([0.06, 0.2, 0.04, 0.06])


def test_many_comparisons_of_the_same_rarely_give_a_difference(rng):
    families = 200
    alarms = 0
    for _ in range(families):
        family = [
            equivalence.compare(rng.normal(size=20), rng.normal(size=20), 5.0) for _ in range(20)
        ]
        corrected = equivalence.holm([comparison.p_different for comparison in family])
        alarms += bool((corrected < 0.05).any())
    assert alarms / families < 0.1


def test_constants():
    same, other = np.ones(5), np.full(5, 1.5)
    verdicts = equivalence.verdicts(
        [equivalence.compare(same, same, MARGIN), equivalence.compare(same, other, MARGIN)]
    )
    assert verdicts == ["equivalent", "less"]


def test_a_margin_is_positive():
    with pytest.raises(ValueError, match="positive"):
        equivalence.compare(np.arange(3.0), np.arange(3.0), 0)
