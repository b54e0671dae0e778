"""What every attack promises, and what an experiment may ask of it."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.tree import DecisionTreeClassifier

from reproduce.methods.attacks import adversarial, exact, fgsm, simba
from reproduce.methods.attacks.attack import Adversarial, Attack, proposed
from reproduce.methods.attacks.deepfool import DeepFool
from reproduce.methods.attacks.ladder import CalibratedLadder, CoauthorLadder
from reproduce.methods.attacks.minimal import (
    hop_skip_jump,
    linear,
    neighbours,
    single_feature,
    trees,
)
from reproduce.networks.classical.trees import nodes
from reproduce.runtime import serialization, store
from reproduce.runtime.errors import UserError

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0.2, 0.8, (8, 4, 4, 1)).astype(np.float32)
WEIGHTS = RNG.normal(0, 2, (16, 3)).astype(np.float32)
BIAS = -(IMAGES.reshape(8, 16) @ WEIGHTS).mean(axis=0)
POINTS = RNG.random((30, 4, 4, 1)).astype(np.float32)
POINT_LABELS = RNG.integers(0, 3, 30)
TREE = DecisionTreeClassifier(random_state=0).fit(POINTS.reshape(30, 16), POINT_LABELS)


def linear_network(images):
    return tf.reshape(images, (-1, 16)) @ tf.constant(WEIGHTS) + tf.constant(BIAS)


def nearest_neighbour(images):
    apart = tf.reshape(images, (-1, 1, 16)) - POINTS.reshape(1, 30, 16)
    squares = tf.reduce_sum(apart**2, 2)
    of_class = [tf.boolean_mask(squares, tf.equal(POINT_LABELS, k), axis=1) for k in range(3)]
    return -tf.stack([tf.reduce_min(each, 1) for each in of_class], 1)


def decision_tree(images):
    def answers(some):
        return np.eye(3, dtype=np.float32)[TREE.predict(some.reshape(len(some), 16))]

    return tf.ensure_shape(tf.numpy_function(answers, [images], tf.float32), (None, 3))


ATTACKS = [
    (adversarial.BoxLBFGS(), linear_network),
    (adversarial.BoxLBFGS(tau=16, norm="euclidean"), linear_network),
    (exact.ExactLinear(), linear_network),
    (CoauthorLadder(evaluations=100), linear_network),
    (CalibratedLadder(evaluations=100), linear_network),
    (DeepFool(), linear_network),
    (DeepFool(), nearest_neighbour),
    (fgsm.FastGradientSign(epsilon=0.2), linear_network),
    (fgsm.GradientSteps(epsilon=0.1, euclidean=True), linear_network),
    (simba.SimBA(step=0.2, queries=200, frequencies=4), linear_network),
    (linear.NearestHyperplane(), linear_network),
    (single_feature.SingleFeature(), linear_network),
    (hop_skip_jump.HopSkipJump(walks=1, steps=2, groups=(4, 1)), linear_network),
    (hop_skip_jump.HopSkipJump(walks=1, steps=2, groups=(4, 1)), decision_tree),
    (trees.NearestLeaf(trees.leaves(nodes(TREE), 16)), decision_tree),
    (neighbours.NearestCell(POINTS, POINT_LABELS), nearest_neighbour),
]
BY_GRADIENT = [
    adversarial.BoxLBFGS(), CoauthorLadder(evaluations=100), CalibratedLadder(evaluations=100),
    fgsm.FastGradientSign(epsilon=0.2), fgsm.GradientSteps(epsilon=0.1, euclidean=True),
]  # fmt: skip
each_attack = pytest.mark.parametrize(
    ("attack", "classify"),
    ATTACKS,
    ids=[f"{attack.name}-{i}" for i, (attack, _) in enumerate(ATTACKS)],
)


def answers(classify, images):
    return np.asarray(classify(tf.constant(images))).argmax(axis=1)


def wanted_by(attack, classify):
    present = answers(classify, IMAGES)
    return (present + 1) % 3 if attack.wants == "targets" else present


@each_attack
def test_the_contract(attack, classify):
    wanted = wanted_by(attack, classify)
    found = attack(classify, IMAGES, wanted)
    assert found.images.shape == IMAGES.shape
    assert found.images.dtype == np.float32
    assert found.failed.sum() < len(IMAGES)
    whole = found.images[~found.failed]
    assert whole.min() >= 0
    assert whole.max() <= 1
    reached = answers(classify, whole)
    if attack.wants == "targets":
        np.testing.assert_array_equal(reached, wanted[~found.failed])
        np.testing.assert_array_equal(found.targets, wanted)
    else:
        assert (reached != wanted[~found.failed]).all()
        np.testing.assert_array_equal(reached, found.targets[~found.failed])
    assert np.isnan(found.images[found.failed]).all()
    change = (found.images.astype(np.float64) - IMAGES).reshape(len(IMAGES), -1)
    np.testing.assert_array_equal(found.distortion, np.sqrt((change**2).mean(axis=1)))
    for field in found:
        assert field is None or len(field) == len(IMAGES)


@pytest.mark.parametrize("attack", [*BY_GRADIENT, DeepFool(), simba.SimBA(queries=50)], ids=str)
def test_no_network_is_shown_what_is_no_number(attack):
    """Also where nothing is found: as integers NaN is any number, which no table has a row for."""

    def always_the_first(images):
        indices = tf.cast(tf.round(images), tf.int32)
        rows = tf.gather(tf.constant([[1.0, 0.0, 0.0]] * 2), tf.reshape(indices, (-1, 16))[:, 0])
        return rows + 0 * tf.reduce_sum(images)

    wanted = np.full(len(IMAGES), attack.wants == "targets", int)
    found = attack(always_the_first, IMAGES, wanted)
    assert found.failed.all()
    assert np.isnan(found.images).all()


def bare_and_augmenting():
    """One network, without and with a layer that moves images unless told that nobody trains."""
    bare = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    bare.layers[-1].set_weights([WEIGHTS, BIAS])
    moved = keras.layers.RandomTranslation(0.4, 0.4, fill_mode="constant")
    return bare, keras.Sequential([keras.Input((4, 4, 1)), moved, *bare.layers])


@pytest.mark.parametrize("attack", [*BY_GRADIENT, CoauthorLadder(evaluations=100, joint=False),
                                    DeepFool(), simba.SimBA(queries=50)], ids=str)  # fmt: skip
def test_no_model_is_attacked_as_it_is_in_training(attack):
    networks = bare_and_augmenting()
    expected, found = (attack(each, IMAGES, wanted_by(attack, networks[0])) for each in networks)
    np.testing.assert_array_equal(found.failed, expected.failed)
    np.testing.assert_allclose(found.images, expected.images, atol=1e-4)


def test_no_model_is_asked_for_the_smallest_epsilon_as_in_training():
    labels = answers(bare_and_augmenting()[0], IMAGES)
    found = [fgsm.smallest_epsilon(each, IMAGES, labels) for each in bare_and_augmenting()]
    np.testing.assert_array_equal(*found)


@each_attack
def test_an_attack_can_be_asked(attack, classify):
    assert attack.name
    assert attack.objective
    assert attack.wants in ("targets", "labels")
    assert str(attack).startswith(attack.name)
    assert type(attack)(**attack.parameters) == attack


def test_an_attack_is_called_by_the_options_that_are_unusual():
    """Equal values read from a configuration are other objects than the defaults."""
    given = {k: type(v)(str(v)) for k, v in adversarial.BoxLBFGS().parameters.items()
             if type(v) in (int, float, str)}  # fmt: skip
    assert str(adversarial.BoxLBFGS(**given)) == adversarial.BoxLBFGS.name
    assert str(DeepFool(overshoot=float("0.02"))) == DeepFool.name
    other = str(adversarial.BoxLBFGS(**{**given, "tau": 128.0}))
    assert other == f"{adversarial.BoxLBFGS.name} (tau = 128.0)"


@pytest.mark.parametrize("c", [0.0, -1.0, np.nan, np.inf, "one of them"])
def test_c_is_a_positive_number(c):
    targets = (linear_network(IMAGES).numpy().argmax(1) + 1) % 3
    c = np.where(np.arange(len(IMAGES)) == 2, np.nan, 1.0) if isinstance(c, str) else c
    with pytest.raises(UserError, match="c is a positive number"):
        adversarial.nearest(linear_network, IMAGES, targets, c=c, compiled=False)


@each_attack
def test_a_second_call_gives_the_same_digits(attack, classify):
    wanted = wanted_by(attack, classify)
    first, second = (attack(classify, IMAGES, wanted) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@each_attack
def test_labels_that_no_class_has_are_named(attack, classify):
    with pytest.raises(UserError, match=f"{attack.wants} lie between 0 and 2"):
        attack(classify, IMAGES, np.full(len(IMAGES), 3))


@each_attack
def test_an_attack_stands_in_a_key_by_its_parameters(attack, classify):
    same = type(attack)(**attack.parameters)
    key = store.key(partial(attack, None, IMAGES, POINT_LABELS))
    assert store.key(partial(same, None, IMAGES, POINT_LABELS)) == key


def test_another_option_is_another_key():
    keys = {
        store.key(partial(adversarial.BoxLBFGS(tau=tau), None, IMAGES, POINT_LABELS))
        for tau in (1, 2)
    }
    assert len(keys) == 2


@pytest.mark.parametrize("attack", [linear.NearestHyperplane(), exact.ExactLinear()])
def test_what_was_found_survives_the_store(attack, tmp_path):
    found = attack(linear_network, IMAGES, wanted_by(attack, linear_network))
    serialization.save(found, tmp_path)
    again = serialization.load(tmp_path)
    assert type(again) is Adversarial
    for one, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_images_that_have_lost_their_label_already_stay_as_they_are():
    labels = (answers(linear_network, IMAGES) + 1) % 3
    for attack in (linear.NearestHyperplane(), single_feature.SingleFeature(),
                   hop_skip_jump.HopSkipJump(walks=1, steps=1)):  # fmt: skip
        np.testing.assert_array_equal(attack(linear_network, IMAGES, labels).images, IMAGES)


def test_a_yardstick_for_linear_networks_refuses_others():
    with pytest.raises(UserError, match="linear networks alone"):
        exact.ExactLinear()(
            nearest_neighbour, IMAGES, wanted_by(exact.ExactLinear(), nearest_neighbour)
        )


@dataclass(frozen=True)
class Careless(Attack):
    """Claims success everywhere."""

    name: ClassVar[str] = "careless"
    objective: ClassVar[str] = "nothing"
    wants: ClassVar[str] = "labels"

    def find(self, classify, images, wanted):
        return proposed(images, images, proven=np.ones(len(images), bool))


def test_the_network_has_the_last_word():
    present = answers(linear_network, IMAGES)
    found = Careless()(linear_network, IMAGES, present)
    assert found.failed.all()
    assert np.isnan(found.images).all()
    assert not found.proven.any()
