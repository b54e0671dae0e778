"""What a run would make, before it makes anything: pieces, what is kept, and what they cost.

Each artefact is begun with a store that makes nothing (`planning`). It gets what is kept, and goes
on until it asks for something that is not; what it would ask for after that is not known yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from rich.table import Table

from reproduce.experiments import Context
from reproduce.runtime import options
from reproduce.runtime.errors import NotAvailable
from reproduce.runtime.planning import MissingError, Noted, Planned
from reproduce.runtime.progress import gathered, say


class Step(NamedTuple):
    """What is known of one artefact.

    pieces: those that no artefact before it asks for.
    then: what depends on missing results, in words; None where nothing does.
    not_run: why it cannot be made, if so.
    """

    name: str
    pieces: list[Noted]
    then: list[str] | None = None
    not_run: str = ""

    @property
    def missing(self) -> list[Noted]:
        return [piece for piece in self.pieces if not piece.kept]


def plan(
    artefacts: Mapping[str, partial[Any]], context: Context, only: Sequence[str] | None = None
) -> list[Step]:
    """The artefacts of a run, in order; nothing that the store keeps is made.

    Args:
        artefacts, only: as for `perform`.
        context: with a store that is `Planned`.
    """
    store = context.store
    assert isinstance(store, Planned)
    steps = []
    for name in options.chosen(only, list(artefacts)) or list(artefacts):
        before = len(store.pieces)
        then, reason = None, ""
        try:
            with gathered():
                artefacts[name](context)
        except MissingError as missing:
            then = missing.then
        except NotAvailable as unavailable:
            reason = str(unavailable)
        steps.append(Step(name, list(store.pieces.values())[before:], then, reason))
    return steps


def show(
    artefacts: Mapping[str, partial[Any]], context: Context, only: Sequence[str] | None = None
) -> None:
    """Prints the plan of a run; arguments as for `plan`."""
    say(table(plan(artefacts, context, only)))
    say(
        "Nothing was made. Core-hours: by the processor time of like pieces, in the store or "
        "released; what depends on missing results is in no sum."
    )


def table(steps: Sequence[Step]) -> Table:
    """For the console: a row an artefact, and the sum of what was measured."""
    shown = Table(box=None, pad_edge=False)
    for column in ("artefact", "kept", "to make", "core-hours"):
        shown.add_column(column, justify="left" if column == "artefact" else "right")
    shown.add_column("of which measured", justify="right")
    shown.add_column("then")
    for step in steps:
        shown.add_row(
            step.name,
            str(len(step.pieces) - len(step.missing)),
            str(len(step.missing)),
            *_hours(step.missing),
            f"not run: {step.not_run}" if step.not_run else _then(step),
        )
    every = [piece for step in steps for piece in step.missing]
    kept = sum(len(step.pieces) for step in steps) - len(every)
    shown.add_row("all", str(kept), str(len(every)), *_hours(every), "", style="bold")
    return shown


def _hours(pieces: Sequence[Noted]) -> tuple[str, str]:
    """Core-hours of those that were measured, and how many they are."""
    costs = [piece.cost for piece in pieces if piece.cost is not None]
    if not pieces:
        return "0", ""
    others = sum(not cost.same_data for cost in costs)
    elsewhere = f", {others} on other data" if others else ""
    hours = f"{sum(cost.core_seconds for cost in costs) / 3600:.2f}" if costs else "not measured"
    return hours, f"{len(costs)} of {len(pieces)}{elsewhere}"


def _then(step: Step) -> str:
    if step.then is None:
        return ""
    return f"{len(step.then)} that depend on these" if step.then else "what depends on these"
