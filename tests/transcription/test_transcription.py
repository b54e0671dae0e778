"""Every published cell against a second transcription, made apart (cells.txt)."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from omegaconf import OmegaConf

from reproduce.report.published import FOLDER, lookup

WORDS = {"below": "<", "fewer than": "<", "at least": ">=", "about": "~"}


class Printed(NamedTuple):
    relation: str  # "", or one of WORDS' signs
    digits: str
    per_cent: bool
    n: int | None


def printed(text: str, n: str) -> Printed:
    words, digits, per_cent = re.fullmatch(r"([a-z ]*?) ?([\d.]+)(%?)", text).groups()
    return Printed(WORDS.get(words, ""), digits, per_cent == "%", int(n) if n else None)


def transcription() -> dict[tuple[str, str, str, str], Printed]:
    text = (Path(__file__).parent / "cells.txt").read_text(encoding="utf-8")
    cells = {}
    for block in text.split("\n\n")[2:]:
        place, header, *lines = block.strip().split("\n")
        paper, artefact = re.match(r"\[(\w+) (\w+)\]", place).groups()
        _, *columns = (part.strip() for part in header.split("|"))
        for line in lines:
            row, *texts = (part.strip() for part in line.split("|"))
            for column, cell in zip(columns, texts, strict=True):
                name, _, n = column.partition(" / ")
                if cell != "-":
                    where = paper, artefact, row, name.strip()
                    assert where not in cells, where
                    cells[where] = printed(cell, n)
    return cells


CELLS = transcription()


def test_both_have_the_same_cells():
    ours = set()
    for file in FOLDER.glob("*.yaml"):
        tables = OmegaConf.to_container(OmegaConf.load(file))
        tables.pop("paper")
        for artefact, table in tables.items():
            for row, columns in table["rows"].items():
                ours |= {(file.stem, artefact, row, column) for column in columns}
    assert len(ours) > 240
    assert set(CELLS) == ours


@pytest.mark.parametrize("table", sorted({where[:2] for where in CELLS}))
def test_every_cell_says_the_same(table):
    for where, cell in CELLS.items():
        if where[:2] != table:
            continue
        found = lookup(*where)
        assert found.text == f"{cell.relation} {cell.digits}".strip(), where
        assert (found.unit == "fraction") == cell.per_cent, where
        value = float(cell.digits) / (100 if cell.per_cent else 1)
        assert found.value == pytest.approx(value, abs=1e-12), where
        assert found.n == cell.n, where
