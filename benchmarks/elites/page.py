"""Puts the tables of the last tracked results into their place in docs/benchmarks.md.

python -m benchmarks.elites.page
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.attacks.page import RESULTS, ROOT, filled
from benchmarks.elites.tables import whole

PAGE = ROOT / "docs/benchmarks.md"


def newest() -> Path:
    """The last file of results."""
    return max(RESULTS.glob("map_elites-*.json"))


def made() -> str:
    """The page, up to date."""
    return filled(PAGE.read_text(), {"map_elites": whole(json.loads(newest().read_text()))})


if __name__ == "__main__":
    PAGE.write_text(made())
