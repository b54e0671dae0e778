"""One cell over several runs: what it is the mean of, and by which rule it is judged."""

import numpy as np
import pytest
from scipy import special, stats

from reproduce.report import verdicts
from reproduce.report.cells import Cells
from reproduce.report.published import lookup
from reproduce.report.results import Cell
from reproduce.report.seeds import over_seeds

WHERE = ("szegedy", "table2", "FC10(1e-2)", "FC100-100-10")  # 35.9 % of 256 images


def rates(counts, n):
    return [Cells(*WHERE[:2]).rate(*WHERE[2:], wrong, n) for wrong in counts]


def test_runs_on_more_images_than_the_papers_are_wider_by_its_fewer():
    """The paper's single run scatters with its 256 images, ours with 5,000."""
    cells = rates([1790, 1800, 1830, 1795], 5000)
    found, paper = over_seeds(cells), lookup(*WHERE)
    values = np.array([cell.value for cell in cells])
    mean, deviation = values.mean(), values.std(ddof=1)
    images = verdicts.Sampling(extra=mean * (1 - mean) * (1 / 256 - 1 / 5000))
    assert deviation**2 < mean * (1 - mean) / 5000
    least = images._replace(least=mean * (1 - mean) / 5000)
    wide = verdicts.of_runs(mean, deviation, 4, paper, least)
    narrow = verdicts.of_runs(mean, deviation, 4, paper)
    assert found.half_width == pytest.approx(wide.half_width)
    assert found.half_width > 3 * narrow.half_width


def test_images_of_each_seed_scatter_by_themselves_at_least():
    """44.1 % beside 48.1 % of 256 images, five seeds 0.64 points apart: by chance, 3.1 points."""
    counts = [111, 112, 114, 113, 115]
    found = over_seeds(rates(counts, 256))
    p = np.mean(counts) / 256
    least = p * (1 - p) / 256
    assert np.var(np.array(counts) / 256, ddof=1) < least / 5
    half = stats.norm.ppf(0.975) * np.sqrt(least * (1 + 1 / 5) + 0.001**2 / 12)
    assert found.half_width == pytest.approx(half, rel=1e-3)


def test_a_mean_of_confidences_scatters_by_their_own_variance():
    """Of four seeds that agree; by p (1 - p) the floor would be five times as wide."""
    rng = np.random.default_rng(0)
    draws = [rng.normal(0.7, 0.08, 400) for _ in range(4)]
    draws = [each - each.mean() + 0.7 + 1e-4 * k for k, each in enumerate(draws)]
    where = ("goodfellow", "rubbish", "softmax", "mean_confidence")
    cells = [Cells(*where[:2]).mean(*where[2:], each, "fraction") for each in draws]
    assert lookup(*where).n is None
    least = np.mean([each.var(ddof=1) for each in draws]) / 400 * (1 + 1 / 4)
    half = stats.norm.ppf(0.975) * np.sqrt(least + 0.001**2 / 12)
    assert over_seeds(cells).half_width == pytest.approx(half, rel=1e-3)


def test_images_that_all_seeds_share_scatter_their_mean_as_a_whole():
    def cell(wrong, same):
        return Cells(*WHERE[:2], same_images=same).rate(*WHERE[2:], wrong, 256)

    counts = [90, 92, 95, 93]
    values = np.array(counts) / 256
    both = values.mean() * (1 - values.mean()) * 2 / 256
    scattered = values.var(ddof=1) * (1 + 1 / 4)
    freedom = (scattered + both) ** 2 / (scattered**2 / 3)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(scattered + both + 0.001**2 / 12)
    found = over_seeds([cell(wrong, same=True) for wrong in counts])
    assert found.same_images
    assert found.half_width == pytest.approx(half, rel=1e-3)
    assert found.half_width > over_seeds([cell(wrong, same=False) for wrong in counts]).half_width


def test_distortions_of_shared_images_scatter_as_a_whole():
    rng = np.random.default_rng(0)
    image = rng.gamma(9, 0.01, 256)
    each = [image * rng.normal(1, 0.05, 256) for _ in range(4)]
    own, shared = (
        Cells("szegedy", "table1").pooled_over_runs("FC100-100-10", "distortion", each, of_one)
        for of_one in (False, True)
    )
    assert own.value == shared.value
    assert shared.half_width == pytest.approx(np.sqrt(2 / 1.25) * own.half_width, rel=0.02)


def test_means_of_three_runs_are_combined_as_such():
    """The paper's is a single run: its scatter is that of one of ours, not of a mean of three."""
    values = [[0.30, 0.34, 0.38], [0.33, 0.35, 0.40], [0.31, 0.36, 0.37]]
    cells = []
    for each in values:
        made = Cells(*WHERE[:2])
        cells.append(made.over_runs(*WHERE[2:], np.array(each), "fraction"))
    assert [cell.runs for cell in cells] == [3] * 3
    found, paper = over_seeds(cells), lookup(*WHERE)
    means = np.mean(values, axis=1)
    spread = means.std(ddof=1)
    as_means = verdicts.of_runs(means.mean(), spread, 3, paper, each=3)
    assert found.half_width == pytest.approx(as_means.half_width)
    assert found.half_width > verdicts.of_runs(means.mean(), spread, 3, paper).half_width
    assert (found.runs, found.n) == (9, 3)
    assert found.value == pytest.approx(means.mean())


def figure11(row, medians):
    return [Cells("nguyen", "figure11").single(row, "median_confidence", m, "fraction", n=50)
            for m in medians]  # fmt: skip


def test_confidences_are_judged_where_the_seeds_log_odds_scatter():
    """Figure 11, DNN12: 99.97 %; five seeds of ours never come to 94 %."""
    medians = np.array([0.933, 0.938, 0.824, 0.886, 0.896])
    odds = special.logit(medians)
    half = stats.t.ppf(0.975, 4) * odds.std(ddof=1) * np.sqrt(1 + 1 / 5)
    assert special.logit(0.9997) - odds.mean() > half > 0
    found = over_seeds(figure11("DNN12", medians))
    assert found.verdict == "differs"
    assert found.value == pytest.approx(special.expit(odds.mean()))
    far = stats.t.ppf(0.975, 4) * odds.std(ddof=1) / np.sqrt(5)
    ends = special.expit([odds.mean() - far, odds.mean() + far])
    assert [found.low, found.high] == pytest.approx(ends)
    near = figure11("DNN12", [0.9995, 0.9998, 0.9996, 0.99985, 0.9997])
    assert over_seeds(near).verdict == "consistent"


def test_medians_of_several_runs_are_combined_as_log_odds():
    values = np.random.default_rng(0).normal(3, 1, size=(4, 6, 10))
    cells = [Cells("nguyen", "figure11").median("DNN12", "median_confidence", special.expit(each),
                                                "fraction") for each in values]  # fmt: skip
    odds = [special.logit(cell.value) for cell in cells]
    assert over_seeds(cells).value == pytest.approx(special.expit(np.mean(odds)))


def test_shares_are_combined_as_they_are():
    found = over_seeds(rates([90, 92, 95], 256))
    assert found.value == pytest.approx(np.mean([90, 92, 95]) / 256)


def test_one_run_on_other_data_leaves_the_combination_uncompared():
    cells = rates([90, 92, 95], 256)
    cells[1] = cells[1]._replace(verdict="other data", half_width=None)
    found = over_seeds(cells)
    assert (found.verdict, found.half_width) == ("other data", None)
    assert found.value == pytest.approx(np.mean([90, 92, 95]) / 256)


def test_images_without_a_value_are_counted_over_all_runs():
    cells = [Cell("table1", "FC10(1)", "distortion", v, "rms", published=0.14, verdict="differs",
                  source="szegedy/table1", missing=m)
             for v, m in ((0.1, 0), (0.2, 2), (0.3, 1))]  # fmt: skip
    assert over_seeds(cells).missing == 3
    assert over_seeds(cells).verdict == "too wide"


def test_a_seed_that_found_nothing_is_not_forgotten():
    made = Cells("szegedy", "table1")
    found = made.rate_over_runs("FC10(1)", "test_error", [1997] * 3, [10_000] * 3)
    nothing = made.mean("FC10(1)", "test_error", np.full(200, np.nan), "fraction")
    assert found.verdict == "consistent"
    for cells in ([found, nothing], [nothing, found], [found, found, nothing]):
        both = over_seeds(cells)
        assert (both.missing, both.verdict) == (200, "too wide")
