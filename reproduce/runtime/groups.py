"""Whether groups of options are still groups, with all that belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig

from reproduce.runtime.errors import UserError
from reproduce.runtime.leaves import is_interpolated, plain, resolved
from reproduce.runtime.ranges import shown
from reproduce.runtime.signatures import parameters

LISTS = ("artefacts", "networks")  # what may be taken out of them, or put in


def check_groups(config: DictConfig, usual: DictConfig) -> None:
    """Nothing is left out but artefacts and networks, each of which is a call; groups stay so.

    Of a call whose _target_ is another one, arguments may be left out: that one may not take them.

    Args:
        config: as composed.
        usual: the same choices with every value as conf/ sets it.

    Raises:
        UserError: names the first that is left out, or is no group.
    """
    _check(plain(config), plain(usual), "", config, usual)


def _check(
    node: Mapping[str, Any],
    wanted: Mapping[str, Any],
    above: str,
    config: DictConfig,
    usual: DictConfig,
) -> None:
    listed = above in LISTS and "_target_" not in wanted
    other = "_target_" in node and node["_target_"] != wanted.get("_target_")
    for key, value in wanted.items():
        name = f"{above}.{key}" if above else key
        here = node.get(key, "???")
        if here == "???" and not listed and not other:
            raise UserError(f"{name} cannot be left out.")
        if here != "???" and is_interpolated(value) and here != value:
            _check_named(here, name, config, usual)
        if not isinstance(value, Mapping) or not value:
            continue
        if isinstance(here, Mapping):
            _check(here, value, name, config, usual)
        elif here != "???" and not isinstance(resolved(config, name), Mapping):
            raise UserError(f"{name} is a group of options, got {shown(here)}.")
    if other:
        _check_arguments(node, above)
    for key in node if listed else ():
        _check_call(node[key], f"{above}.{key}")


def _check_arguments(node: Mapping[str, Any], name: str) -> None:
    """Another function takes the arguments that are still there."""
    known = parameters(str(node["_target_"]))
    if known is None:
        return
    for key in node:
        if not key.startswith("_") and key not in known:
            target = node["_target_"]
            raise UserError(f"{target} takes no {key}: leave it out, '~{name}.{key}'.")


def _check_named(here: Any, name: str, config: DictConfig, usual: DictConfig) -> None:
    """What stands in the place of the name of a group is a group that holds the same."""
    wanted = resolved(usual, name)
    if not isinstance(wanted, Mapping):
        return
    value = resolved(config, name)
    if not isinstance(value, Mapping):
        raise UserError(f"{name} is a group of options, got {shown(here)}.")
    if "_target_" in wanted:
        _check_call(value, name)
    elif all(_is_call(each) for each in wanted.values()):
        for key, each in value.items():
            _check_call(each, f"{name}.{key}")
    else:
        _check(value, wanted, name, config, usual)


def _check_call(value: Any, name: str) -> None:
    if not _is_call(value):
        raise UserError(f"{name} is a call, with a _target_, got {shown(value)}.")


def _is_call(value: Any) -> bool:
    return isinstance(value, Mapping) and "_target_" in value
