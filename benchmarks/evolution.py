"""Speed of evolution: evaluations, rendering, and the archive step, beside others' code.

    pip install -r benchmarks/requirements.txt
    python -m benchmarks.evolution

Everything in one run of about a minute, in seconds of process CPU time on one thread. The others
are neat-python, which asks its network once per pixel, and pyribs, whose archives put a solution
into one cell, so that trying a child on every class means adding it once for each class.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import neat
import numpy as np
import tensorflow as tf
from ribs.archives import GridArchive
from rich.table import Table

from reproduce.methods.evolution import cppn, direct
from reproduce.methods.evolution.archive import empty, insert
from reproduce.methods.evolution.cppn.genome import FUNCTIONS, INPUTS, Genome
from reproduce.methods.evolution.cppn.programs import program, weight
from reproduce.methods.evolution.cppn.rendering import coordinates
from reproduce.methods.evolution.map_elites import evolve
from reproduce.networks import models
from reproduce.runtime.progress import console

THEIRS = {
    "sine": neat.activations.sin_activation,
    "sigmoid": neat.activations.sigmoid_activation,
    "Gaussian": neat.activations.gauss_activation,
    "linear": neat.activations.clamped_activation,
}


def cpu_seconds(call: Callable[[], object], rounds: int = 20, least: float = 0.02) -> float:
    """Per call, after one to warm up; the least of several rounds, since others use the machine."""
    call()
    found = []
    for _ in range(rounds):
        calls, started = 0, time.process_time()
        while not calls or time.process_time() - started < least:
            call()
            calls += 1
        found.append((time.process_time() - started) / calls)
    return min(found)


def evolution_rates(generations: int) -> Table:
    """Evaluations per CPU second, LeNet included, start-up excluded."""
    table = Table("encoding", "preset", "evaluations / CPU s", "CPU s for 200 generations")
    network = models.lenet((28, 28, 1), 10, seed=0)
    encodings = [("direct", direct, name) for name in direct.PRESETS]
    encodings += [("CPPN", cppn, name) for name in ("code", "unit")]
    for called, module, preset in encodings:
        run = partial(evolve, network, module.encoding(preset), classes=10, seeds=[0])
        run(generations=1)
        started = time.process_time()
        run(generations=generations)
        rate = 200 * (generations + 1) / (time.process_time() - started)
        table.add_row(called, preset, f"{rate:,.0f}", f"{200 * 201 / rate:.2f}")
    return table


def aged(outputs: int, n: int, generations: int = 25) -> list[Genome]:
    """Genomes with some history."""
    rng = np.random.default_rng(0)
    genomes = cppn.random(rng, n, outputs)
    for generation in range(generations):
        genomes = cppn.offspring(rng, genomes, n, generation)
    return genomes


def neat_network(genome: Genome) -> neat.nn.FeedForwardNetwork:
    """The same network in neat-python, active nodes only, with its own functions of each kind.

    Its functions are scaled otherwise than the authors' (tests/test_cppn.py hands it theirs, and
    compares images); the work is the same.
    """
    each = program([genome])
    nodes = []
    for row, (function, links) in enumerate(zip(each.functions, each.links, strict=True), INPUTS):
        activate, weighed = THEIRS[FUNCTIONS[function]], [(s, float(weight(g))) for s, g in links]
        nodes.append((row, activate, neat.aggregations.sum_aggregation, 0.0, 1.0, weighed))
    return neat.nn.FeedForwardNetwork(list(range(INPUTS)), each.outputs[0], nodes)


def rendering_rates() -> Table:
    """Genomes per CPU second, drawn; the same genomes on both sides."""
    table = Table(
        "image", "genomes", "active nodes", "ours / CPU s", "neat-python / CPU s", "ratio"
    )
    for size, outputs, n in ((28, 1, 200), (256, 3, 6)):  # 200: a generation
        genomes = aged(outputs, n)
        nodes = np.mean([len(program([genome]).links) for genome in genomes])
        pixels = np.stack(np.broadcast_arrays(*coordinates(size, "code")), axis=-1)
        pixels = pixels.reshape(-1, INPUTS).tolist()

        def theirs(genomes=genomes, pixels=pixels):
            for genome in genomes:
                network = neat_network(genome)
                for pixel in pixels:
                    network.activate(pixel)

        ours_each = cpu_seconds(partial(cppn.render, genomes, size)) / n
        theirs_each = cpu_seconds(theirs, rounds=2) / n
        table.add_row(
            f"{size} x {size} x {outputs}", f"{n}", f"{nodes:.1f}", f"{1 / ours_each:,.0f}",
            f"{1 / theirs_each:,.1f}", f"{theirs_each / ours_each:,.0f}",
        )  # fmt: skip
    return table


def archive_rates() -> Table:
    """One generation of children into the archive."""
    table = Table("classes", "children", "ours, ms", "pyribs, ms", "ratio")
    rng = np.random.default_rng(0)
    for classes, n in ((10, 200), (1000, 400)):
        odds = rng.normal(size=(n, classes))
        genomes = np.arange(n, dtype=np.float32)
        images = np.zeros((n, 1, 1, 1), np.uint8)
        archive = insert(empty(classes, (1, 1, 1)), genomes, images, odds - 1)
        grid = GridArchive(solution_dim=1, dims=[classes], ranges=[(-0.5, classes - 0.5)])
        solutions = np.repeat(genomes, classes)[:, None]
        cells = np.tile(np.arange(classes), n)[:, None]
        grid.add(solutions, odds.ravel() - 1, cells)
        ours = cpu_seconds(lambda a=archive, g=genomes, i=images, o=odds: insert(a, g, i, o))
        theirs = cpu_seconds(lambda s=solutions, o=odds, c=cells, g=grid: g.add(s, o.ravel(), c))
        table.add_row(
            f"{classes}", f"{n}", f"{1e3 * ours:.3f}", f"{1e3 * theirs:.2f}", f"{theirs / ours:.0f}"
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--generations", type=int, default=200, help="of each evolution")
    generations = parser.parse_args().generations
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for table in (evolution_rates(generations), rendering_rates(), archive_rates()):
        console.print(table)


if __name__ == "__main__":
    main()
