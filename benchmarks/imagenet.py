"""Evolution on ImageNet networks: evaluations per CPU second beside the bare forward pass.

    python -m benchmarks.imagenet                                      the rates, two minutes
    python -m benchmarks.imagenet --curve fast --network tiny_darknet --generations 600
    python -m benchmarks.imagenet --curve code                         median against images tried

Process CPU seconds, two threads. The bare forward pass is the network alone on one batch over and
over: as Keras has it, frozen, and roughly in bfloat16.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import tensorflow as tf
from rich.table import Table

from reproduce.experiments.nguyen.imagenet.runs import BATCH
from reproduce.methods.evolution import cppn, direct
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.map_elites import evolve, unsolved
from reproduce.methods.evolution.scoring import bfloat16, frozen, scorer
from reproduce.networks import imagenet
from reproduce.runtime.progress import console

NETWORKS = {"squeezenet": imagenet.squeezenet, "tiny_darknet": imagenet.tiny_darknet}
FAST = {"screen": bfloat16, "parents": unsolved}
PRESETS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "code": (partial(cppn.encoding, "code"), {"children": 400, "initial": 400}),
    "fast": (partial(cppn.encoding, "unit"), {"children": 400, "initial": 1000, **FAST}),
    "direct code": (partial(direct.encoding, "code"), {"children": 200, "initial": 200}),
    "direct squares": (
        partial(direct.encoding, "squares"), {"children": 200, "initial": 200, **FAST},
    ),
}  # fmt: skip


def evolution(network: Any, preset: str, **options: Any) -> tuple[Any, np.ndarray]:
    """A run, and the process CPU seconds at which each of its generations began."""
    encoding, settings = PRESETS[preset]
    made = encoding(size=network.input_shape[1], channels=3)
    clock: list[float] = []

    def offspring(*arguments: Any) -> Any:
        clock.append(time.process_time())
        return made.offspring(*arguments)

    found = evolve(
        network, made._replace(offspring=offspring), classes=network.output_shape[1], seeds=[0],
        batch=BATCH, forward=frozen, snapshot_generations=(), **(settings | options),
    )  # fmt: skip
    return found, np.array(clock)


def bare(score: Callable[[np.ndarray], np.ndarray], side: int, rounds: int) -> float:
    """Images per CPU second, the best of some rounds: others use the machine."""
    images = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3)).astype(np.uint8)
    score(images)
    spent = []
    for _ in range(rounds):
        started = time.process_time()
        score(images)
        spent.append(time.process_time() - started)
    return BATCH / min(spent)


def rates(name: str, generations: int) -> None:
    """One network's table: the forward pass alone, then each preset."""
    network = NETWORKS[name]()
    side = network.input_shape[1]
    table = Table("images / CPU s", "rate", "share of the bare pass", title=name)
    alone = {}
    for called, forward in (("Keras", scorer), ("frozen", frozen), ("bfloat16", bfloat16)):
        alone[called] = bare(forward(network, BATCH), side, rounds=12)
        table.add_row(f"forward pass, {called}", f"{alone[called]:.1f}", "")
    for preset, (_, settings) in PRESETS.items():
        _, clock = evolution(network, preset, generations=generations)
        rate = settings["children"] / np.diff(clock).min()
        exact = "bfloat16" if "screen" in settings else "frozen"
        shares = f"{rate / alone['Keras']:.0%} of Keras, {rate / alone[exact]:.0%} of {exact}"
        table.add_row(preset, f"{rate:.1f}", shares)
    console.print(table)


def curve(name: str, preset: str, generations: int, folder: Path | None) -> None:
    """Median confidence over the classes against images tried and CPU seconds."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    started = time.process_time()
    found, clock = evolution(
        NETWORKS[name](), preset, generations=generations, checkpoints=folder, every=10
    )
    p = confidence(found.log_odds[0])
    initial, children = found.tried
    table = Table(
        "images", "CPU s", "median", "mean", "share at 50 %", "at 99 %", title=f"{name}, {preset}"
    )
    begun = len(p) - 1 - len(clock)  # generations that an earlier run made
    for generation in sorted({*np.geomspace(1, len(p) - 1, 20).astype(int).tolist()}):
        spent = f"{clock[generation - begun - 1] - started:.0f}" if generation > begun else ""
        now = p[generation - 1]
        table.add_row(
            f"{initial + children * (generation - 1):,}", spent, f"{np.median(now):.3f}",
            f"{now.mean():.3f}", f"{(now > 0.5).mean():.1%}", f"{(now >= 0.99).mean():.1%}",
        )  # fmt: skip
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--network", choices=NETWORKS, help="one of them alone")
    parser.add_argument("--curve", choices=PRESETS, help="the curve of a preset, not the rates")
    parser.add_argument("--generations", type=int, default=None)
    parser.add_argument("--checkpoints", type=Path, help="a folder: a stopped curve goes on")
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(2)
    tf.config.threading.set_inter_op_parallelism_threads(2)
    for name in [options.network] if options.network else NETWORKS:
        if options.curve:
            curve(name, options.curve, options.generations or 60, options.checkpoints)
        else:
            rates(name, options.generations or 4)


if __name__ == "__main__":
    main()
