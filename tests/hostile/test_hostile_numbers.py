"""NaN and infinity, handed straight to the archive, to Cells, to a claim: never a number."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from reproduce.methods.evolution import archive, cppn, direct
from reproduce.methods.evolution.map_elites import evolve
from reproduce.report import comparisons, results_json, run
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Claim, Strength, answer, resting_on

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize("broken", [NAN, INF])
def test_an_archive_of_no_numbers_takes_the_first_that_is_one(broken, capsys):
    """As from a checkpoint that something else has written."""
    elites = archive.empty(3, (2, 2, 1))._replace(log_odds=np.array([broken, 5.0, broken]))
    images = np.zeros((1, 2, 2, 1), np.uint8)
    after = archive.insert(elites, ["child"], images, np.array([[-9.0, 1.0, NAN]]), 4)
    assert after.log_odds.tolist() == [-9.0, 5.0, -INF]
    assert after.genomes == ["child", None, None]
    assert "2 of 3 scores are NaN or infinite" in " ".join(capsys.readouterr().out.split())


def test_logits_that_are_no_numbers_are_refused_with_their_count(refused):
    logits = np.array([[0.0, NAN], [1.0, 2.0], [INF, 0.0]])
    refused("NaN or infinity for 2 of 3 images", lambda: archive.log_odds(logits))


@pytest.mark.parametrize("make", [direct, cppn])
def test_an_evolution_without_a_finite_score_for_a_class_does_not_begin(make, refused):
    def score(network, batch):
        return lambda images: np.tile([0.0, NAN, 0.0], (len(images), 1))

    encoding = make.encoding(size=8)
    refused(
        "1 of 3 classes, 1 first, have a finite score for none of 5 images",
        lambda: evolve(
            None, encoding, classes=3, generations=2, seeds=[0], children=4, initial=5,
            forward=score,
        ),
    )  # fmt: skip


def test_an_evolution_against_a_network_of_nan_is_refused_in_a_line(refused):
    refused(
        "logits are finite numbers, got .nan",
        lambda: evolve(
            lambda x: x[:, 0, 0] * NAN + [[1.0, 2.0]], direct.encoding(size=8), classes=2,
            generations=1, seeds=[0],
        ),
    )  # fmt: skip


SOME = np.array([0.1, 0.3, 0.2, 0.25])
CELLS = {  # what is called, on which values; the value of the cell, and how many have none
    "rate, count": (lambda c, x: c.rate("r", "c", x, 10), NAN, None, 1),
    "rate, of": (lambda c, x: c.rate("r", "c", 3, x), NAN, None, 1),
    "rate, infinite": (lambda c, x: c.rate("r", "c", x, 10), INF, None, 1),
    "groups": (
        lambda c, x: c.grouped_rate("r", "c", x, np.full(3, 4)), np.array([1, NAN, 3]), 0.5, 1),
    "groups, all": (lambda c, x: c.grouped_rate("r", "c", x, x), np.full(3, NAN), None, 3),
    "groups without draws": (
        lambda c, x: c.grouped_rate("r", "c", x, x), np.zeros(3), None, 0),
    "mean": (lambda c, x: c.mean("r", "c", x, "rms"), np.array([*SOME, NAN]), SOME.mean(), 1),
    "mean, infinite": (
        lambda c, x: c.mean("r", "c", x, "rms"), np.array([*SOME, INF, -INF]), SOME.mean(), 2),
    "mean of one": (lambda c, x: c.mean("r", "c", x, "rms"), np.array([NAN, 2.0]), 2.0, 1),
    "mean of none": (lambda c, x: c.mean("r", "c", x, "rms"), np.array([]), None, 0),
    "pooled": (
        lambda c, x: c.pooled_rms("r", "c", x), np.array([3.0, NAN, 4.0]), math.sqrt(12.5), 1),
    "pooled, all": (lambda c, x: c.pooled_rms("r", "c", x), np.full(4, NAN), None, 4),
    "runs": (
        lambda c, x: c.over_runs("r", "c", x, "rms"), np.array([*SOME, NAN]), SOME.mean(), 1),
    "runs, all": (lambda c, x: c.over_runs("r", "c", x, "rms"), np.full(2, NAN), None, 2),
    "median": (
        lambda c, x: c.median("r", "c", x, "fraction"), np.array([[0.5, NAN], [0.1, 0.2]]), None,
        1),
    "median, infinite": (
        lambda c, x: c.median("r", "c", x, "count"), np.array([1.0, INF, -INF]), None, 2),
    "median of none": (lambda c, x: c.median("r", "c", x, "count"), np.array([]), None, 0),
    "rates of runs": (
        lambda c, x: c.rate_over_runs("r", "c", x, [10, 10]), [1, NAN], None, 1),
    "pooled of runs": (
        lambda c, x: c.pooled_over_runs("r", "c", x), [np.array([3.0, NAN]), np.array([4.0])],
        3.5, 1),
    "number": (lambda c, x: c.number("r", "c", x, "norm"), NAN, None, 0),
    "number, infinite": (lambda c, x: c.number("r", "c", x, "norm"), -INF, None, 0),
    "interval": (lambda c, x: c.number("r", "c", 2.0, "norm", interval=x), (NAN, INF), 2.0, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_has_a_number_or_none_and_counts_what_is_missing(name):
    make, given, value, missing = CELLS[name]
    cell = make(Cells("szegedy", "nothing"), given)
    assert cell.value == (None if value is None else pytest.approx(value))
    assert cell.missing == missing
    numbers = [number for number in cell if isinstance(number, float)]
    assert np.isfinite(numbers).all(), cell


@pytest.mark.parametrize("name", CELLS)
def test_where_the_paper_prints_a_number_there_is_no_verdict(name):
    """The same in a cell that the paper has."""
    make, given, _, missing = CELLS[name]

    class Published(Cells):
        def published(self, row, column):
            cell = super().published("FC10(1)", "distortion")
            return cell._replace(unit=self.unit)

    cells = Published("szegedy", "table1")
    cells.unit = make(Cells("szegedy", "nothing"), given).unit
    cell = make(cells, given)
    if missing or cell.value is None:
        assert cell.verdict in ("too wide", "unpublished")
        assert cell.half_width is None


PAIR = np.array([1.0, 2.0]), np.array([NAN, 3.0])
UNTOLD = {
    "an answer": lambda: answer(NAN),
    "an answer of NumPy": lambda: answer(np.float64(NAN)),
    "a number behind it": lambda: answer(True, np.array([1.0, NAN])),
    "None behind it": lambda: answer(True, None),
    "all": lambda: answer(comparisons.all_of([True, NAN])),
    "any": lambda: answer(comparisons.any_of([False, NAN])),
    "the opposite": lambda: answer(comparisons.opposite(NAN)),
    "over cases": lambda: comparisons.over_cases([NAN, NAN]),
    "images": lambda: answer(comparisons.lower_on_images(*PAIR)),
    "pairs": lambda: answer(comparisons.lower_in_pairs(*PAIR)),
    "samples": lambda: answer(comparisons.lower_in_samples(*PAIR)),
    "a rate": lambda: answer(comparisons.more_than(NAN, 10, 0.5)),
    "of no number": lambda: answer(comparisons.fewer_than(3, NAN, 0.5)),
    "a majority": lambda: answer(comparisons.majority(NAN, NAN)),
    "sameness": lambda: answer(comparisons.same_rate(NAN, 10, 3, 10, 0.5)),
    "a margin": lambda: answer(comparisons.same_rate(3, 10, 3, 10, NAN)),
    "a median": lambda: answer(comparisons.median_above(PAIR[1], 0.5)),
    "a limit": lambda: answer(comparisons.median_above(PAIR[0], NAN)),
    "a mean": lambda: answer(comparisons.mean_above(PAIR[1], 0.5)),
    "a mean's limit": lambda: answer(comparisons.mean_below(np.arange(5.0), NAN)),
    "a permutation": lambda: answer(comparisons.extreme(NAN, np.arange(100.0))),
    "permutations": lambda: answer(comparisons.extreme(-5.0, np.full(100, NAN))),
    "an interval": lambda: answer(comparisons.beyond((1.0, NAN), 0.0)),
    "an interval's limit": lambda: answer(comparisons.beyond((1.0, 2.0), NAN)),
}


@pytest.mark.parametrize("name", UNTOLD)
def test_from_no_number_a_claim_cannot_be_told(name):
    assert UNTOLD[name]() == "cannot be told"


def test_a_claim_says_how_many_numbers_are_missing():
    claim = Claim("a", "b", "holds", "c.", Strength(3, None, "d"))
    told = resting_on(claim, np.array([1.0, NAN, NAN]), 2.0)
    assert told.verdict == "cannot be told"
    assert told.evidence == "2 of the 4 numbers that it rests on are missing. c."


def test_a_page_of_missing_numbers_is_written_without_one(tmp_path):
    """In the tables, the pages and results.json alike."""
    cells = Cells("szegedy", "table1")
    for name, (make, given, *_) in CELLS.items():
        make(cells, given)
        cells.list[-1] = cells.list[-1]._replace(row=name)
    claim = Claim("a", "b", "cannot be told", f"{NAN:.1%}, {NAN:g}.", Strength(1, None, "c"))
    artefact = Artefact(title="Nothing", cells=cells.list, claims=[claim])
    header = run.Header("szegedy", "mnist", "x", "0", "smoke", 0)
    with run.Run(tmp_path, header) as kept:
        kept.add("table1", artefact, seconds=1.0)
    content = json.loads((tmp_path / "results.json").read_text(), parse_constant=pytest.fail)
    assert len(content["cells"]) == len(CELLS)
    assert content["claims"][0]["evidence"] == "n/a%, n/a."
    assert results_json.read(tmp_path).cells
    for file in (*tmp_path.glob("report.*"), *tmp_path.glob("tables/*")):
        words = file.read_text().lower().replace("-", " ").split()
        assert not {"nan", "inf", "(nan)", "[nan,", "nan]"} & set(words), file
