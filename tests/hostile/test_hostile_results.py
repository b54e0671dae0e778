"""results.json and config.yaml from anywhere: read, or refused in one line; nothing else."""

from __future__ import annotations

import copy
import json
import os
import resource
import signal
import subprocess
import sys

import pytest

from reproduce.report import __main__ as command
from reproduce.report import provenance, results_json, run
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Claim, Layout, Results, Strength

VALUES = [
    None, 3, -1, 2.5, "x", [], {}, True, float("inf"), float("nan"), ["x"], {"a": 1}, 10**400,
    "<script>alert(1)</script>",
]  # fmt: skip


def made_up() -> Results:
    cells = Cells("szegedy", "table1")
    cells.rate("FC10(1)", "test_error", 1997, 10_000)
    cells.number("FC10(1)", "failed", float("nan"), "rms")
    strength = Strength(1, None, "one failure")
    return Results(
        experiment="szegedy", dataset="mnist", data_source="here", data_digest="0", scale="laptop",
        seeds=(3,), versions={"python": "3.11"}, started="2026-01-01T00:00:00+00:00",
        seconds={"table1": 1.5}, cells=tuple(cells.list),
        claims=(Claim("decay", "It rises.", "holds", "so it does", strength, artefact="table1"),),
        not_run={"table5": "no weights"}, departures=("We bisect.",),
        artefacts={"table1": Layout("Table 1", figures=("table1-a",))},
    )  # fmt: skip


CONTENT = json.loads(results_json.to_json(made_up()))


def places(node, at=()):
    """The address of every value; of a list that of the first alone."""
    yield at
    inner = node.items() if isinstance(node, dict) else ()
    for key, value in list(enumerate(node))[:1] if isinstance(node, list) else inner:
        yield from places(value, (*at, key))


@pytest.mark.parametrize("at", list(places(CONTENT)), ids=lambda at: "/".join(map(str, at)))
def test_a_value_of_another_kind_is_read_or_refused_in_a_line(tmp_path, capsys, at):
    for number, value in enumerate(VALUES):
        content = copy.deepcopy(CONTENT)
        node = content
        for key in at[:-1]:
            node = node[key]
        if at:
            node[at[-1]] = value
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "results.json").write_text(json.dumps(content if at else value))
        code = command.main([str(folder)])
        told = capsys.readouterr().err
        assert (code, told.count("\n")) in ((0, 0), (2, 1)), told
        if code == 0:
            assert "<script>alert" not in (folder / "report.html").read_text()
        else:
            assert sorted(file.name for file in folder.iterdir()) == ["results.json"]


FILES = {  # the bytes of results.json
    "UTF-16": json.dumps(CONTENT).encode("utf-16"),
    "bytes": bytes(range(256)),
    "deep": b"[" * 100_000,
    "cut": json.dumps(CONTENT).encode()[:-10],
    "two of them": json.dumps(CONTENT).encode() * 2,
    "a page": b"<!DOCTYPE html>",
}
CONFIGS = {
    "bytes": b"\xff\xfe\x00\x01",
    "a list": b"- 1\n- 2\n",
    "no YAML": b"a: [1\nb: }",
    "deep": b"[" * 5_000,
    "aliases": b"a: &a [x,x]\nb: &b [*a,*a]\n",
    "code": b"a: !!python/object/apply:os.system ['true']\n",
    "interpolation": b"a: ${\n",
    "twice": b"a: 1\na: 2\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_results_is_refused_and_a_run_replaces_it(tmp_path, capsys, name):
    (tmp_path / "results.json").write_bytes(FILES[name])
    refused_and_replaced(tmp_path, capsys, "results.json is not the results.json of a run")


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_that_is_none_is_refused_and_a_run_replaces_it(tmp_path, capsys, name):
    (tmp_path / "results.json").write_text(json.dumps(CONTENT))
    (tmp_path / "config.yaml").write_bytes(CONFIGS[name])
    refused_and_replaced(tmp_path, capsys, "config.yaml is not the configuration of a run")


def refused_and_replaced(folder, capsys, why):
    """A report on the folder ends in one line; a run there goes on, and says what it replaces."""
    assert command.main([str(folder)]) == 2
    told = capsys.readouterr().err
    assert why in told
    assert told.count("\n") == 1
    goes_on(folder)
    assert "It is replaced." in capsys.readouterr().out


def goes_on(folder):
    """A run in a folder that holds something else: its own results stand there afterwards."""
    header = run.Header("szegedy", "mnist", "x", "0", "smoke", 0)
    with run.Run(folder, header, config={"seed": 0}) as kept:
        kept.add("table1", Artefact(title="Table 1", cells=made_up().cells[:1]), seconds=1.0)
    assert [cell.row for cell in results_json.read(folder).cells] == ["FC10(1)"]
    assert provenance.read_config(folder) == {"seed": 0}


def test_many_aliases_take_no_memory(tmp_path, refused):
    """Nine lines that stand for a billion words."""
    lines = ["l0: &l0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"l{n}: &l{n} [{','.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10)]
    (tmp_path / "config.yaml").write_text("\n".join(lines))
    refused("it has aliases", lambda: provenance.read_config(tmp_path))


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "broken link", "nothing"])
def test_what_is_no_file_is_no_run(tmp_path, capsys, kind):
    """And nothing waits for it."""
    file = tmp_path / "results.json"
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "device":
            file.symlink_to("/dev/zero")
        case "broken link":
            file.symlink_to(tmp_path / "nowhere")
    assert command.main([str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("output", ["a file", "below a file", "of the system", "too long"])
def test_a_report_that_cannot_be_written_is_told_in_a_line(tmp_path, capsys, output):
    for seed in (3, 4):
        folder = tmp_path / "runs" / str(seed)
        folder.mkdir(parents=True)
        (folder / "results.json").write_text(json.dumps(CONTENT | {"seed": seed}))
    (tmp_path / "file").write_text("mine")
    place = {
        "a file": tmp_path / "file",
        "below a file": tmp_path / "file" / "x",
        "of the system": "/proc/reports",
        "too long": tmp_path / ("x" * 300),
    }[output]
    assert command.main([str(tmp_path / "runs"), "--output", str(place)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert (tmp_path / "file").read_text() == "mine"


def report(folder, **options):
    words = [sys.executable, "-m", "reproduce.report", str(folder)]
    return subprocess.run(words, text=True, timeout=60, stderr=subprocess.PIPE, **options)


def test_a_report_on_a_disk_that_is_full_leaves_what_stood_there(tmp_path):
    (tmp_path / "results.json").write_text(json.dumps(CONTENT))
    assert report(tmp_path, stdout=subprocess.PIPE).returncode == 0
    before = (tmp_path / "report.html").read_bytes()

    def little():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    done = report(tmp_path, stdout=subprocess.PIPE, preexec_fn=little)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "report.html").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_a_report_that_nobody_reads_ends_without_a_traceback(tmp_path):
    (tmp_path / "results.json").write_text(json.dumps(CONTENT))
    reader, writer = os.pipe()
    os.close(reader)
    done = report(tmp_path, stdout=writer)
    os.close(writer)
    assert done.returncode in (0, 128 + signal.SIGPIPE)
    assert "Traceback" not in done.stderr


ROWS = [
    "<img src=x onerror=alert(1)>", "[red]net[/red]", "a|b\nc", "50%_#&${}^~\\input{x}", "{{7*7}}",
    "caf\udce9", "[/]", "`rm`", "=1+1",
]  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_the_name_of_a_network_is_text_and_nothing_else(tmp_path, name):
    """In the page, in the tables and in results.json."""
    cells = Cells("szegedy", "table1")
    cells.rate(name, "test_error", 100, 10_000)
    header = run.Header("szegedy", "mnist", f"in {name}", "0", "smoke", 0)
    with run.Run(tmp_path, header, config={"seed": 0}, departures=[name]) as kept:
        kept.add("table1", Artefact(title="T", cells=cells.list, notes=(name,)), seconds=1.0)
    assert [cell.row for cell in results_json.read(tmp_path).cells] == [name]
    assert "<img" not in (tmp_path / "report.html").read_text()
    assert "<img" not in (tmp_path / "tables" / "table1.md").read_text()
    (row,) = [
        line
        for line in (tmp_path / "tables" / "table1.tex").read_text().splitlines()
        if line.endswith("1.00 \\\\")
    ]
    assert not row.strip().startswith("[")
    assert "\\input" not in row
