"""A plan: what a run would make, without making it."""

import io
import json
from functools import partial

import numpy as np
import pytest
from rich.console import Console

from reproduce.data import Examples
from reproduce.experiments import Context
from reproduce.experiments.pieces import network_piece
from reproduce.experiments.plan import plan, table
from reproduce.report.results import Artefact
from reproduce.runtime.costs import Costs
from reproduce.runtime.errors import NotAvailable
from reproduce.runtime.planning import MissingError, Planned
from reproduce.runtime.recipe import of
from reproduce.runtime.store import Piece, Store, key

IMAGES = np.arange(12.0)


def train(examples, seed, units=3):
    return examples * units + seed


def attack(network, images):
    return network - images


def evolve(network, seeds, generations):
    return [network.sum() + sum(seeds) * generations]


def whole(context):
    """Two networks, and an attack on each."""
    networks = context.store.cached_all(
        [Piece(partial(train, IMAGES, seed), title=f"training {seed}") for seed in range(2)],
        then=["attacking 0", "attacking 1"],
    )
    context.store.cached_all([Piece(partial(attack, network, IMAGES)) for network in networks])
    return Artefact(title="whole", caption="")


def shared(context):
    context.cached(partial(train, IMAGES, 1), title="training 1")
    context.cached(partial(train, IMAGES, 7), title="training 7")
    raise AssertionError("a plan goes no further")


def unavailable(context):
    raise NotAvailable("no photographs")


def cost(store, call, **measured):
    """Keeps a call with a cost of its own."""
    store.cached(call)
    file = store.folder / key(call) / "recipe.json"
    record = json.loads(file.read_text())
    for name in ("seconds", "processor_seconds"):
        del record[name]
    file.write_text(json.dumps(record | measured))


@pytest.fixture
def planned(tmp_path):
    return Planned(tmp_path, None)


def steps(store, **artefacts):
    calls = {name: partial(call) for name, call in artefacts.items()}
    return plan(calls, Context(None, {}, 0, store))


def test_nothing_is_made_and_each_piece_counts_once(tmp_path, planned):
    one, two, three = steps(planned, whole=whole, shared=shared, figure=unavailable)
    assert not list(tmp_path.iterdir())
    assert [piece.title for piece in one.missing] == ["training 0", "training 1"]
    assert one.then == ["attacking 0", "attacking 1"]
    assert two.pieces == []  # training 1 is the first's, and a plan knows of nothing behind it
    assert two.then == []
    assert three.not_run == "no photographs"


def test_what_is_kept_is_read_and_the_plan_goes_on_from_there(tmp_path):
    for seed in range(2):
        Store(tmp_path).cached(partial(train, IMAGES, seed))
    (one,) = steps(Planned(tmp_path, None), whole=whole)
    assert [piece.kept for piece in one.pieces] == [True, True, False, False]
    assert one.then == []
    whole(Context(None, {}, 0, Store(tmp_path)))
    (one,) = steps(Planned(tmp_path, None), whole=whole)
    assert all(piece.kept for piece in one.pieces)
    assert one.then is None


def test_a_released_entry_is_kept_too(tmp_path):
    Store(tmp_path / "released").cached(partial(train, IMAGES, 0))
    (one,) = steps(Planned(tmp_path / "own", tmp_path / "released"), whole=whole)
    assert [piece.kept for piece in one.pieces] == [True, False]
    assert not (tmp_path / "own").exists()


def test_a_piece_costs_what_its_like_did(tmp_path):
    store = Store(tmp_path)
    cost(store, partial(train, IMAGES, 0), seconds=99.0, processor_seconds=7.0)
    cost(store, partial(train, IMAGES, 1), seconds=9.0)  # of before processor time was recorded
    cost(store, partial(train, IMAGES + 1, 0), seconds=100.0)  # other data
    cost(store, partial(train, IMAGES, 0, units=4), seconds=1000.0)  # another call
    costs = Costs([tmp_path, tmp_path / "nowhere"])

    def of(call):
        return costs.of(json.loads(json.dumps(of_recipe(call))))

    assert of(partial(train, IMAGES, 5)) == (8.0, True)
    assert of(partial(train, IMAGES + 2, 5)) == (pytest.approx((7 + 9 + 100) / 3), False)
    assert of(partial(train, IMAGES, 5, units=5)) is None


def of_recipe(call):
    return of(call).call


def test_runs_and_generations_are_scaled(tmp_path):
    cost(Store(tmp_path), partial(evolve, IMAGES, seeds=[0, 1], generations=10), seconds=40.0)
    call = partial(evolve, IMAGES, seeds=[2, 3, 4], generations=100)
    assert Costs([tmp_path]).of(of_recipe(call)).core_seconds == pytest.approx(3 * 100 * 2.0)


def test_a_damaged_entry_measures_nothing(tmp_path):
    call = partial(train, IMAGES, 0)
    Store(tmp_path).cached(call)
    (tmp_path / key(call) / "recipe.json").write_text('{"recipe": ')
    assert Costs([tmp_path]).of(of_recipe(call)) is None


def test_the_table_sums_what_was_measured(tmp_path):
    store = Store(tmp_path)
    cost(store, partial(train, IMAGES, 0), processor_seconds=3600.0, seconds=1.0)
    found = steps(Planned(tmp_path, None), whole=whole, shared=shared, figure=unavailable)
    console = Console(file=io.StringIO(), width=200)
    console.print(table(found))
    lines = [line.split() for line in console.file.getvalue().splitlines()]
    assert lines[1][:7] == ["whole", "1", "1", "1.00", "1", "of", "1"]
    assert lines[1][7:] == ["2", "that", "depend", "on", "these"]
    assert "no photographs" in " ".join(lines[3])
    assert lines[4][:4] == ["all", "1", "1", "1.00"]


def test_a_missing_result_is_no_error_of_a_user(planned):
    with pytest.raises(MissingError):
        planned.cached(partial(train, IMAGES, 0))


def test_the_piece_of_a_network_is_what_the_network_would_be(tmp_path):
    """Of one that is trained, and of one that is loaded."""

    class Data:
        train, classes = Examples(IMAGES, np.zeros(12, int)), 1

    def load(dataset):
        return "loaded"

    def learn(examples, seed):
        return examples.images + seed

    networks = {"FC": partial(learn), "own": partial(load)}
    context = Context(Data(), networks, 3, Store(tmp_path))
    piece = network_piece(context, "FC")
    assert piece.title == "training FC, seed 3"
    assert key(piece.call) == key(partial(learn, examples=Data.train, seed=3))
    (found,) = context.store.cached_all([piece])
    np.testing.assert_array_equal(found, context.network("FC"))
    assert network_piece(context, "own").quick
    assert context.store.cached_all([network_piece(context, "own")]) == ["loaded"]
    with pytest.raises(NotAvailable, match="no network is called"):
        network_piece(context, "other")
