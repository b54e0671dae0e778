"""The figure of a benchmark, from its results alone; no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.attacks.measures import Standing
from benchmarks.attacks.tables import AIMS, standing

NEAREST = 1e-5  # excess distance at which the axis ends
STYLES = ["-", "--", "-.", ":"]
MARKS = "osD^v<>PX*hpd"


def figure(results: dict[str, Any], path: Path) -> None:
    """Distance above the best known, against gradients; a row a network, a column an aim.

    An attack is left out where half its images failed, and looks the same in every panel.
    """
    networks = [*results["networks"]]
    attacks = list(dict.fromkeys(piece["attack"] for piece in results["pieces"]))
    styles = {attack: _style(number, attack) for number, attack in enumerate(attacks)}
    canvas, axes = plt.subplots(
        len(networks), len(AIMS), figsize=(9.0, 3.0 * len(networks) + 1.2), squeeze=False,
        sharex=True, sharey=True, layout="constrained",
    )  # fmt: skip
    for network, row in zip(networks, axes, strict=True):
        for wants, ax in zip(AIMS, row, strict=True):
            draw(ax, standing(results, network, wants), styles)
            ax.set_title(f"{network}, {AIMS[wants]}", fontsize=9)
        row[0].set_ylabel("median distance over\nthe best known, less 1", fontsize=8)
    for ax in axes[-1]:
        ax.set_xlabel("gradients per image", fontsize=8)
    shown = {
        label: line
        for ax in axes.flat
        for line, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    order = [attack for attack in attacks if attack in shown]
    canvas.legend([shown[label] for label in order], order, loc="outside lower center",
                  ncols=4, fontsize=8, frameon=False)  # fmt: skip
    canvas.savefig(path, dpi=130)
    plt.close(canvas)


def _style(number: int, attack: str) -> dict[str, Any]:
    """Ours are black and thick."""
    ours = attack.startswith("ours")
    return {
        "color": "black" if ours else f"C{number % 10}",
        "linewidth": 1.8 if ours else 0.9,
        "linestyle": STYLES[number % len(STYLES)],
        "marker": MARKS[number % len(MARKS)],
    }


def draw(ax: Any, each: Standing, styles: Mapping[str, Mapping[str, Any]]) -> None:
    for attack in each.attacks():
        points = [each.at(attack, budget) for budget in each.budgets()]
        points = [i for i in points if i is not None and np.isfinite(each.ratio[i])]
        if not points:  # half the images failed at every budget
            continue
        ax.plot(
            [each.pieces[i]["gradients"] for i in points],
            [max(each.ratio[i] - 1, NEAREST) for i in points],
            markersize=4, label=attack, **styles[attack],
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(NEAREST / 1.5, 10)
    ticks = (10, 30, 100, 300, 1000)
    ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.tick_params(labelsize=8)
