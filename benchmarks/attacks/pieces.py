"""A piece: one attack on one network at one budget, judged by the Keras network and kept.

Each piece is a file. A benchmark that was stopped goes on with the first piece that is missing, or
whose network, images, settings, version or code (of this package's attacks) is no longer the same.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.attacks.records import Contestant, Found, Problem
from benchmarks.attacks.results import DESCRIPTION, today
from reproduce.methods import attacks
from reproduce.methods.attacks.attack import beyond, distance
from reproduce.networks.forward import slot_logits
from reproduce.report.provenance import versions
from reproduce.runtime.files import atomic_write

OUTSIDE = 1e-6  # by which rounding may carry a pixel out of [0, 1]
DIGITS = 6  # of a distance


class Piece(NamedTuple):
    """What is kept.

    distances: euclidean, of each image; None where the attack failed.
    cpu_s: process CPU seconds per image, compilation apart.
    problem: digest of weights, images, labels and targets; key: of all that the piece depends on.
    memory_mb: by how much the process grew at most meanwhile; None where the system cannot tell.
    commit, date: of this package's code when it was made; None where they were not recorded.
    """

    network: str
    attack: str
    package: str
    wants: str
    settings: str
    budget: int
    distances: list[float | None]
    gradients: float
    forwards: float | None
    cpu_s: float
    compile_s: float
    memory_mb: float | None
    problem: str
    key: str
    commit: str | None = None
    date: str | None = None


def describe(problem: Problem, title: str, folder: Path) -> None:
    """Notes beside the pieces what they are of."""
    told = {
        "network": title, "images": len(problem.images), "pixels": int(problem.images[0].size),
        "classes": int(problem.network.output_shape[-1]),
        "parameters": int(problem.network.count_params()), "problem": digest(problem),
    }  # fmt: skip
    atomic_write(folder / problem.name / DESCRIPTION, json.dumps(told))


def piece(problem: Problem, contestant: Contestant, budget: int, folder: Path) -> Piece:
    """The kept piece, or a new one."""
    whole = digest(problem)
    key = _key(whole, contestant, budget)
    if contestant.most is not None:
        problem = problem.first(contestant.most)
    path = folder / problem.name / f"{_slug(contestant)}-{budget}.json"
    if path.exists():
        kept = Piece(**json.loads(path.read_text()))
        if kept.key == key:
            return kept
    made = _made(problem, contestant, budget)._replace(
        problem=whole, key=key, commit=versions().get("reproduce"), date=today()
    )
    atomic_write(path, json.dumps(made._asdict()))
    return made


def _made(problem: Problem, contestant: Contestant, budget: int) -> Piece:
    compile_s = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if contestant.compiled:
            _, compile_s = _timed(problem.first(1), contestant, budget)
        before = _watch_memory()
        found, seconds = _timed(problem, contestant, budget)
        memory = _peak() - before if before is not None else None
    lengths = judged(problem, found.images, contestant.wants)
    return Piece(
        network=problem.name, attack=contestant.name, package=contestant.package,
        wants=contestant.wants, settings=contestant.settings, budget=budget,
        distances=[_rounded(length) for length in lengths], gradients=found.gradients,
        forwards=None if np.isnan(found.forwards) else found.forwards,
        cpu_s=seconds / len(lengths), compile_s=compile_s,
        memory_mb=None if memory is None else round(memory, 1), problem="", key="",
    )  # fmt: skip


def judged(problem: Problem, changed: np.ndarray, wants: str) -> np.ndarray:
    """Distances of the changed images that the Keras network takes for what was wanted.

    An image on the boundary itself may be on the wrong side of it by rounding: it is pushed along
    its ray, by a thousandth at most. Pixels are in [0, 1], or the attack has failed.

    Returns:
        float64 (n,), infinite where it failed.
    """
    changed = np.asarray(changed, np.float32).reshape(problem.images.shape)
    rows = (len(changed), *[1] * (changed.ndim - 1))
    with np.errstate(invalid="ignore"):
        astray = ~((changed >= -OUTSIDE) & (changed <= 1 + OUTSIDE)).reshape(len(changed), -1)
    inside = np.where(astray.any(axis=1).reshape(rows), np.float32(np.nan), changed.clip(0, 1))
    wanted = {wants: problem.targets if wants == "targets" else problem.labels}
    pushed = beyond(problem.network, problem.images, inside, **wanted)
    answers = slot_logits(problem.network, np.nan_to_num(pushed)).argmax(1)
    reached = answers == problem.targets if wants == "targets" else answers != problem.labels
    return np.where(reached, distance(problem.images, pushed), np.inf)


def _timed(problem: Problem, contestant: Contestant, budget: int) -> tuple[Found, float]:
    started = time.process_time()
    found = contestant.find(problem, budget)
    return found, time.process_time() - started


def _rounded(length: float) -> float | None:
    return float(f"{length:.{DIGITS}g}") if np.isfinite(length) else None


def _slug(contestant: Contestant) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", contestant.name.lower()).strip("_")
    return f"{name}-{contestant.wants}"


def digest(problem: Problem) -> str:
    """Of weights, images, labels and targets."""
    arrays = [*problem.network.get_weights(), problem.images, problem.labels, problem.targets]
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()[:16]


def _key(whole: str, contestant: Contestant, budget: int) -> str:
    """What the piece depends on, as a digest; `whole` is that of the problem."""
    told = (contestant.name, contestant.package, contestant.wants, contestant.settings)
    sha = hashlib.sha256(repr((whole, *told, contestant.most, budget)).encode())
    if not contestant.package:
        for file in sorted(Path(attacks.__path__[0]).rglob("*.py")):
            sha.update(file.read_bytes())
    return sha.hexdigest()[:16]


def _watch_memory() -> float | None:
    """MB held now; from here on Linux notes the largest anew."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    except (OSError, LookupError):
        return None


def _peak() -> float:
    return _status("VmHWM")


def _status(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(field)
