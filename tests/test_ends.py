from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from reproduce import training
from reproduce.data import Examples
from reproduce.networks import heads
from reproduce.networks.ten_crops import ten_crops
from reproduce.runtime.errors import NotAvailable

SIDE, CLASSES = 6, 5


def network(activation="linear", pooled_first=False):
    keras.utils.set_random_seed(0)
    images = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(4, 3, activation="tanh")(images)
    if pooled_first:
        x = keras.layers.GlobalAveragePooling2D()(x)
        return keras.Model(images, keras.layers.Dense(CLASSES)(x))
    x = keras.layers.Conv2D(CLASSES, 1, activation=activation)(x)
    return keras.Model(images, keras.layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize(
    "made", [network(), network("relu"), network(pooled_first=True)], ids=["conv", "relu", "dense"]
)
def test_one_more_class_is_learned_and_the_others_stay_as_they_were(made, rng, tmp_path):
    images = rng.random((60, SIDE, SIDE, 3)).astype(np.float32)
    images[:30] *= 0.5  # the new class is dark
    labels = np.where(np.arange(60) < 30, CLASSES, training.logits(made, images).argmax(axis=1))
    below, head = heads.features(made), heads.with_one_more(made)
    seen = np.asarray(below(images))
    training.sgd(
        head, Examples(seen, labels), rng, epochs=60, batch=20, compiled=False,
        rate=partial(training.constant, value=0.5),
    )  # fmt: skip
    whole = heads.joined(made, head)
    logits = training.logits(whole, images)
    np.testing.assert_allclose(logits[:, :CLASSES], training.logits(made, images), atol=1e-5)
    assert (logits.argmax(axis=1) == labels).mean() > 0.9

    weights, bias = head.get_layer("new").get_weights()
    units = seen @ weights + bias
    expected = units.reshape(len(images), -1).mean(axis=1)
    np.testing.assert_allclose(logits[:, CLASSES], expected, atol=1e-4)

    whole.save(tmp_path / "whole.keras")
    again = keras.models.load_model(tmp_path / "whole.keras", compile=False, safe_mode=True)
    np.testing.assert_array_equal(training.logits(again, images), logits)


def test_networks_that_cannot_have_one_more_class_are_refused():
    with pytest.raises(NotAvailable, match="one view"):
        heads.features(ten_crops(network(), side=SIDE + 2))
    wide = keras.Sequential([keras.Input((SIDE, SIDE, 3)), keras.layers.Conv2D(CLASSES, 3)])
    with pytest.raises(NotAvailable, match="1 x 1"):
        heads.with_one_more(wide)


def test_gradients_rise_through_a_last_relu_that_is_off(rng):
    made = network("relu")
    made.layers[-2].bias.assign([-9.0, 9.0, 0.0, 0.0, 0.0])  # the first class is off everywhere
    images = tf.constant(rng.random((3, SIDE, SIDE, 3)), tf.float32)
    unrectified = network("linear")
    unrectified.set_weights(made.get_weights())

    def gradients(classify, signs):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(images)
            scores = classify(images)
            values = [sign * scores[:, label] for label, sign in signs]
        return [tape.gradient(value, images).numpy() for value in values], scores.numpy()

    up, down, on = (0, 1.0), (0, -1.0), (1, -1.0)
    theirs, scores = gradients(heads.past_relu(made), [up, down, on])
    truth, own = gradients(made, [up, down, on])
    free, _ = gradients(unrectified, [up, down, on])
    np.testing.assert_allclose(scores, own, atol=1e-6)
    assert not truth[0].any()
    np.testing.assert_allclose(theirs[0], free[0], atol=1e-6)
    assert free[0].any()
    assert not theirs[1].any()
    np.testing.assert_allclose(theirs[2], truth[2], atol=1e-6)
    assert heads.past_relu(unrectified) is unrectified
