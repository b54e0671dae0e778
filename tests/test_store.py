import os
import signal
import subprocess
import sys
import textwrap
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
import pytest

from reproduce.runtime import store

EDITION = 1
calls = []


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


def test_the_key_sees_every_argument_nested_calls_and_the_edition(monkeypatch):
    keys = [
        store.key(partial(double, np.arange(3))),
        store.key(partial(double, np.arange(3.0))),
        store.key(partial(double, np.arange(3), times=3)),
        store.key(partial(compose, partial(double, times=2))),
        store.key(partial(compose, partial(double, times=3))),
        store.key(partial(compose, partial(double, times=2), seed=1)),
    ]
    monkeypatch.setattr(sys.modules[__name__], "EDITION", 2)
    keys.append(store.key(partial(double, np.arange(3))))
    assert len(set(keys)) == len(keys)


def test_a_model_is_known_by_what_it_computes_not_by_its_names(small_model, tmp_path):
    path = tmp_path / "model.keras"
    small_model.save(path)
    same = keras.models.load_model(path)
    twin = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="other")])
    twin.set_weights(small_model.get_weights())
    other = keras.models.load_model(path)
    other.layers[0].kernel.assign_add(np.full((3, 2), 1e-6, np.float32) * np.eye(3, 2))
    relu = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="relu")])
    relu.set_weights(small_model.get_weights())
    key = store.key(partial(compose, small_model))
    assert store.key(partial(compose, same)) == key
    assert store.key(partial(compose, twin)) == key
    assert store.key(partial(compose, other)) != key
    assert store.key(partial(compose, relu)) != key


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


def test_what_cannot_stand_in_a_recipe_is_refused():
    with pytest.raises(TypeError, match="cannot stand in a recipe"):
        store.key(partial(compose, {1, 2}))


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
        from reproduce.store import Store
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
