"""A run beside the reference: false alarms, faults found, what is kept, without TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_runs import a_run, five
from omegaconf import OmegaConf

from reproduce import check as command
from reproduce.report import (
    further,
    page,
    reference,
    reference_page,
    results_json,
    tables,
)
from reproduce.runtime import options

ROOT = Path(__file__).parents[1]
ONE = reference.named("one", "few", "smoke", {})
WITHOUT_TENSORFLOW = """
import runpy, sys
sys.modules.update(dict.fromkeys(("tensorflow", "keras", "hydra")))
sys.argv = {argv}
runpy.run_module({module!r}, run_name="__main__")
"""


def test_a_reference_of_other_artefacts_tells_nothing(rng):
    run = a_run(rng)
    other = run._replace(cells=tuple(cell._replace(artefact="other") for cell in run.cells))
    found = further.check(other, five(rng))
    assert (
        str(found) == f"{len(run.cells)} cells cannot be told: the reference says nothing of them."
    )


def test_a_page_counts_no_cells_of_which_the_reference_says_nothing(rng, tmp_path):
    run = a_run(rng)
    told, other = (
        further.beside(run, five(rng)),
        run._replace(cells=tuple(cell._replace(artefact="other") for cell in run.cells)),
    )
    assert "seeds have them" in page.html(tmp_path, run, told)
    assert "seeds have them" not in page.html(tmp_path, other, further.beside(other, five(rng)))


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


def test_the_command_of_a_reading_has_its_plus():
    name = reference.named("nguyen", "mnist", "laptop", {"reading": "caffe", "seed_of": "x"})
    told = reference.command(name, [0], ["figure11"])
    assert told.endswith("'only=[figure11]' seed=0 +reading=caffe seed_of=x")
