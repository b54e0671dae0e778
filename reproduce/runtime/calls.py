"""The calls that the configuration names, under the one rule of conf/: they are partial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from reproduce.runtime.errors import UserError


def made(node: Any) -> Any:
    """What a node of the configuration stands for: records, and calls to be made later.

    A `_target_` inside the node that names a function becomes a `functools.partial`, unless
    `_partial_: false` stands beside it. A record, whose name begins with a capital, is made at
    once, and so is the node's own `_target_`.

    Args:
        node: a node of the composed configuration, or a mapping.

    Raises:
        UserError: as the called function raised it, or where it does not take an argument.
    """
    plain = OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
    assert isinstance(plain, Mapping)
    try:
        return instantiate({key: _later(value) for key, value in plain.items()}, _convert_="all")
    except InstantiationException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise


def _later(value: Any) -> Any:
    if isinstance(value, list):
        return [_later(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    inside = {key: _later(each) for key, each in value.items()}
    name = str(inside.get("_target_", "")).rpartition(".")[2]
    return {"_partial_": True, **inside} if name and not name[0].isupper() else inside
