"""Marked blocks: what they show is what is kept, and a changed cell changes them."""

import re
import shutil
from pathlib import Path

import pytest

from reproduce.report import __main__ as report
from reproduce.report import blocks
from reproduce.runtime.errors import UserError
from reproduce.runtime.places import REFERENCE

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TABLE = "<!-- block {show: table, experiment: szegedy, artefact: table1} --><!-- end -->"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_blocks_of_every_page_are_up_to_date(page: Path):
    text = page.read_text(encoding="utf-8")
    assert blocks.filled(text) == text, "python -m reproduce.report --fill README.md docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_mark_is_one_half_of_a_block(page: Path):
    text = page.read_text(encoding="utf-8")
    found = len(blocks.BLOCK.findall(text))
    assert text.count("<!-- block ") == text.count("<!-- end -->") == found


def test_one_changed_cell_changes_the_pages_that_show_it(tmp_path):
    shutil.copytree(REFERENCE / "szegedy", tmp_path / "reference" / "szegedy")
    kept = tmp_path / "reference/szegedy/mnist/laptop/default/table1/seed=0.json"
    before = blocks.filled(TABLE, tmp_path / "reference")
    text = kept.read_text()
    first = text.index('"value":') + len('"value":')
    kept.write_text(text[:first] + "0.5" + text[text.index(",", first) :])
    blocks._group.cache_clear()
    after = blocks.filled(TABLE, tmp_path / "reference")
    changed = [
        (one, two)
        for one, two in zip(before.splitlines(), after.splitlines(), strict=True)
        if one != two
    ]
    assert any("| FC10(1e-4) |" in one for one, _ in changed)
    assert blocks.filled(before, tmp_path / "reference") == after


def test_settings_stand_side_by_side_with_their_own_scores():
    one = "{show: score, experiment: szegedy, settings: %s, artefacts: [table1]}"
    several = "[{}, {attack: coauthor}]"
    options = f"experiment: szegedy, settings: {several}, artefacts: [table1], names: [a, b]"
    shown = blocks.filled(f"<!-- block {{show: beside, {options}}} --><!-- end -->")
    scores = [
        blocks.filled(f"<!-- block {one % settings} --><!-- end -->").split("-->")[1].split("<")[0]
        for settings in ("{}", "{attack: coauthor}")
    ]
    *cells, last = [line for line in shown.splitlines() if line.startswith("| ")][2:]
    assert last == f"| all of them | | {scores[0]} | {scores[1]} |"
    assert len(cells) == 18  # six networks, two errors and a distortion
    assert sum("≠" in line.split("|")[3] or "≢" in line.split("|")[3] for line in cells) == 2
    assert "| FC10(1), train error (%) | 21.2 | 21.30 ≢ | 21.30 ≢ |" in cells


def test_filling_twice_changes_nothing(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"one\n\n{TABLE}\n\ntwo\n")
    assert report.main(["--fill", str(tmp_path)]) == 1, "make docs fails where a page changed"
    assert report.main(["--fill", str(tmp_path)]) == 0
    assert "FC100-100-10" in page.read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("{show: tabel, experiment: szegedy, artefact: table1}", "show is one of"),
        ("{show: table, experiment: szegedy, artefact: table99}", "table99"),
        ("{show: table, experiment: szegedy, artefacts: [table1]}", "artefacts"),
        ("{show: table, experiment: szegedi, artefact: table1}", "szegedi"),
        ("{show: score, experiment: szegedy, settings: {tau: 2}, artefacts: [a]}", "tau=2"),
        ("{show: beside, experiment: szegedy, settings: [{}], artefacts: [table1], names: []}",
         "0 names for 1 groups"),
        ("{show: verdict, experiment: szegedy, claim: that all is well}", "0 claims"),
        ("{show: number, experiment: szegedy, artefact: table1, row: FC1, column: tight}", "FC1"),
    ],
)  # fmt: skip
def test_a_block_that_names_what_there_is_not_ends_in_a_line(tmp_path, options, words):
    page = tmp_path / "page.md"
    page.write_text(f"<!-- block {options} --><!-- end -->")
    with pytest.raises(UserError, match=words) as told:
        blocks.fill([page])
    assert str(page) in str(told.value)
    assert "\n" not in str(told.value)


BESIDE = re.compile(  # ours [interval], or ours (published)
    r"\d(?: ?%)? \[\d[\d.]*(?:, |–)\d|(?<![\w.-])\d*\.?\d+(?: ?%)? \((?:[<≤] )?\d*\.?\d+(?: ?%)?\)"
)
EARLIER = re.compile(r"[Ee]arlier measurements?\b(?s:.*?)\bcommits?\b(?s:.*?)\b[0-9a-f]{7}\b")
# The first two are made by a script, the third tells how numbers are read.
ELSEWHERE = ("benchmark_attacks", "reference/calibration", "reference/symbols")


def typed(text: str) -> list[str]:
    """Lines that show a result of ours, in no block and under no heading of earlier measurements.

    What a page says before its first section goes for all of it.
    """
    text = re.sub(r"```.*?```", "", blocks.BLOCK.sub("", text), flags=re.DOTALL)
    sections = re.split(r"(?m)^(?=#{1,6} )", text)
    earlier: list[tuple[int, bool]] = []  # the headings above: depth, and whether they say so
    found = []
    for section in sections:
        depth = len(section) - len(section.lstrip("#"))
        earlier = [
            *(each for each in earlier if each[0] < depth),
            (depth, bool(EARLIER.search(section))),
        ]
        if not any(says for _, says in earlier):
            found += [line for line in section.splitlines() if BESIDE.search(line)]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_result_of_ours_is_typed(page: Path):
    """Those of which there is no reference stand under a heading that says when they are from."""
    if not str(page.relative_to(ROOT)).startswith(tuple(f"docs/{name}" for name in ELSEWHERE)):
        assert typed(page.read_text(encoding="utf-8")) == []


def test_what_is_typed_is_found():
    assert typed("# A\n\nErrors: 1.71 [1.66–1.77].\n")
    assert typed("# A\n\n| FC10 | 0.0615 (0.065) |\n")
    assert typed("# A\n\nIt errs in 1.80 % (0.94 %).\n")
    assert not typed("# A\n\nNoise of 0.3 in [0, 1] (see section 4), 5 [a](b).\n")
    assert not typed(
        "# A\n\n## Earlier measurement, recorded at commit 21f7020\n\n### B\n\n1.8 % (0.9 %)\n"
    )
    assert typed("# A\n\n## B\n\nEarlier measurement, commit 21f7020.\n\n## C\n\n1.8 % (0.9 %)\n")
