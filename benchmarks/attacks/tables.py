"""Tables and CSV of a benchmark, from its results alone; no TensorFlow."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.attacks.measures import Standing

EXACT = "exact optimum"
AIMS = {"targets": "with targets", "labels": "without targets"}
GOOD = 0.99  # optimality


def standing(results: dict[str, Any], network: str, wants: str) -> Standing:
    pieces = [
        piece for piece in results["pieces"]
        if piece["network"] == network and piece["wants"] == wants
    ]  # fmt: skip
    return Standing(pieces, results["networks"][network]["images"], EXACT)


def quality(each: Standing) -> str:
    """Median distance over the best known, and optimality, by attack and budget."""
    budgets = each.budgets()
    lines = [
        "| attack | " + " | ".join(f"{budget:,} gradients" for budget in budgets) + " | images |",
        "|---|" + "---|" * (len(budgets) + 1),
    ]
    for attack in each.attacks():
        numbers = [each.at(attack, budget) for budget in budgets]
        cells = [
            "not run" if i is None else f"{_ratio(each.ratio[i])}, {_share(each.optimality[i])}"
            for i in numbers
        ]
        counts = dict.fromkeys(str(len(each.found[i])) for i in numbers if i is not None)
        lines.append(f"| {attack} | {' | '.join(cells)} | {', '.join(counts)} |")
    return "\n".join(lines)


def cost(each: Standing) -> str:
    """What an image cost, at each budget; share of failures and memory at the largest."""
    budgets = each.budgets()
    lines = [
        "| attack | " + " | ".join(f"{budget:,}" for budget in budgets)
        + " | failed, % | memory, MB |",
        "|---|" + "---|" * (len(budgets) + 2),
    ]  # fmt: skip
    for attack in each.attacks():
        numbers = [each.at(attack, budget) for budget in budgets]
        cells = [
            "not run" if i is None else
            f"{each.pieces[i]['gradients']:.0f} in {_ms(each.pieces[i]['cpu_s'])}" for i in numbers
        ]  # fmt: skip
        last = next(i for i in reversed(numbers) if i is not None)
        memory = each.pieces[last]["memory_mb"]
        failed = f"{100 * each.failures[last]:.1f}"
        lines.append(
            f"| {attack} | {' | '.join(cells)} | {failed} | "
            f"{'unknown' if memory is None else f'{memory:.0f}'} |"
        )
    return "\n".join(lines)


def leaders(results: dict[str, Any]) -> str:
    """Who comes nearest at each budget, and who needs the fewest gradients for GOOD.

    One that has fewer images than the network is marked by their number.
    """
    lines = [
        f"| network | aim | nearest at each budget | fewest gradients for {GOOD} |",
        "|---|---|---|---|",
    ]
    for network in results["networks"]:
        for wants, aim in AIMS.items():
            each = standing(results, network, wants)
            if not each.pieces:
                continue
            nearest = []
            for budget in each.budgets():
                top = each.nearest(budget)
                leader = "n/a"
                if top is not None:
                    share = f"{_share(each.optimality[top])}{_few(each, top)}"
                    leader = f"{each.pieces[top]['attack']} ({share})"
                nearest.append(f"{budget:,}: {leader}")
            good = [i for i in range(len(each.pieces)) if each.optimality[i] >= GOOD]
            cheapest = min(good, key=lambda i: each.pieces[i]["gradients"], default=None)
            least = "none" if cheapest is None else (
                f"{each.pieces[cheapest]['attack']}, {each.pieces[cheapest]['gradients']:.0f}"
                f"{_few(each, cheapest)}"
            )  # fmt: skip
            lines.append(f"| {network} | {aim} | {'<br>'.join(nearest)} | {least} |")
    return "\n".join(lines)


def _few(each: Standing, number: int) -> str:
    """How many images a piece has, where these are not all."""
    images = len(each.found[number])
    return "" if images == len(each.best) else f", {images} images"


def commits(results: dict[str, Any]) -> str:
    """Which code made the pieces, in a sentence: some may be kept from earlier runs."""
    counts = Counter((piece.get("commit"), piece.get("date")) for piece in results["pieces"])
    if not any(commit for commit, _ in counts):
        return "Pieces have no record of the commits that they were made at."
    told = [
        f"{count} at {commit or 'an unknown commit'}" + (f" on {date}" if date else "")
        for (commit, date), count in counts.most_common()
    ]
    return f"Pieces were made at these commits of this package: {', '.join(told)}."


def speed(results: dict[str, Any], ours: str = "ours, tau = 1") -> str:
    """CPU time of SciPy's L-BFGS-B over ours, at the same budget."""
    lines = ["| network | budget | ours, ms | SciPy, ms | ratio |", "|---|---|---|---|---|"]
    for network in results["networks"]:
        each = standing(results, network, "targets")
        for budget in each.budgets():
            mine, theirs = each.at(ours, budget), each.at("SciPy L-BFGS-B", budget)
            if mine is None or theirs is None:
                continue
            a, b = each.pieces[mine]["cpu_s"], each.pieces[theirs]["cpu_s"]
            lines.append(
                f"| {network} | {budget:,} | {1e3 * a:.2f} | {1e3 * b:.0f} | {b / a:,.0f} |"
            )
    return "\n".join(lines)


def write_csv(results: dict[str, Any], path: Path) -> None:
    """A line for each piece."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["network", "aim", "attack", "package", "budget", "images", "median_distance",
             "over_best", "optimality", "failed", "gradients", "forwards", "cpu_ms", "compile_s",
             "memory_mb", "settings"]
        )  # fmt: skip
        for network in results["networks"]:
            for wants in AIMS:
                each = standing(results, network, wants)
                for i, piece in enumerate(each.pieces):
                    writer.writerow(
                        [network, wants, piece["attack"], piece["package"], piece["budget"],
                         len(each.found[i]), f"{np.median(each.found[i]):.6g}",
                         f"{each.ratio[i]:.6g}", f"{each.optimality[i]:.6f}",
                         f"{each.failures[i]:.4f}", f"{piece['gradients']:.2f}",
                         piece["forwards"], f"{1e3 * piece['cpu_s']:.4g}",
                         f"{piece['compile_s']:.2f}", piece["memory_mb"], piece["settings"]]
                    )  # fmt: skip


def whole(results: dict[str, Any]) -> str:
    """Every table, as Markdown."""
    return (
        f"# Attacks, {results['date']}\n\n{commits(results)}\n\n{leaders(results)}\n\n"
        f"{speed(results)}\n\n"
        f"{by_network(results, heading='##')}\n"
    )


def by_network(results: dict[str, Any], heading: str) -> str:
    """The two tables of each network and aim."""
    parts = []
    for network, described in results["networks"].items():
        for wants, aim in AIMS.items():
            each = standing(results, network, wants)
            if not each.pieces:
                continue
            known = " The exact optimum is among the best known." if each.exact else ""
            parts += [
                f"{heading} {network} ({described['network']}), {aim}",
                f"Median distance over the best known, and optimality.{known}",
                quality(each),
                "Gradients and CPU time per image; failures and memory at the largest budget.",
                cost(each),
            ]
    return "\n\n".join(parts)


def _ratio(value: float) -> str:
    if np.isnan(value):
        return "n/a"
    return f"{value:.4f}" if value < 10 else ("over 10" if np.isfinite(value) else "half failed")


def _share(value: float) -> str:
    # Rounding of an area may leave it below 0.
    return "n/a" if np.isnan(value) else f"{max(value, 0.0):.4f}"


def _ms(seconds: float) -> str:
    value = 1e3 * seconds
    return f"{value:.0f} ms" if value >= 10 else f"{value:.2g} ms"
