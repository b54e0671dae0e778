"""A table as Markdown, CSV and on the console: ours beside the published."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from reproduce.report import agreement, further, printing, published, verdicts
from reproduce.report.further import Beside
from reproduce.report.intervals import Interval
from reproduce.report.results import Cell, Layout, Results

LEGEND = "Ours, 95 % interval in brackets, verdict, published after the bar."
BESIDE = (
    " After the second, the range over the reference's seeds; it alone where the data are not the "
    "paper's. ✗: a further seed would not lie so."
)


class Grid(NamedTuple):
    """The cells of an artefact in rows and columns, in the order in which they were added."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]

    def unit(self, column: str) -> str:
        """The unit of a column, where all of its cells share one."""
        units = {printing.unit(cell) for (_, name), cell in self.cells.items() if name == column}
        return units.pop() if len(units) == 1 else ""

    def heading(self, column: str) -> str:
        unit = self.unit(column)
        name = printing.column(column)
        return f"{name} ({unit})" if unit else name

    def quotes(self, column: str) -> bool:
        """Whether the paper has a number anywhere in this column."""
        return any(
            cell.published is not None for (_, name), cell in self.cells.items() if name == column
        )


def grid(cells: Sequence[Cell]) -> Grid:
    """Lays cells out."""
    return Grid(
        rows=tuple(dict.fromkeys(cell.row for cell in cells)),
        columns=tuple(dict.fromkeys(cell.column for cell in cells)),
        cells={(cell.row, cell.column): cell for cell in cells},
    )


def under(results: Results, name: str) -> list[str]:
    """What is said under a table: notes, departures, the paper's samples, the rule, the count."""
    layout = results.artefacts[name]
    cells = results.of(name)
    departures = [f"Departure: {text}" for text in layout.departures]
    lines = [*layout.notes, *departures, *quotes(cells)]
    lines += without_value(cells)
    tally = agreement.count(cells)
    if tally.published or tally.other_data:
        lines += [f"Verdicts: {verdicts.RULE}", f"{tally}."]
    return lines


def without_value(cells: Sequence[Cell]) -> list[str]:
    """Cells that some images have no part in; they are not compared."""
    places = [
        f"{cell.row}, {printing.column(cell.column)} ({cell.missing} of "
        f"{cell.missing + (cell.n or 0)})"
        for cell in cells
        if cell.missing
    ]
    return [f"Images without a value, left out: {'; '.join(places)}."] if places else []


def quotes(cells: Sequence[Cell]) -> list[str]:
    """What has to be known of the published numbers: inferred samples, slips, second-hand ones."""
    sources = dict.fromkeys(cell.source for cell in cells if cell.source)
    notes = [published.note(source) for source in sources]
    return [*filter(None, notes), *unsure(cells)]


def unsure(cells: Sequence[Cell]) -> list[str]:
    """Published numbers that were not read in the paper itself."""
    by_status: dict[str, list[str]] = {}
    for cell in cells:
        if cell.published_status not in (None, "confirmed"):
            place = f"{cell.row}, {printing.column(cell.column)}"
            by_status.setdefault(str(cell.published_status), []).append(place)
    return [f"Published value {status}: {'; '.join(at)}." for status, at in by_status.items()]


def heading(results: Results, layout: Layout) -> str:
    """A table's title with what it was made on."""
    return f"{layout.title} — {results.made_with}"


def markdown(results: Results, name: str, beside: Beside | None = None) -> str:
    """'ours ✓ | published' in each cell; with a reference its range over seeds after it."""
    layout, table = results.artefacts[name], grid(results.of(name))
    lines = [f"### {heading(results, layout)}", ""]
    if layout.caption:
        lines += [layout.caption, ""]
    if table.rows:
        lines += [*grid_markdown(table, beside), "", LEGEND + (BESIDE if beside else "")]
    lines += ["", *[f"- {escaped(text)}" for text in under(results, name)]]
    return "\n".join(lines).rstrip() + "\n"


def grid_markdown(table: Grid, beside: Beside | None = None) -> list[str]:
    """The rows of a table alone."""
    lines = [
        "| | " + " | ".join(escaped(table.heading(column)) for column in table.columns) + " |",
        "|---|" + "---:|" * len(table.columns),
    ]
    for row in table.rows:
        texts = [plain(table.cells.get((row, column)), beside) for column in table.columns]
        lines.append(f"| {escaped(row)} | " + " | ".join(map(escaped, texts)) + " |")
    return lines


def plain(cell: Cell | None, beside: Beside | None = None) -> str:
    """'6.73 [6.5–6.9] ✓ | 6.7', with a reference '6.73 [6.5–6.9] ✓ | 6.7 | seeds 6.71–6.75'.

    On other data than the paper's the reference takes the place of the published number.
    """
    if cell is None:
        return printing.NOT_AVAILABLE
    text = printing.value(cell)
    if cell.low is not None:
        text += f" [{printing.interval(cell)}]"
    seen = beside.seen.get(further.key(cell)) if beside else None
    if cell.published is not None and not (seen and cell.verdict == "other data"):
        text += f" {printing.sign(cell)} | {printing.published(cell)}"
    if beside and seen:
        lies = cell.value is not None and further.lies_in(cell, beside.known)
        text += f" | seeds {printing.seeds_range(seen, cell)}{'' if lies else ' ✗'}"
    return text


def escaped(text: str) -> str:
    """Text in a cell of a Markdown table."""
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)  # no tag of HTML
    return " ".join(text.splitlines()).replace("|", "\\|")


def comma_separated(results: Results, name: str) -> str:
    """One line per cell, with every field and ours / published; fractions stay fractions."""
    text = io.StringIO()
    fields = [field for field in Cell._fields if field not in ("artefact", "source")]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*fields, "ratio"])
    for cell in results.of(name):
        values = (getattr(cell, field) for field in fields)
        ratio = printing.ratio(cell)
        writer.writerow(["" if value is None else value for value in (*values, ratio)])
    return text.getvalue()


def console(
    results: Results, name: str, reference: Mapping[tuple[str, str, str], Interval] | None = None
) -> Table:
    """For the terminal: ours, below it the published number, then the reference's range.

    Args:
        reference: where each cell (artefact, row, column) may lie; on other data than the paper's
            its range takes the place of the published number.
    """
    layout, table = results.artefacts[name], grid(results.of(name))
    title = Text(heading(results, layout), style="bold yellow" if results.fallback else "bold")
    tally = agreement.count(results.of(name))
    drawn = Table(
        title=title,
        caption=str(tally),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    drawn.add_column("", no_wrap=True)
    for column in table.columns:
        drawn.add_column(Text(table.heading(column)), justify="right", overflow="fold")
    for row in table.rows:
        cells = [table.cells.get((row, column)) for column in table.columns]
        drawn.add_row(Text(row), *[_rich(cell, reference or {}) for cell in cells])
    return drawn


def _rich(cell: Cell | None, reference: Mapping[tuple[str, str, str], Interval]) -> Text:
    if cell is None:
        return Text(printing.NOT_AVAILABLE, style="dim")
    colour = {"consistent": "green", "differs": "red"}.get(cell.verdict, "")
    sign = printing.sign(cell)
    ours = printing.value(cell)
    known = reference.get(cell[:3])
    lies = known is None or (cell.value is not None and known.low <= cell.value <= known.high)
    if known and cell.verdict == "other data":
        colour, sign = ("green", "") if lies else ("red", "")
    text = Text(f"{ours}{sign}", style=colour)
    if cell.published is not None and not (known and cell.verdict == "other data"):
        text.append(f"\n{printing.published(cell)} ", style="not bold dim")
    if known:
        style = "not bold dim" if lies else "not bold red"
        text.append(f"\n{printing.range_of(known, cell)} ", style=style)
    return text
