"""README and docs: what can be copied runs, what is named exists."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from reproduce.runtime.cli_help import names
from reproduce.runtime.places import CONF

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = ("mypaper", "wide", "salt")  # what the pages on extending let the reader make
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[str]:
    """Every line that calls Python, in blocks and between backticks."""
    inline = re.findall(r"`([^`\n]+)`", page.read_text())
    lines = [line for block in blocks(page) for line in block.splitlines()] + inline
    return [line for line in lines if re.search(r"\bpython (run\.py|-m)", line)]


def test_the_readme_is_at_most_130_lines():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130


def test_both_set_up_commands_stand_whole_on_one_line():
    lines = (ROOT / "README.md").read_text().splitlines()
    for job in ("python run.py experiment=szegedy", "python -m pytest"):
        assert f"pip install -r requirements.txt && {job}" in lines


@each_page
def test_what_can_be_copied_is_ascii(page: Path):
    for block in blocks(page):
        assert block.isascii(), [char for char in block if not char.isascii()]
    for line in commands(page):
        assert line.isascii(), line


@each_page
def test_brackets_of_commands_are_quoted(page: Path):
    for line in commands(page):
        outside = re.sub(r"'[^']*'|\"[^\"]*\"", "", line.partition(" #")[0])
        assert "[" not in outside, line


@each_page
def test_choices_and_artefacts_of_commands_exist(page: Path):
    for line in commands(page):
        chosen = dict(re.findall(r"(?:^|[ '+])(\w+)=(\[?[\w,]+\]?)(?=[ '`]|$)", line))
        for group in ("experiment", "networks", "dataset", "scale", "sweep"):
            if group in chosen and chosen[group] not in EXAMPLES:
                assert chosen[group] in names(group), line
        experiment = chosen.get("experiment")
        if "only" in chosen and experiment in names("experiment"):
            file = OmegaConf.load(CONF / "experiment" / f"{experiment}.yaml")
            known = {str(name) for name in file.artefacts} | set(EXAMPLES)
            assert set(chosen["only"].strip("[]").split(",")) <= known, line


@each_page
def test_the_options_of_commands_are_accepted(page: Path):
    """Hydra composes what a command asks for, a launcher's options included."""
    asked = {line.partition("run.py")[2].partition(" #")[0] for line in commands(page)}
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for line in asked:
            try:
                words = shlex.split(line)
            except ValueError:  # "python run.py" in the middle of a sentence
                continue
            options = [word for word in words if re.match(r"[+\w./]+=[^<]+$", word)]
            if not options or any(word in line for word in (*EXAMPLES, "-sc")):
                continue
            swept = "-m" in words
            first = [re.sub(r"=([^\[,]+),.*", r"=\1", word) if swept else word for word in options]
            compose("config", overrides=first, return_hydra_config=True)


@each_page
def test_files_that_are_named_exist(page: Path):
    for name in re.findall(
        r"`((?:reproduce|conf|benchmarks|examples|docs)/[\w./]+)`", page.read_text()
    ):
        if not any(example in name for example in EXAMPLES):
            assert (ROOT / name).exists(), name


@each_page
def test_pages_and_pictures_that_are_linked_exist(page: Path):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if not re.match(r"https?:", target):
            assert (page.parent / target).exists(), target


def test_every_page_is_in_the_navigation():
    listed = set(re.findall(r"([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert listed == {
        str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")
    }


@pytest.mark.parametrize(
    "paper", [file.stem for file in (ROOT / "reproduce/published").glob("*.yaml")]
)
def test_every_paper_stands_wherever_papers_are_listed(paper: str):
    cited = OmegaConf.load(ROOT / f"reproduce/published/{paper}.yaml").paper.cite
    name = re.match(r"\w+", cited)[0]
    for page in ("index", "choices", "cite", "start/quickstart", "results/overview",
                 "reference/algorithms"):  # fmt: skip
        assert (
            name in (ROOT / f"docs/{page}.md").read_text()
            or paper in (ROOT / f"docs/{page}.md").read_text()
        ), page
    assert (ROOT / f"docs/results/{paper}.md").exists()
    assert f"published/{paper}.yaml" in (ROOT / "docs/reference/algorithms.md").read_text()
    assert name in (ROOT / "README.md").read_text()


def test_every_attack_is_on_the_page_on_attacks():
    page = (ROOT / "docs/extend/attack.md").read_text()
    for attack in names("attack"):
        assert f"`{attack}`" in page or f"attack={attack}" in page, attack


@each_page
def test_commits_that_are_named_are_in_the_history(page: Path):
    found = re.findall(r"\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{7}\b", page.read_text())
    shallow = subprocess.run(
        ["git", "rev-parse", "--is-shallow-repository"], cwd=ROOT, capture_output=True, text=True
    )
    if shallow.stdout.strip() != "false":
        pytest.skip("the history of commits is not here")
    for commit in found:
        asked = ["git", "merge-base", "--is-ancestor", commit, "HEAD"]
        assert subprocess.run(asked, cwd=ROOT, capture_output=True).returncode == 0, commit
