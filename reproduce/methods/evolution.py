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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from reproduce import saved
from reproduce.methods import Classifier
from reproduce.methods.archive import Archive, confidence, empty, insert, log_odds
from reproduce.progress import stage

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
    """

    archives: list[Archive]
    log_odds: np.ndarray
    filmed: tuple[int, ...]
    film: np.ndarray


class _State(NamedTuple):
    """All that a stopped evolution needs to go on: after `generation`, before the next."""

    generation: int
    archives: list[Archive]
    streams: list[dict[str, Any]]
    log_odds: np.ndarray
    film: np.ndarray


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
    """
    score = scorer(classify, children)
    state = _latest(checkpoints) or _begin(encoding, score, classes, initial, seeds, filmed)
    with stage(f"evolving {len(seeds)} archives", total=generations) as advance:
        advance(state.generation)
        while state.generation < generations:
            state = _step(state, encoding, score, children, filmed)
            median = float(np.median(confidence(state.log_odds[:, -1])))
            advance(1, median_confidence=median)
            if checkpoints and state.generation % every == 0:
                _keep(state, checkpoints)
    kept = tuple(g for g in filmed if g <= generations)
    return Evolution(state.archives, state.log_odds, kept, state.film)


def scorer(classify: Classifier, batch: int) -> Callable[[np.ndarray], np.ndarray]:
    """uint8 images (n, height, width, channels) -> log-odds float64 (n, classes).

    Always the same batch shape, filled up with black images, so that an image's score does not
    depend on how many others it is scored with.
    """
    forward = tf.function(classify)

    def score(images: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(images), batch):
            part = images[start : start + batch]
            pixels = np.zeros((batch, *images.shape[1:]), np.float32)
            pixels[: len(part)] = part.astype(np.float32) / np.float32(255)
            parts.append(np.asarray(forward(tf.constant(pixels)))[: len(part)])
        return log_odds(np.concatenate(parts))

    return score


def _begin(
    encoding: Encoding,
    score: Callable[[np.ndarray], np.ndarray],
    classes: int,
    initial: int,
    seeds: Sequence[int | Sequence[int]],
    filmed: Sequence[int],
) -> _State:
    archives, streams = [], []
    for seed in seeds:
        stream = np.random.default_rng(seed)
        genomes = encoding.random(stream, initial)
        images = encoding.render(genomes)
        archives.append(insert(empty(classes, images.shape[1:]), genomes, images, score(images)))
        streams.append(dict(stream.bit_generator.state))
    history = np.stack([archive.log_odds for archive in archives])[:, None]
    first = np.stack([archive.images for archive in archives])[:, None]
    return _State(0, archives, streams, history, first if 0 in filmed else first[:, :0])


def _step(
    state: _State,
    encoding: Encoding,
    score: Callable[[np.ndarray], np.ndarray],
    children: int,
    filmed: Sequence[int],
) -> _State:
    """One generation of every run."""
    generation = state.generation + 1
    archives, streams = [], []
    stream = np.random.default_rng()
    for archive, position in zip(state.archives, state.streams, strict=True):
        stream.bit_generator.state = position
        genomes = encoding.offspring(stream, archive.genomes, children, generation)
        images = encoding.render(genomes)
        archives.append(insert(archive, genomes, images, score(images), generation))
        streams.append(dict(stream.bit_generator.state))
    now = np.stack([archive.log_odds for archive in archives])[:, None]
    history = np.concatenate([state.log_odds, now], axis=1)
    film = state.film
    if generation in filmed:
        frame = np.stack([archive.images for archive in archives])[:, None]
        film = np.concatenate([film, frame], axis=1)
    return _State(generation, archives, streams, history, film)


def _keep(state: _State, folder: Path) -> None:
    """Writes a checkpoint aside and renames it, so that it is whole or absent."""
    older = list(folder.glob("generation-*"))
    aside = folder / "aside"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    saved.save(state, aside)
    aside.rename(folder / f"generation-{state.generation:06d}")
    for checkpoint in older:
        shutil.rmtree(checkpoint)


def _latest(folder: Path | None) -> _State | None:
    found = sorted(folder.glob("generation-*")) if folder else []
    return saved.load(found[-1]) if found else None
