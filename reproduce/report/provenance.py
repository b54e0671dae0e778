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

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "matplotlib")
# What says where and how a run goes, or describes it, and changes no number.
PRACTICAL = ("only", "threads", "outputs", "store", "tensorboard", "hydra", "departures")


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
    """Of Python, of the packages that make numbers, and of this repository."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    commit = _commit()
    return {**found, "reproduce": commit} if commit else found


@cache
def _commit() -> str | None:
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip()
