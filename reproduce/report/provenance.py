"""What a run was made with: its configuration, and the versions of what computed it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from reproduce.runtime import code
from reproduce.runtime.cores import CORES
from reproduce.runtime.digests import sha256_of, sha256_of_file
from reproduce.runtime.errors import UserError
from reproduce.runtime.places import PACKAGE, ROOT
from reproduce.runtime.practical import DATA, PLACES_OF_DATA, PRACTICAL

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


def flat(config: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """{'attack': {'tau': 1}} -> {'attack.tau': 1}."""
    flattened: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flattened |= flat(value, f"{above}{key}.")
        else:
            flattened[f"{above}{key}"] = value
    return flattened


def files(config: Mapping[str, Any]) -> dict[str, Any]:
    """Digests of the files that a configuration names, by option: trained networks, texts.

    A folder counts where the option is a `path`, and the module's file in `module:function`.
    What the data set is read from has its own digest.
    """
    without = [*DESCRIBING, *PRACTICAL, *DATA]
    chosen = {key: value for key, value in config.items() if key not in without}
    found = {}
    for key, value in flat(chosen).items():
        digests = [_content(each, key) for each in (value if isinstance(value, list) else [value])]
        if any(digests):
            found[key] = digests if isinstance(value, list) else digests[0]
    return found


def _content(named: Any, key: str) -> str | None:
    """Of a file or a folder; None for what names none."""
    if not isinstance(named, str):
        return None
    place = os.path.expanduser(named)
    if os.path.isfile(place):
        return sha256_of_file(Path(place))[:16]
    if key.rpartition(".")[2] != "path":
        return None
    if os.path.isdir(place):
        inside = sorted(path for path in Path(place).rglob("*") if path.is_file())
        each = [[str(path.relative_to(place)), sha256_of_file(path)] for path in inside]
        return sha256_of(each)[:16]
    if re.fullmatch(r"[\w.]+:[\w.]+", named):
        with contextlib.suppress(ImportError, ValueError):
            module = importlib.util.find_spec(named.partition(":")[0])
            return _content(module.origin, "") if module else None
    return None


def source(config: Mapping[str, Any]) -> str:
    """A digest of the package, and of what the configuration calls of a user's own modules."""
    called = [value for key, value in flat(config).items() if key.rpartition(".")[2] == "_target_"]
    further = [name for name in called if name.partition(".")[0] != PACKAGE.name]
    return sha256_of([_package(), code.reached(further)])[:16]


@cache
def _package() -> list[str]:
    """Digests of all modules as the process began with them, and of the published numbers."""
    data = sorted(PACKAGE.rglob("*.yaml"))
    return [*code.everything().values(), *map(sha256_of_file, data)]


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
