"""The networks, and the images and targets that all attacks get."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_dir

from benchmarks.attacks.records import Problem
from reproduce import data
from reproduce.data import photographs
from reproduce.experiments import Context
from reproduce.methods.attacks.targets import choose_targets
from reproduce.networks.forward import logits
from reproduce.runtime.calls import made
from reproduce.runtime.places import CONF
from reproduce.runtime.store import Store

# The benchmark's name of a network: its group in conf/networks and its name there.
NETWORKS = {
    "FC10": ("szegedy", "FC10(1e-2)"),
    "FC100": ("szegedy", "FC100-100-10"),
    "LeNet": ("lenet_authors", "LeNet"),
    "SqueezeNet": ("squeezenet", "SqueezeNet"),
}
PHOTOGRAPHS = 64  # images at most of a network of photographs


def problem(name: str, images: int, store: Path, seed: int = 0) -> Problem:
    """So many test images that the network labels rightly, and a random target for each.

    Args:
        name: a key of NETWORKS.
        store: where trained networks are kept.
    """
    group, title = NETWORKS[name]
    of_photographs = group == "squeezenet"
    dataset = photographs.photographs() if of_photographs else data.mnist()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        networks = made(compose("config", overrides=[f"networks={group}"]).networks)
    network = Context(dataset, networks, 0, Store(store)).network(title)
    if of_photographs:
        dataset = photographs.sized(dataset, network.input_shape[1])
        images = min(images, PHOTOGRAPHS)
    test = dataset.test
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(test.labels))
    answers = logits(network, test.images, batch=100).argmax(1)
    rows = order[answers[order] == test.labels[order]][:images]
    some, labels = test.images[rows], test.labels[rows].astype(np.int64)
    targets = choose_targets(network, some, labels, seed=seed)
    starts = None if of_photographs else _starts(network, dataset.train.images, targets)
    return Problem(name, network, some, labels, targets, starts)


def _starts(network: object, candidates: np.ndarray, targets: np.ndarray) -> np.ndarray | None:
    """For each target the first training image that the network takes for it."""
    some = candidates[:2000]
    answers = logits(network, some, batch=100).argmax(1)
    if not np.isin(targets, answers).all():
        return None
    return some[[int(np.argmax(answers == target)) for target in targets]]
