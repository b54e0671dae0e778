"""What an artefact asks for at once, where one result does not depend on another.

`context.store.cached_all` takes pieces, the calls by which results are kept. These are the very
calls that `context.network` and `context.cached` make: here a context is asked for them instead.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from reproduce.data.examples import Examples
from reproduce.experiments import Context
from reproduce.runtime.store import Piece, Store


class Asked(Store):
    """A store that makes nothing: it hands back what it is asked for."""

    def __init__(self) -> None:
        super().__init__("")

    def cached(self, call: partial[Any], checkpoints: str | None = None, title: str = "") -> Any:
        return Piece(call, checkpoints, title)

    def remembered(self, call: partial[Any]) -> Any:
        return Piece(call, quick=True)


def asking(context: Context) -> Context:
    """A context that gives pieces in the place of results."""
    return context._replace(store=Asked())


def network_piece(
    context: Context, name: str, *, seed: int | None = None, examples: Examples | None = None
) -> Piece:
    """What `context.network` takes from the store or has trained."""
    found: Piece = asking(context).network(name, seed=seed, examples=examples)
    return found
