"""MAP-Elites of this package and of QDax on the same LeNet: speed, and how soon it is fooled.

    pip install -r requirements-report.txt -r requirements-run.txt -r benchmarks/evolution_peers.txt
    python -m benchmarks.map_elites
    python -m benchmarks.elites.page       puts the tables into docs/benchmarks.md

The released LeNet, the direct encoding, the same bytes, ten niches. One thread, process CPU time,
compilation apart; contestants take turns, seed by seed, in one run, so ratios hold on a busy
machine. The results go to benchmarks/results/, one file a date.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import time
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np
import tensorflow as tf
import yaml

from benchmarks.elites import in_qdax, ours
from benchmarks.elites.in_jax import disagreement
from benchmarks.elites.records import CHILDREN, CLASSES, Contestant, Evolved
from benchmarks.elites.tables import Row, generation_of_certainty, whole
from reproduce.methods.evolution.scoring import Score
from reproduce.report.provenance import versions
from reproduce.runtime.places import RELEASED
from reproduce.runtime.progress import console, stage

PEERS = ("qdax", "jax", "jaxlib", "flax")
COMPARED = 100  # images on which logits are compared
SAME = 1e-2  # log-odds of an elite, theirs and by the Keras network: single precision


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    arguments = _arguments()
    network = lenet()
    results = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "versions": {**versions(), **{name: version(name) for name in PEERS}},
        "network": "LeNet of networks=lenet, released", "compared": COMPARED,
        "disagreement": disagreement(network, _images()),
        "children": CHILDREN, "generations": arguments.generations, "seeds": arguments.seeds,
        "rows": [row._asdict() for row in rows(network, arguments.generations, arguments.seeds)],
    }  # fmt: skip
    console.print(whole(results), markup=False)
    arguments.results.mkdir(parents=True, exist_ok=True)
    path = arguments.results / f"map_elites-{results['date']}.json"
    path.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
    console.print(f"written: {path}", markup=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generations", type=int, default=300, help="of each run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"))
    return parser.parse_args()


def lenet() -> keras.Model:
    """The released LeNet, trained on the full MNIST."""
    for card in sorted(RELEASED.glob("*/card.yaml")):
        if yaml.safe_load(card.read_text())["networks"] == "lenet":
            return keras.models.load_model(card.with_name("model0.keras"))
    raise FileNotFoundError(f"no released network of networks=lenet lies in {RELEASED}")


def _images() -> np.ndarray:
    """Half of them noise, half smooth."""
    rng = np.random.default_rng(0)
    noise = rng.random((COMPARED, 28, 28, 1), np.float32)
    smooth = np.repeat(np.repeat(noise[:, ::4, ::4], 4, axis=1), 4, axis=2)
    return np.concatenate([noise[: COMPARED // 2], smooth[COMPARED // 2 :]])


def rows(network: keras.Model, generations: int, seeds: list[int]) -> list[Row]:
    """The runs of all contestants, a seed of each in turn."""
    known = [*ours.contestants(network), *in_qdax.contestants(network)]
    ready = []
    with stage("compiling", total=len(known)) as advance:
        for each in known:
            started = time.process_time()
            ready.append((each, each.prepare(generations), time.process_time() - started))
            advance()
    found: dict[str, list[tuple[Evolved, float]]] = {_key(each): [] for each in known}
    with stage("evolving", total=len(seeds) * len(known)) as advance:
        for seed in seeds:
            for each, run, _ in ready:
                started = time.process_time()
                evolved = run(seed)
                found[_key(each)].append((evolved, time.process_time() - started))
                advance()
    score = ours.warm_scorer(network)
    return [_row(each, compile_s, found[_key(each)], score) for each, _, compile_s in ready]


def _key(contestant: Contestant) -> str:
    return f"{contestant.name}, {contestant.niches}"


def _row(
    contestant: Contestant, compile_s: float, runs: list[tuple[Evolved, float]], score: Score
) -> Row:
    last = [evolved.log_odds[-1] for evolved, _ in runs]
    medians = [float(np.median(odds)) for odds in last]
    return Row(
        contestant.name, contestant.package, contestant.niches, contestant.settings,
        compile_s, [seconds for _, seconds in runs],
        reached=[generation_of_certainty(evolved.log_odds) for evolved, _ in runs],
        filled=[int(np.isfinite(odds).sum()) for odds in last],
        median_log_odds=[odds if np.isfinite(odds) else None for odds in medians],
        rescored=max(_difference(evolved, score) for evolved, _ in runs),
    )  # fmt: skip


def _difference(evolved: Evolved, score: Score) -> float:
    """Between an elite's log-odds as they were found and by the Keras network, the largest.

    Raises:
        ValueError: it is above SAME.
    """
    classes = np.arange(CLASSES)
    again, told = score(evolved.images)[classes, classes], evolved.log_odds[-1]
    filled = np.isfinite(told)
    difference = float(np.abs(again - told)[filled].max(initial=0))
    if difference > SAME:
        raise ValueError(f"by the Keras network an elite's log-odds differ by {difference:.1e}")
    return difference


if __name__ == "__main__":
    main()
