"""The attack beside SciPy's L-BFGS-B and beside public tools: speed and distance.

    pip install -r requirements.txt -r benchmarks/requirements.txt
    python -m benchmarks.attack
    pip install --no-deps -r benchmarks/attack_peers.txt   # Foolbox, ART: they join if installed
    python -m benchmarks.attack --network fc100.keras --csv attack.csv

One network, the same images and targets for all, one run. Milliseconds of process CPU time per
image, compilation apart; evaluations of loss and gradient; distortion, and its ratio to ours on
the images the other one was given. SciPy and the tools are slow, so they get the first few.
"""

from __future__ import annotations

import argparse
import collections
import collections.abc
import csv
import os
import resource
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import scipy.optimize
import tensorflow as tf
from rich.table import Table

from reproduce import data
from reproduce.methods.attacks import adversarial
from reproduce.networks import forward
from reproduce.runtime.progress import console, stage

BISECTIONS = 12  # of log c, for SciPy, within
BRACKET = (1e-3, 1e2)


class Row(NamedTuple):
    attack: str
    images: int
    cpu_ms: float  # per image
    compile_s: float
    evaluations: float  # per image; NaN where the tool does not tell
    failed: int
    distortion: float  # mean of images
    ratio: float  # to ours, mean over mean on the images both solved


class Problem(NamedTuple):
    network: keras.Model
    images: np.ndarray
    targets: np.ndarray


def reference(path: str | None, examples: data.Examples) -> keras.Model:
    """FC100-100-10 as the experiment trains it, or a network from a file."""
    if path:
        return keras.models.load_model(path)
    from hydra import compose, initialize_config_dir

    from reproduce.runtime.calls import made

    with initialize_config_dir(str(Path(__file__).parents[1] / "conf"), version_base="1.3"):
        train = made(compose("config").networks)["FC100-100-10"]
    with stage("training FC100-100-10"):
        return train(examples=examples, seed=0)


def by_scipy(problem: Problem) -> tuple[np.ndarray, float]:
    """Image by image: for each c of a bisection, L-BFGS-B from the clean image."""
    evaluations = 0

    @tf.function
    def loss_and_gradient(x: Any, target: Any) -> tuple[Any, Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = problem.network(tf.reshape(x, (1, *problem.images.shape[1:])))
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(target[None], logits)[0]
        return loss, tape.gradient(loss, x), tf.argmax(logits[0])

    found = np.full(problem.images.shape, np.nan, np.float32)
    for number, (image, label) in enumerate(zip(problem.images, problem.targets, strict=True)):
        clean, target = image.ravel().astype(np.float64), tf.constant(label, tf.int32)
        low, high = np.log(BRACKET)
        closest = np.inf
        for _ in range(BISECTIONS):
            c = np.exp((low + high) / 2)

            def objective(x: np.ndarray, c: float = c, clean: np.ndarray = clean,
                          target: Any = target) -> tuple[float, np.ndarray]:  # fmt: skip
                nonlocal evaluations
                evaluations += 1
                loss, gradient, _ = loss_and_gradient(tf.constant(x, tf.float32), target)
                r = x - clean
                return float(loss) + c * r @ r, gradient.numpy().astype(np.float64) + 2 * c * r

            x = scipy.optimize.minimize(
                objective, clean, jac=True, method="L-BFGS-B", bounds=[(0, 1)] * clean.size,
                options={"maxiter": 300},
            ).x  # fmt: skip
            reaches = int(loss_and_gradient(tf.constant(x, tf.float32), target)[2]) == label
            low, high = ((low + high) / 2, high) if reaches else (low, (low + high) / 2)
            square = np.sum((x - clean) ** 2)
            if reaches and square < closest:
                closest, found[number] = square, x.reshape(image.shape)
    return to_boundary(problem, found), evaluations / len(found)


def to_boundary(problem: Problem, found: np.ndarray) -> np.ndarray:
    """By bisection along the ray from the clean image, so that every attack ends alike."""
    clean, whole = problem.images, np.isfinite(found).reshape(len(found), -1).all(axis=1)
    found = np.where(whole.reshape(-1, 1, 1, 1), found, clean)
    near, far = np.zeros(len(found)), np.ones(len(found))
    for _ in range(20):
        middle = (near + far) / 2
        points = clean + middle.reshape(-1, 1, 1, 1).astype(np.float32) * (found - clean)
        reaches = forward.slot_logits(problem.network, points).argmax(1) == problem.targets
        near, far = np.where(reaches, near, middle), np.where(reaches, middle, far)
    points = clean + far.reshape(-1, 1, 1, 1).astype(np.float32) * (found - clean)
    reaches = forward.slot_logits(problem.network, points).argmax(1) == problem.targets
    return np.where((whole & reaches).reshape(-1, 1, 1, 1), points, np.nan)


def by_foolbox(problem: Problem) -> tuple[np.ndarray, float]:
    """Foolbox 2.4's LBFGSAttack, image by image."""
    for name in ("Iterable", "Mapping", "Sequence"):  # it imports them from where they were
        setattr(collections, name, getattr(collections.abc, name))
    for name, kind in {"int": int, "float": float, "bool": bool}.items():
        if name not in np.__dict__:
            setattr(np, name, kind)
    from foolbox.criteria import TargetClass
    from foolbox.models import TensorFlowEagerModel
    from foolbox.v1.attacks import LBFGSAttack

    model = TensorFlowEagerModel(problem.network, bounds=(0, 1))
    found = np.full(problem.images.shape, np.nan, np.float32)
    present = forward.slot_logits(problem.network, problem.images).argmax(1)
    for number, image in enumerate(problem.images):
        attack = LBFGSAttack(model, TargetClass(int(problem.targets[number])))
        answer = attack(image, int(present[number]))
        if answer is not None:
            found[number] = answer
    return found, np.nan


def by_art(problem: Problem, name: str, **options: Any) -> tuple[np.ndarray, float]:
    from art.attacks import evasion
    from art.estimators.classification import TensorFlowV2Classifier

    classes = problem.network.output_shape[-1]
    classifier = TensorFlowV2Classifier(
        model=problem.network, nb_classes=classes, input_shape=problem.images.shape[1:],
        clip_values=(0, 1), loss_object=keras.losses.CategoricalCrossentropy(from_logits=True),
    )  # fmt: skip
    attack = getattr(evasion, name)(classifier, targeted=True, verbose=False, **options)
    found = attack.generate(problem.images, np.eye(classes, dtype=np.float32)[problem.targets])
    return found, np.nan


# Options with which each comes close to what it can reach; its defaults do not.
PEERS: dict[str, Callable[[Problem], tuple[np.ndarray, float]]] = {
    "Foolbox 2.4 LBFGSAttack": by_foolbox,
    "ART 1.20.1 ElasticNet": lambda problem: by_art(
        problem, "ElasticNet", beta=0.0, decision_rule="L2", binary_search_steps=9,
        max_iter=400, learning_rate=1e-2, batch_size=len(problem.images),
    ),
    "ART 1.20.1 CarliniL2": lambda problem: by_art(
        problem, "CarliniL2Method", binary_search_steps=9, max_iter=100,
        batch_size=len(problem.images),
    ),
}  # fmt: skip


def measured(call: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    result = call()
    return result, time.process_time() - started


def ours(problem: Problem, count: int, compile_s: float, **options: Any) -> tuple[Row, np.ndarray]:
    images, targets = problem.images[:count], problem.targets[:count]
    found, seconds = measured(
        lambda: adversarial.nearest(problem.network, images, targets, **options)
    )
    name = "ours" + "".join(f", {key} = {value:g}" for key, value in options.items())
    row = Row(
        name, count, 1e3 * seconds / count, compile_s, float(found.evaluations.mean()),
        int(found.failed.sum()), float(np.nanmean(found.distortion)), 1.0,
    )  # fmt: skip
    return row, found.distortion


def theirs(name: str, attack: Callable[[Problem], Any], problem: Problem, best: np.ndarray) -> Row:
    (found, evaluations), seconds = measured(lambda: attack(problem))
    labels = forward.slot_logits(problem.network, np.nan_to_num(found)).argmax(1)
    reaches = (labels == problem.targets) & np.isfinite(found).reshape(len(found), -1).all(1)
    each = np.where(reaches, adversarial.distortion(problem.images, found), np.nan)
    both = reaches & np.isfinite(best)
    return Row(
        name, len(found), 1e3 * seconds / len(found), np.nan, evaluations, int((~reaches).sum()),
        float(np.nanmean(each)), float(each[both].mean() / best[both].mean()),
    )  # fmt: skip


def first(problem: Problem, count: int) -> Problem:
    return Problem(problem.network, problem.images[:count], problem.targets[:count])


def compare(problem: Problem, scipy_images: int, peer_images: int) -> list[Row]:
    rows = []
    for options in ({}, {"tau": 16.0}):
        one = first(problem, 1)
        _, compile_s = measured(
            lambda one=one, options=options: adversarial.nearest(*one, **options)
        )
        for count in (64, 256, 1000):
            row, distortion = ours(problem, min(count, len(problem.images)), compile_s, **options)
            rows.append(row)
            if not options:
                best = distortion
    with stage("SciPy"):
        few = first(problem, scipy_images)
        rows.append(theirs("SciPy L-BFGS-B", by_scipy, few, best[:scipy_images]))
    for name, attack in PEERS.items():
        try:
            with stage(name), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                few = first(problem, peer_images)
                rows.append(theirs(name, attack, few, best[:peer_images]))
        except ImportError as missing:
            console.print(f"{name} is not installed: {missing}", markup=False)
    return rows


def shown(rows: list[Row]) -> Table:
    table = Table(title="Attack on FC100-100-10")
    for heading in ("attack", "images", "CPU ms / image", "times ours", "compile s",
                    "evaluations", "failed", "distortion", "over ours"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "attack" else "right")
    base = next(row.cpu_ms for row in rows if row.images == 256 or row is rows[0])
    base = next((row.cpu_ms for row in rows if row.images == 256), base)
    for row in rows:
        table.add_row(
            row.attack, str(row.images), f"{row.cpu_ms:.2f}", f"{row.cpu_ms / base:.1f}",
            f"{row.compile_s:.1f}", f"{row.evaluations:.1f}", str(row.failed),
            f"{row.distortion:.5f}", f"{row.ratio:.4f}",
        )  # fmt: skip
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--network", help="a .keras file; by default FC100-100-10 is trained")
    parser.add_argument("--scipy", type=int, default=32, help="images for SciPy")
    parser.add_argument("--peers", type=int, default=8, help="images for each other tool")
    parser.add_argument("--csv", type=Path, default=Path("outputs/benchmark-attack.csv"))
    arguments = parser.parse_args()
    examples = data.mnist().train
    network = reference(arguments.network, examples)
    drawn = np.random.default_rng(0).choice(len(examples.labels), 1000, replace=False)
    images, labels = examples.images[drawn], examples.labels[drawn]
    targets = adversarial.choose_targets(network, images, labels)
    rows = compare(Problem(network, images, targets), arguments.scipy, arguments.peers)
    console.print(shown(rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    console.print(f"peak memory of the whole process {peak:.2f} GB")
    arguments.csv.parent.mkdir(parents=True, exist_ok=True)
    with arguments.csv.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
