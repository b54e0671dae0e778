"""What a marked block of a page shows of the reference results: tables, scores, claims, commands.

Each function takes a group of reference runs, or several that differ in their settings, and what
the block's options name of it, and returns Markdown: lines of their own for those in WHOLE, a few
words within a sentence for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reproduce.report import agreement, printing, tables
from reproduce.report.reference_page import Group
from reproduce.report.results import Cell, Claim
from reproduce.runtime.errors import UserError


def table(
    group: Group, artefact: str, bare: bool = False, columns: Sequence[str] | None = None
) -> str:
    """A table over all of its seeds, as the report prints it.

    Args:
        bare: without its title and its count; columns: these alone.
    """
    results = group.results
    cells = results.of(artefact)
    if columns is not None:
        if missing := set(columns) - {cell.column for cell in cells}:
            raise UserError(f"{group.name} has no {', '.join(sorted(missing))} in {artefact}.")
        cells = tuple(cell for cell in cells if cell.column in columns)
    lines = tables.grid_markdown(tables.grid(cells))
    if bare:
        return "\n".join(lines)
    lines = [f"**{tables.heading(results, results.artefacts[artefact])}**", "", *lines]
    told = str(agreement.count(cells))
    return "\n".join([*lines, *(["", f"{told}."] if told else [])])


def score(group: Group, artefacts: Sequence[str]) -> str:
    """'17 of 60 cells consistent, 8 differ, 35 too wide to tell'."""
    found = agreement.count(cell for name in artefacts for cell in group.results.of(name))
    if not found.published:
        return str(found)
    text = f"{found.consistent} of {found.published} cells consistent, {found.differs} differ"
    return f"{text}, {found.wide} too wide to tell" if found.wide else text


def number(group: Group, artefact: str, row: str, column: str) -> str:
    """'13.5 % (6.6 %)': ours, the published one in brackets."""
    cell = _cell(group, artefact, row, column)
    per_cent = " %" if cell.unit == "fraction" else ""
    published = f" ({printing.published(cell)}{per_cent})" if cell.published is not None else ""
    return f"{printing.value(cell)}{per_cent}{published}"


def seeds(group: Group) -> str:
    """'seeds 0, 1, 2'."""
    told = ", ".join(map(str, group.results.seeds))
    return f"seed{'s' * (len(group.results.seeds) > 1)} {told}"


def claims(group: Group, artefacts: Sequence[str] = ()) -> str:
    """Findings, then checks, each with its verdict and its evidence."""
    found = _claims(group, artefacts)
    lines = ["| claim | verdict | evidence |", "|---|---|---|"]
    for claim in sorted(found, key=lambda claim: claim.check):
        kind = "check, " if claim.check else ""
        texts = (claim.sentence, f"{kind}{claim.verdict}", claim.evidence)
        lines.append("| " + " | ".join(map(tables.escaped, texts)) + " |")
    return "\n".join(lines)


def verdicts(group: Group, artefacts: Sequence[str] = ()) -> str:
    """'of 24 findings 8 hold, 5 hold with exceptions, 9 are refuted, 2 cannot be told'."""
    told = [claim.verdict for claim in _claims(group, artefacts) if not claim.check]
    words = {
        "holds": ("holds", "hold"),
        "holds with exceptions": ("holds with exceptions", "hold with exceptions"),
        "refuted": ("is refuted", "are refuted"),
        "cannot be told": ("cannot be told", "cannot be told"),
    }
    counts = [(told.count(verdict), forms) for verdict, forms in words.items()]  # type: ignore[arg-type]
    parts = ", ".join(f"{count} {forms[count > 1]}" for count, forms in counts if count)
    return f"of {len(told)} findings {parts}"


def verdict(group: Group, claim: str) -> str:
    """'holds'."""
    return _claim(group, claim).verdict


def evidence(group: Group, claim: str) -> str:
    """A claim's line of evidence."""
    return _claim(group, claim).evidence


def made(group: Group) -> str:
    """By which commit and command, with which seeds, in how long."""
    run = group.results
    commits = run.versions.get("reproduce", "not known")
    longest = max(sum(each.seconds.values()) for each in group.runs)
    processor = f", on {run.versions['processor']}" if "processor" in run.versions else ""
    told = (
        f"Recorded at commit {commits}, {seeds(group)}; at most {longest:,.0f} s a seed by the "
        f"clock{processor}. A seed whose networks were in the store took less."
    )
    return "\n".join([told, "", "```", *group.commands, "```"])


def beside(groups: Sequence[Group], artefacts: Sequence[str], names: Sequence[str]) -> str:
    """Every published number of these tables with what each group has for it, and the counts.

    Args:
        groups: with the same artefacts.
        names: of the groups, the columns.
    """
    if len(names) != len(groups):
        raise UserError(f"{len(names)} names for {len(groups)} groups of settings.")
    lines = ["| | published | " + " | ".join(names) + " |", "|---|---:|" + "---:|" * len(names)]
    for artefact in artefacts:
        title = groups[0].results.artefacts[artefact].title
        lines.append(f"| **{tables.escaped(title)}** | |" + " |" * len(names))
        grids = [tables.grid(group.results.of(artefact)) for group in groups]
        for row, column in grids[0].cells:
            cells = [grid.cells.get((row, column)) for grid in grids]
            if cells[0] is None or not agreement.counts(cells[0]):
                continue
            place = f"{row}, {grids[0].heading(column)}"
            ours = [_with_sign(cell) for cell in cells]
            texts = [place, printing.published(cells[0]), *ours]
            lines.append("| " + " | ".join(map(tables.escaped, texts)) + " |")
    scores = [score(group, artefacts) for group in groups]
    return "\n".join([*lines, "| all of them | | " + " | ".join(scores) + " |"])


SHOWN: dict[str, Callable[..., str]] = {
    each.__name__: each
    for each in (table, score, number, seeds, claims, verdicts, verdict, evidence, made)
}
SHOWN_OF_SEVERAL: dict[str, Callable[..., str]] = {"beside": beside}
WHOLE = ("table", "claims", "made", "beside")


def _with_sign(cell: Cell | None) -> str:
    if cell is None:
        return printing.NOT_AVAILABLE
    return f"{printing.value(cell)} {printing.sign(cell)}".rstrip()


def _cell(group: Group, artefact: str, row: str, column: str) -> Cell:
    found = tables.grid(group.results.of(artefact)).cells.get((row, column))
    if found is None:
        raise UserError(f"{group.name} has no cell {row}, {column} in {artefact}.")
    return found


def _claims(group: Group, artefacts: Sequence[str]) -> list[Claim]:
    claims = group.results.claims
    return [claim for claim in claims if not artefacts or claim.artefact in artefacts]


def _claim(group: Group, name: str) -> Claim:
    found = [claim for claim in group.results.claims if claim.id == name]
    if len(found) != 1:
        raise UserError(f"{group.name} has {len(found)} claims {name!r}.")
    return found[0]
