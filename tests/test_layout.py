"""The rooms of the package: how many there are, how long their files, and who imports whom."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "reproduce"
# From the top down: a room uses only what lies on lower floors. Each room of a floor with several
# stands for itself, and may not use its neighbours, except as NEIGHBOURS says.
FLOORS = [
    {"experiments"},
    {"training"},
    {"methods"},
    {"networks"},
    {"report", "published", "data"},
    {"runtime"},
]
DOORS = {
    "check",
    "command",
    "release",
}  # files to be called, in no room: they may use all, and nobody uses them
NEIGHBOURS = {("report", "published")}  # a report reads the published numbers
LONGEST = 280  # lines of a file
FILES = sorted(PACKAGE.rglob("*.py"))


def rooms() -> set[str]:
    found = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"} - DOORS
    return found | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def imports(path: Path) -> set[str]:
    """Modules of the package that a file imports, anywhere in it."""
    package = (path.relative_to(PACKAGE.parent).with_suffix("")).parts
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package[: len(package) - node.level]) if node.level else ""
            module = ".".join(filter(None, [above, node.module]))
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == "reproduce"}


def floor(room: str) -> int:
    return next(level for level, floor in enumerate(FLOORS) if room in floor)


def test_there_are_at_most_nine_rooms_and_each_has_its_floor():
    assert len(rooms()) <= 9
    assert rooms() == set.union(*FLOORS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards(path: Path):
    room = path.relative_to(PACKAGE).parts[0]
    if room == "__init__.py":
        return
    for name in imports(path):
        parts = name.split(".")
        assert not DOORS & set(parts[1:2]), f"{path.name} imports {name}"
        if room.removesuffix(".py") in DOORS:
            continue
        if len(parts) < 2 or parts[1] not in rooms() or parts[1] == room:
            continue
        lower = floor(parts[1]) > floor(room)
        assert lower or (room, parts[1]) in NEIGHBOURS, f"{path.name} imports {name}"


def test_a_paper_s_experiments_use_no_other_paper_s_but_as_parts():
    """lipton, a study of many models, may use the papers' parts, never the other way round."""
    papers = {path.parent.name for path in (PACKAGE / "experiments").glob("*/__init__.py")}
    for paper in papers - {"lipton"}:
        for path in (PACKAGE / "experiments" / paper).rglob("*.py"):
            for name in imports(path):
                parts = name.split(".")
                if parts[1:2] == ["experiments"] and len(parts) > 2 and parts[2] in papers:
                    assert parts[2] != "lipton", f"{path} imports {name}"


def test_no_circle():
    """Modules import each other in an order."""
    of = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in FILES
    }
    graph = {}
    for module, path in of.items():
        targets = set()
        for name in imports(path):
            while name and name not in of:
                name = name.rpartition(".")[0]
            targets |= {name} - {module, "reproduce", ""}
        graph[module] = {t for t in targets if not module.startswith(f"{t}.")}
    done: set[str] = set()
    while len(done) < len(graph):
        ready = {module for module in graph.keys() - done if graph[module] <= done}
        assert ready, f"a circle among {sorted(graph.keys() - done)}"
        done |= ready


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_short(path: Path):
    assert len(path.read_text().splitlines()) <= LONGEST
