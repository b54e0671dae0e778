"""Progress: what TensorBoard reads back is what the stages told, each under its own address."""

import io
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from reproduce.runtime import progress


def charts(folder):
    read = EventAccumulator(str(folder))
    read.Reload()
    return {
        tag: [(e.step, e.tensor_proto.float_val[0]) for e in read.Tensors(tag)]
        for tag in read.Tags()["tensors"]
    }


def losses(values):
    with progress.stage("table1"), progress.stage("gradient descent", len(values)) as advance:
        for value in values:
            advance(1, loss=value)


def test_numbers_of_stages_are_charted(tmp_path):
    with progress.chart_to(tmp_path):
        losses([3.0, 2.0])
        losses([1.0])
        with progress.stage("attack", total=10) as advance:
            advance(4)
            advance(6)
    assert charts(tmp_path) == {
        "table1/gradient descent/loss": [(1, 3.0), (2, 2.0)],
        "table1/gradient descent (2)/loss": [(1, 1.0)],
        "attack/done": [(4, 4.0), (10, 10.0)],
    }


def test_without_a_folder_nothing_is_charted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with progress.chart_to(None):
        losses([1.0])
    assert list(tmp_path.iterdir()) == []


def test_elsewhere_than_on_a_terminal_each_stage_ends_in_one_line(capsys):
    with progress.stage("experiment"):
        losses([0.5])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "    gradient descent", "  table1", "experiment",
    ]  # fmt: skip
    assert lines[0].endswith("loss 0.5000")


def test_what_is_gathered_is_shown_nowhere_and_the_rest_where_stdout_is(capsys, monkeypatch):
    with progress.gathered() as lines:
        progress.say("a", "b" * 200)
    assert lines == ["a " + "b" * 200]
    later = io.StringIO()
    monkeypatch.setattr(sys, "stdout", later)
    progress.say("after")
    assert (later.getvalue(), capsys.readouterr().out) == ("after\n", "")
