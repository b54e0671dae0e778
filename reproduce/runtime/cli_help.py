"""What can be typed, in words: read from the files of conf/ and their comments."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from omegaconf import OmegaConf

CONF = Path(__file__).parents[2] / "conf"
GROUPS = ("experiment", "dataset", "networks", "attack", "scale", "sweep")
GLOBAL = "# @package _global_"


def names(group: str) -> list[str]:
    """Of the files in a folder of conf/."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def listing() -> str:
    """Every choice and every option of a run, each with its comment."""
    lines = []
    for group in GROUPS:
        plus = "+" if group == "sweep" else ""  # it is not among the defaults of config.yaml
        lines.append(f"\n{group}:")
        for name in names(group):
            path = CONF / group / f"{name}.yaml"
            lines.append(f"  {plus + group + '=' + name:<34} {summary(path)}")
            if group == "experiment":
                artefacts = OmegaConf.select(OmegaConf.load(path), "artefacts", default={})
                lines.append(f"      only=[{','.join(map(str, artefacts))}]")
    lines.append("\noptions:")
    told = comments((CONF / "config.yaml").read_text())
    usual = OmegaConf.to_container(OmegaConf.load(CONF / "config.yaml"))
    assert isinstance(usual, dict)
    for key, comment in told.items():
        if "." not in key:
            lines.append(f"  {f'{key}={json.dumps(usual[key])}':<34} {comment}".replace('"', ""))
    return "\n".join(lines)


def summary(path: Path) -> str:
    """The first line of a file's comment."""
    lines = path.read_text().splitlines()
    return next((text[2:] for text in lines if text.startswith("# ") and text != GLOBAL), "")


def trouble(error: str, options: Callable[[], Iterable[str]]) -> str:
    """One line for what a user typed wrong, with the nearest known choice or option.

    Args:
        error: as Hydra words it.
        options: gives the names of all options.
    """
    unknown = re.search(r"Could not (?:override|find|load) '([^'\s]+)'", error)
    if unknown is None:
        return " ".join(error.split())
    name = unknown[1].removesuffix(".yaml")
    group, _, choice = name.rpartition("/")
    if group and names(group):
        known, name, what = names(group), choice, f"{group}={choice} is not known"
    else:
        known, what = list(options()), f"there is no option {name}"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"the nearest is {near[0]}" if near else "python run.py --help lists them"
    return f"{what}: {hint}."


def explained(config: str, choices: Mapping[str, str | None]) -> str:
    """A composed configuration with the comments of the files that it came from.

    Args:
        config: as YAML.
        choices: the file of each group, {"dataset": "mnist", "networks@halves": "halves", ...}.
    """
    told = comments((CONF / "config.yaml").read_text())
    made_of = []
    for group, name in choices.items():
        folder, _, package = group.partition("@")
        path = CONF / folder / f"{name}.yaml"
        if not path.is_file():
            continue
        text = path.read_text()
        package = package or folder
        above = "" if text.startswith(GLOBAL) else f"{package}."
        told |= {f"{above}{key}": comment for key, comment in comments(text).items()}
        if above:
            told[package] = f"{folder}={name}: {summary(path)}"
        if package == folder:
            made_of.append(f"{folder}={name}")
    lines = [f"# {' '.join(made_of)}"]
    for key, line in _keys(config):
        comment = told.get(key)
        lines.append(f"{line}  # {comment}" if comment else line)
    return "\n".join(lines)


def comments(text: str) -> dict[str, str]:
    """Of the keys of a YAML file, by their dotted names, where they stand on the key's line."""
    found = {}
    for key, line in _keys(text):
        before, mark, comment = line.partition(" # ")
        if key and mark and not before.lstrip().startswith("#"):
            found[key] = comment.strip()
    return found


def _keys(text: str) -> Iterator[tuple[str, str]]:
    """The dotted name of the key on each line, empty where there is none, and the line."""
    above: list[tuple[int, str]] = []  # indentation and key of what a line is part of
    for line in text.splitlines():
        entry = re.match(r"( *)(- )?(?:([^\s#:'\"][^:#]*|'[^']*'):(?= |$))?", line)
        assert entry is not None
        indent = len(entry[1])
        if not line.strip() or line.lstrip().startswith("#"):
            yield "", line
            continue
        if entry[2]:  # an item stands below its list, though it may be as far to the left
            above = [*((i, key) for i, key in above if i <= indent), (indent + 1, "-")]
            indent += 2
        above = [(i, key) for i, key in above if i < indent]
        if entry[3]:
            above.append((indent, entry[3].strip("'")))
        yield ".".join(key for _, key in above) if entry[3] else "", line
