"""What pieces cost that were made before, by what the store recorded of them."""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

# Arguments by which the cost of a call grows as they do: runs of an evolution, its generations.
PROPORTIONAL = ("seeds", "generations")
CONTENT = ("array", "model", "file")  # what a recipe knows by a digest alone


class Cost(NamedTuple):
    """core_seconds of a piece; same_data: they come from pieces with the same arrays."""

    core_seconds: float
    same_data: bool


class Costs:
    """Means over the entries of some stores.

    A piece costs what the mean of those cost that are the same call save for seeds, models and
    arrays; of those with the same arrays, where there are any. What grows with the number of runs
    and generations is scaled. An entry tells its processor time; one made before that was recorded
    tells how long it took, which is less where several cores shared it.

    Args:
        folders: of entries; those that are not there are passed over.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._seconds: dict[tuple[str, bool], list[float]] = defaultdict(list)
        for folder in folders:
            for file in folder.glob("*/recipe.json"):
                with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                    record = json.loads(file.read_text())
                    seconds = record.get("processor_seconds", record["seconds"])
                    each = seconds / _units(record["recipe"])
                    for exact in (True, False):
                        self._seconds[_alike(record["recipe"], exact), exact].append(each)

    def of(self, call: Any) -> Cost | None:
        """Of a call as its recipe has it; None where none like it was measured."""
        call = json.loads(json.dumps(call))
        for exact in (True, False):
            found = self._seconds.get((_alike(call, exact), exact))
            if found:
                return Cost(_units(call) * sum(found) / len(found), exact)
        return None


def _alike(call: Any, exact: bool) -> str:
    """What calls of one cost have in common, as text.

    Args:
        exact: with the digests of arrays.
    """

    def spelt(tree: Any) -> Any:
        if isinstance(tree, list):
            return [spelt(each) for each in tree]
        if not isinstance(tree, dict):
            return tree
        if not exact and len(tree) == 1 and next(iter(tree)) in CONTENT:
            return next(iter(tree))
        skipped = ("seed", *PROPORTIONAL)
        return {name: spelt(each) for name, each in tree.items() if name not in skipped}

    return json.dumps(spelt(call), sort_keys=True)


def _units(call: Any) -> float:
    """How many times the least of its kind a call is."""
    arguments = call.get("arguments", {}) if isinstance(call, dict) else {}
    units = 1.0
    for name in PROPORTIONAL:
        value = arguments.get(name)
        units *= len(value) if isinstance(value, list) else value if isinstance(value, int) else 1
    return units or 1.0
