"""The calls that the configuration names, under the one rule of conf/: they are partial."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import OmegaConf

from reproduce.runtime.errors import UserError

HYDRA_KEYS = ("_target_", "_partial_", "_args_", "_recursive_", "_convert_")


def made(node: Any) -> Any:
    """What a node of the configuration stands for: records, and calls to be made later.

    A `_target_` inside the node that names a function becomes a `functools.partial`, unless
    `_partial_: false` stands beside it. A record, whose name begins with a capital, is made at
    once, and so is the node's own `_target_`.

    Args:
        node: a node of the composed configuration, or a mapping.

    Raises:
        UserError: as the called function raised it, or where a function that is named anywhere in
            the node does not take an argument. Another error of a called function is its own.
    """
    plain = OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
    assert isinstance(plain, Mapping)
    node = {key: _later(value) for key, value in plain.items()}
    _check_arguments(node)
    try:
        return instantiate(node, _convert_="all")
    except InstantiationException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise


def _check_arguments(node: Any) -> None:
    """Refuses the first argument that the function it is meant for does not take."""
    if isinstance(node, list):
        for each in node:
            _check_arguments(each)
    if not isinstance(node, Mapping):
        return
    for value in node.values():
        _check_arguments(value)
    if "_target_" not in node:
        return
    target = str(node["_target_"])
    try:
        taken = inspect.signature(get_object(target)).parameters
    except Exception as error:  # without a signature, or broken inside, which instantiate words
        if isinstance(error.__cause__, ModuleNotFoundError | AttributeError):
            raise UserError(f"there is no {target} to call: {error.__cause__}.") from error
        return
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()):
        return
    for name in node:
        if str(name) not in taken and name not in HYDRA_KEYS:
            near = difflib.get_close_matches(str(name), taken, n=1, cutoff=0.5)
            hint = f"the nearest is {near[0]}" if near else f"it takes {', '.join(taken)}"
            raise UserError(f"{target} takes no argument {name}: {hint}.")
    if node.get("_partial_") or "_args_" in node:
        return
    for name, parameter in taken.items():
        if parameter.default is parameter.empty and name not in node:
            raise UserError(f"{target} needs the argument {name}.")


def _later(value: Any) -> Any:
    if isinstance(value, list):
        return [_later(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    inside = {key: _later(each) for key, each in value.items()}
    name = str(inside.get("_target_", "")).rpartition(".")[2]
    return {"_partial_": True, **inside} if name and not name[0].isupper() else inside
