"""Marked blocks: what they show is what is kept, and a changed cell changes them."""

import shutil
from pathlib import Path

import pytest

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
    assert sum("≠" in line.split("|")[3] for line in cells) == 2
    assert "| FC10(1), train error (%) | 21.2 | 21.30 ≠ | 21.30 ≠ |" in cells


def test_filling_twice_changes_nothing(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"one\n\n{TABLE}\n\ntwo\n")
    assert blocks.fill([tmp_path]) == [page]
    assert blocks.fill([tmp_path]) == []
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
