"""The reference results on one page: every table beside the published numbers, every claim."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from reproduce.report import agreement, page, printing, reference, tables, verdicts
from reproduce.report.combined import Source, merge
from reproduce.report.results import Results
from reproduce.runtime.errors import UserError
from reproduce.runtime.files import atomic_write
from reproduce.runtime.places import REFERENCE


class Group(NamedTuple):
    """The reference of one experiment, data set and scale.

    name: "szegedy/mnist/laptop".
    commands: that make its runs again, one a seed.
    """

    name: str
    results: Results
    commands: tuple[str, ...]


def groups(folder: Path = REFERENCE) -> list[Group]:
    """All there are, in the order of their names.

    Raises:
        UserError: there are none.
    """
    names = sorted({file.parent.relative_to(folder).as_posix() for file in folder.rglob("*.json")})
    if not names:
        raise UserError(f"{folder} holds no reference results.")
    return [group(name, folder) for name in names]


def group(name: str, folder: Path = REFERENCE) -> Group:
    """One of them, its seeds pooled."""
    experiment, dataset, scale = name.split("/")
    runs = reference.read(experiment, dataset, scale, folder)
    if not runs:
        raise UserError(f"no reference results of {name} in {folder}.")
    files = sorted((folder / name).glob("seed=*.json"))
    commands = tuple(json.loads(file.read_text(encoding="utf-8"))["command"] for file in files)
    sources = [Source(file, run, {}) for file, run in zip(files, runs, strict=True)]
    return Group(name, merge(sources) if len(runs) > 1 else runs[0], commands)


def write(to: Path, found: Sequence[Group] | None = None) -> Path:
    """Draws the page; returns where it is."""
    atomic_write(to, html(groups() if found is None else found))
    return to


def html(found: Sequence[Group]) -> str:
    """One self-contained page, without figures."""
    return page.TEMPLATES.get_template("reference.html").render(
        groups=found,
        agreement=agreement,
        claim_class=page.CLAIM_CLASS,
        claim_line=page.claim_line,
        printing=printing,
        tables=tables,
        rule=verdicts.RULE,
    )
