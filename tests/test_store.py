import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
import pytest
from filelock import FileLock

from reproduce.runtime import serialization, store
from reproduce.runtime.errors import UserError

calls = []


@pytest.fixture(autouse=True)
def records_of_tests(monkeypatch):
    """An entry may name the records of this file, as if they were reproduce's."""
    monkeypatch.setattr(serialization, "OURS", __name__)


class Pair(NamedTuple):
    name: str
    values: np.ndarray


def double(values, times=2):
    calls.append(times)
    return Pair("doubled", values * times)


def compose(step, seed=0):
    return step


@pytest.fixture
def small_model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.layers[0].set_weights([np.arange(6.0).reshape(3, 2), np.ones(2)])
    return model


def test_a_call_is_made_once_for_each_content(tmp_path):
    calls.clear()
    first = store.Store(tmp_path).cached(partial(double, np.arange(3)))
    again = store.Store(tmp_path).cached(partial(double, values=np.arange(3), times=2))
    assert calls == [2]
    assert isinstance(again, Pair)
    np.testing.assert_array_equal(first.values, again.values)
    store.Store(tmp_path).cached(partial(double, np.arange(4)))
    assert calls == [2, 2]


def test_the_key_sees_every_argument_and_nested_calls():
    keys = [
        store.key(partial(double, np.arange(3))),
        store.key(partial(double, np.arange(3.0))),
        store.key(partial(double, np.arange(3), times=3)),
        store.key(partial(compose, partial(double, times=2))),
        store.key(partial(compose, partial(double, times=3))),
        store.key(partial(compose, partial(double, times=2), seed=1)),
    ]
    assert len(set(keys)) == len(keys)


def test_trees_of_results_come_back_as_they_went(small_model, tmp_path):
    tree = {
        "pair": Pair("a", np.array([1.5, np.nan])),
        3: [None, True, 2, 0.1, (np.float32(0.1), np.arange(4, dtype=np.uint8))],
        "model": small_model,
    }
    made = store.Store(tmp_path).cached(partial(compose, tree))
    assert made is tree
    back = store.Store(tmp_path).cached(partial(compose, tree))
    np.testing.assert_array_equal(back["pair"].values, tree["pair"].values)
    assert back[3][:4] == tree[3][:4]
    assert back[3][4][0].dtype == np.float32
    assert back[3][4][1].dtype == np.uint8
    ones = np.ones((1, 3), np.float32)
    np.testing.assert_array_equal(back["model"](ones), small_model(ones))


@pytest.mark.parametrize("file", ["arrays.npz", "tree.json", "recipe.json"])
def test_a_truncated_entry_is_made_again_with_a_warning(tmp_path, file):
    call = partial(double, np.arange(3))
    store.Store(tmp_path).cached(call)
    damaged = tmp_path / store.key(call) / file
    damaged.write_bytes(damaged.read_bytes()[:-5])
    calls.clear()
    with pytest.warns(UserWarning, match="is damaged"):
        again = store.Store(tmp_path).cached(call)
    np.testing.assert_array_equal(again.values, [0, 2, 4])
    assert calls == [2]


def test_two_processes_make_a_thing_once_even_if_the_first_is_killed(tmp_path):
    (tmp_path / "slow.py").write_text(
        textwrap.dedent("""
        import time, pathlib
        def slow(seconds):
            with open("made.txt", "a") as file: file.write("begun\\n")
            time.sleep(seconds)
            return 1
        """)
    )
    (tmp_path / "job.py").write_text(
        textwrap.dedent("""
        from functools import partial
        from reproduce.runtime.store import Store
        import slow
        Store("cache").cached(partial(slow.slow, 2.0))
        """)
    )
    begun = tmp_path / "made.txt"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.getcwd()])}

    def start():
        return subprocess.Popen([sys.executable, "job.py"], cwd=tmp_path, env=environment)

    killed = start()
    while not begun.exists() or not begun.read_text():
        assert killed.poll() is None
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert all(job.wait() == 0 for job in [start(), start()])
    assert begun.read_text().count("begun") == 2  # the killed one, and one of the two


def test_checkpoints_outlive_an_interruption_and_go_with_success(tmp_path):
    def count(steps, folder=None):
        path = folder / "step"
        step = int(path.read_text()) if path.exists() else 0
        if step < steps - 1:
            path.write_text(str(step + 1))
            raise KeyboardInterrupt
        return step

    count.__module__ = __name__
    cache = store.Store(tmp_path)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            cache.cached(partial(count, 3), checkpoints="folder")
    assert cache.cached(partial(count, 3), checkpoints="folder") == 2
    assert [path.suffix for path in tmp_path.iterdir() if path.is_dir()] == [""]


def test_a_damaged_checkpoint_is_set_aside_and_made_again(tmp_path):
    def count(steps, folder=None):
        path = folder / "step"
        step = int(path.read_text()) if path.exists() else 0
        if step == 0:
            path.write_text("1")
            raise KeyboardInterrupt
        return step

    cache, call = store.Store(tmp_path), partial(count, 3)
    with pytest.raises(KeyboardInterrupt):
        cache.cached(call, checkpoints="folder")
    unfinished = tmp_path / f"{store.key(call)}.unfinished"
    (unfinished / "step").write_text("cut o")
    with (
        pytest.warns(UserWarning, match="cannot be used .* is made again"),
        pytest.raises(KeyboardInterrupt),
    ):
        cache.cached(call, checkpoints="folder")
    assert (tmp_path / f"{unfinished.name}.damaged" / "step").read_text() == "cut o"
    assert cache.cached(call, checkpoints="folder") == 1


def test_an_error_that_no_checkpoint_made_is_raised_at_once(tmp_path):
    calls.clear()

    def fail(folder=None):
        calls.append(len(list(folder.iterdir())))
        (folder / "step").write_text(str(len(calls)))
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            store.Store(tmp_path).cached(partial(fail), checkpoints="folder")
    assert calls == [0, 1]


@pytest.mark.parametrize("kind", ["file", "broken link", "empty folder"])
def test_what_is_no_entry_is_set_aside_and_made_again(tmp_path, kind):
    call = partial(double, np.arange(3))
    place = tmp_path / store.key(call)
    if kind == "file":
        place.write_text("something else")
    elif kind == "broken link":
        place.symlink_to(tmp_path / "nowhere")
    else:
        place.mkdir()
    with pytest.warns(UserWarning, match=r"is damaged .* it lies in .*\.damaged now"):
        made = store.Store(tmp_path).cached(call)
    np.testing.assert_array_equal(made.values, [0, 2, 4])
    np.testing.assert_array_equal(store.Store(tmp_path).cached(call).values, [0, 2, 4])
    assert place.with_name(f"{place.name}.damaged").is_symlink() == (kind == "broken link")


def test_a_result_in_hand_is_used_though_the_store_is_gone_or_full(tmp_path, monkeypatch):
    cache = str(tmp_path / "cache")

    def delete_the_store():
        shutil.rmtree(cache)
        return 3

    assert store.Store(tmp_path / "cache").cached(partial(delete_the_store)) == 3
    assert (
        store.Store(tmp_path / "cache").cached(partial(delete_the_store)) == 3
    )  # kept all the same

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store.serialization, "save", full)
    with pytest.warns(UserWarning, match="used but not kept: .*No space left"):
        assert store.Store(tmp_path).cached(partial(double, np.arange(3))).values[2] == 4
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == [tmp_path / "cache"]


def test_a_store_that_cannot_be_written_is_read(tmp_path, monkeypatch):
    calls.clear()
    kept, new = partial(double, np.arange(3)), partial(double, np.arange(4))
    store.Store(tmp_path).cached(kept)

    def refused(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(store, "locked", refused)
    monkeypatch.setattr(store.Store, "_keep", refused)
    assert store.Store(tmp_path).cached(kept).values[2] == 4
    assert calls == [2]
    with pytest.warns(UserWarning, match="used but not kept: .*Read-only"):
        assert store.Store(tmp_path).cached(new).values[3] == 6


def test_too_many_open_files_do_not_cost_a_whole_entry(tmp_path, monkeypatch):
    call = partial(double, np.arange(3))
    store.Store(tmp_path).cached(call)

    def exhausted(_):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(store.serialization, "load", exhausted)
        with pytest.raises(UserError, match="cannot be read: Too many open files"):
            store.Store(tmp_path).cached(call)
    calls.clear()
    store.Store(tmp_path).cached(call)
    assert calls == []


@pytest.mark.parametrize(
    "record",
    [
        ["antigravity", "X"], ["reproduce_evil", "X"], [__name__, "Pair"],
        ["inspect", "Arguments"], ["reproduce.runtime.store", "Store"], ["reproduce.runtime", "os"],
    ],
)  # fmt: skip
def test_an_entry_may_only_name_records_of_ours(tmp_path, monkeypatch, record):
    monkeypatch.setattr(serialization, "OURS", "reproduce")
    (tmp_path / "tree.json").write_text(json.dumps({"record": record, "fields": []}))
    np.savez(tmp_path / "arrays.npz")
    with pytest.raises(ValueError, match=f"{record[0]}:{record[1]} is no record of ours"):
        serialization.load(tmp_path)
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("model", ["../model0.keras", "/x/model0.keras", "x/../model0.keras", ""])
def test_an_entry_may_only_name_models_of_its_own(tmp_path, model):
    (tmp_path / "tree.json").write_text(json.dumps({"model": model}))
    np.savez(tmp_path / "arrays.npz")
    with pytest.raises(ValueError, match="lies elsewhere"):
        serialization.load(tmp_path)


def test_who_waits_for_another_run_says_so(tmp_path, capsys):
    call = partial(double, np.arange(3))
    held = threading.Event()

    def hold():
        with FileLock(tmp_path / f"{store.key(call)}.lock"):
            held.set()
            time.sleep(0.3)

    threading.Thread(target=hold).start()
    held.wait()
    store.Store(tmp_path).cached(call, title="training FC10")
    assert "another run makes training FC10: this one waits for it." in capsys.readouterr().out


def test_a_large_result_does_not_stay_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "REMEMBERED", 10_000)
    kept = store.Store(tmp_path)
    small, large = (partial(double, np.zeros(n)) for n in (10, 10_000))
    assert kept.cached(small) is kept.cached(small)
    first = kept.cached(large)
    assert first is not kept.cached(large)
    assert (first.values == kept.cached(large).values).all()


def test_a_changed_array_is_not_served(tmp_path):
    """A whole file, of other numbers than were written."""
    call = partial(double, np.arange(3))
    store.Store(tmp_path).cached(call)
    arrays = tmp_path / store.key(call) / "arrays.npz"
    with np.load(arrays) as file:
        other = {name: file[name] + 1 for name in file.files}
    np.savez(arrays, **other)
    with pytest.warns(UserWarning, match=r"arrays\.npz was changed or cut off"):
        assert store.Store(tmp_path).cached(call).values.tolist() == [0, 2, 4]


def test_small_results_stay_in_memory(tmp_path):
    kept, call = store.Store(tmp_path), partial(double, np.arange(3))
    assert kept.cached(call) is kept.cached(call)


def test_what_comes_back_cannot_be_changed_by_accident(tmp_path):
    call = partial(double, np.arange(3))
    store.Store(tmp_path).cached(call)
    back = store.Store(tmp_path).cached(call)
    with pytest.raises(ValueError, match="read-only"):
        back.values[0] = 9
