"""The authors' own fooling images, made for their AlexNet: do they fool this network too?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from reproduce.data import fooling_images
from reproduce.data.download import find
from reproduce.data.fooling_images import ARCHIVE
from reproduce.experiments import Context
from reproduce.experiments.imagenet import the_network
from reproduce.experiments.nguyen.imagenet.figure9 import of_ilsvrc
from reproduce.experiments.nguyen.imagenet.figures1_8 import sheet
from reproduce.experiments.nguyen.imagenet.runs import BATCH, Elite, Search
from reproduce.experiments.nguyen.runs import images
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.scoring import frozen
from reproduce.report.cells import Cells
from reproduce.report.comparisons import mean_above
from reproduce.report.intervals import to_scale
from reproduce.report.results import Artefact, Claim, Strength, answer

TOGETHER = 500  # pictures read at a time
SHOWN = 16
FOOLED = 0.5  # of confidence: then no other class can have more


class Shown(NamedTuple):
    """What a network says of pictures.

    labels: int64 (n,), what each was made for; where that is not known, the network's label.
    known: whether it is.
    found: int64 (n,), the network's label.
    confidence: float64 (n,), for `labels`.
    run: int64 (n,), the evolution that made each.
    surest: uint8 (m, side, side, 3), the pictures of highest confidence for their class, best
        first; order: int64 (m,), which they are.
    """

    labels: np.ndarray
    known: bool
    found: np.ndarray
    confidence: np.ndarray
    run: np.ndarray
    surest: np.ndarray
    order: np.ndarray


def authors_images(
    context: Context, *, search: Search, noise: int, archive: str | None = None
) -> Artefact:
    """The published 10 x 1,000 images, beside our own for this network and noise.

    Args:
        search: our own evolution.
        noise: images of uniform noise.
        archive: a file in the form of the published one, in its place.

    Raises:
        NotAvailable: where the archive is not at hand, or the network has other classes.
    """
    of_ilsvrc(context)
    name, network = the_network(context)
    theirs = seen_cached(context, network, Path(archive) if archive else find(ARCHIVE))
    ours = search.evolve_cached(context)
    mine = images(ours)
    rng = np.random.default_rng((context.seed, 20))
    noisy = rng.integers(256, size=(noise, *mine.shape[2:])).astype(np.uint8)
    rows = {
        name: theirs,
        "evolved for this network": said_of(
            network,
            mine.reshape(-1, *mine.shape[2:]),
            np.tile(np.arange(mine.shape[1]), mine.shape[0]),
        ),
        "uniform noise": said_of(network, noisy, None),
    }
    cells = Cells("nguyen", "authors_images")
    for row, shown in rows.items():
        n = len(shown.found)
        cells.number(row, "median_confidence", np.median(shown.confidence), "fraction", n=n)
        cells.rate(row, "fooled", int((shown.confidence >= FOOLED).sum()), n)
        cells.rate(row, "at_99", int((shown.confidence >= 0.99).sum()), n)
        cells.number(row, "labels", len(np.unique(shown.found)), "count")
        if shown.known:
            cells.rate(row, "same_label", int((shown.found == shown.labels).sum()), n)
    return Artefact(
        title="The authors' own fooling images",
        caption=(
            f"Row {name}: the {len(theirs.found):,} published images, shown to {name}. "
            "median_confidence: for the class that an image was made for, where that is known, "
            "else for the network's label; fooled, at_99: the share at 50 % and at 99 % or more; "
            "labels: different ones that the network gives; same_label: the share that it gives "
            "the class they were made for."
        ),
        cells=cells.list,
        claims=[_claim(theirs, rows["uniform noise"])],
        figures={
            "authors-images": sheet(
                context,
                [
                    Elite(0, int(theirs.labels[i]), float(theirs.confidence[i]), image)
                    for i, image in zip(theirs.order, theirs.surest, strict=True)
                ],
                columns=8,
            )
        },
        departures=[
            *[f"The images were made for the authors' AlexNet and are shown to {name}."]
            * (name != "AlexNet"),
            f"One view of {network.input_shape[1]} pixels, scaled from the published pictures.",
            *["The files' names do not tell the classes: the network's own labels stand for them."]
            * (not theirs.known),
        ],
    )


def _claim(theirs: Shown, noise: Shown) -> Claim:
    """The medians of the authors' runs against that of noise: a t test in log-odds."""
    runs = np.unique(theirs.run)
    medians = np.array([np.median(theirs.confidence[theirs.run == run]) for run in runs])
    of_noise = float(np.median(noise.confidence))
    told = mean_above(to_scale(medians, "fraction"), float(to_scale(of_noise, "fraction")))
    return Claim(
        "authors_images_beat_noise",
        "Images evolved for one network fool another more than noise does (section 3.3).",
        answer(told),
        f"Median confidence {np.median(theirs.confidence):.4f} of the authors' images, "
        f"{of_noise:.4f} of noise; t test of the runs' medians in log-odds, 5 %.",
        Strength(len(runs), len(theirs.run) // len(runs), "runs with medians below noise, at 5 %,"),
    )


def seen_cached(context: Context, network: keras.Model, archive: Path) -> Shown:
    """A network's answers to the pictures of an archive, kept."""
    found: Shown = context.cached(partial(look_at, network, archive), title="the authors' images")
    return found


def look_at(network: keras.Model, archive: Path) -> Shown:
    """A network's answers to the pictures of an archive."""
    side = network.input_shape[1]
    with fooling_images.unpacked(archive) as pictures:
        labels = [picture.label for picture in pictures]
        known = all(each is not None and each < network.output_shape[1] for each in labels)
        parts = [
            said_of(
                network,
                fooling_images.read(pictures[first : first + TOGETHER], side),
                np.array(labels[first : first + TOGETHER]) if known else None,
                np.array([picture.run for picture in pictures[first : first + TOGETHER]]),
            )
            for first in range(0, len(pictures), TOGETHER)
        ]
    return _merge(parts)


def said_of(
    network: keras.Model,
    pictures: np.ndarray,
    labels: np.ndarray | None,
    run: np.ndarray | None = None,
) -> Shown:
    """A network's answers to uint8 images (n, side, side, 3), of one run if none is given."""
    p = confidence(frozen(network, BATCH)(pictures))
    found = p.argmax(axis=1)
    own = found if labels is None else labels.astype(np.int64)
    of_class = p[np.arange(len(p)), own]
    order = np.argsort(-of_class, kind="stable")[:SHOWN]
    run = np.zeros(len(own), np.int64) if run is None else run
    return Shown(own, labels is not None, found, of_class, run, pictures[order], order)


def _merge(parts: Sequence[Shown]) -> Shown:
    starts = np.cumsum([0, *(len(part.found) for part in parts[:-1])])
    order = np.concatenate([start + part.order for start, part in zip(starts, parts, strict=True)])
    labels, found, of_class, run, surest = (
        np.concatenate([getattr(part, field) for part in parts])
        for field in ("labels", "found", "confidence", "run", "surest")
    )
    best = np.argsort(-of_class[order], kind="stable")[:SHOWN]
    return Shown(labels, parts[0].known, found, of_class, run, surest[best], order[best])
