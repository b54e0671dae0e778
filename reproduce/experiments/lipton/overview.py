"""The claims page: what the article says, what became of it, and where that stands."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from reproduce.experiments import Context
from reproduce.experiments.lipton.claims import CORRECTIONS, SENTENCES, claim
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Claim, ClaimVerdict, Strength
from reproduce.runtime.errors import NotAvailable

ARTEFACT = "claims"
OPINION = Strength(0, None, "more than numbers")
COLOURS: dict[ClaimVerdict, str] = {
    "holds": "0.85",
    "holds with exceptions": "0.85",
    "refuted": "0.25",
    "cannot be told": "1.0",
}


def claims(context: Context) -> Artefact:
    """Every claim with its verdict and the table it rests on, as the run has them.

    Raises:
        NotAvailable: where the run has none of the other tables.
    """
    found = {_number(one): one for one in context.claims if one.artefact != ARTEFACT}
    if not found:
        raise NotAvailable(
            "the claims rest on the other tables, and this run has none of them: "
            "leave out only=, or name some of them before claims."
        )
    own = [
        claim("13b", "refuted", "two of the three methods of Nguyen et al., and most of their "
              "results, are evolutionary (their section 2).",
              Strength(1, None, "what their paper says")),
        claim("18", "cannot be told", "an opinion; nothing here measures how people see.", OPINION),
        claim("19", "cannot be told", "an opinion.", OPINION),
    ]  # fmt: skip
    found |= {_number(one): one._replace(artefact=ARTEFACT) for one in own}
    cells = Cells("lipton", ARTEFACT)
    verdicts = [one.verdict for one in found.values() if not one.check]
    for verdict in COLOURS:
        cells.number(verdict, "claims", verdicts.count(verdict), "count", len(verdicts))
    lines = [
        f"{number}. {sentence} — {_line(found.get(number))}"
        for number, sentence in SENTENCES.items()
    ]
    corrections = [f"Correction: {text}" for text in CORRECTIONS]
    return Artefact(
        title="The article's claims",
        caption=(
            "In our words; each verdict follows by a rule in experiments/lipton/rules/. Counted: "
            "findings, without the checks, which follow from theory."
        ),
        cells=cells.list,
        claims=own,
        figures={"claims": _figure(found)},
        notes=[*lines, *corrections],
    )


def _number(one: Claim) -> str:
    """The article's number of a claim, "9b" of "claim 9b"."""
    return one.id.removeprefix("claim ")


def _line(one: Claim | None) -> str:
    if one is None:
        return "Not run."
    kind = "Check, " if one.check else ""
    said = f"{kind}{one.verdict}"
    return f"{said[0].upper()}{said[1:]}: {one.evidence} (table {one.artefact})"


def _figure(found: Mapping[str, Claim]) -> Figure:
    """A row for each claim: its number, its sentence, its verdict."""
    numbers = [number for number in SENTENCES if number in found]
    figure, axes = figures.sheet(width=8.2, height=0.24 * len(numbers) + 0.3)
    ax = axes[0, 0]
    ax.set_axis_off()
    ax.set(xlim=(0, 1), ylim=(-0.5, len(numbers) - 0.5))
    for row, number in enumerate(reversed(numbers)):
        one = found[number]
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
        ax.text(0.90, row, one.artefact, va="center", fontsize=7, color="0.3")
    return figure
