"""Adversarial training on small networks: where the pools sit, and what the steps do to them."""

from typing import NamedTuple

import keras
import numpy as np
import pytest

from reproduce.methods.attacks import adversarial
from reproduce.runtime.errors import UserError
from reproduce.training import pools

CLASSES = 3


class Examples(NamedTuple):
    images: np.ndarray
    labels: np.ndarray


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def examples(rng):
    labels = rng.integers(CLASSES, size=240)
    images = 0.2 * rng.random((240, 4, 4, 1)) + 0.5 * (labels / 2)[:, None, None, None]
    return Examples(images.astype(np.float32), labels)


def network(activation="sigmoid"):
    keras.utils.set_random_seed(0)
    images = keras.Input((4, 4, 1))
    x = keras.layers.Flatten(name="pixels")(images)
    x = keras.layers.Dense(8, activation, name="hidden1")(x)
    x = keras.layers.Dense(7, activation, name="hidden2")(x)
    return keras.Model(images, keras.layers.Dense(CLASSES, name="logits")(x))


def constant(done):
    return np.full_like(done, 0.1)


def towards_the_target(classify, images, targets):
    """Stands in for the attack: moves by the target's number, and misses every fifth."""
    failed = np.arange(len(images)) % 5 == 0
    moved = np.clip(images + 0.1 * targets[:, None, None, None], 0, 1)
    moved[failed] = np.nan
    empty = np.zeros(len(images))
    distortion = adversarial.distortion(images, moved)
    return adversarial.Adversarial(
        images=moved, targets=targets, distortion=distortion, c=empty, converged=~failed,
        failed=failed, evaluations=empty.astype(int),
    )  # fmt: skip


def train(model, examples, **changes):
    options = {
        "layers": ["pixels", "hidden1", "hidden2"],
        "attack": towards_the_target,
        "size": 50,
        "fresh": 20,
        "epochs": 3,
        "batch": 20,
        "rate": constant,
    }
    pools.adversarial_sgd(model, examples, np.random.default_rng(1), **(options | changes))


@pytest.mark.parametrize("layer", ["pixels", "hidden1", "hidden2"])
def test_the_two_sides_are_the_network(examples, layer):
    model = network()
    sides = pools.Sides.of(model, layer)
    expected = model(examples.images).numpy()
    outputs = sides.below(examples.images)
    assert sides.above(outputs).numpy() == pytest.approx(expected, abs=1e-6)
    maps = np.reshape(outputs, (-1, 1, 1, outputs.shape[-1]))
    assert sides.refreshed()(maps).numpy() == pytest.approx(expected, abs=1e-6)


def test_the_classifier_follows_the_training(examples):
    model = network()
    sides = pools.Sides.of(model, "hidden1")
    model.set_weights([2 * weight for weight in model.get_weights()])
    maps = np.reshape(sides.below(examples.images), (-1, 1, 1, 8))
    assert sides.refreshed()(maps).numpy() == pytest.approx(model(examples.images), abs=1e-5)


def test_crafted_members_keep_their_true_label_and_lose_the_failures(examples, rng):
    sides = pools.Sides.of(network(), "hidden2")
    pool = pools.craft(sides, *examples, towards_the_target, rng, "random")
    found = np.arange(240) % 5 != 0
    assert (pool.labels == examples.labels[found]).all()
    assert pool.outputs.shape == (found.sum(), 7)
    assert np.isfinite(pool.outputs).all()


def test_a_real_attack_moves_the_outputs_across_the_boundary(examples, rng):
    model = network()
    train(model, examples, layers=["hidden2"], epochs=30)
    sides = pools.Sides.of(model, "hidden1")
    pool = pools.craft(sides, *examples, adversarial.nearest, rng, "random")
    assert len(pool.labels) > 200
    assert (sides.above(pool.outputs).numpy().argmax(axis=1) != pool.labels).all()
    assert pool.outputs.min() >= 0
    assert pool.outputs.max() <= 1


def test_long_changes_are_cut_short_and_keep_their_direction(examples, rng):
    model = network()
    sides = pools.Sides.of(model, "hidden2")
    whole, cut = (
        pools.craft(sides, *examples, towards_the_target, np.random.default_rng(0), "random", most)
        for most in (None, 0.01)
    )
    start = sides.below(examples.images).numpy()[np.arange(240) % 5 != 0]
    there, short = whole.outputs - start, cut.outputs - start
    lengths, wanted = (np.sqrt(np.mean(each**2, axis=1)) for each in (short, there))
    assert lengths == pytest.approx(np.minimum(wanted, 0.01), abs=1e-6)
    assert short * wanted[:, None] == pytest.approx(there * lengths[:, None], abs=1e-6)


def test_a_pool_grows_until_it_is_full_and_then_forgets_at_random(rng):
    pool = None
    for generation in range(6):
        labels = np.arange(10 * generation, 10 * generation + 10)
        fresh = pools.Pool(labels[:, None].astype(float), labels)
        pool = pools.mixed(pool, fresh, 35, rng)
        assert len(pool.labels) == min(35, 10 * generation + 10)
        assert (pool.outputs[:, 0] == pool.labels).all()
        assert set(fresh.labels) <= set(pool.labels)
    assert len(set(pool.labels)) == 35
    assert len({label // 10 for label in pool.labels}) > 3  # not the oldest first
    assert not set(range(10)) <= set(pool.labels)  # nor the newest: all ten stay once in 20,000


def test_a_pool_teaches_only_the_layers_above_it(examples):
    """With no lesson from the training set, what a pool changes can be read off the weights."""
    model = network()
    before = model.get_weights()
    train(model, examples, layers=["hidden2"], clean=0.0)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed == [False, False, False, False, True, True]


def test_the_same_seed_gives_the_same_weights(examples):
    first, second = network(), network()
    train(first, examples, layers=["hidden1", "hidden2"])
    train(second, examples, layers=["hidden1", "hidden2"])
    assert all(map(np.array_equal, first.get_weights(), second.get_weights()))


def test_weight_zero_is_ordinary_descent(examples):
    """Against Keras's own optimiser, on one full batch a step, where the order cannot matter."""
    model, reference = network(), network()
    train(model, examples, layers=["pixels"], weight=0.0, batch=240, epochs=10, decay=[0.01] * 3)
    for variable in reference.trainable_variables:
        if variable.name == "kernel":
            variable.regularizer = keras.regularizers.L2(0.005)
    reference.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    reference.fit(*examples, batch_size=240, epochs=10, verbose=0)
    for ours, theirs in zip(model.get_weights(), reference.get_weights(), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)


def test_outputs_without_a_box_are_refused(examples):
    with pytest.raises(ValueError, match=r"outputs in \[0, 1\].*hidden1"):
        train(network("tanh"), examples)


def test_where_no_example_is_found_training_goes_on_with_the_images_as_they_are(examples, capsys):
    def misses(classify, images, targets):
        found = towards_the_target(classify, images, targets)
        return found._replace(
            images=np.full_like(images, np.nan), failed=np.ones(len(images), bool)
        )

    side = pools.Sides.of(network(), "hidden1")
    some = examples.images[:6], examples.labels[:6]
    pool = pools.craft(side, *some, misses, np.random.default_rng(0), "random")
    np.testing.assert_array_equal(pool.outputs, side.below(some[0]).numpy())
    np.testing.assert_array_equal(pool.labels, some[1])
    assert "no adversarial example was found above hidden1" in capsys.readouterr().out
    train(network(), examples, attack=misses)


@pytest.mark.parametrize(("few", "steps"), [(12, 3), (45, 4)])
def test_few_examples_make_a_step_for_each_pool(examples, few, steps):
    """Fewer than a batch were no batch, and fewer steps than pools none: nothing was learnt.

    At a constant gradient (a rate of next to nothing) the weights have moved in proportion to the
    steps: without momentum, of batches that hold all examples alike.
    """
    model, lone = network(), network()
    start = model.get_weights()
    options = {"epochs": 1, "momentum": 0.0, "weight": 0.0, "rate": lambda done: 1e-3 + 0 * done}
    alike = Examples(examples.images[[0] * few], examples.labels[[0] * few])
    train(model, alike, batch=20, **options)
    train(lone, alike, batch=20, **options | {"layers": ["pixels"], "epochs": 1})
    for before, after, one in zip(start, model.get_weights(), lone.get_weights(), strict=True):
        each = (one - before) / max(few // 20, 1)
        np.testing.assert_allclose(after - before, steps // 3 * 3 * each, rtol=0.05, atol=1e-6)


def test_a_training_that_diverges_says_so(examples):
    def too_fast(done):
        return np.full_like(done, np.inf)

    with pytest.raises(UserError, match="adversarial training: the loss is nan in epoch 1"):
        train(network(), examples, rate=too_fast)
