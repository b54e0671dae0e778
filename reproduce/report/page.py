"""report.html and report.md: everything a run found, on one page without outside resources."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from reproduce.report import agreement, further, printing, reference, tables, verdicts
from reproduce.report.further import Beside
from reproduce.report.provenance import read_config
from reproduce.report.published import FOLDER, Paper, paper
from reproduce.report.results import Claim, ClaimVerdict, Results
from reproduce.report.tables import Grid
from reproduce.runtime.files import atomic_write

CLAIM_CLASS: dict[ClaimVerdict, str] = {
    "holds": "holds",
    "holds with exceptions": "mostly",
    "refuted": "fails",
    "cannot be told": "open",
}
CHECKS = "Checks, which follow from theory and test the code"
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=lambda name: bool(name and name.endswith(".html")),
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def write(folder: Path, content: Results) -> None:
    """Draws both pages of a folder from its results, its figures and the reference."""
    kept = reference.of(content, read_config(folder))
    beside = further.beside(content, kept)
    atomic_write(folder / "report.html", html(folder, content, beside))
    atomic_write(folder / "report.md", markdown(content, beside))


def linked(text: str, names: Sequence[str]) -> Markup:
    """The text with "table <name>" as a link to that section, where there is one."""
    parts = re.split(r"\btable (\w+)", text)
    shown = [escape(parts[0])]
    for name, rest in zip(parts[1::2], parts[2::2], strict=True):
        link = Markup('table <a href="#{0}">{0}</a>') if name in names else Markup("table {}")
        shown += [link.format(name), escape(rest)]
    return Markup("").join(shown)


def html(folder: Path, content: Results, beside: Beside | None = None) -> str:
    """One self-contained page; figures are embedded from `folder/figures`."""
    return TEMPLATES.get_template("report.html").render(
        run=content,
        sections=[_section(folder, content, name, beside) for name in content.artefacts],
        beside=beside,
        key=further.key,
        lies_in=further.lies_in,
        tally=agreement.count(content.cells),
        printing=printing,
        linked=linked,
        strength=printing.strength,
        rule=verdicts.RULE,
        general=_general_departures(content),
        own=_own(content),
        papers=_papers(content),
        claim_class=CLAIM_CLASS,
        claim_sign=printing.CLAIM_SIGNS,
    )


def markdown(content: Results, beside: Beside | None = None) -> str:
    """The same as text."""
    return TEMPLATES.get_template("report.md").render(
        run=content,
        tables={name: tables.markdown(content, name, beside) for name in content.artefacts},
        beside=beside,
        tally=agreement.count(content.cells),
        claims_of=lambda name: findings_and_checks(content.claims_of(name)),
        claim_line=claim_line,
        general=_general_departures(content),
    )


def claim_line(claim: Claim) -> str:
    """'holds: every image has an adversarial example (256 of 256)'."""
    kind = "check, " if claim.check else ""
    return (
        f"{kind}{claim.verdict}: {claim.sentence} — {claim.evidence} ({printing.strength(claim)})"
    )


def findings_and_checks(claims: Sequence[Claim]) -> list[tuple[str, list[Claim]]]:
    """The claims of a table in two lists, each under its heading, the findings under none."""
    return [
        ("", [claim for claim in claims if not claim.check]),
        (CHECKS, [claim for claim in claims if claim.check]),
    ]


def parts(grid: Grid, beside: Beside | None) -> dict[str, list[str]]:
    """Of each column, which of "ours", "paper" and "reference" it shows.

    On other data than the paper's the reference stands in the place of the paper.
    """
    found: dict[str, list[str]] = {}
    for column in grid.columns:
        cells = [cell for (_, name), cell in grid.cells.items() if name == column]
        known = beside is not None and any(further.key(cell) in beside.known for cell in cells)
        other = known and any(cell.verdict == "other data" for cell in cells)
        shown = {"ours": True, "paper": grid.quotes(column) and not other, "reference": known}
        found[column] = [part for part, there in shown.items() if there]
    return found


def _section(
    folder: Path, content: Results, name: str, beside: Beside | None = None
) -> dict[str, Any]:
    """What the template needs of one artefact."""
    cells = content.of(name)
    grid = tables.grid(cells)
    columns = parts(grid, beside)
    return {
        "name": name,
        "layout": content.artefacts[name],
        "grid": grid,
        "parts": columns,
        "wide": sum(map(len, columns.values())) > 9 or content.combined,
        "claims": findings_and_checks(content.claims_of(name)),
        "tally": agreement.count(cells),
        "quotes": tables.quotes(cells),
        "figures": [
            _animation(folder / "figures" / figure)
            if figure.endswith(".gif")
            else _picture(folder / "figures" / f"{figure}.png")
            for figure in content.artefacts[name].figures
            if not figure.endswith(".html")
        ],
        "explorers": [
            (figure, path.read_text(encoding="utf-8"))
            for figure in content.artefacts[name].figures
            if figure.endswith(".html") and (path := folder / "figures" / figure).is_file()
        ],
        "seconds": content.seconds.get(name),
    }


def _general_departures(content: Results) -> Sequence[str]:
    """Those of the whole experiment; the others stand under their tables."""
    own = {text for layout in content.artefacts.values() for text in layout.departures}
    return [text for text in content.departures if text not in own]


def _own(content: Results) -> Paper | None:
    """The paper that an experiment is about, by the experiment's name; "szegedy_imagenet" too."""
    name = content.experiment.split("_")[0]
    return paper(name) if (FOLDER / f"{name}.yaml").is_file() else None


def _papers(content: Results) -> list[Paper]:
    """The papers whose numbers stand beside ours."""
    names = dict.fromkeys(cell.source.split("/")[0] for cell in content.cells if cell.source)
    return [paper(name) for name in names]


def _picture(path: Path) -> dict[str, Any] | None:
    """A PNG as a data URI with its size; None where the file is missing."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    width, height = struct.unpack(">II", content[16:24])
    return {
        "name": path.stem,
        "link": f"{path.stem}.pdf",
        "uri": "data:image/png;base64," + base64.b64encode(content).decode(),
        "width": width // 2,
        "height": height // 2,
    }


def _animation(path: Path) -> dict[str, Any] | None:
    """A GIF as a data URI, at its own size."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    width, height = struct.unpack("<HH", content[6:10])
    return {
        "name": path.stem,
        "link": path.name,
        "uri": "data:image/gif;base64," + base64.b64encode(content).decode(),
        "width": width,
        "height": height,
    }
