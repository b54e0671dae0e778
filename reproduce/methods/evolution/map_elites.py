"""Several independent evolutions of fooling images, advanced together.

Nguyen et al. 2015, section 2.2: start from random images; in each generation draw parents from
the archive (an elite that holds several niches is drawn more often), vary them, try every child
on every class. Each run has its own stream of random numbers and its own batch of fixed shape,
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

from reproduce.methods.evolution.archive import Archive, confidence, empty, insert
from reproduce.methods.evolution.scoring import Score, scorer
from reproduce.networks.classifier import Classifier
from reproduce.runtime import serialization
from reproduce.runtime.progress import stage

EDITION = 1


class Encoding(NamedTuple):
    """How genomes begin, vary, and become images.

    random: (stream, n) -> n genomes.
    offspring: (stream, parents, n, generation) -> n genomes.
    render: genomes -> uint8 (n, height, width, channels).
    """

    random: Callable[[np.random.Generator, int], Any]
    offspring: Callable[[np.random.Generator, list[Any], int, int], Any]
    render: Callable[[Any], np.ndarray]


class Evolution(NamedTuple):
    """What several runs found.

    archives: one for each run.
    log_odds: float64 (runs, generations + 1, classes), of the elites after each generation;
        generation 0 is the random start.
    filmed: the generations whose archives were kept as images.
    film: uint8 (runs, filmed, classes, height, width, channels).
    tried: images a run tried at the start, and in each generation.
    """

    archives: list[Archive]
    log_odds: np.ndarray
    filmed: tuple[int, ...]
    film: np.ndarray
    tried: tuple[int, int] = (0, 0)


class _State(NamedTuple):
    """All that a stopped evolution needs to go on: after `generation`, before the next."""

    generation: int
    archives: list[Archive]
    streams: list[dict[str, Any]]
    log_odds: np.ndarray
    film: np.ndarray


class Judge(NamedTuple):
    """How images are scored.

    score: what the archive goes by.
    screen: a rougher and cheaper one, or None: of the children only those are then scored that
        would take a niche by it.
    batch: images at a time; the next ones are drawn meanwhile.
    """

    score: Score
    screen: Score | None
    batch: int


def elites(stream: np.random.Generator, archive: Archive, n: int) -> list[Any]:
    """All of them as parents, each niche alike."""
    return archive.genomes


def unsolved(stream: np.random.Generator, archive: Archive, n: int) -> list[Any]:
    """n parents, fewer from the niches where little is left to gain: weights 1.1 - p^2.

    In trials children of elites at 90 % and more added half as much as those of any others.
    """
    weights = 1.1 - confidence(archive.log_odds) ** 2
    drawn = stream.choice(len(weights), size=n, p=weights / weights.sum())
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
    filmed: Sequence[int] = (0,),
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
        filmed: generations whose archive is kept as images.
        checkpoints: a folder; what an unfinished call has left there is continued, bit for bit.
        every: generations between checkpoints.
        parents: the genomes that the encoding is to draw parents from.
        batch: images scored at a time; all children at once if None.
        forward: how a network becomes a function from images to log-odds, for a batch's size.
        screen: likewise, rougher and cheaper; of the children only those are scored that would
            take a niche by it.
    """
    batch = children if batch is None else batch
    judge = Judge(forward(classify, batch), screen and screen(classify, batch), batch)
    state = _latest(checkpoints) or _begin(encoding, judge, classes, initial, seeds, filmed)
    with stage(f"evolving {len(seeds)} archives", total=generations) as advance:
        advance(state.generation)
        while state.generation < generations:
            state = _step(state, encoding, judge, parents, children, filmed)
            median = float(np.median(confidence(state.log_odds[:, -1])))
            advance(1, median_confidence=median)
            if checkpoints and state.generation % every == 0:
                _keep(state, checkpoints)
    kept = tuple(g for g in filmed if g <= generations)
    return Evolution(state.archives, state.log_odds, kept, state.film, (initial, children))


def _begin(
    encoding: Encoding,
    judge: Judge,
    classes: int,
    initial: int,
    seeds: Sequence[int | Sequence[int]],
    filmed: Sequence[int],
) -> _State:
    archives, streams = [], []
    for seed in seeds:
        stream = np.random.default_rng(seed)
        genomes = encoding.random(stream, initial)
        images, odds = _judged(encoding, genomes, judge.score, judge.batch)
        archives.append(insert(empty(classes, images.shape[1:]), genomes, images, odds))
        streams.append(dict(stream.bit_generator.state))
    history = np.stack([archive.log_odds for archive in archives])[:, None]
    first = np.stack([archive.images for archive in archives])[:, None]
    return _State(0, archives, streams, history, first if 0 in filmed else first[:, :0])


def _step(
    state: _State,
    encoding: Encoding,
    judge: Judge,
    parents: Callable[[np.random.Generator, Archive, int], list[Any]],
    children: int,
    filmed: Sequence[int],
) -> _State:
    """One generation of every run."""
    generation = state.generation + 1
    archives, streams = [], []
    stream = np.random.default_rng()
    for archive, position in zip(state.archives, state.streams, strict=True):
        stream.bit_generator.state = position
        genomes = encoding.offspring(
            stream, parents(stream, archive, children), children, generation
        )
        images, odds = _judged(encoding, genomes, judge.screen or judge.score, judge.batch)
        if judge.screen:
            odds = _confirmed(archive, images, odds, judge.score)
        archives.append(insert(archive, genomes, images, odds, generation))
        streams.append(dict(stream.bit_generator.state))
    now = np.stack([archive.log_odds for archive in archives])[:, None]
    history = np.concatenate([state.log_odds, now], axis=1)
    film = state.film
    if generation in filmed:
        frame = np.stack([archive.images for archive in archives])[:, None]
        film = np.concatenate([film, frame], axis=1)
    return _State(generation, archives, streams, history, film)


def _judged(
    encoding: Encoding, genomes: Any, score: Score, batch: int
) -> tuple[np.ndarray, np.ndarray]:
    """Images and log-odds of genomes; a batch is drawn while the one before it is scored."""
    parts = [genomes[start : start + batch] for start in range(0, len(genomes), batch)]
    with ThreadPoolExecutor(1) as artist:
        drawn: Iterator[np.ndarray] = artist.map(encoding.render, parts)
        images, odds = zip(*((part, score(part)) for part in drawn), strict=True)
    return np.concatenate(images), np.concatenate(odds)


def _confirmed(archive: Archive, images: np.ndarray, rough: np.ndarray, score: Score) -> np.ndarray:
    """The log-odds proper of the children that would take a niche by the rough ones, -inf else."""
    rough = rough[:, : len(archive.genomes)]
    challenger = rough.argmax(axis=0)
    would_win = np.unique(challenger[rough.max(axis=0) > archive.log_odds])
    odds = np.full(rough.shape, -np.inf)
    if len(would_win):
        odds[would_win] = score(images[would_win])[:, : rough.shape[1]]
    return odds


def _keep(state: _State, folder: Path) -> None:
    """Writes a checkpoint aside and renames it, so that it is whole or absent."""
    older = list(folder.glob("generation-*"))
    aside = folder / "aside"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    serialization.save(state, aside)
    aside.rename(folder / f"generation-{state.generation:06d}")
    for checkpoint in older:
        shutil.rmtree(checkpoint)


def _latest(folder: Path | None) -> _State | None:
    found = sorted(folder.glob("generation-*")) if folder else []
    return serialization.load(found[-1]) if found else None
