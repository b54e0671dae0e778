"""More makes of Keras models, from public reports on saving, attacking and normalising them."""

from __future__ import annotations

import os
import tempfile
import warnings
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_foreign_models import (
    CLASSES,
    SHAPE,
    agrees,
    dense,
    images,
    labelled,
    module,  # noqa: F401
    with_layer,
)

from reproduce.networks import foreign, forward

L = keras.layers
FOLDER = tempfile.TemporaryDirectory()  # goes when the tests end


def inverted_normalisation():
    layer = L.Normalization(axis=None, invert=True)
    layer.adapt(5 * images() + 3)
    return with_layer(layer)


def closures():
    """Functions that share the loop's variable, which is the last one's when they are called."""
    x = keras.Input(SHAPE)
    parts = [L.Lambda(lambda x: x[:, row, :, 0])(x) for row in range(3)]  # noqa: B023
    return keras.Model(x, L.Dense(CLASSES)(L.Concatenate()(parts)))


def attention():
    x = keras.Input(SHAPE)
    rows = L.Reshape((8, 8))(x)
    y = L.LayerNormalization()(rows + L.MultiHeadAttention(2, 4)(rows, rows))
    return keras.Model(x, L.Dense(CLASSES, "softmax")(L.GlobalAveragePooling1D()(y)))


def tied():
    """Two layers that share their weights, one of them transposed."""
    x = keras.Input(SHAPE)
    layer = L.Dense(64, use_bias=False)
    y = layer(L.Flatten()(x))
    y = keras.ops.matmul(y, keras.ops.transpose(layer.kernel))
    return keras.Model(x, L.Dense(CLASSES)(y))


def added():
    model = keras.Sequential()
    for layer in (keras.Input(SHAPE), L.Conv2D(2, 3), L.BatchNormalization(), L.ReLU(),
                  L.Flatten(), L.Dense(CLASSES), L.Softmax()):  # fmt: skip
        model.add(layer)
    return model


def quantised():
    """Weights of eight bits."""
    model = dense()
    for layer in model.layers:
        if isinstance(layer, L.Dense):
            layer.quantize("int8")
    return model


def low_rank():
    model = dense()
    model.layers[1].enable_lora(2)
    return model


def by_time():
    x = keras.Input(SHAPE)
    y = L.TimeDistributed(L.Dense(3, "relu"))(L.Reshape((8, 8))(x))
    return keras.Model(x, L.Dense(CLASSES)(L.Flatten()(y)))


def stateful():
    return keras.Sequential([
        keras.Input(batch_shape=(4, 8, 8)), L.GRU(CLASSES, stateful=True, activation="linear"),
    ])  # fmt: skip


def compiled():
    model = dense(L.Softmax())
    model.compile("adam", "categorical_crossentropy", ["accuracy"], jit_compile=True)
    return model


def frozen():
    model = dense()
    model.trainable = False
    return model


def a_model_as_its_layer():
    inner = dense()
    return keras.Sequential([keras.Input(SHAPE), L.ZeroPadding2D(0), inner, L.Softmax()])


class BatchStatistics(L.Layer):
    def call(self, x):
        return x - keras.ops.mean(x, axis=0, keepdims=True)


class Gain:
    """An activation that is neither a function nor Keras's."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return self.factor * x

    def method(self, x):
        return x / self.factor


def slope(x, *, negative):
    return keras.ops.where(x < 0, negative * x, x)


class InPython(keras.Model):
    def call(self, x):
        y = tf.numpy_function(lambda a: a.reshape(len(a), -1)[:, :3], [x], tf.float32)
        return tf.ensure_shape(y, (None, 3))


def exported(folder):
    dense(L.Softmax()).export(folder, verbose=False)
    return keras.Sequential([keras.Input(SHAPE), L.TFSMLayer(folder, call_endpoint="serve")])


def low_rank_and_trained():
    model = low_rank()
    kernel = model.layers[1].lora_kernel_b
    kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
    return model


def always_training():
    x = keras.Input(SHAPE)
    y = L.BatchNormalization()(L.Conv2D(4, 3)(x), training=True)
    return keras.Model(x, L.Dense(CLASSES)(L.Flatten()(y)))


def one_branch_twice():
    x = keras.Input(SHAPE)
    branch = keras.Sequential([L.Conv2D(2, 3), L.Flatten()])
    return keras.Model(x, L.Dense(CLASSES)(L.Subtract()([branch(x), branch(1 - x)])))


def several_outputs_inside():
    x, y = keras.Input(SHAPE), keras.Input(SHAPE)
    inner = keras.Model(x, [L.Flatten()(x), L.GlobalAveragePooling2D()(x)])
    return keras.Model(y, L.Dense(CLASSES)(L.Concatenate()(inner(y))))


KINDS = {
    "a bound activation": (
        lambda: with_layer(L.Conv2D(2, 3, activation=partial(slope, negative=0.3))), "logits"),
    "a bound activation of Keras's": (lambda: with_layer(
        L.Activation(partial(keras.activations.leaky_relu, negative_slope=0.7))), "logits"),
    "an object for an activation": (
        lambda: with_layer(L.Conv2D(2, 3, activation=Gain(0.3))), "logits"),
    "an object in a cell": (
        lambda: with_layer(L.TimeDistributed(L.SimpleRNN(3, activation=Gain(0.3)))), "logits"),
    "a bound Lambda": (lambda: with_layer(L.Lambda(partial(slope, negative=0.3))), "logits"),
    "normalised while it trains": (always_training, "logits"),
    "a branch used twice": (one_branch_twice, "logits"),
    "a model of two outputs inside": (several_outputs_inside, "logits"),
    "low rank, trained": (low_rank_and_trained, "logits"),
    "exported": (lambda: exported(FOLDER.name), "probabilities"),
    "clipped probabilities": (lambda: dense(
        L.Softmax(), L.Lambda(lambda p: keras.ops.clip(p, 1e-7, 1))), "probabilities"),
    "smoothed probabilities": (
        lambda: dense(L.Softmax(), L.Rescaling(0.9, 0.1 / CLASSES)), "probabilities"),
    "a softmax in full precision": (lambda: dense(
        L.Activation("softmax", dtype="float32"), L.Identity()), "probabilities"),
    "per cent": (lambda: dense(L.Softmax(), L.Rescaling(100.0)), "logits"),
    "no gradient": (lambda: with_layer(L.Lambda(tf.stop_gradient)), "logits"),
    "steps": (lambda: with_layer(L.Discretization([0.2, 0.5])), "logits"),
    "inverted normalisation": (inverted_normalisation, "logits"),
    "closures": (closures, "logits"),
    "attention": (attention, "probabilities"),
    "tied weights": (tied, "logits"),
    "built by add": (added, "probabilities"),
    "quantised": (quantised, "logits"),
    "low rank": (low_rank, "logits"),
    "time by time": (by_time, "logits"),
    "compiled": (compiled, "probabilities"),
    "frozen": (frozen, "logits"),
    "a model as a layer": (a_model_as_its_layer, "probabilities"),
    "spectral normalisation": (
        lambda: with_layer(L.SpectralNormalization(L.Conv2D(2, 3))), "logits"),
    "group normalisation": (
        lambda: keras.Sequential([keras.Input(SHAPE), L.Conv2D(4, 3), L.GroupNormalization(2),
                                  L.Flatten(), L.Dense(CLASSES)]), "logits"),
    "unit normalisation": (lambda: with_layer(L.UnitNormalization(axis=(1, 2))), "logits"),
    "resized inside": (lambda: with_layer(L.Resizing(5, 5)), "logits"),
    "cropped inside": (lambda: with_layer(L.CenterCrop(5, 5)), "logits"),
    "parametric slopes": (lambda: with_layer(L.PReLU(alpha_initializer="ones")), "logits"),
    "a rate that trains": (lambda: with_layer(L.AlphaDropout(0.5)), "logits"),
    "huge logits": (lambda: dense(L.Rescaling(1e30)), "logits"),
    "tiny logits": (lambda: dense(L.Rescaling(1e-30)), "logits"),
    "a softmax of temperature": (lambda: dense(L.Rescaling(0.01), L.Softmax()), "probabilities"),
    "a softmax over one axis more": (
        lambda: dense(L.Reshape((1, 1, CLASSES)), L.Softmax(axis=-1)), "probabilities"),
    "hard answers": (
        lambda: dense(L.Lambda(lambda z: keras.ops.one_hot(keras.ops.argmax(z, -1), CLASSES))),
        "probabilities"),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_an_odd_model_loaded_is_the_model(name, module):  # noqa: F811
    build, kind = KINDS[name]
    keras.utils.set_random_seed(3)
    model = build()
    module.model = lambda: model
    x = images()
    expected = np.asarray(model.predict(x, verbose=0, batch_size=4), np.float64).reshape(100, -1)
    loaded = foreign.load("theirs:model", dataset=labelled(model), scale=1.0, offset=0.0)
    for ask in (forward.logits, forward.slot_logits):
        agrees(ask(loaded, x), expected, kind)


@pytest.mark.parametrize("kind", [
    Gain, lambda factor: Gain(factor).method, lambda factor: partial(slope, negative=factor),
])  # fmt: skip
def test_activations_of_one_s_own_share_no_graph(kind, module):  # noqa: F811
    """Their weights agree and their names do: one is asked after the other."""
    x = images()
    for factor in (0.5, 3.0):
        model = with_layer(L.Conv2D(2, 3, activation=kind(factor), kernel_initializer="ones"))
        model.layers[-1].kernel.assign(np.random.default_rng(0).normal(size=(72, CLASSES)))
        module.model = lambda model=model: model
        loaded = foreign.load("theirs:model", scale=1.0, outputs="logits")
        agrees(forward.slot_logits(loaded, x), np.asarray(model(x), np.float64), "logits")


def few(x):
    if x.shape[0] is not None and x.shape[0] > 8:
        raise ValueError("at most eight at once")
    return x


def unfinished():
    """Weights that training has spoilt."""
    model = dense()
    model.layers[1].bias.assign(np.full(8, np.nan))
    return model


REFUSED = {
    "batch statistics": (lambda: with_layer(BatchStatistics()), "by those beside it in the batch"),
    "a softmax over the batch": (lambda: dense(L.Softmax(axis=0)), "by those beside it"),
    "a softmax over one number": (
        lambda: dense(L.Dense(1, "softmax")), "over a single number|always return the value 1"),
    "calls Python": (InPython, "calls Python on its way"),
    "a state from batch to batch": (stateful, "keeps a state"),
    "spoilt weights": (unfinished, "gives no number for 200"),
    "labels for answers": (
        lambda: dense(L.Lambda(lambda z: keras.ops.argmax(z, -1))), "numbers an image"),
    "a picture for an answer": (
        lambda: keras.Sequential([keras.Input(SHAPE), L.Conv2D(3, 3)]), "numbers an image"),
    "no answer at all": (lambda: keras.Sequential([keras.Input(SHAPE)]), "numbers an image"),
    "volumes": (lambda: keras.Sequential(
        [keras.Input((8, 8, 8, 1)), L.Flatten(), L.Dense(3)]), "is no image"),
    "no function of images": (lambda: L.Dense(3), "a Keras model is expected"),
    "a class, not a model": (lambda: keras.Model, "a Keras model is expected"),
    "None": (lambda: None, "a Keras model is expected"),
    "words": (
        lambda: keras.Sequential([keras.Input((1,), dtype="string"),
                                  L.TextVectorization(output_sequence_length=3)]), "takes texts"),
    "fails on many images": (
        lambda: with_layer(L.Lambda(few)), "does not take .*at most eight at once"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_odd_model_that_cannot_be_meant_is_refused(name, module, refused):  # noqa: F811
    module.model, line = REFUSED[name]
    examples = labelled(dense()).train
    dataset = labelled(dense())._replace(train=examples, test=examples)
    refused(line, lambda: foreign.load("theirs:model", dataset=dataset))


@pytest.mark.parametrize("build", ["no gradient", "steps"])
def test_a_network_without_a_gradient_is_said_and_has_one_of_zero(build, module, capsys):  # noqa: F811
    module.model = KINDS[build][0]()
    loaded = foreign.load("theirs:model")
    assert "has no gradient" in " ".join(capsys.readouterr().out.split())
    with tf.GradientTape() as tape:
        tape.watch(given := tf.constant(images(n=2)))
        score = tf.reduce_sum(loaded(given))
    assert not np.asarray(tape.gradient(score, given)).any()


def test_what_a_module_sets_for_all_is_set_back(module, tmp_path):  # noqa: F811
    def model():
        keras.config.set_image_data_format("channels_first")
        keras.config.set_epsilon(1.0)
        tf.config.run_functions_eagerly(True)
        np.seterr(all="raise")
        warnings.simplefilter("error")
        os.chdir(tmp_path)
        return dense()

    module.model = model
    before = os.getcwd(), np.geterr(), warnings.filters[:]
    foreign.load("theirs:model")
    assert before == (os.getcwd(), np.geterr(), warnings.filters[:])
    assert keras.config.image_data_format() == "channels_last"
    assert keras.config.epsilon() < 1e-6
    assert not tf.config.functions_run_eagerly()


@pytest.mark.parametrize(
    "paths",
    [["a/model.keras", "b/model.keras"], ["a:net", "b:net"], ["x.h5", "x.keras"], ["a", "a"]],
)
def test_two_networks_of_one_name_are_refused(paths, refused):
    """Of which a table would show the last alone."""
    refused("would both be called", lambda: foreign.saved_by_keras(paths))
