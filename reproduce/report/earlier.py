"""What an earlier run left in a folder: whether it may stand beside what is made now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reproduce.report.provenance import shared
from reproduce.report.results import Results

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
    if other == ["files"]:
        return f"with other content of {', '.join({**before, **after}['files'])}"
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
