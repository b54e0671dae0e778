"""What a run was made with: its configuration, and the versions of what computed it."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from reproduce.runtime.cores import CORES
from reproduce.runtime.places import ROOT

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "matplotlib")
# What says where and how a run goes, or describes it, and changes no number.
PRACTICAL = (
    "only",
    "threads",
    "outputs",
    "store",
    "released",
    "tensorboard",
    "hydra",
    "departures",
    "settings",
)


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration a run was made with; empty where it is not known."""
    saved = folder / "config.yaml"
    config = OmegaConf.to_container(OmegaConf.load(saved)) if saved.is_file() else {}
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def changing(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration can change a number."""
    return {key: value for key, value in config.items() if key not in PRACTICAL}


def shared(config: Mapping[str, Any]) -> dict[str, Any]:
    """What all artefacts have in common of a configuration."""
    return {key: value for key, value in changing(config).items() if key != "artefacts"}


def versions() -> dict[str, str]:
    """Of Python, of the packages that make numbers, and of this repository; the processor."""
    found = {"python": platform.python_version(), "processor": _processor()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    commit = _commit()
    return {**found, "reproduce": commit} if commit else found


@cache
def _processor() -> str:
    """Its model where the system tells it, with the number of its cores."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.processor()
    return f"{model or platform.machine()}, {len(CORES)} cores"


@cache
def _commit() -> str | None:
    """As git describes it; None where the package lies outside of a checkout of its own."""
    if not (ROOT / ".git").exists():
        return None
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip()
