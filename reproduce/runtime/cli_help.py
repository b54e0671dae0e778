"""Command-line help: the files of conf/ and their comments, in words."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from reproduce.runtime.places import ADDED, CONF

GROUPS = ("experiment", "dataset", "networks", "attack", "scale", "engine", "reading", "sweep")
PACKAGE = "# @package "


def names(group: str) -> list[str]:
    """Of the files in a folder of conf/."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def listing() -> str:
    """Every choice and every option of a run, each with its comment."""
    lines = []
    for group in GROUPS:
        plus = "+" if group in ADDED else ""
        lines.append(f"\n{group}:")
        for name in names(group):
            path = CONF / group / f"{name}.yaml"
            lines.append(f"  {plus + group + '=' + name:<34} {summary(path)}")
            if group == "experiment":
                artefacts = OmegaConf.select(OmegaConf.load(path), "artefacts", default={})
                lines.append(f"      only=[{','.join(map(str, artefacts))}]")
    lines.append("\noptions:")
    told = comments((CONF / "config.yaml").read_text(encoding="utf-8"))
    usual = OmegaConf.to_container(OmegaConf.load(CONF / "config.yaml"))
    assert isinstance(usual, dict)
    for key, comment in told.items():
        if key in usual:
            lines.append(f"  {f'{key}={json.dumps(usual[key])}':<34} {comment}".replace('"', ""))
    return "\n".join(lines)


def summary(path: Path) -> str:
    """The first line of a file's comment."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((text[2:] for text in lines if text.startswith("# ") and PACKAGE not in text), "")


def explain_error(error: str, words: Sequence[str], options: Callable[[], Iterable[str]]) -> str:
    """One line for what a user typed wrong, with the nearest known choice or option.

    Args:
        error: as Hydra words it.
        words: what was typed.
        options: gives the names of all options.
    """
    unknown = re.search(r"Could not (?:override|find|load) '([^'\s]+)'", error)
    if unknown is None:
        many = bool({"-m", "--multirun"} & set(words))
        unreadable = next((word for word in words if _unreadable(word, many)), None)
        return _quoting(unreadable) if unreadable else " ".join(error.split())
    name = unknown[1].removesuffix(".yaml")
    group, _, choice = name.rpartition("/")
    if group and names(group):
        known, name, what = names(group), choice, f"{group}={choice} is not known"
    else:
        known, what = list(options()), f"there is no option {name}"
    return with_nearest(what, name, known)


def with_nearest(what: str, name: str, known: Sequence[str]) -> str:
    """What is wrong, and the known name that comes nearest to the one that was typed."""
    near = [
        match
        for spelling in (name, name.lower())
        for match in difflib.get_close_matches(spelling, known, n=1, cutoff=0.5)
    ]
    hint = f"the nearest is {near[0]}" if near else "python run.py --help lists them"
    return f"{what}: {hint}."


def _unreadable(word: str, many: bool) -> bool:
    """Whether Hydra cannot read an option, or takes it for several where one is meant."""
    if word.startswith("-"):
        return False
    try:
        return OverridesParser.create().parse_override(word).is_sweep_override() and not many
    except HydraException:
        return "=" in word


def _quoting(word: str) -> str:
    word = " ".join(word.split())
    key, _, value = word.partition("=")
    if key == "only":
        inside = value.strip("[]()'\" ")
        return f"{word} cannot be read: artefacts are listed in brackets, 'only=[{inside}]'."
    strange = re.search(r"[^\w.@/+~$:-]", key)
    if strange and "." in key and "${" not in key:
        room = key.lstrip("+~").partition(".")[0]
        folder = room if room in GROUPS else "experiment"
        return (
            f"{word} cannot be read: no option's name may hold {strange[0]!r}. It is set in a "
            f"file of conf/{folder} instead, one of your own by {folder}=NAME."
        )
    quoted = shlex.quote(f'{key}="{value}"')
    return (
        f"{word} cannot be read. Text with blanks, commas, = or accents is quoted twice, for the "
        f"shell and for the option: {quoted}; several values of a sweep go with -m."
    )


def explained(config: str, choices: Mapping[str, Any]) -> str:
    """A composed configuration with the comments of the files it comes from.

    Args:
        config: as YAML.
        choices: the file of each group, {"dataset": "mnist", "networks@halves": "halves", ...};
            a list where there are several.
    """
    found = explanations(choices)
    made_of = (f"{group}={name}" for group, name in choices.items() if group in GROUPS and name)
    lines = config.splitlines()
    for key, line in _lines_of_keys(YAML().load(config)):
        if key in found:
            lines[line] += f"  # {found[key]}"
    return "\n".join([f"# {' '.join(made_of)}", *lines])


def explanations(choices: Mapping[str, Any]) -> dict[str, str]:
    """The comment of each option of a composed configuration, by its dotted name."""
    found = comments((CONF / "config.yaml").read_text(encoding="utf-8")) | _of_file(
        CONF / "recipes.yaml", ""
    )
    for group, chosen in choices.items():
        folder, _, package = group.partition("@")
        package = package or folder.replace("/", ".")
        for name in chosen if isinstance(chosen, list) else [chosen]:
            path = CONF / folder / f"{name}.yaml"
            if path.is_file():
                found |= _of_file(path, package)
                if "/" not in folder and folder != "experiment":
                    found.setdefault(package, f"{folder}={name}: {summary(path)}")
    return found


def _of_file(path: Path, package: str) -> dict[str, str]:
    """The comments of a file and, below its own, of those it extends."""
    text = path.read_text(encoding="utf-8")
    declared = re.match(f"{PACKAGE}(\\S+)", text)
    if declared:
        package = "" if declared[1] == "_global_" else declared[1]
    found: dict[str, str] = {}
    for extended in YAML().load(text).get("defaults", ()):
        if isinstance(extended, str) and extended != "_self_":
            found |= _of_file(path.with_name(f"{extended}.yaml"), package)
    above = f"{package}." if package else ""
    return found | {f"{above}{key}": comment for key, comment in comments(text).items()}


def comments(text: str) -> dict[str, str]:
    """The comment on the line of each key of a YAML file, by the key's dotted name."""
    return dict(_comments(YAML().load(text), ""))


def _comments(node: Any, above: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, CommentedMap):
        for merged in getattr(node, "merge", ()):
            yield from _comments(merged, above)
        for key, tokens in node.ca.items.items():
            token = tokens[2] or (tokens[3] or [None])[0]  # of a value, of a block below
            if token is not None and token.start_mark.line == node.lc.key(key)[0]:
                yield f"{above}{key}", token.value.splitlines()[0].removeprefix("#").strip()
    for key, value in _items(node):
        yield from _comments(value, f"{above}{key}.")


def _lines_of_keys(node: Any, above: str = "") -> Iterator[tuple[str, int]]:
    """The dotted name of each key and the number of its line; an item of a list has its index."""
    for key, value in _items(node):
        if isinstance(node, CommentedMap):
            yield f"{above}{key}", node.lc.key(key)[0]
        yield from _lines_of_keys(value, f"{above}{key}.")


def _items(node: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, CommentedMap):
        yield from node.items()
    elif isinstance(node, CommentedSeq):
        yield from enumerate(node)
