"""A store that makes nothing: it reads what is kept, and notes what a run would make."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from reproduce.runtime import recipe
from reproduce.runtime.costs import Cost, Costs
from reproduce.runtime.store import Piece, Store


class Noted(NamedTuple):
    """A piece of a run. kept: it is in the store, or released; cost: measured, where it is not."""

    title: str
    kept: bool
    cost: Cost | None


class MissingError(Exception):
    """What follows depends on results that are not there. then: what is known of it, in words."""

    def __init__(self, then: Sequence[str] = ()) -> None:
        super().__init__("results are missing")
        self.then = list(then)


class Planned(Store):
    """See the module. `pieces` are those asked for so far, by their keys."""

    def __init__(self, folder: str | Path, released: str | Path | None) -> None:
        super().__init__(folder, released)
        self.pieces: dict[str, Noted] = {}
        self._costs: Costs | None = None

    def cached(self, call: partial[Any], checkpoints: str | None = None, title: str = "") -> Any:
        (found,) = self.cached_all([Piece(call, checkpoints, title)])
        return found

    def cached_all(self, pieces: Sequence[Piece], then: Sequence[str] = ()) -> list[Any]:
        """The results where all are kept.

        Raises:
            MissingError: where one is not.
        """
        kept = [self._note(piece) for piece in pieces if not piece.quick]  # each, also after a miss
        if not all(kept):
            raise MissingError(then)
        return [
            self.remembered(piece.call) if piece.quick else super(Planned, self).cached(*piece[:3])
            for piece in pieces
        ]

    def _note(self, piece: Piece) -> bool:
        """Whether a piece is kept."""
        named = recipe.of(piece.call)
        kept = self.holds(named.key)
        if named.key not in self.pieces:
            title = piece.title or str(getattr(piece.call.func, "__qualname__", piece.call.func))
            self.pieces[named.key] = Noted(title, kept, None if kept else self._cost(named.call))
        return kept

    def _cost(self, call: Any) -> Cost | None:
        if self._costs is None:
            self._costs = Costs(filter(None, [self.folder, self.released]))
        return self._costs.of(call)
