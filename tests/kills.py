"""Kills runs at random moments and looks at what is left. By hand: it takes minutes.

    python tests/kills.py --kind run evolution retraining sweep --kills 50

A kind is first run to its end. Then it is started in an empty folder and gets SIGKILL after a
random part of the processor time that took, is started again by the same command, and so on until
it has come to its end, which begins the next empty folder. After each kill:

- Nothing finished is lost. What the store held whole stands there untouched, no evolution has gone
  behind its last checkpoint, no artefact has left results.json.
- The digits are those of the run that nothing killed.
- Ten seconds later no process that the command started is left.

A sweep loses workers as well, and has to come to its end in spite of that.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).parents[1]
MARK = "REPRODUCE_KILLS"  # in the environment of every process that a start has
ORPHANS_AFTER = 10.0  # seconds
LONGEST = 600.0  # seconds of one start
TICK = 0.1
CLOCK = os.sysconf("SC_CLK_TCK")
SMALL = (
    "scale=smoke", "dataset=mnist_5k", "examples=300", "scale.effort=0.02", "scale.least_steps=0",
    "threads=1",
)  # fmt: skip
ATTACK = ("scale.szegedy.images=4", "attack.searches=3", "attack.iterations=20")
COMMANDS = {
    "run": ("experiment=szegedy", "only=[figure7,table2]", *ATTACK),
    "evolution": (
        "experiment=nguyen", "only=[figure4,figure5]", "scale.nguyen.runs=1",
        "scale.nguyen.generations=60",
    ),
    "retraining": (
        "experiment=nguyen", "only=[figure11]", "scale.nguyen.networks=3",
        "scale.nguyen.retraining_runs=1", "scale.nguyen.retraining_generations=30",
        "scale.nguyen.retraining_images=20",
    ),
    "sweep": (
        "-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=0,1,2",
        "experiment=szegedy", "networks=decay", "only=[figure7]", *ATTACK,
    ),
}  # fmt: skip
# Whatever says so has lost something.
LOSSES = ("is damaged", "is made again", "cannot be used", "could not be written", "not kept",
          "Traceback", "failed:")  # fmt: skip


class Left(NamedTuple):
    """What a folder of outputs holds at one moment.

    entries: of the store, with the inode of the record that is written last.
    checkpoints: the furthest generation of each unfinished evolution.
    artefacts: of each results.json, without what differs from run to run.
    """

    entries: dict[str, int]
    checkpoints: dict[str, str]
    artefacts: dict[str, Any]


def left_in(outputs: Path) -> Left:
    """What stands there now."""
    store = outputs / "cache"
    entries = {
        file.parent.name: file.stat().st_ino
        for file in store.glob("*/recipe.json")
        if not file.parent.suffix
    }
    checkpoints = {
        folder.parent.name: folder.name
        for folder in sorted(store.glob("*.unfinished/generation-*"))
    }
    artefacts = {}
    for file in outputs.rglob("results.json"):
        content = json.loads(file.read_text())
        for name in content["artefacts"]:
            key = f"{file.parent.relative_to(outputs)} {name}"
            artefacts[key] = [
                [each for each in content[part] if each["artefact"] == name]
                for part in ("cells", "claims")
            ]
    return Left(entries, checkpoints, artefacts)


def lost(before: Left, after: Left) -> Iterator[str]:
    """What stood there before and does no more."""
    for entry, inode in before.entries.items():
        if after.entries.get(entry) != inode:
            yield f"store entry {entry}"
    for key, generation in before.checkpoints.items():
        made = key.removesuffix(".unfinished") in after.entries
        if not made and after.checkpoints.get(key, "") < generation:
            yield f"checkpoint {key}/{generation}"
    for key, content in before.artefacts.items():
        if after.artefacts.get(key) != content:
            yield f"artefact {key}"


class Start:
    """One start of a command, and every process that comes of it."""

    def __init__(self, kind: str, outputs: Path) -> None:
        self.token = f"{os.getpid()}-{time.monotonic_ns()}"
        self.log = outputs.with_name(f"{outputs.name}.{self.token}.log")
        words = [*COMMANDS[kind], *SMALL, f'outputs="{outputs}"']
        with self.log.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "run.py", *words], cwd=ROOT, stdout=file, stderr=file,
                env=os.environ | {MARK: self.token}, start_new_session=True,
            )  # fmt: skip
        self.began = time.monotonic()

    def processes(self) -> dict[int, float]:
        """Those alive, with the seconds of processor time of each."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.token}".encode() in (folder / "environ").read_bytes():
                    state, *fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                    if state != "Z":
                        found[int(folder.name)] = (int(fields[10]) + int(fields[11])) / CLOCK
            except OSError:  # it has just ended, or is another's
                continue
        return found

    def workers(self) -> list[int]:
        """Processes that joblib started for jobs."""
        return [
            pid
            for pid in self.processes()
            if pid != self.process.pid and b"popen_loky" in _command_line(pid)
        ]

    def until(self, seconds: float) -> float | None:
        """Waits for so much processor time; None where the command ended before."""
        while self.process.poll() is None:
            used = sum(self.processes().values())
            if used >= seconds:
                return used
            if time.monotonic() - self.began > LONGEST:
                raise TimeoutError(f"{self.log}: no end after {LONGEST:g} seconds")
            time.sleep(TICK)
        return None

    def said(self) -> list[str]:
        """Lines that tell of a loss."""
        return [
            line for line in self.log.read_text().splitlines() if any(x in line for x in LOSSES)
        ]


class Trial:
    """Kills of one kind, and what they cost."""

    def __init__(self, kind: str, folder: Path, seed: int) -> None:
        self.kind, self.folder = kind, folder
        self.rng = np.random.default_rng(seed)
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.killed: list[tuple[float, Start]] = []
        outputs, used = folder / f"{kind}-unkilled", 0.0
        start = Start(kind, outputs)
        begins = 0.0  # what comes first is Python's and TensorFlow's own start
        while (now := start.until(used + 0.01)) is not None:
            used = now
            begins = begins if any(outputs.rglob("run.log")) else used
        if start.process.returncode:
            raise RuntimeError(f"{start.log}: the command fails though nothing kills it")
        self.right = left_in(outputs).artefacts
        self.span = (0.5 * begins, used)

    def run(self, kills: int, until: float) -> None:
        """So many kills, fewer where the time is over, and then a last end."""
        turn = 0
        while self.counts["kills"] < kills and time.monotonic() < until:
            turn += 1
            outputs, before = self.folder / f"{self.kind}-{turn}", Left({}, {}, {})
            while True:
                going_on = self.counts["kills"] < kills and time.monotonic() < until
                start = Start(self.kind, outputs)
                ended = self._one(start, going_on)
                after = left_in(outputs)
                self._fault(start, lost(before, after))
                self._fault(start, start.said())
                before = after
                self._orphans(wait=False)
                if ended:
                    break
            self.counts["ends"] += 1
            if start.process.returncode:
                self._fault(start, [f"exit code {start.process.returncode}"])
            if after.artefacts != self.right:
                self._fault(start, ["other digits than of the run that nothing killed"])
        self._orphans(wait=True)

    def _one(self, start: Start, killing: bool) -> bool:
        """One start; whether it came to its end."""
        victims = ["parent"]
        if self.kind == "sweep":
            victims = [["parent"], ["worker"], ["worker", "parent"]][self.rng.integers(3)]
        moments = np.sort(self.rng.uniform(*self.span, size=len(victims)))
        for moment, victim in zip(moments, victims if killing else (), strict=False):
            if start.until(float(moment)) is None:
                break
            workers = start.workers() if victim == "worker" else []
            if victim == "worker" and not workers:
                continue
            pid = int(self.rng.choice(workers)) if workers else start.process.pid
            os.kill(pid, signal.SIGKILL)
            self.counts["kills"] += 1
            self.counts[victim] += 1
            if victim == "parent":
                start.process.wait()
                self.killed.append((time.monotonic(), start))
                return False
        start.until(np.inf)
        return True

    def _orphans(self, wait: bool) -> None:
        """Looks at the killed ones whose ten seconds are over."""
        while self.killed:
            at, start = self.killed[0]
            rest = at + ORPHANS_AFTER - time.monotonic()
            if rest > 0 and not wait:
                return
            time.sleep(max(0.0, rest))
            del self.killed[0]
            self.counts["looked for orphans"] += 1
            for pid in start.processes():
                self._fault(start, [f"orphan {pid}: {_command_line(pid)[:80]!r}"])
                os.kill(pid, signal.SIGKILL)

    def _fault(self, start: Start, lines: Iterator[str] | list[str]) -> None:
        for line in lines:
            self.faults.append(line)
            print(f"  {self.kind}: {line} ({start.log})", flush=True)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kind", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--kills", type=int, default=50, help="of each kind")
    parser.add_argument("--minutes", type=float, default=np.inf, help="at most, of each kind")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    faults = 0
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    print(f"folders and logs: {folder}", flush=True)
    for kind in given.kind:
        trial = Trial(kind, folder, given.seed)
        trial.run(given.kills, time.monotonic() + 60 * given.minutes)
        print(f"{kind}: {dict(trial.counts)}, {len(trial.faults)} faults", flush=True)
        faults += len(trial.faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
