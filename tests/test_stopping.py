"""What stops a run from outside: signals, closed pipes, full disks. It ends as by Ctrl-C."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
from functools import partial

import pytest

from reproduce.experiments import Context, perform
from reproduce.report.results import Artefact
from reproduce.report.run import Header, Run
from reproduce.runtime import addresses, stopping
from reproduce.runtime.stopping import as_stop

CONTEXT = Context(None, {}, 0, None)
HEADER = Header("szegedy", "mnist", "folder", "0", "smoke", 0)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "stopped"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141, "nobody reads"),
        (OSError(errno.EFBIG, "File too large"), 2, "ulimit -f"),
        (OSError(errno.ENOSPC, "No space left", "/x"), 2, "the disk is full at /x"),
    ],
)
def test_the_reason_is_told_by_a_line_and_the_exit_code(error, code, words):
    stop = as_stop(error)
    assert stop.code == code
    assert words in stop.reason


def test_other_errors_are_no_stop():
    assert as_stop(FileNotFoundError(errno.ENOENT, "nothing")) is None
    assert as_stop(ValueError()) is None


CHILD = """
import signal, sys, time

# What began the tests may ignore these, nohup does, and a child inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from functools import partial
from pathlib import Path
from reproduce.report.results import Artefact
from reproduce.report.run import Header, Run
from reproduce.experiments import Context, perform
from reproduce.runtime.progress import say
from reproduce.runtime.stopping import as_stop, stop_on_signals

def slow(context):
    while True:
        say("at work")
        time.sleep(0.05)

stop_on_signals()
CONTEXT = Context(None, {}, 0, None)
try:
    with Run(Path(sys.argv[1]), Header("szegedy", "mnist", "x", "0", "smoke", 0)) as run:
        perform({"slow": partial(slow)}, CONTEXT, run)
except BaseException as error:
    stop = as_stop(error)
    print(stop.reason, file=sys.stderr)
    sys.exit(stop.code)
"""


@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "SIGINT", "closed pipe"])
def test_a_run_that_is_stopped_leaves_its_page(tmp_path, how):
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "at work\n"
    if how == "closed pipe":
        child.stdout.close()
    else:
        child.send_signal(getattr(signal, how))
    code = child.wait(60)
    error = child.stderr.read()
    child.stdout.close()
    child.stderr.close()
    number = signal.SIGPIPE if how == "closed pipe" else getattr(signal, how)
    assert code == 128 + number
    assert "Traceback" not in error
    assert error.splitlines()[-1].startswith("stopped"), error
    assert "stopped before its end" in (tmp_path / "report.md").read_text()


def test_an_artefact_that_fails_is_on_the_page_with_its_error(tmp_path):
    def broken(context):
        raise ZeroDivisionError("by nothing")

    with pytest.raises(ZeroDivisionError), Run(tmp_path, HEADER) as run:
        perform({"table1": partial(broken)}, CONTEXT, run, only=["table1"])
    assert "ZeroDivisionError: by nothing" in (tmp_path / "report.md").read_text()


def test_a_full_disk_is_told_as_such_though_the_page_cannot_be_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fine(context):
        monkeypatch.setattr("reproduce.report.results_json.atomic_write", full)
        return Artefact(title="Table", caption="")

    with pytest.raises(OSError, match="No space left") as ending, Run(tmp_path, HEADER) as run:
        perform({"table1": partial(fine)}, CONTEXT, run)
    assert as_stop(ending.value).code == 2
    assert (tmp_path / "results.json").is_file()


def test_results_have_a_lasting_address(tmp_path):
    parts = "szegedy", "mnist", "laptop", "seed=0"
    assert addresses.run_folder(tmp_path, *parts, settings="") == tmp_path.joinpath(*parts)
    assert addresses.run_folder(tmp_path, *parts, settings="a=1,b=x/y").name.startswith("a=1,b=x_y")
    long = [addresses.run_folder(tmp_path, settings="a=" + "é" * 300 + end) for end in "xy"]
    assert long[0] != long[1]
    for folder in long:
        assert len(folder.name.encode()) <= addresses.LONGEST_NAME
        folder.mkdir()
        addresses.point_latest(tmp_path, folder)
        assert (tmp_path / "latest").resolve() == folder


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("networks.path=x/m.keras", "networks.path=x_m.keras"),
        ("networks.path=x/m.keras", "networks.path=x m.keras"),
        ("networks.path=x/m.keras", "networks.path=x//m.keras"),
        ("a=[b/c]", "a=[b_c]"),
        ("a=[b,c]", "a=_b,c_"),
        ("a=[_b,c]", "a=[b,c]"),
        ('a="b,c=d/e"', 'a="b,c=d_e"'),
        ("a={b:1}", "a=_b:1_"),
        ("a=1,b=x/y,c=2", "a=1,b=x_y,c=2"),
    ],
)
def test_other_settings_have_another_folder(tmp_path, one, other):
    names = {addresses.run_folder(tmp_path, settings=settings).name for settings in (one, other)}
    assert len(names) == 2


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ("attack=coauthor,networks=szegedy_sgd", "attack=coauthor,networks=szegedy_sgd"),
        ("dataset.size=[28,28],x=1", "dataset.size=_28,28_,x=1"),
        ("networks.path=m_1.keras", "networks.path=m_1.keras"),
        ("networks@halves=szegedy_halves", "networks_halves=szegedy_halves"),
        ("attack.tau=16,~artefacts.table1", "attack.tau=16,_artefacts.table1"),
        ("+networks.FC10.network.units=[50],a=-1e-3", "+networks.FC10.network.units=_50_,a=-1e-3"),
        ("~artefacts.table1,~artefacts.table2", "_artefacts.table1,_artefacts.table2"),
        ("default", "default"),
    ],
)
def test_the_usual_settings_are_the_name_of_their_folder(tmp_path, settings, name):
    assert addresses.run_folder(tmp_path, settings=settings).name == name


def test_signals_are_taken_but_those_that_are_to_be_ignored(monkeypatch):
    """As nohup has it: a hang-up stays ignored."""
    before = {signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_IGN}
    taken = {}
    monkeypatch.setattr(stopping.signal, "getsignal", before.__getitem__)
    monkeypatch.setattr(stopping.signal, "signal", taken.__setitem__)
    stopping.stop_on_signals()
    assert list(taken) == [signal.SIGTERM]
    with pytest.raises(stopping.Stopped, match="stopped by SIGTERM") as stop:
        taken[signal.SIGTERM](signal.SIGTERM, None)
    assert stop.value.code == 128 + 15
    assert taken[signal.SIGTERM] == signal.SIG_IGN  # one is enough
