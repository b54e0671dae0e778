"""A run beside the reference: false alarms, faults found, what is kept, without TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from scipy import stats

from reproduce import check as command
from reproduce.report import (
    further,
    next_seed,
    page,
    reference,
    reference_page,
    results_json,
    tables,
)
from reproduce.report.cells import Cells
from reproduce.report.results import Layout, Results
from reproduce.runtime import options

ROOT = Path(__file__).parents[1]
ONE = reference.named("one", "few", "smoke", {})
WITHOUT_TENSORFLOW = """
import runpy, sys
sys.modules.update(dict.fromkeys(("tensorflow", "keras", "hydra")))
sys.argv = {argv}
runpy.run_module({module!r}, run_name="__main__")
"""


def a_run(rng, seed=0, shift=lambda row, value: value):
    """Sixty cells as runs have them: rates, rare ones, means, confidences, bounds."""
    cells = Cells("szegedy", "own")
    for i in range(15):
        rate = shift(f"rate {i}", 0.01 + 0.02 * i)
        cells.rate(f"rate {i}", "x", rng.binomial(1000, rate), 1000)
        rare = shift(f"rare {i}", 0.001 * i)
        cells.rate(f"rare {i}", "x", rng.binomial(256, rare), 256)
        level = shift(f"mean {i}", 0.06) + 0.002 * rng.normal()
        cells.mean(f"mean {i}", "x", level + 0.02 * rng.normal(size=64), "rms")
        sure = 1 / (1 + np.exp(-shift(f"sure {i}", 5.0) - 0.5 * rng.standard_t(6, size=5)))
        cells.median(f"sure {i}", "x", sure, "fraction")
    cells.number("bound", "x", shift("bound", 3.25), "norm")
    return Results(
        experiment="one", dataset="few", data_source="here", data_digest="0", scale="smoke",
        seeds=(seed,), versions={"reproduce": "0"}, started=f"run {seed} {rng.random()}",
        seconds={"own": 1.0}, cells=tuple(cells.list), claims=(), not_run={}, departures=(),
        artefacts={"own": Layout("Table 1")}, papers_data=False,
    )  # fmt: skip


def five(rng):
    return [a_run(rng, seed) for seed in range(5)]


def test_one_new_run_in_twenty_at_most_is_a_false_alarm():
    """Over many references: the level holds for the whole procedure, not for one lucky draw."""
    rng = np.random.default_rng(0)
    alarms = [bool(further.check(a_run(rng), five(rng)).outside) for _ in range(40)]
    assert stats.binomtest(sum(alarms), len(alarms), 0.05, alternative="greater").pvalue > 0.05


@pytest.mark.parametrize(
    ("row", "factor"),
    [("rate 3", 2.5), ("rare 14", 12), ("mean 0", 2.2), ("sure 2", 2.0), ("bound", 1.001)],
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
    cells = [Cells("szegedy", "t").number("row", "x", value, "norm") for value in values]
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
        expected = found.statistic / 4 if found.pvalue < next_seed.OWN_HINT else 1
        assert next_seed.dispersion([rates(*counts)]).factor == pytest.approx(expected)


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
    scatter = next_seed.dispersion([apart])
    values = np.array([cell.value for cell in apart])
    assert scatter.factor == pytest.approx(values.var(ddof=1) / error**2, rel=1e-3)
    low, high = next_seed.allowed(apart, 0.05, scatter)
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
    cells = [Cells("szegedy", "t").number("row", "x", 4.0, "norm") for _ in range(5)]
    low, high = next_seed.allowed(cells, 0.05)
    assert 4 - 1e-4 < low < 4 < high < 4 + 1e-4


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


def test_a_cell_without_a_value_is_not_judged():
    rng = np.random.default_rng(2)
    run = a_run(rng)
    run = run._replace(cells=(run.cells[0]._replace(value=None), *run.cells[1:]))
    assert run.cells[0] in further.check(run, five(rng)).unknown


def test_a_reference_of_other_artefacts_tells_nothing(rng):
    run = a_run(rng)
    other = run._replace(cells=tuple(cell._replace(artefact="other") for cell in run.cells))
    found = further.check(other, five(rng))
    assert (
        str(found) == f"{len(run.cells)} cells cannot be told: the reference says nothing of them."
    )


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Five runs that were made the reference, and the folder of a sixth."""
    monkeypatch.setattr(reference.of, "__defaults__", (tmp_path / "reference",))
    rng = np.random.default_rng(3)
    for run in five(rng):
        results_json.write(tmp_path / "runs" / str(run.seeds[0]), run)
        (tmp_path / "runs" / str(run.seeds[0]) / "report.html").touch()
        reference.keep(tmp_path / "runs" / str(run.seeds[0]), tmp_path / "reference")
    results_json.write(tmp_path / "new", a_run(rng, 5))
    return tmp_path


def test_what_is_kept_is_what_was_found(kept):
    for run in reference.read(ONE, kept / "reference"):
        before = results_json.read(kept / "runs" / str(run.seeds[0]))
        assert run.started == before.started
        for one, two in zip(run.cells, before.cells, strict=True):
            assert one.value == pytest.approx(two.value, rel=1e-8)
            assert one[:3] == two[:3]
    group = reference_page.group(ONE, kept / "reference")
    assert group.results.seeds == (0, 1, 2, 3, 4)
    assert group.commands == [
        "python run.py -m experiment=one dataset=few scale=smoke 'only=[own]' seed=0,1,2,3,4"
    ]


def test_a_confidence_just_below_one_is_not_kept_as_one():
    """A table never prints 100 for what is less."""
    kept = reference._rounded({"value": 1 - 1e-11, "low": 0.123456789012, "high": 1.0})
    assert kept["value"] < 1
    assert kept["low"] == 0.123456789
    assert kept["high"] == 1


def kept_with(folder, settings, run):
    results_json.write(folder, run)
    (folder / "report.html").touch()
    OmegaConf.save({"settings": settings}, folder / "config.yaml")
    return reference.keep(folder, folder.parent / "reference")


def test_a_run_with_other_settings_has_a_reference_of_its_own(kept):
    rng = np.random.default_rng(4)
    coauthor = {"attack": "coauthor"}
    [path] = kept_with(kept / "other", coauthor, a_run(rng, 0))
    assert path.relative_to(kept / "reference") == Path(
        "one/few/smoke/attack=coauthor/own/seed=0.json"
    )
    assert [str(name) for name in reference.names(kept / "reference")] == [
        "one/few/smoke", "one/few/smoke/attack=coauthor",
    ]  # fmt: skip
    new = a_run(rng, 9)
    assert len(reference.of(new, {}, kept / "reference")) == 5
    assert [run.seeds for run in reference.of(new, {"settings": coauthor}, kept / "reference")] == [
        (0,)
    ]
    assert not reference.of(new, {"settings": {"attack": "paper2"}}, kept / "reference")


def test_artefacts_of_several_runs_stand_side_by_side(kept):
    """Table 1 from five seeds, Table 3 from one: each cell once, each artefact with its seeds."""
    run = a_run(np.random.default_rng(5), 0)
    cells = tuple(cell._replace(artefact="table3") for cell in run.cells)
    rest = run._replace(cells=cells, artefacts={"table3": run.artefacts["own"]}, seconds={})
    kept_with(kept / "rest", {}, rest)
    group = reference_page.group(ONE, kept / "reference")
    assert group.seeds("own") == [0, 1, 2, 3, 4]
    assert group.seeds("table3") == [0]
    assert len(group.results.of("table3")) == len(group.results.of("own")) == len(run.cells)
    assert len(group.commands) == 2
    assert "'only=[table3]' seed=0" in group.commands[1]
    some = reference_page.group(ONE, kept / "reference", artefacts=["table3"])
    assert {cell.artefact for cell in some.results.cells} == {"table3"}


def test_what_was_typed_and_is_so_by_default_is_no_setting():
    def settings(*words):
        words = ["experiment=szegedy", *words]
        return options.settings(options.composed(words), words)

    assert settings("attack=paper", "networks=szegedy", "seed=3", "only=[table1]") == {}
    assert settings("attack=coauthor", "networks=szegedy") == {"attack": "coauthor"}
    assert settings("networks=szegedy_sgd", "attack.tau=16", "examples=500") == {
        "networks": "szegedy_sgd", "attack.tau": "16", "examples": "500",
    }  # fmt: skip


def test_exit_codes(kept, capsys):
    assert command.main([str(kept / "new")]) == 0
    run = results_json.read(kept / "new")
    moved = run.cells[0]._replace(value=0.5)
    results_json.write(kept / "new", run._replace(cells=(moved, *run.cells[1:])))
    assert command.main([str(kept / "new")]) == 1
    assert "own, rate 0" in capsys.readouterr().out
    results_json.write(kept / "new", run._replace(data_digest="of other data"))
    assert command.main([str(kept / "new")]) == 2
    assert command.main([str(kept / "nothing")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_the_pages_show_the_reference_in_the_place_of_other_data_s_published_numbers(kept):
    """Ours, the paper and the reference where the data are the paper's; else without the paper."""
    run = results_json.read(kept / "new")
    published = [cell._replace(published=0.3, verdict="other data") for cell in run.cells[:5]]
    run = run._replace(cells=(*published, *run.cells[5:]))
    found = further.beside(run, reference.of(run, {}, kept / "reference"))
    grid = tables.grid(run.cells)
    assert page.parts(grid, found)["x"] == ["ours", "reference"]
    assert page.parts(grid, None)["x"] == ["ours", "paper"]
    same = [cell._replace(verdict="differs") for cell in published]
    assert page.parts(tables.grid(same), found)["x"] == ["ours", "paper", "reference"]
    kept_runs = reference.read(ONE, kept / "reference")
    values = [each.cells[0].value for each in kept_runs]
    shown = f"{100 * min(values):.1f}–{100 * max(values):.1f}"
    assert shown in page.html(kept, run, found)
    assert f"| seeds {shown}" in page.markdown(run, found)
    assert "| seeds" not in page.markdown(run, None)
    moved = run._replace(cells=(run.cells[0]._replace(value=0.9), *run.cells[1:]))
    beside = further.beside(moved, kept_runs)
    assert "reference outside" in page.html(kept, moved, beside)
    assert "✗" in page.markdown(moved, beside).split("Ours,")[0]


def test_a_run_is_not_held_against_itself(kept):
    run = results_json.read(kept / "runs" / "3")
    assert len(reference.of(run, {}, kept / "reference")) == 4


def without_tensorflow(module, *words):
    code = WITHOUT_TENSORFLOW.format(argv=[module, *map(str, words)], module=module)
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


def test_the_page_over_the_reference_is_drawn_in_seconds_without_tensorflow(tmp_path):
    began = os.times().children_user
    done = without_tensorflow("reproduce.report", "--reference", "--output", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert os.times().children_user - began < 30  # of processor time: a machine may be busy
    drawn = (tmp_path / "page.html").read_text()
    for group in reference_page.groups():
        assert f'id="{group.name}"' in drawn
        for cell in group.results.cells:
            assert cell.row.replace("&", "&amp;").replace("<", "&lt;")[:10] in drawn


def test_the_check_needs_no_tensorflow(tmp_path):
    done = without_tensorflow("reproduce.check", tmp_path)
    assert done.returncode == 2
    assert "holds no results.json" in done.stderr


def test_the_reference_takes_at_most_six_megabytes():
    files = list((ROOT / "outputs/reference").rglob("*.json"))
    assert sum(file.stat().st_size for file in files) < 6e6
