"""Reference results: what the same command found before.

They are kept by what they are of, an artefact and a seed a file, so that the tables of one
experiment can rest on different seeds and commits:

    outputs/reference/<experiment>/<dataset>/<scale>/<settings>/<artefact>/seed=<n>.json

The settings are "default" where nothing was chosen. A file is the part of a run's results.json that
belongs to the artefact, without spaces, with its numbers to nine digits and without what most cells
lack (an interval, a published number: the defaults of `Cell`). Three keys stand before it:
`settings`, the options that distinguish it from a run by default; `position`, that of the artefact
on the experiment's page; `threads`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from reproduce.report import results_json
from reproduce.report.provenance import read_config
from reproduce.report.results import Cell, Results, joined_versions
from reproduce.runtime.addresses import run_folder
from reproduce.runtime.errors import UserError
from reproduce.runtime.files import atomic_write
from reproduce.runtime.places import ADDED, CONF, REFERENCE

DIGITS = 9


class Name(NamedTuple):
    """Of which runs a reference is.

    settings: (option, value) in the order of the options; empty for a run by default.
    """

    experiment: str
    dataset: str
    scale: str
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> list[str]:
        """The settings as they are typed."""
        return [f"{option}={value}" for option, value in self.settings]

    def folder(self, above: Path) -> Path:
        settings = ",".join(self.words) or "default"
        return run_folder(above, self.experiment, self.dataset, self.scale, settings=settings)

    def __str__(self) -> str:
        return "/".join([self.experiment, self.dataset, self.scale, *self.words])


class Part(NamedTuple):
    """One artefact of one seed."""

    name: Name
    position: int
    results: Results


def name_of(run: Results, config: Mapping[str, Any]) -> Name:
    """The reference that a run belongs to.

    Args:
        config: that the run was made with.
    """
    return named(run.experiment, run.dataset, run.scale, config.get("settings") or {})


def named(experiment: str, dataset: str, scale: str, settings: Mapping[str, Any]) -> Name:
    values = {option: str(settings[option]) for option in sorted(settings)}
    return Name(experiment, dataset, scale, tuple(values.items()))


def names(folder: Path = REFERENCE) -> list[Name]:
    """Of all that is kept, in their order."""
    one_each = {file.parents[1]: file for file in folder.rglob("seed=*.json")}
    return sorted(_part(file).name for file in one_each.values())


def read(
    name: Name, folder: Path = REFERENCE, *, artefacts: Collection[str] | None = None
) -> list[Results]:
    """The reference runs, by their seeds; none where none are kept.

    Args:
        artefacts: these alone.
    """
    parts = _parts(name, folder)
    return _by_seed([p for p in parts if artefacts is None or set(_artefacts(p)) & set(artefacts)])


def of(run: Results, config: Mapping[str, Any], folder: Path = REFERENCE) -> list[Results]:
    """The reference of a run, on the same data; without the run itself."""
    parts = _parts(name_of(run, config), folder)
    others = [part for part in parts if part.results.started != run.started]
    return _by_seed([part for part in others if part.results.data_digest == run.data_digest])


def keep(folder: Path, to: Path = REFERENCE) -> list[Path]:
    """Makes a run part of the reference, artefact by artefact.

    Raises:
        UserError: the folder holds no run, or a report over several.
    """
    run, config = results_json.read(folder), read_config(folder)
    if run.combined:
        raise UserError(f"{folder} holds a report over several runs: name the runs themselves.")
    if not (run.cells and (folder / "report.html").is_file()):
        raise UserError(f"{folder} holds a run without results: run it to its end.")
    name = name_of(run, config)
    order = list(dict.fromkeys([*(config.get("artefacts") or {}), *run.artefacts, *run.not_run]))
    places = []
    for artefact in (*run.artefacts, *run.not_run):
        part = Part(name, order.index(artefact), only(run, artefact))
        places.append(name.folder(to) / artefact / f"seed={run.seeds[0]}.json")
        atomic_write(places[-1], _text(part, config.get("threads")))
    return places


def only(run: Results, artefact: str) -> Results:
    """What a run holds of one artefact, made or not; without its figures."""
    made = artefact in run.artefacts
    own = {text for layout in run.artefacts.values() for text in layout.departures}
    bare = {artefact: run.artefacts[artefact]._replace(figures=())} if made else {}
    return run._replace(
        seconds={name: took for name, took in run.seconds.items() if name == artefact},
        cells=run.of(artefact),
        claims=run.claims_of(artefact),
        not_run={name: why for name, why in run.not_run.items() if name == artefact},
        departures=tuple(text for text in run.departures if text not in own),
        artefacts=bare,
    )


def command(name: Name, seeds: Sequence[int], artefacts: Sequence[str]) -> str:
    """What makes these artefacts again."""
    words = ["python run.py", *(["-m"] if len(seeds) > 1 else []), f"experiment={name.experiment}"]
    words += [f"dataset={name.dataset}", f"scale={name.scale}"]
    config = CONF / "experiment" / f"{name.experiment}.yaml"
    known = OmegaConf.load(config).artefacts if config.is_file() else ()
    if set(artefacts) != set(known):
        words += [f"'only=[{','.join(artefacts)}]'"]
    words.append(f"seed={','.join(map(str, seeds))}")
    words += ["+" * (option in ADDED) + f"{option}={value}" for option, value in name.settings]
    return " ".join(words)


def _parts(name: Name, folder: Path) -> list[Part]:
    return [_part(file) for file in sorted(name.folder(folder).glob("*/seed=*.json"))]


def _part(file: Path) -> Part:
    text = file.read_text(encoding="utf-8")
    content, results = json.loads(text), results_json.from_json(text)
    name = named(results.experiment, results.dataset, results.scale, content["settings"])
    return Part(name, content["position"], results)


def _artefacts(part: Part) -> list[str]:
    return [*part.results.artefacts, *part.results.not_run]


def _by_seed(parts: Sequence[Part]) -> list[Results]:
    """The parts of each seed as one run, its artefacts in the order of the page."""
    seeds: dict[tuple[int, ...], list[Results]] = defaultdict(list)
    for part in sorted(parts, key=lambda part: part.position):
        seeds[part.results.seeds].append(part.results)
    return [_joined(seeds[seed]) for seed in sorted(seeds)]


def _joined(parts: Sequence[Results]) -> Results:
    return parts[0]._replace(
        versions=joined_versions([part.versions for part in parts]),
        started=min(part.started for part in parts),
        seconds={name: took for part in parts for name, took in part.seconds.items()},
        cells=tuple(cell for part in parts for cell in part.cells),
        claims=tuple(claim for part in parts for claim in part.claims),
        not_run={name: why for part in parts for name, why in part.not_run.items()},
        departures=tuple(dict.fromkeys(text for part in parts for text in part.departures)),
        artefacts={name: layout for part in parts for name, layout in part.artefacts.items()},
        papers_data=all(part.papers_data for part in parts),
    )


def _text(part: Part, threads: Any) -> str:
    head = {"settings": dict(part.name.settings), "position": part.position, "threads": threads}
    content = _rounded({**head, **json.loads(results_json.to_json(part.results))})
    for entry in (content, *content["artefacts"].values()):
        entry["cells"] = [_without_defaults(cell) for cell in entry["cells"]]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.replace('},{"artefact"', '},\n{"artefact"') + "\n"


def _without_defaults(cell: Mapping[str, Any]) -> dict[str, Any]:
    usual = Cell._field_defaults
    return {key: value for key, value in cell.items() if key not in usual or value != usual[key]}


def _rounded(content: Any) -> Any:
    """Numbers to so many digits; a confidence just below one keeps what it lacks of it."""
    if isinstance(content, float):
        digits = 16 if 0.999 < content < 1 else DIGITS
        return float(f"{content:.{digits}g}")
    if isinstance(content, dict):
        return {name: _rounded(value) for name, value in content.items()}
    return [_rounded(value) for value in content] if isinstance(content, list) else content
