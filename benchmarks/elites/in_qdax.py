"""MAP-Elites of QDax, on the same network, images and niches.

QDax gives an individual one descriptor, so one cell of the repertoire; Nguyen et al. try a child
on every class. Both are here: QDax's repertoire as it is, where a child's cell is the class the
network takes it for, and one to which each class is shown its best child of the generation, which
leaves the elites that showing it every child would. Selection, variation, repertoire and loop are
QDax's own, compiled as a whole (`jax.lax.scan`), as its authors do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from qdax.core.containers.mapelites_repertoire import MapElitesRepertoire
from qdax.core.emitters.mutation_operators import (
    isoline_variation,
    polynomial_crossover,
    polynomial_mutation,
)
from qdax.core.emitters.standard_emitters import MixingEmitter
from qdax.core.map_elites import MAPElites

from benchmarks.elites.in_jax import in_jax, log_odds
from benchmarks.elites.records import (
    CHILDREN,
    CLASSES,
    EVERY_CLASS,
    ITS_OWN_CLASS,
    SIZE,
    Contestant,
    Evolved,
)

CENTROIDS = jnp.arange(CLASSES, dtype=jnp.float32)[:, None]  # a cell for each class
Scoring = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array, dict[str, Any]]]


class EveryClass(MapElitesRepertoire):
    """Ten cells, each of which is shown the best child for its class.

    A child's fitnesses are its log-odds, (n, classes); its descriptors are not looked at.
    """

    def add(
        self, genotypes: Any, descriptors: Any, fitnesses: Any, extra_scores: Any = None
    ) -> EveryClass:
        added = super().add(genotypes[fitnesses.argmax(0)], self.centroids, fitnesses.max(0))
        fields = dataclasses.fields(added)
        return EveryClass(**{field.name: getattr(added, field.name) for field in fields})


def contestants(network: keras.Model) -> list[Contestant]:
    return [
        Contestant(f"QDax, {name}", "qdax", niches, settings,
                   partial(_prepare, network, niches, make))
        for niches in (EVERY_CLASS, ITS_OWN_CLASS)
        for name, (settings, make) in EMITTERS.items()
    ]  # fmt: skip


def _iso_line() -> MixingEmitter:
    vary = partial(isoline_variation, iso_sigma=0.05, line_sigma=0.1, minval=0.0, maxval=1.0)
    return MixingEmitter(_nothing, vary, variation_percentage=1.0, batch_size=CHILDREN)


def _genetic() -> MixingEmitter:
    mutate = partial(polynomial_mutation, proportion_to_mutate=0.5, eta=0.05, minval=0.0,
                     maxval=1.0)  # fmt: skip
    cross = partial(polynomial_crossover, proportion_var_to_change=0.5)
    return MixingEmitter(mutate, cross, variation_percentage=0.2, batch_size=CHILDREN)


def _polynomial() -> MixingEmitter:
    mutate = partial(polynomial_mutation, proportion_to_mutate=0.1, eta=15.0, minval=0.0,
                     maxval=1.0)  # fmt: skip
    return MixingEmitter(mutate, _nothing, variation_percentage=0.0, batch_size=CHILDREN)


def _nothing(*_: Any) -> Any:
    raise AssertionError("no child comes from here")


# Settings in words, and the emitter. The first two are those of QDax's authors: of its README,
# for genes in [0, 1], and of its example of a genetic algorithm. The third are Nguyen et al.'s.
EMITTERS: dict[str, tuple[str, Callable[[], MixingEmitter]]] = {
    "iso-line": ("its README's: iso_sigma 0.05, line_sigma 0.1", _iso_line),
    "genetic": (
        "its genetic algorithm's: 80 % polynomial mutation of half the genes, eta 0.05, "
        "20 % crossover of half the genes",
        _genetic,
    ),
    "polynomial": ("the paper's: polynomial mutation of 10 % of the genes, eta 15", _polynomial),
}


def _scoring(network: keras.Model, niches: str) -> Scoring:
    """Genotypes, (n, 784) in [0, 1], as the bytes that our encoding would draw."""
    logits = in_jax(network)

    def score(genotypes: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array, dict[str, Any]]:
        images = drawn(genotypes).astype(jnp.float32) / 255
        odds = log_odds(logits(images))
        if niches == EVERY_CLASS:
            return odds, jnp.zeros((len(odds), 1)), {}
        taken_for = odds.argmax(axis=1, keepdims=True).astype(jnp.float32)
        return odds.max(axis=1), taken_for, {}

    return score


def drawn(genotypes: jax.Array) -> jax.Array:
    """uint8 (n, 28, 28, 1), the integer part of gene x 255, as `direct.render` has it."""
    return (genotypes * 255).astype(jnp.uint8).reshape(-1, SIZE, SIZE, 1)


def _prepare(
    network: keras.Model, niches: str, emitter: Callable[[], MixingEmitter], generations: int
) -> Callable[[int], Evolved]:
    repertoire = EveryClass if niches == EVERY_CLASS else MapElitesRepertoire
    elites = MAPElites(
        _scoring(network, niches), emitter(), lambda kept: kept.fitnesses[:, 0], repertoire.init
    )

    def evolve(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        first, begin, go_on = jax.random.split(key, 3)
        genotypes = jax.random.uniform(first, (CHILDREN, SIZE * SIZE))
        kept, state, at_start = elites.init(genotypes, CENTROIDS, begin)
        (kept, *_), after = jax.lax.scan(
            elites.scan_update, (kept, state, go_on), (), length=generations
        )
        return jnp.concatenate([at_start[None], after]), drawn(kept.genotypes)

    compiled = jax.jit(evolve).lower(jax.random.key(0)).compile()

    def run(seed: int) -> Evolved:
        odds, images = compiled(jax.random.key(seed))
        return Evolved(np.asarray(odds, np.float64), np.asarray(images))

    return run
