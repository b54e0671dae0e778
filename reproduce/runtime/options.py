"""Whether the options of a run can be meant, checked before TensorFlow is imported.

What departs from the presets of an experiment is found here too.
"""

from __future__ import annotations

import difflib
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from reproduce.runtime.cli_help import explanations, summary, with_nearest
from reproduce.runtime.errors import UserError
from reproduce.runtime.groups import check_groups
from reproduce.runtime.leaves import leaves, plain, resolved, sources
from reproduce.runtime.places import ADDED, CONF
from reproduce.runtime.practical import DATA, PRACTICAL
from reproduce.runtime.ranges import NEW, declared, kind, misfit, shown
from reproduce.runtime.signatures import parameters

# What tells no two runs apart besides their seed and data, and what a run's header says as well.
NO_SETTING = re.compile(rf"({'|'.join([*PRACTICAL, *DATA, 'seed', 'departures'])})(\.|$)")
OTHERWISE = re.compile(r"(?i)true|false|null|[-+]?\d[\d.e+-]*")  # texts that look like no text
NO_DEPARTURE = re.compile(rf"{NO_SETTING.pattern}|examples$")


def composed(words: Sequence[str]) -> DictConfig:
    """The configuration of a command's options, Hydra's own part included."""
    running = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return compose("config", overrides=list(words), return_hydra_config=True)
    finally:
        GlobalHydra.instance().hydra = running


def check(config: DictConfig, words: Sequence[str]) -> None:
    """Refuses the first option that cannot be meant.

    Args:
        config: as composed.
        words: the options that were typed.

    Raises:
        UserError: names the option, what it may be, and what came.
    """
    usual = _usual(words)
    check_groups(config, usual)
    explained = explanations(OmegaConf.to_container(usual.hydra.runtime.choices))  # type: ignore[arg-type]
    plain_usual = dict(leaves(plain(usual)))
    for key, default in _changed(config, usual):
        if key.partition(".")[0] == "only":
            continue
        value = resolved(config, key)
        default = _added(config, usual, key) if default is NEW else resolved(usual, key)
        comment = _comment(plain_usual, key, explained)
        expected = misfit(value, default, declared(comment))
        if isinstance(value, list) and default is None and "list" not in comment:
            expected = kind(default, declared(comment)) + " or null"
        if expected:
            raise UserError(f"{key} is {expected}, got {_got(key, value, expected)}.")
    chosen(resolved(config, "only"), list(config.get("artefacts") or ()))
    _check_engine(config)
    _check_places(config)


def chosen(only: Any, artefacts: Sequence[str]) -> list[str] | None:
    """The artefacts that `only` names, each once; None for all of them."""
    if only is None:
        return None
    names = [only] if isinstance(only, str) else only
    if isinstance(names, Mapping) or not isinstance(names, Sequence):
        raise UserError(f"only is a list of artefacts, got {only}: 'only=[{artefacts[0]}]'.")
    if not names:
        raise UserError(f"only=[] names no artefact: there are {', '.join(artefacts)}.")
    if [each for each in names if isinstance(each, str) and "," in each.strip("[]")]:
        raise UserError(f"artefacts are listed in brackets, 'only=[a,b]', got {shown(only)}.")
    for name in names:
        if name not in artefacts:
            near = difflib.get_close_matches(str(name), artefacts, n=1, cutoff=0.4)
            hint = f"the nearest is {near[0]}; " if near else ""
            raise UserError(f"no artefact {name}: {hint}there are {', '.join(artefacts)}.")
    return list(dict.fromkeys(names))


def departures(config: DictConfig, words: Sequence[str]) -> list[str]:
    """Every setting that is not the preset of its experiment, one sentence each.

    A scale's counts are none, since the tables show them, nor are data, which the header names.
    """
    usual = _usual(words)
    choices = OmegaConf.to_container(usual.hydra.runtime.choices)
    assert isinstance(choices, dict)
    preset = _preset(str(choices["experiment"]), str(choices["scale"])).hydra.runtime.choices
    told = [
        f"{group}={name}: {summary(CONF / group / f'{name}.yaml')}."
        if group in ADDED
        else f"{group}={name} in the place of {preset.get(group)}."
        for group, name in _texts(choices).items()
        if not re.match("hydra/|dataset|experiment|sweep|engine|scale$", group)
        and name not in (str(preset.get(group)), "keras", "None")
    ]
    for key, default in _changed(config, usual):
        value = _named_or_resolved(config, key)
        usual_value = default if default is NEW else _named_or_resolved(usual, key)
        if shown(value) == shown(usual_value):
            continue
        count = key.startswith("scale.") and isinstance(value, int | list)
        foreign = key in ("networks.path", "networks.name")
        if not (NO_DEPARTURE.match(key) or count or foreign or key == "scale.effort"):
            instead = "" if default is NEW else f", not {shown(usual_value)}"
            told.append(f"{key} is {shown(value)}{instead}.")
    if config.scale.effort != 1:
        share = config.scale.effort
        told.append(f"Networks are trained for {share:g} of their epochs and iterations.")
    return told


def settings(config: DictConfig, words: Sequence[str]) -> dict[str, str]:
    """The options, and their values, that tell a run from its experiment's at this scale.

    What chooses the data or says where and how a run goes tells nothing apart.
    """
    usual = _usual(words)
    choices = _texts(OmegaConf.to_container(usual.hydra.runtime.choices))  # type: ignore[arg-type]
    preset = _texts(_preset(choices["experiment"], choices["scale"]).hydra.runtime.choices)
    typed = {word.partition("=")[0].lstrip("+") for word in words}
    groups = {
        group: name
        for group, name in choices.items()
        if group in typed
        and not re.match("hydra/|dataset|experiment|engine|scale$", group)
        and name != preset.get(group)
    }
    changed = [key for key, _ in _changed(config, usual) if not NO_SETTING.match(key)]
    return {**groups, **{key: shown(resolved(config, key)) for key in changed}}


def names(words: Sequence[str]) -> list[str]:
    """Every option that a command could set."""
    try:
        config = _usual(words)
    except Exception:  # what was chosen is not known either
        config = composed(())
    paths = [key.split(".") for key, _ in leaves(plain(config))]
    return [".".join(leaf[:depth]) for leaf in paths for depth in range(1, len(leaf) + 1)]


def _texts(choices: Mapping[Any, Any]) -> dict[str, str]:
    return {str(group): str(name) for group, name in choices.items()}


def _usual(words: Sequence[str]) -> DictConfig:
    """The same choices with every value as conf/ sets it."""

    def is_choice(word: str) -> bool:
        group = word.partition("=")[0].lstrip("+").partition("@")[0]
        return (CONF / group).is_dir()

    return _of_choices(tuple(word for word in words if is_choice(word)))


@lru_cache
def _of_choices(words: tuple[str, ...]) -> DictConfig:
    return composed(words)


@lru_cache
def _preset(experiment: str, scale: str) -> DictConfig:
    return composed([f"experiment={experiment}", f"scale={scale}"])


def _changed(config: DictConfig, usual: DictConfig) -> list[tuple[str, Any]]:
    """The options that are not as usual, with their usual values, or NEW."""
    before = dict(leaves(plain(usual)))
    return [
        (key, before.get(key, NEW))
        for key, value in leaves(plain(config))
        if repr(before.get(key, NEW)) != repr(value)
    ]


def _comment(usual: Mapping[str, Any], key: str, explained: Mapping[str, str]) -> str:
    """Of an option, or else of the one that it takes its value from."""
    comment = explained.get(key, "")
    if declared(comment):
        return comment
    further = (_comment(usual, each, explained) for each in sources(usual.get(key)))
    return next((each for each in further if declared(each)), comment)


def _got(key: str, value: Any, expected: str) -> str:
    """What came, and how it is written where it is a text that was meant."""
    if expected == "text" and isinstance(value, bool | int | float):
        return f"{shown(value)}: '{key}=\"{shown(value)}\"'"
    reads_otherwise = isinstance(value, str) and OTHERWISE.fullmatch(value)
    return f'the text "{value}"' if reads_otherwise else shown(value)


def _named_or_resolved(config: DictConfig, key: str) -> Any:
    """A value; of a group that stands for another one, the name as it is written."""
    value = resolved(config, key)
    if not isinstance(value, Mapping) or not value:
        return value
    return dict(leaves(plain(config))).get(key, value)


def _added(config: DictConfig, usual: DictConfig, key: str) -> Any:
    """The default of an added option in the function that takes it; NEW where it is not known."""
    above, _, name = key.rpartition(".")
    node = OmegaConf.select(config, above) if above else config
    target = node.get("_target_") if OmegaConf.is_dict(node) else None
    if target is None and key.split(".")[0] not in ("networks", "artefacts", "models"):
        raise UserError(
            with_nearest(
                f"there is no option {key}", key, [each for each, _ in leaves(plain(usual))]
            )
        )
    known = parameters(target) if target and not name.startswith("_") else None
    if known is None:
        return NEW
    if name not in known:
        raise UserError(
            with_nearest(f"there is no option {key}", key, [f"{above}.{each}" for each in known])
        )
    return known[name] if isinstance(known[name], bool | int | float | str) else NEW


def _check_engine(config: DictConfig) -> None:
    """An engine's options are given with an engine that takes them."""
    name, engine = config.engine.get("name"), config.engine
    key = "workers" if config.workers is not None else "engine.workers"
    if name == "serial" and (workers := OmegaConf.select(config, key)) is not None:
        raise UserError(
            f"{key}={workers} does nothing with engine=serial: engine=local workers={workers} "
            "works in processes of this machine, engine=ray and engine=dask on a cluster as well."
        )
    if name in ("serial", "local") and engine.get("address") is not None:
        raise UserError(
            f"engine.address={engine.address} does nothing with engine={name}: it is of a "
            "cluster, engine=ray or engine=dask."
        )


def _check_places(config: DictConfig) -> None:
    """The folders that a run writes to can be written to."""
    outputs, store = config.outputs, config.store
    for key, place in (("outputs", outputs), ("store", store)):
        if not place.strip():
            raise UserError(f"{key} is a folder, got nothing but blanks.")
        if place.startswith("~"):
            home = place.replace("~", "$HOME", 1)
            raise UserError(f"{key}={place} would be a folder called ~: {key}={home} is meant?")
        if "\0" in place or os.path.isfile(place):
            raise UserError(f"{key} is a folder, and {place!r} is none.")
    try:
        Path(outputs).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=outputs).close()
    except OSError as error:
        place = outputs if len(outputs) < 200 else f"{outputs[:200]}..."
        raise UserError(f"outputs={place} cannot be written to: {error.strerror}.") from error
