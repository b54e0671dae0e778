"""Compares the cells of two sets of results: did a change of the code change a number?

    python -m benchmarks.same_numbers OUTPUTS_BEFORE OUTPUTS_AFTER
    python -m benchmarks.same_numbers OUTPUTS_BEFORE OUTPUTS_AFTER --tolerance 1e-6

Both are folders with one results.json a run, at the same places below them. Cells are matched by
artefact, row and column, in their order where several share these. A cell is the same when its
value and its number of images are; a tolerance is relative. Intervals, which follow from the
values by a rule of the report, are counted apart. Exits with 1 where a value differs, or a cell
is in one of the two alone.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

Key = tuple[str, str, str, int]  # artefact, row, column, and which of those with the same three


class Difference(NamedTuple):
    key: Key
    before: float | None
    after: float | None


class Comparison(NamedTuple):
    """Of one run before and after.

    same: cells equal to the last digit; close: equal within the tolerance.
    intervals: cells of equal value whose interval differs.
    """

    same: int
    close: list[Difference]
    differ: list[Difference]
    gone: list[Key]
    new: list[Key]
    intervals: int


def cells(results: Path) -> dict[Key, dict[str, Any]]:
    """The cells of one results.json, by what identifies them."""
    seen: collections.Counter[tuple[str, str, str]] = collections.Counter()
    found = {}
    for cell in json.loads(results.read_text())["cells"]:
        name = (cell["artefact"], cell["row"], cell["column"])
        found[(*name, seen[name])] = cell
        seen[name] += 1
    return found


def compare(before: Path, after: Path, tolerance: float = 0.0) -> Comparison:
    """Two results.json, cell by cell."""
    old, new = cells(before), cells(after)
    same, close, differ, intervals = 0, [], [], 0
    for key in old.keys() & new.keys():
        a, b = old[key], new[key]
        difference = Difference(key, a["value"], b["value"])
        if a["n"] != b["n"] or not _equal(a["value"], b["value"], tolerance):
            differ.append(difference)
        elif not _equal(a["value"], b["value"], 0.0):
            close.append(difference)
        else:
            same += 1
            intervals += any(not _equal(a[end], b[end], tolerance) for end in ("low", "high"))
    gone, fresh = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    return Comparison(same, sorted(close), sorted(differ), gone, fresh, intervals)


def _equal(a: float | None, b: float | None, tolerance: float) -> bool:
    if a is None or b is None:
        return a is b
    both_missing = math.isnan(a) and math.isnan(b)
    return both_missing or math.isclose(a, b, rel_tol=tolerance, abs_tol=0.0)


def main() -> int:
    parser = argparse.ArgumentParser(description="Did a change of the code change a number?")
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--tolerance", type=float, default=0.0, help="relative; default: none")
    parser.add_argument("--show", type=int, default=20, help="differences printed a run")
    options = parser.parse_args()
    failed = False
    for before in sorted(options.before.rglob("results.json")):
        run = before.relative_to(options.before)
        after = options.after / run
        if not after.exists():
            print(f"{run.parent}: no results after")
            failed = True
            continue
        found = compare(before, after, options.tolerance)
        failed |= bool(found.differ or found.gone)
        print(
            f"{run.parent}: {found.same} cells the same, {len(found.close)} within the tolerance, "
            f"{len(found.differ)} differ, {len(found.gone)} gone, {len(found.new)} new; "
            f"{found.intervals} intervals differ"
        )
        for difference in (found.differ + found.close)[: options.show]:
            print(f"    {difference.key}: {difference.before!r} -> {difference.after!r}")
        for key in found.gone[: options.show]:
            print(f"    gone: {key}")
        for key in found.new[: options.show]:
            print(f"    new: {key}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
