"""results.json: the contract's keys, a round trip without loss, whole or absent."""

from __future__ import annotations

import json

import pytest

from reproduce.report import __main__ as command
from reproduce.report import results_json
from reproduce.report.cells import Cells
from reproduce.report.results import Cell, Claim, Layout, Results, Strength, joined_versions
from reproduce.runtime.errors import UserError

KEYS = {
    "experiment", "dataset", "data_source", "data_digest", "scale", "seed", "versions", "started",
    "seconds", "cells", "claims", "not_run", "departures", "artefacts",
}  # fmt: skip
CELL_KEYS = {
    "artefact", "row", "column", "value", "unit", "low", "high", "n", "published",
    "published_status", "verdict",
}  # fmt: skip


def made_up() -> Results:
    cells = Cells("szegedy", "table1")
    cells.rate("FC10(1)", "test_error", 1997, 10_000)
    cells.number("FC10(1)", "a column of ours", 3.0, "norm")
    cells.number("FC10(1)", "failed", float("nan"), "rms")
    return Results(
        experiment="szegedy",
        dataset="mnist",
        data_source="/data/mnist.npz",
        data_digest="0123456789ab",
        scale="laptop",
        seeds=(3,),
        versions={"python": "3.11"},
        started="2026-01-01T00:00:00+00:00",
        seconds={"table1": 1.5},
        cells=tuple(cells.list),
        claims=(
            Claim(
                "decay",
                "Weight decay raises it.",
                "cannot be told",
                "one network",
                Strength(1, None, "one failure"),
                artefact="table1",
            ),
        ),
        not_run={"table5": "no weights"},
        departures=("We bisect.",),
        artefacts={"table1": Layout("Table 1", figures=("table1-a",))},
    )


def test_the_file_has_the_promised_keys():
    content = json.loads(results_json.to_json(made_up()))
    assert set(content) == KEYS
    assert set(content["cells"][0]) == CELL_KEYS
    assert content["seed"] == 3
    assert content["cells"][0]["value"] == 0.1997
    assert content["cells"][0]["published"] == 0.2
    assert content["claims"][0]["verdict"] == "cannot be told"
    assert content["claims"][0]["strength"] == {
        "runs": 1, "images": None, "refuted_by": "one failure",
    }  # fmt: skip
    assert content["not_run"] == [{"artefact": "table5", "reason": "no weights"}]


def test_reading_gives_back_what_was_written(tmp_path):
    results_json.write(tmp_path, made_up())
    assert results_json.read(tmp_path) == made_up()
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_a_failed_number_is_null_and_no_cell_is_invalid_json():
    failed = made_up().cells[-1]
    assert failed == Cell("table1", "FC10(1)", "failed", None, "rms")
    assert "NaN" not in results_json.to_json(made_up())


@pytest.mark.parametrize("text", ["", "{}", '{"experiment": 1'])
def test_a_damaged_file_is_named_in_one_line(tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(UserError, match=r"results\.json is not") as told:
        results_json.read(tmp_path)
    assert "\n" not in str(told.value)


EVIL = [
    "../../x",
    "..",
    "",
    "/etc/x",
    "a/b",
    "a\\b",
    ".hidden",
    "C:x",
    "a\0b",
    "a\nb",
    "x" * 300,
    3,
]

KINDS = ["experiment", "dataset", "scale"]


def renamed(name, where) -> str:
    content = json.loads(results_json.to_json(made_up()))
    if where == "figure":
        content["artefacts"]["table1"]["figures"] = [name]
    elif where in ("experiment", "dataset", "scale"):
        content[where] = name
    elif where == "not_run":
        content["not_run"][0]["artefact"] = name
    else:
        content["artefacts"][name] = content["artefacts"].pop("table1")
        content["cells"] = [{**cell, "artefact": name} for cell in content["cells"]]
    return json.dumps(content)


@pytest.mark.parametrize("where", ["figure", "not_run", "table", *KINDS])
@pytest.mark.parametrize("name", EVIL)
def test_names_in_somebody_elses_results_lead_nowhere(tmp_path, capsys, where, name):
    if where == "table" and name == 3:
        pytest.skip("JSON has no such key")
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(renamed(name, where))
    before = sorted(tmp_path.rglob("*"))
    assert command.main([str(folder)]) == 2
    told = capsys.readouterr().err
    assert ("is str, got 3" if name == 3 else "is no plain name of a file") in told
    assert told.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("link", ["tables", "figures", "figures/table1-a.png", "tables/table1.md"])
def test_links_in_somebody_elses_folder_are_not_followed(tmp_path, capsys, link):
    folder, outside = tmp_path / "run", tmp_path / "outside"
    outside.mkdir()
    results_json.write(folder, made_up())
    (folder / link).parent.mkdir(exist_ok=True)
    (folder / link).symlink_to(outside / "secret" if "." in link else outside)
    assert command.main([str(folder)]) == 2
    told = capsys.readouterr().err
    assert "is a link that leads out of" in told
    assert told.count("\n") == 1
    assert not list(outside.iterdir())
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("where", KINDS)
def test_a_combined_report_goes_nowhere_else(tmp_path, capsys, where):
    runs = tmp_path / "runs"
    for run, name in (("one", "plain"), ("two", "../../../../x")):
        (runs / run).mkdir(parents=True)
        (runs / run / "results.json").write_text(renamed(name, where))
    output = tmp_path / "combined"
    assert command.main([str(runs), "--apart", "--output", str(output)]) == 2
    assert "is no plain name of a file" in capsys.readouterr().err
    assert not output.exists()


def test_versions_of_runs_are_told_once_each():
    runs = [{"reproduce": "a / b", "keras": "3"}, {"reproduce": "b / c", "keras": "3"}, {}]
    assert joined_versions(runs) == {"reproduce": "a / b / c", "keras": "3"}
