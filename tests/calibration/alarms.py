"""How often `python -m reproduce.check` alarms: over new seeds, and over faults in the code.

    python -m tests.calibration.alarms FOLDER              makes what is missing, then tells
    python -m tests.calibration.alarms FOLDER --seeds 10   ten new seeds in the place of twenty
    python -m tests.calibration.alarms FOLDER --tell       tells what is there
    python -m tests.calibration.alarms FOLDER --scale laptop --dataset mnist --faults "no box"

By hand: it takes an hour of processor time. Runs are smoke runs on the 5,000 digits, where nothing
else is said, with seeds that the reference does not have. Each fault of faults.yaml is planted in a
copy of the code, and what it touches is made with the first new seed; new seeds are of all that the
faults touch. All of it stays in the folder, so that a stopped measurement goes on, and another rule
is tried on the same runs in seconds (`--tell`).

A fault is found where a cell lies outside, or where the run ends with an error.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from reproduce.report import further, reference, results_json
from reproduce.report.provenance import read_config

ROOT = Path(__file__).parents[2]
FAULTS = Path(__file__).parent / "faults.yaml"
COPIED = ("reproduce", "conf", "run.py", "pyproject.toml", "outputs/reference")


class Edit(NamedTuple):
    """Text that is replaced.

    file: from the root; old: what occurs once in it; new: what is put in its place.
    """

    file: str
    old: str
    new: str

    def edited(self, root: Path) -> str:
        """The file's text with the fault.

        Raises:
            ValueError: the list is out of date.
        """
        text = (root / self.file).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file}: {self.old!r} occurs {text.count(self.old)} times")
        return text.replace(self.old, self.new)


class Place(NamedTuple):
    """A folder of runs, and what they are runs of."""

    folder: Path
    scale: str
    dataset: str

    @property
    def outputs(self) -> Path:
        """Of the new seeds."""
        return self.folder / "outputs"

    def of_fault(self, fault: Fault) -> Path:
        """Where the outputs of a fault go."""
        return self.folder / "faults" / fault.name.replace(" ", "_")

    def of_run(self, outputs: Path, experiment: str, seed: int) -> Path:
        """A run's folder."""
        return outputs / experiment / self.dataset / self.scale / f"seed={seed}"

    def first(self, experiment: str) -> int:
        """The first seed that the reference does not have."""
        kept = reference.read(reference.Name(experiment, self.dataset, self.scale))
        return 1 + max((seed for run in kept for seed in run.seeds), default=-1)

    def run(self, code: Path, *words: str) -> int:
        """The exit code of `python run.py` in a copy of the code; its output goes beside that."""
        words = (*words, f"scale={self.scale}", f"dataset={self.dataset}", "threads=1")
        variables = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        with code.with_suffix(".log").open("w") as log:
            return subprocess.run(
                [sys.executable, "run.py", *words],
                cwd=code, env=variables, stdout=log, stderr=subprocess.STDOUT, check=False,
            ).returncode  # fmt: skip


class Fault(NamedTuple):
    """One fault.

    only: the artefacts that it touches; why: what is wrong.
    """

    name: str
    why: str
    experiment: str
    only: list[str]
    edits: list[Edit]


def faults() -> list[Fault]:
    """The list, in its order."""
    found: dict[str, Any] = yaml.safe_load(FAULTS.read_text(encoding="utf-8"))
    return [
        Fault(name, each["why"], each["experiment"], each["only"], [*_edits(each["edits"])])
        for name, each in found.items()
    ]


def _edits(found: list[dict[str, str]]) -> list[Edit]:
    return [Edit(**each) for each in found]


def frozen(place: Place) -> Path:
    """The code as it was at the first call, so that it can be changed while this goes on."""
    code = place.folder / "code"
    if not code.is_dir():
        for name in COPIED:
            there = code.with_suffix(".aside") / name
            there.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, there, ignore=ignored, dirs_exist_ok=True)
            else:
                shutil.copy(ROOT / name, there)
        code.with_suffix(".aside").rename(code)
    return code


def finished(folder: Path) -> bool:
    """Whether a run came to its end."""
    return (folder / "report.html").is_file()


def make_seeds(place: Place, experiment: str, count: int, only: Sequence[str]) -> None:
    """The new seeds that are not there yet, in one process."""
    seeds = _new(place, experiment, count)
    left = [seed for seed in seeds if not finished(place.of_run(place.outputs, experiment, seed))]
    if left:
        words = [f"only=[{','.join(only)}]", f"seed={','.join(map(str, left))}"]
        place.run(
            frozen(place), "-m", f"experiment={experiment}", *words, f"outputs={place.outputs}"
        )


def _new(place: Place, experiment: str, count: int) -> range:
    first = place.first(experiment)
    return range(first, first + count)


def make_fault(place: Place, fault: Fault) -> None:
    """The run with a fault, unless it is there; networks and attacks that it leaves as they are
    come from the store of the new seeds."""
    outputs = place.of_fault(fault)
    if (outputs / "ended").is_file():
        return
    code = outputs / "code"
    shutil.rmtree(code, ignore_errors=True)
    shutil.copytree(frozen(place), code)
    for edit in fault.edits:
        (code / edit.file).write_text(edit.edited(frozen(place)), encoding="utf-8")
    ended = place.run(
        code, f"experiment={fault.experiment}", f"only=[{','.join(fault.only)}]",
        f"seed={place.first(fault.experiment)}", f"outputs={outputs}",
        f"store={place.outputs / 'cache'}",
    )  # fmt: skip
    (outputs / "ended").write_text(f"{ended}\n")
    shutil.rmtree(code)


def checked(folder: Path) -> further.Check:
    """As `python -m reproduce.check` does it."""
    kept = results_json.read(folder)
    return further.check(kept, reference.of(kept, read_config(folder)))


def tell_seeds(place: Place, experiments: Sequence[str], count: int) -> None:
    """False alarms, of runs and of cells."""
    runs, alarms, cells, outside = 0, 0, 0, 0
    for experiment in experiments:
        for seed in _new(place, experiment, count):
            folder = place.of_run(place.outputs, experiment, seed)
            if not finished(folder):
                continue
            found = checked(folder)
            runs, alarms = runs + 1, alarms + bool(found.outside)
            cells += len(found.inside) + len(found.outside)
            outside += len(found.outside)
            for cell in found.outside:
                print(f"  {experiment}, seed {seed}: {cell.artefact}, {cell.row}, {cell.column}")
    print(f"False alarms: {alarms} of {runs} runs, {outside} of {cells} cells.")


def tell_faults(place: Place, chosen: Sequence[Fault]) -> None:
    """How many are found, and by what."""
    told, found = 0, 0
    for fault in chosen:
        outputs = place.of_fault(fault)
        if not (outputs / "ended").is_file():
            continue
        told += 1
        if (outputs / "ended").read_text().strip() != "0":
            found, text = found + 1, "the run ends with an error"
        else:
            first = place.first(fault.experiment)
            beside = checked(place.of_run(outputs, fault.experiment, first))
            found, text = found + bool(beside.outside), str(beside)
        print(f"  {fault.name}: {text}")
    print(f"Faults: {found} of {told} found.")


def main() -> None:
    """Makes and tells what was asked for."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    listed = {fault.name: fault for fault in faults()}
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--scale", default="smoke")
    parser.add_argument("--dataset", default="mnist_5k")
    parser.add_argument("--faults", nargs="+", choices=listed, default=[*listed], metavar="NAME")
    parser.add_argument("--tell", action="store_true")
    given = parser.parse_args()
    place = Place(given.folder.resolve(), given.scale, given.dataset)
    chosen = [listed[name] for name in given.faults]
    touched: dict[str, dict[str, None]] = {}  # artefacts by experiment, in the order of the list
    for fault in chosen:
        touched.setdefault(fault.experiment, {}).update(dict.fromkeys(fault.only))
    if not given.tell:
        for experiment, artefacts in touched.items():
            make_seeds(place, experiment, given.seeds, [*artefacts])
            for fault in chosen:
                if fault.experiment == experiment:
                    make_fault(place, fault)
    tell_seeds(place, [*touched], given.seeds)
    tell_faults(place, chosen)


if __name__ == "__main__":
    main()
