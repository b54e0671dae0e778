"""The reference results on one page: every table beside the published numbers, every claim."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from reproduce.report import agreement, page, printing, reference, tables, verdicts
from reproduce.report.combined import Source, merge
from reproduce.report.reference import Name
from reproduce.report.results import Results
from reproduce.runtime.errors import UserError
from reproduce.runtime.files import atomic_write
from reproduce.runtime.places import REFERENCE


class Group(NamedTuple):
    """The reference of one experiment, data set, scale and settings, or some artefacts of it.

    runs: by seed; results: the same, pooled.
    """

    name: Name
    runs: tuple[Results, ...]
    results: Results

    def seeds(self, artefact: str) -> list[int]:
        """Those of which an artefact is there."""
        return [run.seeds[0] for run in self.runs if artefact in run.artefacts]

    @property
    def commands(self) -> list[str]:
        """That make it again: one for all artefacts of the same seeds."""
        made: dict[tuple[int, ...], list[str]] = {}
        for artefact in self.results.artefacts:
            made.setdefault(tuple(self.seeds(artefact)), []).append(artefact)
        return [reference.command(self.name, seeds, which) for seeds, which in made.items()]


def groups(folder: Path = REFERENCE) -> list[Group]:
    """All there are, in the order of their names.

    Raises:
        UserError: there are none.
    """
    names = reference.names(folder)
    if not names:
        raise UserError(f"{folder} holds no reference results.")
    return [group(name, folder) for name in names]


def group(
    name: Name, folder: Path = REFERENCE, *, artefacts: Collection[str] | None = None
) -> Group:
    """One of them, its seeds pooled.

    Raises:
        UserError: nothing of it is kept.
    """
    runs = reference.read(name, folder, artefacts=artefacts)
    if not runs:
        what = f" with {', '.join(artefacts)}" if artefacts else ""
        raise UserError(f"no reference results of {name}{what} in {folder}.")
    sources = [Source(folder, run, {}) for run in runs]
    return Group(name, tuple(runs), merge(sources) if len(runs) > 1 else runs[0])


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
