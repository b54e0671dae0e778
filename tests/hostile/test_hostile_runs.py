"""What a run meets from outside: an earlier start that left little, places that cannot be written,
files of others in its folder."""

from __future__ import annotations

import json

import pytest

from reproduce import command
from reproduce.data.examples import Dataset
from reproduce.report import run
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Claim, Strength

HEADER = run.Header("szegedy", "mnist_5k", "x", "0", "smoke", 0, papers_data=False)


def table1():
    cells = Cells("szegedy", "table1")
    cells.rate("FC10(1)", "test_error", 1997, 10_000)
    claim = Claim("a", "b", "holds", "c.", Strength(3, None, "d"))
    return Artefact(title="Table 1", cells=cells.list, claims=[claim])


@pytest.mark.parametrize("before", ["nothing", "an artefact without cells", "itself"])
def test_a_run_that_goes_on_judges_other_data_as_little_as_a_new_one(tmp_path, before):
    """A start that is killed early leaves a results.json that tells nothing of the data."""
    with run.Run(tmp_path, HEADER) as first:
        if before != "nothing":
            first.add("table1", table1() if before == "itself" else Artefact(title="a"), 1.0)
    with run.Run(tmp_path, HEADER) as second:
        second.add("table1", table1(), 1.0)
    content = json.loads((tmp_path / "results.json").read_text())
    assert [cell["verdict"] for cell in content["cells"]] == ["other data"]
    assert [claim["verdict"] for claim in content["claims"]] == ["cannot be told"]
    assert content["claims"][0]["evidence"].startswith("other data than the paper's")


NOBODY = None, None


@pytest.mark.parametrize(
    ("name", "names", "experiment", "papers"),
    [
        ("mnist", 0, "szegedy", True), ("mnist_5k", 0, "szegedy", False),
        ("mine-1a2b3c", 0, "szegedy", False), ("photographs", 1000, "szegedy", False),
        ("photographs", 1000, "szegedy_imagenet", True), ("mnist", 0, "szegedy_imagenet", False),
        ("photographs", 0, "nguyen_imagenet", True), ("mnist_5k", 0, "nguyen_imagenet", False),
        ("val-1a2b3c", 1000, "szegedy_imagenet", True),
        ("pets-1a2b3c", 37, "szegedy_imagenet", False),
    ],
)  # fmt: skip
def test_whose_data_a_run_looks_at(name, names, experiment, papers):
    """On photographs too: those of other classes are other data, and so is MNIST."""
    told = tuple(map(str, range(names)))
    dataset = Dataset(name, "here", "0", *NOBODY, classes=names or 10, names=told)
    assert command.is_papers_data(dataset, experiment) is papers
