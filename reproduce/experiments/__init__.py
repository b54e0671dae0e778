"""The papers' experiments: one function per table, figure or claim, and what they share."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from reproduce.data import Dataset, Examples
from reproduce.errors import UserError
from reproduce.store import Store


class Setting(NamedTuple):
    """What the artefacts of a run share.

    networks: name -> a call that makes the network; `training.train` without its examples and
        seed, or a loader.
    """

    dataset: Dataset
    networks: Mapping[str, partial[Any]]
    seed: int
    store: Store

    def network(
        self, name: str, *, seed: int | None = None, examples: Examples | None = None
    ) -> Any:
        """A network by its name in conf/networks, trained (or taken from the store) or loaded.

        Args:
            seed: another than the run's.
            examples: other training images than the data set's.
        """
        if name not in self.networks:
            known = ", ".join(self.networks)
            raise UserError(f"no network is called {name}: the ones at hand are {known}.")
        call = self.networks[name]
        if "examples" not in inspect.signature(call).parameters:
            return self.store.remembered(call)
        return self.cached(
            partial(
                call,
                examples=self.dataset.train if examples is None else examples,
                seed=self.seed if seed is None else seed,
            )
        )

    def cached(self, call: partial[Any], checkpoints: str | None = None) -> Any:
        """The result of a call, made once and kept (`Store.cached`)."""
        return self.store.cached(call, checkpoints)
