"""What was swept: the settings in which configurations differ, and curves against a number."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from reproduce.report import figures, printing
from reproduce.report.results import SETTING, Cell

Setting = tuple[tuple[str, Any], ...]  # (("images", 64), ("tau", 4))
MOST_LINES = 7  # in one panel
MOST_LABELS = 6  # swept values that a logarithmic axis names, in the place of powers of ten


def swept(configs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The settings in which configurations differ, seeds apart: full name -> short name.

    Of several that change together (a scale's count and the argument taken from it) the one with
    the shortest name stands for all.
    """
    keys = dict.fromkeys(key for config in configs for key in config)
    patterns: dict[str, str] = {}
    for key in sorted(keys, key=lambda key: (key.count("."), len(key), key)):
        values = [json.dumps(config.get(key), sort_keys=True, default=str) for config in configs]
        if key.rsplit(".", 1)[-1] != "seed" and len(set(values)) > 1:
            numbered = {value: str(i) for i, value in enumerate(dict.fromkeys(values))}
            patterns.setdefault(" ".join(numbered[value] for value in values), key)
    last = [key.rsplit(".", 1)[-1] for key in patterns.values()]
    return {
        key: short if last.count(short) == 1 else key
        for key, short in zip(patterns.values(), last, strict=True)
    }


def order(value: Any) -> tuple[int, float, str]:
    number = isinstance(value, int | float)
    return (0, float(value), "") if number else (1, 0.0, str(value))


def text(setting: Setting) -> str:
    return ", ".join(f"{name}={value}" for name, value in setting)


def curves(by_setting: Mapping[Setting, Sequence[Cell]]) -> Figure | None:
    """An artefact's columns against the swept number: a line for each row, with its band.

    None where no number was swept.
    """
    axis = _swept_number(by_setting)
    if axis is None:
        return None
    lines: dict[str, dict[str, list[tuple[float, Cell]]]] = {}
    for setting, cells in by_setting.items():
        x = float(dict(setting)[axis])
        others = text(tuple(pair for pair in setting if pair[0] != axis))
        for cell in cells:
            if cell.value is not None:
                label = f"{cell.row}{SETTING}{others}" if others else cell.row
                lines.setdefault(cell.column, {}).setdefault(label, []).append((x, cell))
    lines = {
        column: rows for column, rows in lines.items() if any(len(p) > 1 for p in rows.values())
    }
    if not lines:
        return None
    across = min(len(lines), 3)
    figure, axes = figures.sheet(math.ceil(len(lines) / across), across, width=2.9)
    for panel in axes.ravel()[len(lines) :]:
        panel.set_axis_off()
    for panel, (column, rows) in zip(axes.ravel(), lines.items(), strict=False):
        for label, points in list(rows.items())[:MOST_LINES]:
            _line(panel, label, points)
        unit = printing.unit(next(iter(rows.values()))[0][1])
        panel.set_ylabel(printing.column(column) + (f" ({unit})" if unit else ""))
        panel.set_xlabel(axis)
        every = sorted({x for points in rows.values() for x, _ in points})
        if every[0] > 0 and every[-1] >= 20 * every[0]:
            panel.set_xscale("log")
            if len(every) <= MOST_LABELS:
                panel.set_xticks(every, [f"{x:g}" for x in every])
                panel.minorticks_off()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figures.legend(figure, handles=handles, labels=labels, loc="outside upper center", ncols=4)
    return figure


def _line(panel: Any, label: str, points: Sequence[tuple[float, Cell]]) -> None:
    scale = printing.scale(points[0][1].unit)
    x = np.array([x for x, _ in points])
    rows = [(cell.value, cell.low, cell.high) for _, cell in points]
    y, low, high = (
        scale * np.array([np.nan if v is None else v for v in values], dtype=float)
        for values in zip(*rows, strict=True)
    )
    figures.curve(panel, x, y, low, high, label=label)


def _swept_number(by_setting: Mapping[Setting, Sequence[Cell]]) -> str | None:
    """The swept setting with the most numbers."""
    values: dict[str, set[Any]] = defaultdict(set)
    for setting in by_setting:
        for key, value in setting:
            values[key].add(value if isinstance(value, int | float) else math.nan)
    numbers = {
        key: len(seen)
        for key, seen in values.items()
        if len(seen) > 1 and all(math.isfinite(value) for value in seen)
    }
    return max(numbers, key=lambda key: numbers[key]) if numbers else None
