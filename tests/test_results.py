"""results.json: the contract's keys, a round trip without loss, whole or absent."""

from __future__ import annotations

import json

import pytest

from reproduce.report import results_json
from reproduce.report.cells import Cells
from reproduce.report.results import Cell, Claim, Layout, Results
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
    assert content["claims"][0]["strength"] == {"runs": 1, "images": None}
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
