"""The papers' numbers, looked up by (paper, artefact, row, column).

They are quoted as printed, so that a number carries its rounding with it: "6.7" per cent allows
every rate from 6.65 to 6.75, "< 1.2" every rate below.
"""

from __future__ import annotations

import math
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

FOLDER = Path(__file__).parent.parent / "published"
RELATIONS = ("<", ">=", "~")


class Published(NamedTuple):
    """A number as the paper prints it.

    value: a fraction for rates, else in the unit.
    text: as printed, "6.7"; "< 1.2" for below, ">= 99.99" for at least, "~ 1.3" for about.
    unit: as in `results.Cell`.
    n: the paper's own sample size; None where nothing tells it.
    status: confirmed, inferred, unconfirmed (from memory) or secondary (read in another text).
    where: the table or figure of the paper.
    places: decimals its column is known to have, where the paper drops closing zeros.
    judged: whether ours is compared with it; a number of a single image of another network is
        only shown beside ours.
    counts: whether it is a fact of its own; false where it is so by construction, or repeats the
        number of another table.
    """

    value: float
    text: str
    unit: str
    n: int | None
    status: str
    where: str
    places: int = 0
    judged: bool = True
    counts: bool = True

    @property
    def allows(self) -> tuple[float, float]:
        """The lowest and the highest number that print like this one."""
        relation, _ = _split(self.text)
        if relation == "<":
            return -math.inf, self.value
        half = 0.5 * self.step
        if relation == ">=":
            return self.value - half, math.inf
        if relation == "~":
            half *= 2  # "about": one unit of the last digit to each side
        return self.value - half, self.value + half

    @property
    def step(self) -> float:
        """One unit of the last digit that is printed."""
        digits = _split(self.text)[1]
        places = max(-int(Decimal(digits).as_tuple().exponent), self.places)
        return 10.0**-places / (100 if self.unit == "fraction" else 1)


def lookup(paper: str, artefact: str, row: str, column: str) -> Published | None:
    """What the paper prints in a cell; None where it prints nothing.

    Args:
        paper: szegedy, nguyen or goodfellow.
        artefact, row, column: under the names the experiments use.
    """
    table = _paper(paper).get(artefact, {})
    text = table.get("rows", {}).get(row, {}).get(column)
    if text is None:
        return None
    # What a column, then a row, says goes before what the table says.
    entry = {
        **table,
        **table.get("columns", {}).get(column, {}),
        **table.get("about_rows", {}).get(row, {}),
    }
    unit = entry["unit"]
    value = float(_split(text)[1])
    return Published(
        value=float(Decimal(_split(text)[1]) / 100) if unit == "per cent" else value,
        text=text,
        unit="fraction" if unit == "per cent" else unit,
        n=entry.get("n"),
        status=entry["status"],
        where=entry["where"],
        places=entry.get("places", 0),
        judged=entry.get("judged", True),
        counts=column not in table.get("so_by_construction", {}).get(row, ())
        and row not in table.get("repeats", {}).get(column, ()),
    )


def look_in(source: str, row: str, column: str) -> Published | None:
    """`lookup` by a cell's source, "paper/artefact"."""
    paper, _, artefact = source.partition("/")
    return lookup(paper, artefact, row, column)


def note(source: str) -> str:
    """What has to be said beside a published table: an inferred sample size, a slip in print."""
    paper, _, artefact = source.partition("/")
    return str(_paper(paper).get(artefact, {}).get("note", ""))


class Paper(NamedTuple):
    """How a paper is called."""

    cite: str
    title: str
    address: str


def paper(name: str) -> Paper:
    """The paper behind a file of published numbers."""
    return Paper(**_paper(name)["paper"])


@cache
def _paper(name: str) -> dict[str, Any]:
    path = FOLDER / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.yaml")))
        raise ValueError(f"no published numbers of {name}: there are {known}")
    content = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def _split(text: str) -> tuple[str, str]:
    """'< 1.2' -> ('<', '1.2'); '6.7' -> ('', '6.7')."""
    head, _, tail = text.partition(" ")
    return (head, tail) if head in RELATIONS else ("", text)
