"""Evolved fooling images for every class of a network: the runs behind Figures 1 and 6 to 10."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np

from reproduce.experiments import Context
from reproduce.experiments.imagenet import the_network
from reproduce.experiments.nguyen.runs import final_confidence, images
from reproduce.methods.evolution.archive import Archive, confidence
from reproduce.methods.evolution.cppn.genome import Genome
from reproduce.methods.evolution.map_elites import Encoding, Evolution, elites, evolve
from reproduce.methods.evolution.scoring import Score, frozen
from reproduce.report.figures import pixels, png
from reproduce.runtime.store import Piece

BATCH = 20  # images at a time: few are wasted where a batch is filled up
EVERY = 10  # generations between checkpoints, a minute on two cores
KEPT = 0.5  # confidence from which an elite is kept as a PNG file: the network would say so


class Elite(NamedTuple):
    """One champion: who holds which niche of which run."""

    run: int
    label: int
    confidence: float
    image: np.ndarray  # uint8 (side, side, 3)


class Search(NamedTuple):
    """Evolution against a network of photographs, and all that can be asked of it beforehand.

    encoding: (size, channels) -> Encoding, of images of a given size.
    runs: independent ones.
    generations: after the random start, each of `children` images.
    initial: random images at the start.
    niches: of the network's classes, how many get one, from the first on; all if None.
    parents, screen: as for `evolve`.
    snapshot_generations: whose archives are kept as images.
    """

    encoding: Callable[..., Encoding]
    runs: int
    generations: int
    children: int
    initial: int
    niches: int | None = None
    parents: Callable[[np.random.Generator, Archive, int], list[Any]] = elites
    screen: Callable[..., Score] | None = None
    snapshot_generations: Sequence[int] = ()

    def encodes(self, network: keras.Model) -> Encoding:
        """The encoding of images that a network takes."""
        return self.encoding(size=network.input_shape[1], channels=3)

    def evolve_cached(
        self, context: Context, network: keras.Model | None = None, classes: int | None = None
    ) -> Evolution:
        """The runs, each kept by itself and resumed where it was stopped.

        Args:
            network: another than the context's.
            classes: how many of its classes may get a niche; all if None.
        """
        network = the_network(context)[1] if network is None else network
        classes = network.output_shape[1] if classes is None else classes
        return merge(
            context.store.cached_all(
                [
                    Piece(
                        partial(
                            evolve,
                            network,
                            self.encodes(network),
                            classes=min(classes, self.niches or classes),
                            generations=self.generations,
                            seeds=[(context.seed, run)],
                            children=self.children,
                            initial=self.initial,
                            snapshot_generations=self.snapshot_generations,
                            every=EVERY,
                            parents=self.parents,
                            batch=BATCH,
                            forward=frozen,
                            screen=self.screen,
                        ),
                        checkpoints="checkpoints",
                        title=f"run {run + 1} of {self.runs}",
                    )
                    for run in range(self.runs)
                ]
            )
        )


def merge(runs: Sequence[Evolution]) -> Evolution:
    """Several evolutions as one of several runs; their images are not copied where it is one."""
    if len(runs) == 1:
        return runs[0]
    return Evolution(
        archives=[archive for run in runs for archive in run.archives],
        log_odds=np.concatenate([run.log_odds for run in runs]),
        snapshot_generations=runs[0].snapshot_generations,
        snapshots=np.concatenate([run.snapshots for run in runs]),
        tried=runs[0].tried,
    )


def evaluations(found: Evolution) -> np.ndarray:
    """int64 (generations + 1,): the images a run has tried up to each generation."""
    initial, children = found.tried
    return initial + children * np.arange(found.log_odds.shape[1])


def genomes(found: Evolution, run: int) -> list[Genome]:
    """The CPPNs of a run's elites, as records also where they come from disk."""
    return [Genome(*genome) for genome in found.archives[run].genomes]


def distinct(found: Evolution) -> list[Elite]:
    """For each class its most confident elite over the runs, each image only once, best first.

    An image that holds several niches stands for the one that the network is surest of.
    """
    p = final_confidence(found)
    runs = p.argmax(axis=0)
    seen: set[bytes] = set()
    elites_found = []
    for label in np.argsort(-p.max(axis=0), kind="stable").tolist():
        run = int(runs[label])
        image = found.archives[run].images[label]
        if image.tobytes() not in seen:
            seen.add(image.tobytes())
            elites_found.append(Elite(run, label, float(p[run, label]), image))
    return elites_found


def files(name: str, found: Evolution) -> dict[str, bytes]:
    """Elites the network is at least KEPT sure of, a PNG each, by run, class and confidence."""
    p = final_confidence(found)
    return {
        f"{name}/run{run}-class{label:03d}-{p[run, label]:.6f}.png": png(of_run[label])
        for run, of_run in enumerate(images(found))
        for label in np.flatnonzero(p[run] >= KEPT)
    }


def rescored(context: Context, found: Evolution, saved: Mapping[str, bytes]) -> float:
    """The largest difference between a reported confidence and that of the PNG file."""
    if not saved:
        return 0.0
    p = final_confidence(found)
    runs, labels = np.nonzero(p >= KEPT)
    odds = frozen(the_network(context)[1], BATCH)(
        np.stack([pixels(file) for file in saved.values()])
    )
    again = confidence(odds[np.arange(len(labels)), labels])
    return float(np.abs(again - p[runs, labels]).max())
