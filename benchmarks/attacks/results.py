"""The results of a benchmark: what is kept of its pieces, with the versions; no TensorFlow."""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.attacks import figure, tables

VERSIONS = ("tensorflow", "keras", "numpy", "scipy", "torch", "adv-lib", "foolbox",
            "adversarial-robustness-toolbox", "numba")  # fmt: skip
DESCRIPTION = "network.json"  # beside the pieces of a network


def collected(folder: Path, networks: Sequence[str]) -> dict[str, Any]:
    """All kept pieces of these networks, of one run or of several.

    Left out are pieces of other weights, images or targets than the network's last ones; pieces
    made by older code stay, and `tables.commits` tells them.
    """
    described, pieces = {}, []
    for name in networks:
        if not (folder / name / DESCRIPTION).exists():
            continue
        described[name] = json.loads((folder / name / DESCRIPTION).read_text())
        files = sorted((folder / name).glob("*-*.json"))
        kept = [json.loads(file.read_text()) for file in files]
        kept = [each for each in kept if each["problem"] == described[name]["problem"]]
        pieces += [{name: value for name, value in each.items() if name != "key"} for each in kept]
    return {
        "date": today(), "machine": _machine(), "versions": _versions(), "networks": described,
        "pieces": sorted(pieces, key=_order),
    }  # fmt: skip


def today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _order(each: dict[str, Any]) -> tuple[Any, ...]:
    """This package's attacks first, tau = 16 before 128."""
    name = each["attack"]
    return (each["network"], each["wants"] != "targets", each["package"], len(name), name,
            each["budget"])  # fmt: skip


def write(results: dict[str, Any], folder: Path) -> Path:
    """JSON, CSV, tables and figure of a date, whose common path is returned without suffix."""
    folder.mkdir(parents=True, exist_ok=True)
    base = folder / f"attack-{results['date']}"
    base.with_suffix(".json").write_text(json.dumps(results) + "\n")
    tables.write_csv(results, base.with_suffix(".csv"))
    figure.figure(results, base.with_suffix(".png"))
    base.with_suffix(".md").write_text(tables.whole(results))
    return base


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
