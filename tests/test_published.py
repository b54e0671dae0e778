"""The papers' numbers: cells read by hand off the papers, and every entry well-formed."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from reproduce.report.published import FOLDER, lookup, note, paper

PAPERS = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize(
    ("where", "text", "value", "unit", "n"),
    [
        (("szegedy", "table1", "FC10(1e-4)", "train_error"), "6.7", 0.067, "fraction", 60_000),
        (("szegedy", "table1", "FC200-200-10", "test_error"), "1.54", 0.0154, "fraction", 10_000),
        (("szegedy", "table1", "AE400-10", "distortion"), "0.086", 0.086, "rms", 256),
        (("szegedy", "table2", "FC10(1e-2)", "FC10(1e-4)"), "87.1", 0.871, "fraction", 256),
        (("szegedy", "table2", "FC100-100-10", "FC200-200-10"), "6.6", 0.066, "fraction", 256),
        (("szegedy", "table2", "noise 0.1", "FC10(1e-4)"), "5.0", 0.05, "fraction", 256),
        (("szegedy", "table3", "FC123-456-10", "error_P2"), "2.5", 0.025, "fraction", 30_000),
        (("szegedy", "table4", "FC123-456-10", "FC100-100-10"), "6.25", 0.0625, "fraction", 256),
        (("szegedy", "table4", "FC123-456-10 amplified", "FC100-100-10'"), "22", 0.22, "fraction",
         256),
        (("szegedy", "table4", "noise 0.06", "FC123-456-10"), "2.6", 0.026, "fraction", 10_000),
        (("szegedy", "table5", "conv1", "upper_bound"), "2.75", 2.75, "norm", None),
        (("szegedy", "figure5", "ostrich", "distortion"), "0.006508", 0.006508, "rms", 64),
        (("nguyen", "figure11", "DNN4", "median_confidence"), "72.52", 0.7252, "fraction", 30),
        (("nguyen", "figure9", "run 1", "frilled lizard"), "13.28", 0.1328, "fraction", None),
        (("nguyen", "figure4", "direct", "every >= 0.9999"), "< 50", 50.0, "count", None),
        (("goodfellow", "fgsm", "softmax", "error"), "99.9", 0.999, "fraction", 10_000),
        (("goodfellow", "rubbish", "maxout", "error"), "98.35", 0.9835, "fraction", 10_000),
    ],
)  # fmt: skip
def test_as_the_paper_prints_it(where, text, value, unit, n):
    found = lookup(*where)
    assert (found.text, found.unit, found.n) == (text, unit, n)
    assert found.value == pytest.approx(value, abs=1e-15)


def test_a_printed_number_allows_what_rounds_to_it():
    assert lookup("szegedy", "table1", "FC10(1e-4)", "train_error").allows == pytest.approx(
        (0.0665, 0.0675)
    )
    assert lookup("szegedy", "table2", "noise 0.1", "FC10(1e-4)").allows == pytest.approx(
        (0.0495, 0.0505)
    )
    assert lookup("szegedy", "table1", "FC10(1e-2)", "distortion").allows == pytest.approx(
        (0.095, 0.105)  # 0.10, like its neighbours
    )
    low, high = lookup("nguyen", "figure4", "direct", "median_confidence").allows
    assert low == pytest.approx(0.99985)
    assert high > 1


def test_what_the_paper_does_not_print_is_none():
    assert lookup("szegedy", "table1", "FC10(1)", "tight") is None
    assert lookup("szegedy", "table99", "a", "b") is None
    with pytest.raises(ValueError, match="goodfellow, lipton, nguyen, szegedy"):
        lookup("krizhevsky", "table1", "a", "b")


def test_the_tables_have_every_cell():
    networks = ["FC10(1e-4)", "FC10(1e-2)", "FC10(1)", "FC100-100-10", "FC200-200-10", "AE400-10"]
    for row in [*networks, "noise 0.1", "noise 0.3"]:
        for column in [*networks, "distortion"]:
            assert lookup("szegedy", "table2", row, column)
    for name in networks:  # a model's own examples fool it, all of them
        assert lookup("szegedy", "table2", name, name).value == 1
        assert (
            lookup("szegedy", "table2", name, "distortion").text
            == lookup("szegedy", "table1", name, "distortion").text
        )


def test_27_of_30_off_diagonal_rates_of_table_2_are_counts_among_256():
    rows = OmegaConf.to_container(OmegaConf.load(FOLDER / "szegedy.yaml"))["table2"]["rows"]
    cells = [
        text
        for row, columns in rows.items()
        for column, text in columns.items()
        if row != column and column != "distortion" and not row.startswith("noise")
    ]
    places = [len(text.partition(".")[2]) for text in cells]
    fit = [
        any(round(100 * k / 256, digits) == float(text) for k in range(257))
        for text, digits in zip(cells, places, strict=True)
    ]
    assert (len(fit), sum(fit)) == (30, 27)


@pytest.mark.parametrize("name", PAPERS)
def test_every_entry_is_quoted_text_with_unit_status_and_place(name):
    content = OmegaConf.to_container(OmegaConf.load(FOLDER / f"{name}.yaml"))
    assert paper(name).title
    content.pop("paper")
    for artefact, table in content.items():
        assert isinstance(note(f"{name}/{artefact}"), str)
        for row, columns in table["rows"].items():
            for column, text in columns.items():
                assert isinstance(text, str), (artefact, row, column)
                found = lookup(name, artefact, row, column)
                assert found.status in {"confirmed", "inferred", "unconfirmed", "secondary"}
                assert found.unit in {"fraction", "rms", "norm", "count"}
                assert found.where
                if found.unit == "fraction":
                    assert 0 <= found.value <= 1
        named = {column for columns in table["rows"].values() for column in columns}
        assert set(table.get("columns", {})) <= named, artefact
        assert set(table.get("about_rows", {})) <= set(table["rows"]), artefact
