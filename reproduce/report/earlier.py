"""What an earlier run or report left in a folder: whether it may stand beside what is made now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.markup import escape

from reproduce.report import results_json
from reproduce.report.provenance import shared
from reproduce.report.results import Results
from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import say

IDENTITY = {
    "experiment": "for another experiment",
    "dataset": "on another data set",
    "data_digest": "on other data",
    "scale": "at another scale",
    "seeds": "with another seed",
}


def difference(
    earlier: Results, then: Mapping[str, Any], results: Results, now: Mapping[str, Any]
) -> str | None:
    """How all of an earlier run was made otherwise; None where it was not.

    Args:
        then: the configuration of the earlier run.
        results: of this run, which may be empty so far.
        now: the configuration of this run.
    """
    for name, what in IDENTITY.items():
        if getattr(earlier, name) != getattr(results, name):
            return what
    before, after = shared(then), shared(now)
    other = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    if other and set(other) <= {"files", "by_functions"}:
        read = {**(before | after).get("files", {}), **(before | after).get("by_functions", {})}
        return f"with other content of {', '.join(read)}"
    if other:
        return f"with other settings ({', '.join(other)})"
    if earlier.versions.get("source") != results.versions.get("source"):
        commits = [run.versions.get("reproduce", "not known") for run in (earlier, results)]
        return f"with other code (commit {commits[0]}, now {commits[1]})"
    return None


def differences(
    earlier: Results, then: Mapping[str, Any], results: Results, now: Mapping[str, Any]
) -> dict[str, str]:
    """Of each artefact, made or missing, that may not stay: how it was made otherwise."""
    names = (*earlier.artefacts, *earlier.not_run)
    whole = difference(earlier, then, results, now)
    if whole is not None:
        return dict.fromkeys(names, whole)
    before, after = (config.get("artefacts") or {} for config in (then, now))
    return {
        name: "with other settings of its own"
        for name in names
        if before.get(name) != after.get(name)
    }


def remove_files(folder: Path, name: str, content: Results) -> None:
    """Tables and figures that no results belong to any more."""
    layout = content.artefacts.get(name)
    for table in (folder / "tables" / f"{name}.{ending}" for ending in results_json.TABLE_ENDINGS):
        table.unlink(missing_ok=True)
    for figure in layout.figures if layout else ():
        for ending in results_json.FIGURE_ENDINGS:
            (folder / "figures" / f"{figure}.{ending}").unlink(missing_ok=True)


def clear(folder: Path, content: Results) -> None:
    """Makes room for a combined report: the tables that only an earlier one had are removed.

    Raises:
        UserError: the folder holds a run.
    """
    if not (folder / "results.json").is_file():
        return
    try:
        earlier = results_json.read(folder)
    except UserError:  # damaged: it is written anew
        return
    if not earlier.combined:
        raise UserError(f"{folder} holds a run: a report over several goes elsewhere.")
    gone = [name for name in earlier.artefacts if name not in content.artefacts]
    for name in gone:
        remove_files(folder, name, earlier)
    if gone:
        say(escape(f"Of an earlier report in {folder}, left out: {', '.join(gone)}."))
