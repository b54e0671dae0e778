"""Attacks of this package and of others at equal numbers of gradients, beside the best known.

    pip install -r requirements.txt -r benchmarks/requirements.txt
    pip install --no-deps -r benchmarks/attack_peers.txt
    python -m benchmarks.attack
    python -m benchmarks.attack --networks FC10 FC100 --budgets 30 100 --images 64
    python -m benchmarks.attack --attacks "ours, tau = 1" "DDN (adv-lib)"

The same images and targets for all; one thread, process CPU time, compilation apart. Each piece,
an attack on a network at a budget, is kept, so a benchmark that was stopped goes on; --pieces says
where. The results, of all that is kept of the networks, go to benchmarks/results/, one set of files
a date; benchmarks/attacks/page.py makes the page of docs from them. Attacks of packages that are
not installed are left out by name.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["NUMBA_NUM_THREADS"] = "1"

import tensorflow as tf

from benchmarks.attacks import ours, peers, results
from benchmarks.attacks.pieces import describe, piece
from benchmarks.attacks.problems import NETWORKS, problem
from benchmarks.attacks.records import Contestant, Impossible, Problem
from reproduce.methods.attacks.exact import linear_classifier
from reproduce.runtime.progress import console, stage

BUDGETS = (30, 100, 300, 1000)
MANY, FEW = 300, 16  # from so many gradients on, so many photographs


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    known = [*ours.contestants(), *peers.contestants()]
    arguments = _arguments([each.name for each in known])
    for name in peers.missing():
        console.print(f"{name} is not installed: its attacks are left out.", markup=False)
    chosen = [each for each in known if not arguments.attacks or each.name in arguments.attacks]
    for name in arguments.networks:
        given = problem(name, arguments.images, arguments.store)
        describe(given, NETWORKS[name][1], arguments.pieces)
        _run(given, chosen, arguments.budgets, arguments.pieces)
    found = results.collected(arguments.pieces, arguments.networks)
    base = results.write(found, arguments.results)
    console.print(base.with_suffix(".md").read_text(), markup=False)
    console.print(f"written: {base}.json, .csv, .md, .png", markup=False)


def _arguments(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--attacks", nargs="+", choices=names, metavar="NAME", help="default: all")
    parser.add_argument("--budgets", nargs="+", type=int, default=list(BUDGETS),
                        help="gradients per image")  # fmt: skip
    parser.add_argument("--images", type=int, default=256,
                        help="per network; 64 photographs, 16 from 300 gradients on")  # fmt: skip
    parser.add_argument("--store", type=Path, default=Path("outputs/cache"), help="of networks")
    parser.add_argument("--pieces", type=Path, default=Path("outputs/attack_benchmark"))
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"))
    return parser.parse_args()


def _run(given: Problem, chosen: list[Contestant], budgets: list[int], folder: Path) -> None:
    """Makes the pieces that are not kept yet."""
    calls = [(each, budget) for each in chosen for budget in budgets]
    if linear_classifier(given.network) is not None:
        calls += [(each, 0) for each in ours.exact()]
    if not peers.missing():
        from benchmarks.attacks.in_torch import disagreement

        console.print(
            f"{given.name}: logits in PyTorch differ from Keras's by "
            f"{disagreement(given.network, given.images[:32]):.1e} of the largest."
        )
    with stage(f"attacks on {given.name}", total=len(calls)) as advance:
        for contestant, budget in calls:
            if budget >= MANY and given.of_photographs:
                contestant = contestant._replace(most=FEW)
            try:
                piece(given, contestant, budget, folder)
            except Impossible as impossible:
                console.print(f"{contestant.name} is left out: {impossible}.", markup=False)
            advance()


if __name__ == "__main__":
    main()
