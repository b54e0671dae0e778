"""Puts each fault of the list into a copy of the tree and asks the tests whether they notice.

python -m tests.mutation.run                       all, by one job
python -m tests.mutation.run --jobs 2 --only report nguyen    some: parts of names or of files
python -m tests.mutation.run --baseline            the same tests without a fault, which pass
python -m tests.mutation.run --score               what the kept outcomes say
python -m tests.mutation.run --page docs/reference/mutation.md      the same as a page

Outcomes are kept in a file; what was killed is not tried again until the fault changes, or with
--again. TensorFlow is imported once, and each mutant has a process that is forked from there.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.mutation.mutants import ROOT, Mutant, mutants

OUTCOMES = ROOT / "outputs" / "mutation.json"
LIMIT = 300  # seconds of a mutant's tests, after which it counts as noticed
# pytest's exit codes. An error while tests are collected, 2, is a fault that nothing could miss.
NOTICED = {0: "survived", 1: "killed", 2: "broken", 4: "no tests", 5: "no tests"}
_moments = itertools.count(int(time.time()) - 10**6, 10)


def main() -> int:
    arguments = _arguments()
    listed = mutants()
    chosen = [
        mutant
        for mutant in listed
        if not arguments.only
        or any(part in mutant.name or part in mutant.file for part in arguments.only)
    ]
    kept = json.loads(arguments.outcomes.read_text()) if arguments.outcomes.is_file() else {}
    if arguments.page:
        arguments.page.write_text(_page(listed, kept), encoding="utf-8")
    if arguments.score or arguments.page:
        return _score(listed, kept)
    if arguments.baseline:
        tests = dict.fromkeys(each.tests for each in chosen)
        chosen = [Mutant(test, "reproduce/__init__.py", "", "", test, "no fault") for test in tests]
    waiting = [
        mutant
        for mutant in chosen
        if arguments.again or kept.get(_key(mutant), {}).get("outcome") != "killed"
    ]
    _warm()
    with tempfile.TemporaryDirectory() as folder:
        trees = [Path(folder) / str(job) for job in range(arguments.jobs)]
        for tree in trees:
            _copy(tree)
        for mutant, outcome, seconds in _outcomes(waiting, trees):
            print(f"{outcome:9} {seconds:5.1f} s  {mutant.name:16} {mutant.file}: {mutant.why}")
            if outcome != "killed":
                sys.stdout.flush()
            if not arguments.baseline:
                kept[_key(mutant)] = {"name": mutant.name, "outcome": outcome, "seconds": seconds}
                arguments.outcomes.parent.mkdir(parents=True, exist_ok=True)
                arguments.outcomes.write_text(json.dumps(kept, indent=1))
    return 0 if arguments.baseline else _score(listed, kept)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], help="parts of names or of files")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--outcomes", type=Path, default=OUTCOMES)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--baseline", action="store_true")
    parser.add_argument("--score", action="store_true")
    parser.add_argument("--page", type=Path, help="Markdown that is written")
    return parser.parse_args()


def _key(mutant: Mutant) -> str:
    """What an outcome belongs to, wherever in the list the mutant stands."""
    return json.dumps([mutant.file, mutant.old, mutant.new])


def _found(listed: list[Mutant], kept: dict[str, Any]) -> dict[Mutant, str]:
    """What became of each; a mutant whose tests were not there was not run."""
    outcomes = {mutant: kept.get(_key(mutant), {}).get("outcome") for mutant in listed}
    return {m: each if each and each != "no tests" else "not run" for m, each in outcomes.items()}


def _page(listed: list[Mutant], kept: dict[str, Any]) -> str:
    """The score by folder, and what survives."""
    found = _found(listed, kept)
    rooms = dict.fromkeys(mutant.name.partition(":")[0] for mutant in listed)
    lines = [
        "# Would the tests notice?",
        "",
        "Faults by hand in every folder of `reproduce/`, each with the tests that should fail: a "
        "constant of the paper, a seed that is shared, a rule turned round. The lists are "
        "`tests/mutation/*.yaml`; a test of the suite holds that each still fits the code. "
        "`python -m tests.mutation.run --jobs 2` puts them one by one into a copy of the tree and "
        "runs those tests (by hand: an hour or two of two cores; stopped, it goes on); "
        "`--only nguyen` tries some, `--baseline` runs the same tests without a fault. This page "
        "is made by `--page docs/reference/mutation.md`.",
        "",
        "| list | faults | killed | survived | not run | score |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for room in [*rooms, "all"]:
        some = [o for m, o in found.items() if room in ("all", m.name.partition(":")[0])]
        killed, waiting = some.count("killed"), some.count("not run")
        tried = len(some) - waiting
        score = f"{killed / tried:.1%}" if tried else ""
        lines.append(
            f"| {room} | {len(some)} | {killed} | {tried - killed} | {waiting} | {score} |"
        )
    lines += ["", "## What survives, and why", ""]
    for mutant, outcome in found.items():
        if outcome not in ("killed", "not run"):
            reason = mutant.survives or "No test notices it yet."
            lines.append(f"- `{mutant.file}`: {mutant.why}. {reason}")
    return "\n".join(lines) + "\n"


def _score(listed: list[Mutant], kept: dict[str, Any]) -> int:
    found = _found(listed, kept)
    for mutant, outcome in found.items():
        if outcome not in ("killed", "not run"):
            print(f"{outcome}: {mutant.name} {mutant.file}: {mutant.why}")
            print(f"    {mutant.survives}" if mutant.survives else "    no reason is listed")
    count = Counter(found.values())
    run = len(listed) - count["not run"]
    print(", ".join(f"{number} {outcome}" for outcome, number in sorted(count.items())))
    print(f"{count['killed']} of {run} killed: {count['killed'] / max(1, run):.1%}")
    unexplained = [
        mutant
        for mutant, outcome in found.items()
        if outcome not in ("killed", "not run") and not mutant.survives
    ]
    return 1 if unexplained else 0


def _warm() -> None:
    """Imports what the tests need and the mutants do not touch."""
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "Agg"}
    for name in ("keras", "matplotlib.pyplot", "pytest", "scipy.stats", "sklearn.linear_model"):
        importlib.import_module(name)


def _copy(tree: Path) -> None:
    """The files that git knows or would take, without those that are ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    for name in names.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)


def _outcomes(waiting: list[Mutant], trees: list[Path]) -> Any:
    """(mutant, outcome, seconds), as they end; a tree holds one fault at a time."""
    queue, free = list(waiting), list(trees)
    running: dict[int, tuple[Mutant, Path, str, float]] = {}
    while queue or running:
        while queue and free:
            mutant, tree = queue.pop(0), free.pop()
            original = (tree / mutant.file).read_text(encoding="utf-8")
            _write(tree / mutant.file, mutant.mutated(tree) if mutant.old else original)
            running[_start(mutant, tree)] = mutant, tree, original, time.monotonic()
        child, status = os.wait()
        mutant, tree, original, started = running.pop(child)
        _write(tree / mutant.file, original)
        free.append(tree)
        outcome = "killed"  # by the limit, or by a crash
        if os.WIFEXITED(status):
            outcome = NOTICED.get(os.WEXITSTATUS(status), "broken")
        yield mutant, outcome, round(time.monotonic() - started, 1)


def _write(file: Path, text: str) -> None:
    """With a time that the file never had: compiled files are known by time and size alone."""
    file.write_text(text, encoding="utf-8")
    moment = next(_moments)
    os.utime(file, (moment, moment))


def _start(mutant: Mutant, tree: Path) -> int:
    """Forks a process that runs the mutant's tests in the tree; its number."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    import pytest

    signal.alarm(LIMIT if mutant.old else 0)
    os.chdir(tree)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("reproduce", "tests")]:
        del sys.modules[name]
    sys.path[:] = [str(tree), *(path for path in sys.path if Path(path or ".").resolve() != ROOT)]
    os.environ["PYTHONPATH"] = str(tree)
    log = os.open(tree / "mutant.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os._exit(int(pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *mutant.selection])))


if __name__ == "__main__":
    sys.exit(main())
