"""A run's folder and its page: complete, self-contained, merged over runs, safe to interrupt."""

from __future__ import annotations

import html.parser
import json
import re

import numpy as np
import pytest

from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.page import linked
from reproduce.report.results import Artefact, Claim, Strength, answer
from reproduce.report.results_json import read
from reproduce.report.run import Header, Run

HEADER = Header("szegedy", "mnist", "/data/<mnist>.npz", "0123456789ab", "laptop", 0)
VOID = {"meta", "img", "br", "link", "hr"}

STRENGTH = Strength(2, 9, "one failure")


def table1(test_error: int = 1997) -> Artefact:
    cells = Cells("szegedy", "table1")
    cells.rate_over_runs("FC10(1)", "test_error", [test_error] * 2, [10_000] * 2)
    cells.number("FC10(1)", "exact", 0.1, "rms")
    image = figures.grid(np.random.default_rng(0).random((2, 3, 28, 28, 1)), row_labels="ab")
    return Artefact(
        "Table 1: <errors>",
        cells=cells.list,
        claims=[Claim("decay", "Decay raises the distortion.", "holds", "0.06 < 0.10", STRENGTH)],
        figures={"digits": image},
        departures=["We bisect."],
    )


def table2() -> Artefact:
    cells = Cells("szegedy", "table2")
    cells.rate("FC10(1)", "FC10(1e-4)", 100, 256)
    return Artefact("Table 2", cells=cells.list)


def run(folder, header=HEADER, **options) -> Run:
    return Run(folder, header, **options)


def config(**settings) -> dict:
    artefacts = {"table1": {"images": 256}, "table2": {"images": 256}}
    return {"seed": 0, "only": None, "dataset": {}, "artefacts": artefacts, **settings}


class Outline(html.parser.HTMLParser):
    """The tree of a page, failing where a tag is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    assert not parser.open
    return parser


def test_a_run_leaves_what_the_contract_says(tmp_path):
    with run(tmp_path, config=config()) as kept:
        kept.add("table1", table1(), 1.25)
        kept.not_run("table5", "AlexNet's weights are missing: put them there.")
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {
        "report.html", "report.md", "results.json", "config.yaml",
        "tables/table1.md", "tables/table1.tex", "tables/table1.csv",
        "figures/table1-digits.png", "figures/table1-digits.pdf",
    }  # fmt: skip
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["seconds"] == {"table1": 1.2}
    assert content["departures"] == ["We bisect."]
    assert content["not_run"][0]["artefact"] == "table5"
    assert "python" in content["versions"]


def test_the_page_is_self_contained_and_well_formed(tmp_path):
    with run(tmp_path) as kept:
        kept.add("table1", table1(), 1.0)
    page = (tmp_path / "report.html").read_text()
    tags = outline(page).tags
    sources = [attributes.get("src", "") for tag, attributes in tags if tag == "img"]
    assert len(sources) == 1
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not [tag for tag, _ in tags if tag in {"script", "link", "iframe"}]
    assert not re.search(r"https?://|url\(|@import", page)
    named = {attributes["id"] for _, attributes in tags if "id" in attributes}
    asked = {a["href"][1:] for _, a in tags if a.get("href", "").startswith("#")}
    assert asked <= named
    assert "prefers-color-scheme: dark" in page
    assert "&lt;errors&gt;" in page
    assert "<errors>" not in page


def test_the_page_shows_numbers_verdict_and_departure_together(tmp_path):
    with run(tmp_path, departures=["No decay of biases."]) as kept:
        kept.add("table1", table1(), 1.0)
    for page in ((tmp_path / name).read_text() for name in ("report.html", "report.md")):
        for text in ("19.97", "20", "1 of 1 cell", "We bisect.", "No decay of biases.",
                     "Decay raises", "0.06", "two-sample test", "laptop"):  # fmt: skip
            assert text in page, text


def test_the_small_subset_is_announced_in_every_heading(tmp_path):
    with run(tmp_path, HEADER._replace(dataset="mnist_5k")) as kept:
        kept.add("table1", table1(), 1.0)
        kept.add("table2", table2(), 1.0)
    page = (tmp_path / "report.html").read_text()
    assert "Not the full MNIST" in page
    headings = re.findall(r'<p class="made-with fallback">(.*?)</p>', page)
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page)
    assert len(headings) == 2
    assert all("not the full MNIST" in text for text in headings + captions)
    for path in (tmp_path / "tables").glob("*.[mt]*"):
        assert "not the full MNIST" in path.read_text()


def test_a_second_run_adds_to_the_first(tmp_path):
    with run(tmp_path, config=config(only=["table2"])) as first:
        first.add("table2", table2(), 2.0)
        first.not_run("table5", "no weights")
    with run(tmp_path, config=config(only=["table1"])) as second:
        second.add("table1", table1(), 1.0)
    results = read(tmp_path)
    assert list(results.artefacts) == ["table1", "table2"]  # the configuration's order
    assert {cell.artefact for cell in results.cells} == {"table1", "table2"}
    assert results.seconds == {"table2": 2.0, "table1": 1.0}
    assert results.not_run == {"table5": "no weights"}
    assert results.departures == ("We bisect.",)
    assert "Table 2" in (tmp_path / "report.html").read_text()


def test_an_artefact_made_again_takes_the_place_of_the_old_one(tmp_path):
    for errors in (1997, 1500):
        with run(tmp_path, config=config()) as kept:
            kept.add("table1", table1(errors), 1.0)
    results = read(tmp_path)
    assert [cell.value for cell in results.cells] == [0.15, 0.1]
    assert len(results.claims) == 1


@pytest.mark.parametrize(
    ("header", "settings", "remain"),
    [
        (HEADER, {}, ["table2"]),
        (HEADER, {"threads": 1, "only": ["table1"]}, ["table2"]),
        (HEADER, {"engine": {"name": "local"}, "workers": 2, "plan": False}, ["table2"]),
        (HEADER, {"dataset": {"path": "a.npz"}, "photographs": "b"}, ["table2"]),
        (HEADER, {"dataset": {"classes": 3}}, []),
        (HEADER._replace(data_digest="ffff"), {}, []),
        (HEADER, {"networks": "other"}, []),
        (HEADER, {"artefacts": {"table1": {"images": 9}, "table2": {"images": 256}}}, ["table2"]),
        (HEADER, {"artefacts": {"table1": {"images": 256}, "table2": {"images": 9}}}, []),
    ],
)
def test_only_what_was_made_alike_is_kept(tmp_path, header, settings, remain):
    with run(tmp_path, config=config()) as first:
        first.add("table2", table2(), 2.0)
    assert list(run(tmp_path, header, config=config(**settings)).results.artefacts) == remain


def test_files_of_what_is_dropped_go_with_it(tmp_path):
    with run(tmp_path, config=config()) as first:
        first.add("table1", table1(), 1.0)
        first.add("table2", table2(), 1.0)
    run(tmp_path, config=config(networks="other"))
    assert not list((tmp_path / "tables").iterdir())
    assert not list((tmp_path / "figures").iterdir())


def test_numpys_answers_are_told_like_pythons(tmp_path):
    claims = [
        Claim(str(i), "s", answer(true), "e", STRENGTH)
        for i, true in enumerate((np.True_, np.False_, None))
    ]
    with run(tmp_path) as kept:
        kept.add("claims", Artefact("Claims", claims=claims), 0.1)
    assert [claim.verdict for claim in read(tmp_path).claims] == [
        "holds",
        "refuted",
        "cannot be told",
    ]
    assert "<b>1<small> of 3</small></b> findings hold" in (tmp_path / "report.html").read_text()


def test_on_other_data_nothing_is_compared_and_no_claim_of_the_paper_judged(tmp_path):
    own = Claim("own", "Of any data.", "refuted", "3 of 4", STRENGTH, any_data=True)
    bound = Claim("bound", "A theorem.", "holds", "0 of 4", STRENGTH, check=True)
    made = table1()
    with run(tmp_path, HEADER._replace(papers_data=False)) as kept:
        kept.add("table1", made._replace(claims=[*made.claims, own, bound]), 1.0)
    found = read(tmp_path)
    assert [cell.verdict for cell in found.cells] == ["other data", "unpublished"]
    assert [claim.verdict for claim in found.claims] == ["cannot be told", "refuted", "holds"]
    assert "it would be: holds. 0.06 < 0.10" in found.claims[0].evidence
    assert found.claims[2].check
    page = (tmp_path / "report.md").read_text()
    first, check = page.index("Of any data."), page.index("A theorem.")
    assert first < page.index("Checks, which follow from theory and test the code:") < check
    assert "3 of 4 (2 runs of 9 images; it would take one failure to refute it)" in page
    assert "Checks, which follow from theory" in (tmp_path / "report.html").read_text()
    assert "no cell is compared: other data than the paper's" in page


def test_an_interrupted_run_keeps_what_is_finished(tmp_path):
    def interrupted() -> None:
        with run(tmp_path) as kept:
            kept.add("table1", table1(), 1.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(read(tmp_path).artefacts) == ["table1"]
    assert "Table 1" in (tmp_path / "report.html").read_text()


def test_a_damaged_results_file_is_replaced(tmp_path):
    (tmp_path / "results.json").write_text("{")
    with run(tmp_path) as kept:
        kept.add("table1", table1(), 1.0)
    assert list(read(tmp_path).artefacts) == ["table1"]


def test_a_table_named_in_a_note_is_a_link_if_it_is_there():
    text = str(linked("1 < 2 (table models), (table other)", ["models"]))
    assert text == '1 &lt; 2 (table <a href="#models">models</a>), (table other)'
