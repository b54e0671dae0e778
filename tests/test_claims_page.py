"""The table of rules has a row for every claim of the code, and none besides."""

import ast
import re
from pathlib import Path

import pytest

from reproduce.experiments.lipton.claims import CHECKS, SENTENCES

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reference" / "claims.md").read_text(encoding="utf-8")
ROWS = {
    cells[0].strip().strip("`"): [cell.strip() for cell in cells[1:]]
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for cells in [line.strip("|").split("|")]
}


def claims_of_the_code():
    """(id, call): what is filled in at run time is an ellipsis."""
    for path in sorted((ROOT / "reproduce" / "experiments").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Claim":
                named = {keyword.arg: keyword.value for keyword in call.keywords}
                identity = named.get("id") or call.args[0]
                parts = identity.values if isinstance(identity, ast.JoinedStr) else [identity]
                yield "".join(getattr(part, "value", "…") if isinstance(part, ast.Constant) else "…"
                              for part in parts), named  # fmt: skip


CODE = list(claims_of_the_code())
LIPTON = {f"claim {number}" for number in SENTENCES}


def test_every_claim_has_its_row_and_every_row_its_claim():
    assert {identity for identity, _ in CODE} - {"claim …"} | LIPTON == set(ROWS)


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_a_row_is_whole(row):
    assert len(row) == 4
    assert all(row)


def test_a_check_is_called_one():
    checks = {identity for identity, named in CODE if "check" in named} - {"claim …"}
    checks |= {f"claim {number}" for number in CHECKS}
    assert checks == {name for name, row in ROWS.items() if "**check**" in " ".join(row)}


def test_the_page_speaks_of_the_four_verdicts():
    pages = [*(ROOT / "docs" / "results").glob("*.md"), ROOT / "README.md"]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"does not hold|holds in half", text), page.name
