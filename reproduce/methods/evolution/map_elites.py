"""Several independent evolutions of fooling images, advanced together.

Nguyen et al. 2015, section 2.2: start from random images; in each generation draw parents from
the archive (an elite that holds several niches is drawn more often), vary them, try every child
on every class. Each run has its own random generator and its own batch of fixed shape,
so what becomes of it does not depend on the runs beside it.

    archive, archive, ... --offspring--> genomes --render--> uint8 images --classify--> log-odds
           ^--------------------------------- insert -----------------------------------'
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reproduce.methods.evolution.archive import Archive, confidence, empty, insert, numbers
from reproduce.methods.evolution.scoring import Score, scorer
from reproduce.networks.classifier import Classifier
from reproduce.runtime import serialization
from reproduce.runtime.errors import UserError
from reproduce.runtime.files import dispensable
from reproduce.runtime.progress import stage


class Encoding(NamedTuple):
    """How genomes begin, vary, and become images.

    random: (rng, n) -> n genomes.
    offspring: (rng, parents, n, generation) -> n genomes.
    render: genomes -> uint8 (n, height, width, channels).
    preset: its name among the presets of `direct` or `cppn`; empty for one of your own.
    """

    random: Callable[[np.random.Generator, int], Any]
    offspring: Callable[[np.random.Generator, list[Any], int, int], Any]
    render: Callable[[Any], np.ndarray]
    preset: str = ""


class Evolution(NamedTuple):
    """What several runs found.

    archives: one for each run.
    log_odds: float64 (runs, generations + 1, classes), of the elites after each generation;
        generation 0 is the random start.
    snapshot_generations: the generations whose archives were kept as images.
    snapshots: uint8 (runs, snapshot generations, classes, height, width, channels).
    tried: images a run tried at the start, and in each generation.
    """

    archives: list[Archive]
    log_odds: np.ndarray
    snapshot_generations: tuple[int, ...]
    snapshots: np.ndarray
    tried: tuple[int, int] = (0, 0)


class _State(NamedTuple):
    """All that a stopped evolution needs to go on: after `generation`, before the next."""

    generation: int
    archives: list[Archive]
    generators: list[dict[str, Any]]
    log_odds: np.ndarray
    snapshots: np.ndarray


class Evaluator(NamedTuple):
    """How images are scored.

    score: exact; what the archive goes by.
    screen: a cheap pre-filter, or None. Only children that would take a niche by it are then
        scored exactly.
    batch: images scored at a time; the next batch is rendered meanwhile.
    """

    score: Score
    screen: Score | None
    batch: int


def elites(rng: np.random.Generator, archive: Archive, n: int) -> list[Any]:
    """All of them as parents, each niche alike."""
    return archive.genomes


def unsolved(rng: np.random.Generator, archive: Archive, n: int) -> list[Any]:
    """n parents, fewer from the niches where little is left to gain: weights 1.1 - p^2.

    In trials children of elites at 90 % and more added half as much as those of any others.
    """
    weights = 1.1 - confidence(archive.log_odds) ** 2
    drawn = rng.choice(len(weights), size=n, p=weights / weights.sum())
    return [archive.genomes[niche] for niche in drawn.tolist()]


def evolve(
    classify: Classifier,
    encoding: Encoding,
    *,
    classes: int,
    generations: int,
    seeds: Sequence[int | Sequence[int]],
    children: int = 200,
    initial: int = 200,
    snapshot_generations: Sequence[int] = (0,),
    checkpoints: Path | None = None,
    every: int = 25,
    parents: Callable[[np.random.Generator, Archive, int], list[Any]] = elites,
    batch: int | None = None,
    forward: Callable[[Classifier, int], Score] = scorer,
    screen: Callable[[Classifier, int], Score] | None = None,
) -> Evolution:
    """Evolves an archive of fooling images for each seed.

    Args:
        classes: how many of the network's classes get a niche, from the first on.
        generations: after the random start, each of `children` evaluations.
        seeds: one for each run, a number or several.
        initial: random genomes at the start; a generation in size.
        snapshot_generations: generations whose archive is kept as images.
        checkpoints: a folder; what an unfinished call has left there is continued, bit for bit.
        every: generations between checkpoints.
        parents: the genomes that the encoding is to draw parents from.
        batch: images scored at a time; all children at once if None.
        forward: how a network becomes a function from images to log-odds, for a batch's size.
        screen: likewise, a cheap pre-filter: only children that would take a niche by it are
            scored exactly.
    """
    batch = children if batch is None else batch
    evaluator = Evaluator(forward(classify, batch), screen and screen(classify, batch), batch)
    state = _load_checkpoint(checkpoints) or _begin(
        encoding, evaluator, classes, initial, seeds, snapshot_generations
    )
    with stage(f"evolving {len(seeds)} archives", total=generations) as advance:
        advance(state.generation)
        while state.generation < generations:
            state = _step(state, encoding, evaluator, parents, children, snapshot_generations)
            median = float(np.median(confidence(state.log_odds[:, -1])))
            advance(1, median_confidence=median)
            if checkpoints and state.generation % every == 0:
                with dispensable("a checkpoint"):
                    _save_checkpoint(state, checkpoints)
    kept = tuple(g for g in snapshot_generations if g <= generations)
    return Evolution(state.archives, state.log_odds, kept, state.snapshots, (initial, children))


def _begin(
    encoding: Encoding,
    evaluator: Evaluator,
    classes: int,
    initial: int,
    seeds: Sequence[int | Sequence[int]],
    snapshot_generations: Sequence[int],
) -> _State:
    archives, generators = [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        genomes = encoding.random(rng, initial)
        images, odds = _scored(encoding, genomes, evaluator.score, evaluator.batch)
        archives.append(insert(empty(classes, images.shape[1:]), genomes, images, odds))
        generators.append(dict(rng.bit_generator.state))
        none = [label for label, genome in enumerate(archives[-1].genomes) if genome is None]
        if none:
            raise UserError(
                f"an evolution begins with an image for each class, and {len(none)} of {classes} "
                f"classes, {none[0]} first, have a finite score for none of {initial} images."
            )
    history = np.stack([archive.log_odds for archive in archives])[:, None]
    shown = archives if 0 in snapshot_generations else []
    shape = (len(archives), min(1, len(shown)), *archives[0].images.shape)
    snapshots = np.array([archive.images for archive in shown], np.uint8).reshape(shape)
    return _State(0, archives, generators, history, snapshots)


def _step(
    state: _State,
    encoding: Encoding,
    evaluator: Evaluator,
    parents: Callable[[np.random.Generator, Archive, int], list[Any]],
    children: int,
    snapshot_generations: Sequence[int],
) -> _State:
    """One generation of every run."""
    generation = state.generation + 1
    archives, generators = [], []
    rng = np.random.default_rng()
    for archive, generator_state in zip(state.archives, state.generators, strict=True):
        rng.bit_generator.state = generator_state
        genomes = encoding.offspring(rng, parents(rng, archive, children), children, generation)
        images, odds = _scored(
            encoding, genomes, evaluator.screen or evaluator.score, evaluator.batch
        )
        if evaluator.screen:
            odds = _confirm(archive, images, odds, evaluator.score)
        archives.append(insert(archive, genomes, images, odds, generation))
        generators.append(dict(rng.bit_generator.state))
    now = np.stack([archive.log_odds for archive in archives])[:, None]
    history = np.concatenate([state.log_odds, now], axis=1)
    snapshots = state.snapshots
    if generation in snapshot_generations:
        frame = np.stack([archive.images for archive in archives])[:, None]
        snapshots = np.concatenate([snapshots, frame], axis=1)
    return _State(generation, archives, generators, history, snapshots)


def _scored(
    encoding: Encoding, genomes: Any, score: Score, batch: int
) -> tuple[np.ndarray, np.ndarray]:
    """Images and log-odds of genomes; one batch is rendered while the one before is scored."""
    parts = [genomes[start : start + batch] for start in range(0, len(genomes), batch)]
    with ThreadPoolExecutor(1) as renderer:
        rendered: Iterator[np.ndarray] = renderer.map(encoding.render, parts)
        images, odds = zip(*((part, score(part)) for part in rendered), strict=True)
    return np.concatenate(images), np.concatenate(odds)


def _confirm(archive: Archive, images: np.ndarray, rough: np.ndarray, score: Score) -> np.ndarray:
    """Exact log-odds of the children that would take a niche by the rough ones; -inf elsewhere."""
    rough = numbers(rough[:, : len(archive.genomes)])
    challenger = rough.argmax(axis=0)
    would_win = np.unique(challenger[rough.max(axis=0) > archive.log_odds])
    odds = np.full(rough.shape, -np.inf)
    if len(would_win):
        odds[would_win] = score(images[would_win])[:, : rough.shape[1]]
    return odds


def _save_checkpoint(state: _State, folder: Path) -> None:
    """Writes a checkpoint aside and renames it, so that it is whole or absent."""
    older = list(folder.glob("generation-*"))
    aside = folder / "aside"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    serialization.save(state, aside)
    aside.rename(folder / f"generation-{state.generation:06d}")
    for checkpoint in older:
        shutil.rmtree(checkpoint)


def _load_checkpoint(folder: Path | None) -> _State | None:
    found = sorted(folder.glob("generation-*")) if folder else []
    return serialization.load(found[-1]) if found else None
