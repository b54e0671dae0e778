"""The papers' experiments: one function per table, figure or claim, and what they share."""

from __future__ import annotations

import contextlib
import inspect
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from reproduce.data.examples import Dataset, Examples
from reproduce.experiments import fitting
from reproduce.networks.opening import opened
from reproduce.report.results import Claim
from reproduce.report.run import Run
from reproduce.runtime import memory, options, recipe
from reproduce.runtime.digests import sha256_of
from reproduce.runtime.errors import NotAvailable, UserError
from reproduce.runtime.places import PACKAGE
from reproduce.runtime.progress import say, stage
from reproduce.runtime.stopping import as_stop
from reproduce.runtime.store import Store
from reproduce.training import Recipe


class Context(NamedTuple):
    """What the artefacts of a run share.

    networks: name -> what makes the network: a `training.Recipe`, or a loader.
    claims: those of the artefacts that the run has so far.
    """

    dataset: Dataset
    networks: Mapping[str, Callable[..., Any]]
    seed: int
    store: Store
    claims: tuple[Claim, ...] = ()

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Height, width, channels."""
        return self.dataset.train.images.shape[1:]

    def network(
        self,
        name: str,
        *,
        seed: int | None = None,
        examples: Examples | None = None,
        classes: int | None = None,
    ) -> Any:
        """A network by its name in conf/networks, trained (or taken from the store) or loaded.

        Args:
            seed: another than the run's.
            examples: other training images than the data set's; classes: of these.
        """
        if name not in self.networks:
            known = ", ".join(self.networks)
            raise NotAvailable(f"no network is called {name}: the ones at hand are {known}.")
        call = self.networks[name]
        parameters = inspect.signature(call).parameters
        if "dataset" in parameters:  # a loader that looks at what it is going to be shown
            return self.store.remembered(partial(call, dataset=self.dataset))
        if not self.is_trained(name):
            return self.store.remembered(partial(call))
        seed = self.seed if seed is None else seed
        examples = self.dataset.train if examples is None else examples
        call = self.training(call, examples, seed, classes)
        checkpoints = "checkpoints" if "checkpoints" in parameters else None
        return self.cached(call, checkpoints, title=f"training {name}, seed {seed}")

    def by_functions(self) -> dict[str, str]:
        """Name -> a digest of each network that a function of one's own makes, by its content.

        What such a function reads, and the modules that it calls, may change between runs. One
        that cannot be loaded is left out; who asks for it is told.
        """
        found = {}
        for name, call in self.networks.items():
            path = call.args[0] if isinstance(call, partial) and call.args else None
            if isinstance(path, str) and ":" in path and not os.path.exists(path):
                with contextlib.suppress(UserError):
                    made = recipe.of(opened(path))
                    own = {
                        each: made.code[each]
                        for each in made.code
                        if each.split(".")[0] != PACKAGE.name
                    }
                    found[name] = sha256_of([made.call, own])[:12]
        return found

    def is_trained(self, name: str) -> bool:
        """Whether a network learns from the examples given; a loaded one has learnt already."""
        return "examples" in inspect.signature(self.networks[name]).parameters

    def training(
        self, call: Callable[..., Any], examples: Examples, seed: int, classes: int | None = None
    ) -> partial[Any]:
        """A call that trains. Its network has all classes of the data set, seen in training or not.

        Args:
            classes: others than the data set's.
        """
        call = partial(call, examples=examples, seed=seed)
        classes = self.dataset.classes if classes is None else classes
        # A recipe counts up to the largest label by itself, and its key is that of the same call.
        seen = int(examples.labels.max()) + 1
        return partial(call, classes=classes) if seen < classes else call

    def recipe(self, name: str) -> Recipe:
        """How a network is trained; NotAvailable for one that is loaded."""
        found = self.networks.get(name)
        if not isinstance(found, Recipe):
            raise NotAvailable(f"{name} would have to be trained here, and is loaded or missing.")
        return found

    def seeds(self, count: int) -> list[int]:
        """The run's seed, then others drawn from it, which no other run comes upon.

        Were they the numbers that follow, the runs of a sweep over seed=0,1,2 would share networks.
        """
        drawn = np.random.SeedSequence(self.seed).generate_state(max(count - 1, 0))
        return [self.seed, *(int(word) >> 1 for word in drawn)][:count]

    def with_networks(self, networks: Mapping[str, partial[Any]]) -> Context:
        """The same with further networks, those of one artefact alone."""
        return self._replace(networks={**self.networks, **networks})

    def cached(self, call: partial[Any], checkpoints: str | None = None, title: str = "") -> Any:
        """The result of a call, made once and kept (`Store.cached`)."""
        return self.store.cached(call, checkpoints, title)


def perform(
    artefacts: Mapping[str, partial[Any]],
    context: Context,
    run: Run,
    only: Sequence[str] | None = None,
) -> None:
    """Makes an experiment's artefacts one after the other; each is saved and shown at once.

    Args:
        artefacts: name -> a function of the context that returns an Artefact.
        run: where they go.
        only: the names of some of them; then one that cannot be made is an error, and is
            otherwise listed as not run.
    """
    chosen = options.chosen(only, list(artefacts)) or list(artefacts)
    for name in chosen:
        _arguments_fit(name, artefacts[name])
    for name in chosen:
        started = time.monotonic()
        try:
            with stage(name), fitting.told(context.dataset, context.networks, artefacts[name]):
                artefact = artefacts[name](context._replace(claims=run.results.claims))
        except BaseException as ending:
            with contextlib.suppress(OSError):  # a full disk, which may be what ended it
                run.not_run(name, _reason(ending))
            if only is not None or not isinstance(ending, NotAvailable):
                raise
            say(f"{name} is not run: {ending}")
            continue
        run.add(name, artefact, time.monotonic() - started)
        del artefact  # with its figures
        memory.clear_up()


def _reason(ending: BaseException) -> str:
    """Why an artefact is not there, for the page."""
    if isinstance(ending, UserError):
        return str(ending)
    if as_stop(ending) is None:
        return f"It ended with an error, {type(ending).__name__}: {ending}"
    return "It was stopped before its end; the same command goes on from there."


def _arguments_fit(name: str, call: partial[Any]) -> None:
    """Validates an artefact's options before anything is computed."""
    try:
        inspect.signature(call.func).bind(None, *call.args, **call.keywords)
    except TypeError as misfit:
        raise UserError(f"{name}: {misfit} ({call.func.__qualname__}).") from misfit
