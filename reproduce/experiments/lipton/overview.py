"""The claims page: what the article says, what became of it, and where that stands."""

from __future__ import annotations

from functools import partial
from typing import Any

from matplotlib.figure import Figure

from reproduce.experiments import Context
from reproduce.experiments.lipton.claims import CORRECTIONS, SENTENCES, claim
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Claim, ClaimVerdict

COLOURS: dict[ClaimVerdict, str] = {
    "holds": "0.85",
    "holds with exceptions": "0.85",
    "refuted": "0.25",
    "cannot be told": "1.0",
}


def claims(context: Context, *, artefacts: dict[str, partial[Any]]) -> Artefact:
    """Every claim with its verdict and the table it rests on.

    Args:
        artefacts: the other tables; what they measure comes from the store.
    """
    found: dict[str, tuple[str, Claim]] = {}
    for name, make in artefacts.items():
        for one in make(context).claims:
            found[one.id.removeprefix("claim ")] = (name, one)
    own = [
        claim("13b", "refuted", "two of the three methods of Nguyen et al., and most of their "
              "results, are evolutionary (their section 2)."),
        claim("18", "cannot be told", "an opinion; nothing here measures how people see."),
        claim("19", "cannot be told", "an opinion."),
    ]  # fmt: skip
    found |= {one.id.removeprefix("claim "): ("claims", one) for one in own}
    cells = Cells("goodfellow", "claims")
    verdicts = [one.verdict for _, one in found.values()]
    for verdict in COLOURS:
        cells.number(verdict, "claims", verdicts.count(verdict), "count", len(found))
    lines = [
        f"{number}. {sentence} — {_line(*found[number])}"
        for number, sentence in SENTENCES.items()
        if number in found
    ]
    corrections = [f"Correction: {text}" for text in CORRECTIONS]
    return Artefact(
        title="The article's claims",
        caption="In our words; each verdict follows by a rule in experiments/lipton/rules/.",
        cells=cells.list,
        claims=own,
        figures={"claims": _figure(found)},
        notes=[*lines, *corrections],
    )


def _line(table: str, one: Claim) -> str:
    return f"{one.verdict.capitalize()}: {one.evidence} (table {table})"


def _figure(found: dict[str, tuple[str, Claim]]) -> Figure:
    """A row for each claim: its number, its sentence, its verdict."""
    numbers = [number for number in SENTENCES if number in found]
    figure, axes = figures.sheet(width=8.2, height=0.24 * len(numbers) + 0.3)
    ax = axes[0, 0]
    ax.set_axis_off()
    ax.set(xlim=(0, 1), ylim=(-0.5, len(numbers) - 0.5))
    for row, number in enumerate(reversed(numbers)):
        table, one = found[number]
        sentence = SENTENCES[number]
        short = sentence if len(sentence) <= 104 else sentence[:102].rsplit(" ", 1)[0] + " …"
        ax.text(0.03, row, number, ha="right", va="center", fontsize=7)
        ax.text(0.045, row, short, va="center", fontsize=7)
        colour = COLOURS[one.verdict]
        ax.text(
            0.80, row, one.verdict, va="center", ha="center", fontsize=7,
            color="white" if one.verdict == "refuted" else "black",
            bbox={"facecolor": colour, "edgecolor": "0.5", "linewidth": 0.4, "pad": 1.5},
        )  # fmt: skip
        ax.text(0.90, row, table, va="center", fontsize=6.5, color="0.3")
    return figure
