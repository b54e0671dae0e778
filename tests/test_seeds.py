"""Every run, network and phase has a seed of its own, the same each time."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from reproduce import training
from reproduce.data import Dataset, Examples
from reproduce.experiments import Context
from reproduce.experiments.nguyen import rounds, runs
from reproduce.methods.evolution import direct, map_elites
from reproduce.methods.evolution.archive import empty
from reproduce.methods.evolution.map_elites import Encoding, Evolution, evolve
from reproduce.networks import models
from reproduce.runtime.store import Piece, Store

FEW = Examples(np.zeros((6, 2, 2, 1), np.float32), np.array([0, 1, 2, 3, 4, 0]))
OTHERS = Examples(np.ones((2, 2, 2, 1), np.float32), np.array([0, 1]))


def told(examples, seed, classes=None):
    """Stands in for a network: what it was asked to learn from, its seed, and its classes."""
    return [len(examples.labels), seed, classes]


@pytest.fixture
def context(tmp_path):
    dataset = Dataset("few", "here", "0", FEW, FEW, 5)
    return Context(dataset, {"told": partial(told)}, 7, Store(tmp_path))


def test_a_network_learns_what_it_is_given_under_the_seed_it_is_given(context):
    assert context.network("told") == [6, 7, None]
    assert context.network("told", seed=8) == [6, 8, None]
    assert context.network("told", examples=OTHERS) == [2, 7, 5]  # of the data set's classes
    assert context.network("told", examples=OTHERS, classes=2) == [2, 7, None]


def test_seeds_of_several_runs_begin_with_the_runs_and_are_no_neighbours(context):
    seeds = context.seeds(5)
    assert seeds[0] == 7
    assert seeds[:3] == context.seeds(3)
    assert len(set(seeds)) == 5
    others = {seed for s in range(12) if s != 7 for seed in context._replace(seed=s).seeds(5)}
    assert not others & set(seeds)


def test_each_phase_of_a_training_has_a_generator_of_its_own():
    drawn = []

    def phase(model, examples, rng, effort):
        drawn.append(tuple(rng.random(3)))

    for seed in (1, 1, 2):
        training.train(partial(models.dense), [phase, phase], FEW, seed=seed)
    assert drawn[:2] == drawn[2:4]
    assert len(set(drawn)) == 4


def test_classes_are_counted_by_the_largest_label():
    model = training.train(partial(models.dense), [], FEW, seed=0)
    assert model.output_shape[1] == 5
    assert training.train(partial(models.dense), [], FEW, seed=0, classes=7).output_shape[1] == 7


def counted(sizes):
    """An encoding and a network by which it is counted what is scored."""
    encoding = Encoding(
        random=lambda rng, n: rng.random((n, 4)),
        offspring=lambda rng, parents, n, generation: rng.random((n, 4)),
        render=lambda genomes: (255 * genomes).astype(np.uint8).reshape(-1, 2, 2, 1),
    )

    def forward(classify, batch):
        def score(images):
            sizes.append(len(images))
            return images.reshape(-1, 4)[:, :3] / 255.0

        return score

    return encoding, forward


def test_an_evolution_tries_as_many_images_as_it_says():
    sizes = []
    encoding, forward = counted(sizes)
    found = evolve(None, encoding, classes=3, generations=2, seeds=[1], forward=forward)
    assert sum(sizes) == 600  # 200 at the start, 200 in each of two generations
    assert found.tried == (200, 200)
    sizes.clear()
    found = evolve(
        None, encoding, classes=3, generations=3, seeds=[1, 2], initial=50, children=30,
        batch=16, forward=forward,
    )  # fmt: skip
    assert sum(sizes) == 2 * (50 + 3 * 30)
    assert max(sizes) == 16
    assert found.tried == (50, 30)


def test_all_niches_have_children_and_who_holds_several_has_more():
    archive = empty(4, (2, 2, 1))._replace(genomes=["a", "b", "a", "c"])
    assert map_elites.elites(np.random.default_rng(0), archive, 9) == ["a", "b", "a", "c"]


class Caught:
    """Notes the calls that an experiment would make, and answers with a small evolution."""

    def __init__(self, runs):
        self.seed, self.calls = 5, []
        self.dataset = SimpleNamespace(classes=3, train=FEW, test=FEW)
        self.image_shape = FEW.images.shape[1:]
        images = np.zeros((runs, 2, 3, 2, 2, 1), np.uint8)
        self.found = Evolution([], np.zeros((runs, 2, 3)), (0, 1), images)
        self.store = self

    def _replace(self, **_):
        return self

    def cached_all(self, pieces, **_):
        return [self.cached(each.call) if isinstance(each, Piece) else each for each in pieces]

    def seeds(self, count):
        return [100 + i for i in range(count)]

    def network(self, name, **_):
        return name

    training = Context.training

    def cached(self, call, *_, **__):
        self.calls.append(call.keywords)
        return self.found if call.func is evolve else None


def test_runs_against_a_network_have_seeds_of_their_own():
    context = Caught(4)
    runs.evolve_cached(context, direct.encoding, 4, generations=9)
    (call,) = context.calls
    assert len(set(call["seeds"])) == 4
    assert all(seed[0] == context.seed for seed in call["seeds"])  # and another run's are others
    assert (call["children"], call["generations"], call["classes"]) == (200, 9, 3)


def test_networks_and_runs_of_retraining_have_seeds_of_their_own(monkeypatch):
    monkeypatch.setattr(rounds.training, "logits", lambda model, images: np.zeros((len(images), 4)))
    monkeypatch.setattr(rounds, "mistakes", lambda model, test: 1)
    context = Caught(2)
    rounds.rounds(
        context,
        train=partial(told),
        encoding=direct.encoding,
        networks=3,
        runs=2,
        generations=1,
        images=4,
    )
    trained = [call for call in context.calls if "examples" in call]
    evolved = [call for call in context.calls if "seeds" in call]
    assert [call["seed"] for call in trained] == [100, 101, 102]
    assert [len(call["examples"].labels) for call in trained] == [6, 10, 14]
    seeds = [seed for call in evolved for seed in call["seeds"]]
    assert len(set(seeds)) == 6
    assert {call["children"] for call in evolved} == {200}
