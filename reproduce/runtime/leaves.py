"""The values of a composed configuration, each by its dotted name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from reproduce.runtime.errors import UserError

INTERPOLATED = re.compile(r"\$\{([^${}:]+)\}")  # ${scale.compiled}, inside another one as well


def plain(config: DictConfig) -> Any:
    """As a mapping, interpolations as they are written, without Hydra's own part."""
    config = config.copy()
    with open_dict(config):
        config.pop("hydra", None)
    return OmegaConf.to_container(config)


def leaves(node: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Values by their dotted names; a list of values is one."""
    pairs = node.items() if isinstance(node, Mapping) else enumerate(node)
    for key, value in pairs:
        inner = isinstance(value, list) and any(isinstance(each, Mapping) for each in value)
        if (isinstance(value, Mapping) and value) or inner:
            yield from leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def resolved(config: DictConfig, key: str) -> Any:
    """A value with what its interpolations stand for.

    Raises:
        UserError: where one of them stands for nothing.
    """
    try:
        value = OmegaConf.select(config, key)
        return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    except OmegaConfBaseException as error:
        raise UserError(f"{key}: {' '.join(str(error).split())}.") from error


def is_interpolated(value: Any) -> bool:
    """Whether a value, as it is written, stands for another."""
    return isinstance(value, str) and "${" in value


def sources(value: Any) -> list[str]:
    """The options that a value, as it is written, takes its own from, the innermost ones."""
    return INTERPOLATED.findall(value) if isinstance(value, str) else []
