"""The words of a command, checked before Hydra reads them: what it would only trip over is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from reproduce.runtime.cli_help import GROUPS, names, with_nearest
from reproduce.runtime.errors import UserError
from reproduce.runtime.places import ADDED, CONF
from reproduce.runtime.ranges import shown

OWN_CONF = ("--config-dir", "-cd", "--config-path", "-cp")  # may hold choices of one's own
PLACES = ("hydra.run.", "hydra.sweep.", "hydra.job.chdir", "hydra.output_subdir")
FLAGS = (
    "-h", "--help", "--hydra-help", "--version", "--resolve", "-r", "--run", "-m", "--multirun",
    "-sc", "--shell-completion",
)  # fmt: skip
INFO = ("--info", "-i")
TAKE_A_WORD = (
    *OWN_CONF, *INFO, "--config-name", "-cn", "--cfg", "-c", "--package", "-p",
    "--experimental-rerun",
)  # fmt: skip


def check(words: Sequence[str]) -> None:
    """Refuses the first word that is no option, and a choice that is none of its group's.

    Args:
        words: as typed; flags of Hydra's among them.

    Raises:
        UserError: says how it is written, or what there is to choose from.
    """
    of_config = {"--resolve", "-p", "--package"} & {word.partition("=")[0] for word in words}
    if of_config and not any(word.startswith(("--cfg", "-c", "--info", "-i")) for word in words):
        raise UserError(f"{min(of_config)} goes with --cfg job.")
    own_conf = any(word.partition("=")[0] in OWN_CONF for word in words)
    for before, word in zip(("", *words), words, strict=False):
        if before in TAKE_A_WORD:
            continue
        if word.startswith("-"):
            flag = word.partition("=")[0]
            if not any(known.startswith(flag) for known in (*FLAGS, *TAKE_A_WORD)):
                raise UserError(f"there is no {flag}: options are written without dashes, seed=1.")
            continue
        key, equals, _ = word.lstrip("+~").partition("=")
        if not key.strip() or not (equals or word.startswith("~")):
            raise UserError(f"options are written name=value, got {' '.join(word.split())!r}.")
        if key.startswith(PLACES):
            raise UserError(f"{key} has no say here: results go where outputs= says.")
        if key in ADDED and not word.startswith("+"):
            raise UserError(f"a {key} is written with a plus: +{word.lstrip('~')}.")
        if not own_conf and (CONF / key.partition("@")[0]).is_dir():
            _check_choice(key, word)


def flags_last(words: Sequence[str]) -> list[str]:
    """The options first, then Hydra's flags with their words; it reads no options around a flag.

    Args:
        words: as typed, after `check`.
    """
    given: list[str] = []
    flags: list[str] = []
    for before, word in zip(("", *words), words, strict=False):
        # --info may stand alone, and none of its words holds an =
        follows = before in TAKE_A_WORD and not (before in INFO and "=" in word)
        (flags if follows or word.startswith("-") else given).append(word)
    return [*given, *flags]


def _check_choice(key: str, word: str) -> None:
    """The file that a word chooses from a folder of conf/ is there."""
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException:  # worded where it is composed
        return
    if override.is_delete() or override.is_sweep_override():
        return
    group, value = key.partition("@")[0], override.value()
    if isinstance(value, Mapping) or "${" in str(value):
        return
    known = names(group)
    if not isinstance(value, str):
        raise UserError(f"{key} is one of {', '.join(known)}, got {_words(value)}.")
    if value not in known:
        raise UserError(with_nearest(f"{group}={value} is not known", value, known))
    if override.is_add() and key in GROUPS and key not in (*ADDED, "attack"):
        raise UserError(f"{key} is chosen without a plus: {key}={value}.")


def _words(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else shown(value)
