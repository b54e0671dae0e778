"""`results.json`, where what a run found is kept.

It holds the keys below and nothing else:

    experiment, dataset, data_source, data_digest, scale, seed, versions, started, seconds
    cells, claims, not_run, departures
    artefacts    {name: {title, caption, notes, departures, figures, cells, checks}}

`artefacts` is there for the layout of a page: what a table is called, what is said under it, which
figures belong to it; of its cells, in their order, in which published table each was looked up,
over how many runs it is a mean, what its verdict could have seen, how many images have no value,
and whether it is judged by its log-odds; which claims are checks. A claim's strength is {runs,
images, refuted_by}. A combined report has `seeds`, a list, in the place of `seed`.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from reproduce.report import published, record_types
from reproduce.report.results import Cell, Claim, Layout, Results, Strength
from reproduce.runtime.errors import UserError
from reproduce.runtime.files import atomic_write

# Of a cell, kept beside the layout.
DETAILS = ("source", "runs", "half_width", "missing", "log_odds", "same_images")
TABLE_ENDINGS = ("md", "tex", "csv")
FIGURE_ENDINGS = ("png", "pdf")
FILE_NAME = re.compile(r"[^./\\:\x00-\x1f][^/\\:\x00-\x1f]{0,199}")
CLAIM_KEYS = ("id", "sentence", "verdict", "evidence", "strength", "artefact")


def to_json(results: Results) -> str:
    """The text of `results.json`."""
    header = results._asdict()
    header.pop("combined")
    header.pop("papers_data")
    seeds = header.pop("seeds")
    content: dict[str, Any] = {}
    for name, value in header.items():
        content[name] = value
        if name == "scale":
            content["seeds" if results.combined else "seed"] = (
                list(seeds) if results.combined else seeds[0]
            )
    content["cells"] = [
        {name: _plain(value) for name, value in cell._asdict().items() if name not in DETAILS}
        for cell in results.cells
    ]
    content["claims"] = [
        {
            **{name: getattr(claim, name) for name in CLAIM_KEYS},
            "strength": claim.strength._asdict(),
        }
        for claim in results.claims
    ]
    content["not_run"] = [
        {"artefact": name, "reason": reason} for name, reason in results.not_run.items()
    ]
    content["artefacts"] = {
        name: {
            **layout._asdict(),
            "cells": [
                {key: _plain(getattr(cell, key)) for key in DETAILS} for cell in results.of(name)
            ],
            "checks": [claim.id for claim in results.claims_of(name) if claim.check],
        }
        for name, layout in results.artefacts.items()
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """Numbers as JSON has them: no NumPy scalars, and null for what is not finite."""
    if isinstance(value, (str, bool)) or value is None:
        return value
    if not math.isfinite(value):
        return None
    return (
        int(value) if float(value).is_integer() and not isinstance(value, float) else float(value)
    )


def from_json(text: str) -> Results:
    """The inverse of `to_json`."""
    content = json.loads(text)
    details = {name: iter(entry["cells"]) for name, entry in content["artefacts"].items()}
    checks = {
        (name, claim) for name, entry in content["artefacts"].items() for claim in entry["checks"]
    }
    combined = "seeds" in content
    cells = tuple(Cell(**cell, **next(details[cell["artefact"]])) for cell in content["cells"])
    return Results(
        **{
            name: content[name]
            for name in (
                "experiment",
                "dataset",
                "data_source",
                "data_digest",
                "scale",
                "versions",
                "started",
                "seconds",
            )
        },
        seeds=tuple(content["seeds"]) if combined else (content["seed"],),
        cells=cells,
        claims=tuple(
            Claim(
                **{**claim, "strength": Strength(**{"refuted_by": "", **claim["strength"]})},
                check=(claim["artefact"], claim["id"]) in checks,
            )
            for claim in content["claims"]
        ),
        not_run={entry["artefact"]: entry["reason"] for entry in content["not_run"]},
        departures=tuple(content["departures"]),
        artefacts={
            name: Layout(
                title=entry["title"],
                caption=entry["caption"],
                notes=tuple(entry["notes"]),
                departures=tuple(entry["departures"]),
                figures=tuple(entry["figures"]),
            )
            for name, entry in content["artefacts"].items()
        },
        combined=combined,
        papers_data=all(cell.verdict != "other data" for cell in cells),
    )


def read(folder: Path) -> Results:
    """The results kept in a run's folder.

    Raises:
        UserError: there are none, or their names or links lead out of the folder.
    """
    path = folder / "results.json"
    if not path.is_file():
        raise UserError(f"{folder} holds no results.json: name the folder of a run.")
    try:
        results = from_json(path.read_text(encoding="utf-8"))
        record_types.check(results, Results)
        for source in {cell.source for cell in results.cells} - {None}:
            published.look_in(str(source), "", "")  # of a paper that is known
    except (KeyError, TypeError, ValueError, RuntimeError, StopIteration, AttributeError) as error:
        raise UserError(
            f"{path} is not the results.json of a run ({type(error).__name__}: {error}): "
            "run the experiment again, which writes it anew."
        ) from error
    _check_names(folder, results)
    return results


def _check_names(folder: Path, results: Results) -> None:
    """Refuses results from somebody else whose names would lead out of their folder."""
    for name in (results.experiment, results.dataset, results.scale):  # folders of `combined`
        _file_name(folder, name)
    files = ["results.json", "config.yaml", "report.html", "report.md"]
    for name in {*results.artefacts, *results.not_run, *results.seconds}:
        files += [f"tables/{_file_name(folder, name)}.{ending}" for ending in TABLE_ENDINGS]
    for layout in results.artefacts.values():
        for name in layout.figures:
            stem = f"figures/{_file_name(folder, name)}"
            files += [stem, *(f"{stem}.{ending}" for ending in FIGURE_ENDINGS)]
    inside = folder.resolve()
    for file in files:
        if not (folder / file).resolve().is_relative_to(inside):
            raise UserError(f"{folder / file} is a link that leads out of {folder}: remove it.")


def _file_name(folder: Path, name: Any) -> str:
    """A name that is one file's in its folder, whatever the system."""
    if not isinstance(name, str) or not FILE_NAME.fullmatch(name):
        raise UserError(
            f"{folder / 'results.json'} names {name!r:.80}, which is no plain name of a file: "
            "those of artefacts, figures, experiments, data sets and scales have no separators and "
            "do not begin with a dot."
        )
    return name


def write(folder: Path, results: Results) -> None:
    """Replaces the folder's `results.json`, never leaving half a file."""
    atomic_write(folder / "results.json", to_json(results))
