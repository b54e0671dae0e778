"""Released networks: found by key, only read, never believed when their training has changed."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from reproduce import release, training
from reproduce.data.examples import Dataset, read_only
from reproduce.experiments import Context
from reproduce.networks import models
from reproduce.runtime.places import RELEASED
from reproduce.runtime.store import Store, key, read

LARGEST = 8 << 20  # bytes of all released networks
made = []


def double(values):
    made.append(len(values))
    return values * 2


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def call():
    made.clear()
    return partial(double, np.arange(3))


@pytest.fixture
def released(call, tmp_path):
    """A folder with the result of one call."""
    Store(tmp_path / "released").cached(call)
    (tmp_path / "released" / f"{key(call)}.lock").unlink()
    made.clear()
    return tmp_path / "released"


def test_a_released_result_is_taken_and_told_and_nothing_is_written(
    call, released, tmp_path, capsys
):
    before = contents(released)
    found = Store(tmp_path / "cache", released).cached(call, title="training FC10")
    assert (found == [0, 2, 4]).all()
    assert made == []
    assert "from the released networks, in the place of training FC10." in capsys.readouterr().out
    assert contents(released) == before
    assert not (tmp_path / "cache").exists()


def test_the_store_itself_comes_first(call, released, tmp_path, capsys):
    Store(tmp_path / "cache").cached(call)
    Store(tmp_path / "cache", released).cached(call)
    assert "released" not in capsys.readouterr().out


def test_another_call_is_made(released, tmp_path):
    assert (Store(tmp_path / "cache", released).cached(partial(double, np.ones(2))) == 2).all()
    assert made == [2]


def test_without_released_networks_the_call_is_made(call, released, tmp_path):
    Store(tmp_path / "cache").cached(call)
    assert made == [3]


def test_a_damaged_one_is_told_passed_over_and_left_alone(call, released, tmp_path):
    arrays = released / key(call) / "arrays.npz"
    arrays.write_bytes(arrays.read_bytes()[:-5])
    before = contents(released)
    with pytest.warns(UserWarning, match=r"among the released networks .* not used"):
        assert (Store(tmp_path / "cache", released).cached(call) == [0, 2, 4]).all()
    assert made == [3]
    assert contents(released) == before


def test_one_that_names_foreign_code_is_not_read(call, released, tmp_path):
    entry = released / key(call)
    (entry / "tree.json").write_text(json.dumps({"record": ["antigravity", "X"], "fields": []}))
    record = json.loads((entry / "recipe.json").read_text())
    del record["files"]["tree.json"]  # as someone would who means it
    (entry / "recipe.json").write_text(json.dumps(record))
    with pytest.warns(UserWarning, match="no record of ours"):
        assert (Store(tmp_path / "cache", released).cached(call) == [0, 2, 4]).all()


@pytest.fixture
def few(mnist_5k) -> Dataset:
    train = read_only(mnist_5k.train.images[:200], mnist_5k.train.labels[:200])
    test = read_only(mnist_5k.test.images[:100], mnist_5k.test.labels[:100])
    return mnist_5k._replace(train=train, test=test)


def networks(decay=1.0):
    """A linear network of all images, and one of the last half."""
    phases = [partial(training.softmax, decay=decay)]
    recipe = training.Recipe(partial(models.dense, bias=False), phases, classes=10)
    whole = release.Trained("szegedy", "FC10", 0, partial(recipe, seed=0), None, {"decay": decay})
    half = release.Trained("szegedy_halves", "FC10'", 0, partial(recipe, seed=7), 1, {})
    return recipe, [whole, half]


def test_networks_are_released_from_a_store_with_a_card_each(few, tmp_path, capsys):
    recipe, both = networks()
    (tmp_path / "cache").mkdir()
    context = Context(few, {"FC10": recipe}, 0, Store(tmp_path / "cache"))
    trained = context.network("FC10")
    assert release.release(tmp_path / "cache", tmp_path / "released", few, both) == both[1:]
    context.network("FC10", seed=7, examples=read_only(*(each[100:] for each in few.train)))
    assert release.release(tmp_path / "cache", tmp_path / "released", few, both) == []

    (_, card), (_, other) = release.cards(tmp_path / "released")
    answers = np.asarray(trained(few.test.images)).argmax(1)
    assert card["test_error"] == pytest.approx((answers != few.test.labels).mean())
    assert card["learned_from"] == "all 200 training images of mnist_5k"
    assert other["learned_from"] == "the last 100 training images of mnist_5k"
    assert "| FC10' | `szegedy_halves` |" in (tmp_path / "released/README.md").read_text()

    fresh = Context(few, {"FC10": recipe}, 0, Store(tmp_path / "empty", tmp_path / "released"))
    capsys.readouterr()
    again = fresh.network("FC10")
    assert "in the place of training FC10, seed 0" in capsys.readouterr().out
    np.testing.assert_array_equal(again.get_weights()[0], trained.get_weights()[0])


def test_what_is_out_of_date_is_told_without_the_data(few, tmp_path):
    recipe, (whole, half) = networks()
    Context(few, {"FC10": recipe}, 0, Store(tmp_path / "cache")).network("FC10")
    folder = tmp_path / "released"
    release.release(tmp_path / "cache", folder, few, [whole])
    assert release.outdated(folder, [whole]) == []
    assert release.outdated(folder, [whole, half]) == [(half.title, "not released")]
    _, (stronger, _) = networks(decay=2.0)
    assert release.outdated(folder, [stronger]) == [(whole.title, "its options changed")]
    ((entry, _),) = release.cards(folder)
    record = json.loads((entry / "recipe.json").read_text())
    record["code"]["reproduce.training.quasi_newton"] = "0"
    (entry / "recipe.json").write_text(json.dumps(record))
    assert release.outdated(folder, [whole]) == [
        (whole.title, "reproduce.training.quasi_newton changed")
    ]


def test_a_network_that_is_released_again_takes_the_place_of_the_older_one(few, tmp_path):
    for decay in (1.0, 2.0):
        recipe, (whole, _) = networks(decay)
        Context(few, {"FC10": recipe}, 0, Store(tmp_path / "cache")).network("FC10")
        release.release(tmp_path / "cache", tmp_path / "released", few, [whole])
    ((_, card),) = release.cards(tmp_path / "released")
    assert card["recipe"]["decay"] == 2.0


def test_the_networks_that_are_released_are_eleven():
    titles = [network.title for network in release.networks()]
    assert len(set(titles)) == len(titles) == 11


# What lies in the repository. Whether it is up to date is for `python -m reproduce.release` to say,
# which CI runs and does not fail by: a change to training is no fault, and the networks that it
# leaves behind are never served.


def test_the_repository_s_are_small_whole_and_listed():
    assert sum(map(len, contents(RELEASED).values())) <= LARGEST
    assert (RELEASED / "README.md").read_text() == release.overview(RELEASED)
    for entry, card in release.cards(RELEASED):
        (network,) = read(entry)
        assert {str(weight.dtype) for weight in network.weights} == {"float32"}
        assert card["seed"] == (1000 if card["network"].endswith("'") else 0)


def test_the_option_that_trains_is_known():
    assert OmegaConf.load(RELEASED.parents[1] / "conf/config.yaml").released is True
