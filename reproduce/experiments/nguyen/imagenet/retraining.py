"""A network that learns fooling images as one more class (Nguyen et al. 2015, section 3.7).

Its last layer gets one more unit, which alone is learned; the rest stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from reproduce.data.examples import Examples, to_unit
from reproduce.experiments.imagenet import BATCH
from reproduce.methods.evolution.map_elites import Evolution
from reproduce.networks import heads
from reproduce.networks.forward import outputs
from reproduce.training import Phase, logits


class Retrained(NamedTuple):
    """DNN_2 and what it says of images that it has not and has been trained on.

    network: images -> logits of the known classes and, last, of fooling images.
    before, after: int64 (n,), labels of unseen photographs by DNN_1 and DNN_2; right: their own.
    recognised: of `fooling` images that it was trained on, those it labels as such.
    photographs: that it was trained on.
    """

    network: keras.Model
    before: np.ndarray
    after: np.ndarray
    right: np.ndarray
    recognised: int
    fooling: int
    photographs: int


def fooling_images(found: Evolution) -> np.ndarray:
    """uint8 (n, height, width, channels), each once: the first and the last archive of each run.

    One image may hold many niches, so that of 2,000 a run some hundreds are different.
    """
    start = found.snapshots[:, found.snapshot_generations.index(0)]
    images = [image for run in start for image in run]
    images += [image for archive in found.archives for image in archive.images]
    once: dict[bytes, np.ndarray] = {}
    for image in images:
        once.setdefault(hashlib.sha256(image.tobytes()).digest(), image)
    return np.stack([*once.values()])


def retrained(
    network: keras.Model,
    *,
    photographs: Examples,
    fooling: np.ndarray,
    phases: Sequence[Phase],
    seed: int,
    effort: float = 1.0,
) -> Retrained:
    """The network with one more class, learned from half of the photographs.

    Args:
        photographs: with the network's own labels; the other half is kept unseen.
        fooling: uint8 (n, side, side, 3).
    """
    classes = network.output_shape[1]
    order = np.random.default_rng(seed).permutation(len(photographs.labels))
    seen, unseen = np.split(order, [len(order) // 2])
    below = heads.features(network)
    shown = outputs(below, photographs.images, BATCH)
    hidden = shown[unseen]
    learnt = np.empty((len(seen) + len(fooling), *shown.shape[1:]), np.float32)
    learnt[: len(seen)] = shown[seen]
    del shown  # with the fooling images as numbers, a gigabyte each
    for first in range(0, len(fooling), BATCH):
        some = to_unit(fooling[first : first + BATCH])
        learnt[len(seen) + first :][: len(some)] = outputs(below, some, BATCH)
    head = heads.with_one_more(network)
    labels = np.concatenate([photographs.labels[seen], np.full(len(fooling), classes)])
    for phase in phases:
        phase(head, Examples(learnt, labels), np.random.default_rng(seed), effort)
    answers = logits(head, hidden, BATCH)
    recognised = logits(head, learnt[len(seen) :], BATCH).argmax(axis=1) == classes
    return Retrained(
        network=heads.joined(network, head),
        before=answers[:, :classes].argmax(axis=1),
        after=answers.argmax(axis=1),
        right=photographs.labels[unseen],
        recognised=int(recognised.sum()),
        fooling=len(fooling),
        photographs=len(seen),
    )
