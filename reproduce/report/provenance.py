"""What a run was made with: its configuration, and the versions of what computed it."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from reproduce.runtime.cores import CORES
from reproduce.runtime.errors import UserError
from reproduce.runtime.places import ROOT
from reproduce.runtime.practical import PLACES_OF_DATA, PRACTICAL

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "matplotlib")
LARGEST_CONFIG, DEEPEST_CONFIG = 1_000_000, 50  # bytes, and nested blocks; a run has 30,000 and 8
DESCRIBING = ("hydra", "departures", "settings")  # keys that describe a run


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration a run was made with; empty where it is not known.

    Raises:
        UserError: the file is none that a run writes.
    """
    saved = folder / "config.yaml"
    if not saved.is_file():
        return {}
    try:
        if saved.stat().st_size > LARGEST_CONFIG:
            raise ValueError("it is too large")
        text = saved.read_text(encoding="utf-8")
        _check_yaml(text)
        config = OmegaConf.to_container(OmegaConf.create(text))
        if not isinstance(config, dict):
            raise ValueError("it is a list")
    except (ValueError, RuntimeError, yaml.YAMLError, OmegaConfBaseException) as error:
        raise UserError(
            f"{saved} is not the configuration of a run ({' '.join(str(error).split()):.200}): "
            "remove it, or run the experiment again."
        ) from error
    return {str(key): value for key, value in config.items()}


def _check_yaml(text: str) -> None:
    """Refuses what takes more time or memory to read than the file is long; a run writes none."""
    depth = 0
    for token in yaml.scan(text):
        kind = type(token).__name__
        depth += kind.endswith("StartToken") - kind.endswith("EndToken")
        if isinstance(token, yaml.AliasToken):
            raise ValueError("it has aliases")
        if depth > DEEPEST_CONFIG:
            raise ValueError("it is too deep")


def changing(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration can change a number, but where the data lie: they have a digest."""
    without = {*PRACTICAL, *DESCRIBING, *PLACES_OF_DATA}
    kept = {key: value for key, value in config.items() if key not in without}
    data = kept.get("dataset")
    if isinstance(data, Mapping):
        data = {key: value for key, value in data.items() if f"dataset.{key}" not in without}
        kept["dataset"] = data
    return kept


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
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
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
