"""Evolved fooling images: the runs behind Figures 4 and 5, kept, and what is read off them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from reproduce.experiments import Context
from reproduce.experiments.fitting import Preset, sized
from reproduce.experiments.pieces import network_piece
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.map_elites import Evolution, evolve
from reproduce.methods.evolution.scoring import scorer
from reproduce.report.comparisons import mean_above
from reproduce.report.figures import pixels, png
from reproduce.report.intervals import to_scale
from reproduce.runtime.store import Piece

NETWORK = "LeNet"
CHILDREN = 200  # a generation; authors' released code
THRESHOLDS = (0.99, 0.999, 0.9999)
# Generations whose archives are kept as images, close together at first.
SNAPSHOT_GENERATIONS = (*range(11), *range(12, 21, 2), *range(25, 51, 5), *range(60, 201, 10))


# Where the preset `code` and the archive are not the authors' code.
SETTLED = (
    "Every CPPN node has its final value. The authors' code updates all nodes at once, as often as "
    "the network is deep, counted from the inputs, so that chains behind a node without inputs do "
    "not settle: of random CPPNs in colour 0.6 % draw another image after 15 mutations and 3.9 % "
    "after 40, in grey 2.7 % and 6.1 %."
)
LOG_ODDS = (
    "A niche is won by log-odds in double precision; the authors compare probabilities in single "
    "precision, which tie at 1."
)


class Crossings(NamedTuple):
    """The generation at which confidence comes to a threshold, NaN where it does not.

    median: of the median over classes and runs, one for each of THRESHOLDS.
    every: of every class of every run, at the highest.
    """

    median: list[float]
    every: float


def evolve_cached(context: Context, preset: Preset, runs: int, generations: int) -> Evolution:
    """Independent runs against LeNet, resumed where they were stopped and kept."""
    (found,) = evolve_all(context, [preset], runs, generations)
    return found


def evolve_all(
    context: Context, presets: Sequence[Preset], runs: int, generations: int
) -> list[Evolution]:
    """Likewise with several encodings, in order."""
    encodings = [sized(preset, context.image_shape) for preset in presets]
    (network,) = context.store.cached_all(
        [network_piece(context, NETWORK)],
        then=[f"evolving {encoding.preset}, {runs} runs" for encoding in encodings],
    )
    return context.store.cached_all(
        [
            Piece(
                partial(
                    evolve,
                    network,
                    encoding,
                    classes=context.dataset.classes,
                    generations=generations,
                    seeds=[(context.seed, run) for run in range(runs)],
                    children=CHILDREN,
                    snapshot_generations=SNAPSHOT_GENERATIONS,
                ),
                checkpoints="checkpoints",
            )
            for encoding in encodings
        ]
    )


def crossings(found: Evolution) -> Crossings:
    """Read off the confidence of the elites after each generation."""
    p = confidence(found.log_odds)
    median = np.median(p, axis=(0, 2))
    return Crossings(
        median=[_first(median >= threshold) for threshold in THRESHOLDS],
        every=_first(p.min(axis=(0, 2)) >= THRESHOLDS[-1]),
    )


def sure_in_the_median(log_odds: np.ndarray, least: float, of: int = 1) -> bool | None:
    """Whether the median confidence is at least so high: a t test of the runs' own medians.

    Elites of one run share ancestors, so that a run is one observation; in log-odds.

    Args:
        log_odds: (runs, classes), at the end; of: tests any one of which refutes.
    """
    return mean_above(np.median(log_odds, axis=1), float(to_scale(least, "fraction")), of)


def _first(reached: np.ndarray) -> float:
    return float(reached.argmax()) if reached.any() else float("nan")


def images(found: Evolution) -> np.ndarray:
    """uint8 (runs, classes, height, width, channels), the elites at the end."""
    return np.stack([archive.images for archive in found.archives])


def final_confidence(found: Evolution) -> np.ndarray:
    """float64 (runs, classes)."""
    return confidence(found.log_odds[:, -1])


def files(name: str, found: Evolution) -> dict[str, bytes]:
    """Every elite as a PNG file by itself, named by run, class and confidence."""
    p = final_confidence(found)
    return {
        f"{name}/run{run}-class{label}-{p[run, label]:.8f}.png": png(image)
        for run, of_run in enumerate(images(found))
        for label, image in enumerate(of_run)
    }


def rescored(context: Context, found: Evolution, saved: dict[str, bytes]) -> float:
    """The largest difference between a reported confidence and that of the PNG file."""
    shape = images(found).shape[:2]
    read = np.stack([pixels(file) for file in saved.values()])
    odds = scorer(context.network(NETWORK), CHILDREN)(read).reshape(*shape, -1)
    labels = np.arange(shape[1])
    return float(np.abs(confidence(odds[:, labels, labels]) - final_confidence(found)).max())
