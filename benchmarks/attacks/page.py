"""Puts the tables of the last tracked results into the page of docs, and its figure beside it.

    python -m benchmarks.attacks.page

What stands between `<!-- begin: name -->` and `<!-- end: name -->` is made here; the rest of the
page is written by hand.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from benchmarks.attacks import tables

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks/results"
PAGE = ROOT / "docs/benchmark_attacks.md"
FIGURE = ROOT / "docs/figures/attack_benchmark.png"


def newest() -> Path:
    """The last file of results."""
    return max(RESULTS.glob("attack-*.json"))


def blocks(results: dict[str, Any]) -> dict[str, str]:
    """What is made, by the name of its place on the page."""
    return {
        "facts": facts(results),
        "leaders": tables.leaders(results),
        "speed": tables.speed(results),
        "networks": tables.by_network(results, heading="###"),
        "settings": settings(results),
    }


def facts(results: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    lines = [
        "| network | images | numbers in an image | classes | parameters |",
        "|---|---|---|---|---|",
    ]
    for name, each in results["networks"].items():
        lines.append(
            f"| {name}: {each['network']} | {each['images']} | {each['pixels']:,} | "
            f"{each['classes']:,} | {each['parameters']:,} |"
        )
    where = f"Of {results['date']}, one thread of {results['machine']}; {versions}."
    return "\n".join([f"{where} {tables.commits(results)}", "", *lines])


def settings(results: dict[str, Any]) -> str:
    lines = ["| attack | package | settings |", "|---|---|---|"]
    rows = {
        (piece["attack"], piece["package"] or "this one", piece["settings"]): None
        for piece in results["pieces"]
    }
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def filled(page: str, made: dict[str, str]) -> str:
    """The page with each place filled.

    Raises:
        ValueError: the page lacks a place.
    """
    for name, text in made.items():
        begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"the page has one place called {name}, with its beginning and end")
        before, rest = page.split(begin)
        _, after = rest.split(end)
        page = f"{before}{begin}\n{text}\n\n{end}{after}"
    return page


def main() -> None:
    path = newest()
    results = json.loads(path.read_text())
    PAGE.write_text(filled(PAGE.read_text(), blocks(results)))
    shutil.copyfile(path.with_suffix(".png"), FIGURE)


if __name__ == "__main__":
    main()
