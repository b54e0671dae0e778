"""How many of a table's published numbers ours agree with, and what the table could have told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from reproduce.report.intervals import LEVEL
from reproduce.report.published import look_in
from reproduce.report.results import SETTING, Cell


class Count(NamedTuple):
    """The facts that have a published number, each counted once.

    consistent, differs, wide: by verdict; published: all three.
    tested: how many of them have a spread, so that chance alone makes up to 5 % of them differ.
    left_out: cells that are so by construction, or that repeat another table's.
    other_data: cells that are not compared, since the data are not the paper's.
    told: the median half-width of the judged cells, as a share of their published numbers.
    """

    consistent: int = 0
    differs: int = 0
    wide: int = 0
    tested: int = 0
    left_out: int = 0
    other_data: int = 0
    told: float | None = None

    @property
    def published(self) -> int:
        return self.consistent + self.differs + self.wide

    def __str__(self) -> str:
        if not self.published:
            return "no cell is compared: other data than the paper's" if self.other_data else ""
        cells = "cell" if self.published == 1 else "cells"
        parts = [f"{self.consistent} of {self.published} {cells} consistent"]
        if self.wide:
            parts.append(f"{self.wide} too wide to tell")
        if self.tested:
            parts.append(
                f"by chance alone up to {LEVEL * self.tested:.1f} of the {self.tested} tested "
                "would differ"
            )
        if self.told is not None:
            parts.append(
                f"half of the tested cells could have shown a difference of {self.told:.0%} of the "
                "published number"
            )
        if self.left_out:
            parts.append(f"{self.left_out} more are so by construction or stand in another table")
        return "; ".join(parts)


def count(cells: Iterable[Cell]) -> Count:
    """The last line of a table, or of a page."""
    judged: list[Cell] = []
    left_out = other_data = 0
    for cell in cells:
        if cell.verdict == "unpublished":
            continue
        if cell.verdict == "other data":
            other_data += 1
        elif not counts(cell):
            left_out += 1
        else:
            judged.append(cell)
    verdicts = [cell.verdict for cell in judged]
    told = [
        cell.half_width / abs(cell.published)
        for cell in judged
        if cell.half_width and cell.published
    ]
    return Count(
        consistent=verdicts.count("consistent"),
        differs=verdicts.count("differs"),
        wide=verdicts.count("too wide"),
        tested=sum(bool(cell.half_width) for cell in judged),
        left_out=left_out,
        other_data=other_data,
        told=float(np.median(told)) if told else None,
    )


def counts(cell: Cell) -> bool:
    """Whether a cell has a published number that is a fact of its own."""
    if cell.published is None:
        return False
    if cell.source is None:
        return True
    quoted = look_in(cell.source, cell.row.partition(SETTING)[0], cell.column)
    return quoted is None or quoted.counts
