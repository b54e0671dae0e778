"""Keras models of every make: loaded, they label and score as they do themselves, or are refused.

Each kind is built by a function, as a user's module would; what it gives for 100 images by
`model.predict` on the pixels it expects is compared with the logits of what is loaded.
"""

from __future__ import annotations

import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, softmax

from reproduce import data
from reproduce.networks import foreign, forward
from reproduce.runtime.errors import UserError

L = keras.layers
SHAPE, CLASSES = (8, 8, 1), 3
FROM_PIXELS = {"unit": (1.0, 0.0), "signed": (2.0, -1.0), "bytes": (255.0, 0.0)}


def images(shape=SHAPE, n=100):
    return (np.random.default_rng(0).integers(0, 256, (n, *shape)) / 255).astype(np.float32)


def dense(*end, classes=CLASSES, shape=SHAPE, kernel=1.0, **options):
    """One hidden layer, and an end."""
    model = keras.Sequential(
        [keras.Input(shape), L.Flatten(), L.Dense(8, "tanh", **options), L.Dense(classes), *end]
    )
    rng = np.random.default_rng(1)
    model.set_weights([kernel * rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def adapted():
    layer = L.Normalization(axis=None)
    layer.adapt(5 * images() + 3)
    return keras.Sequential([keras.Input(SHAPE), layer, L.Flatten(), L.Dense(CLASSES)])


class Times(L.Layer):
    """Its configuration leaves out what it multiplies by."""

    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, x):
        return self.factor * x


class NoConfig(L.Layer):
    """Cannot be made from its configuration."""

    def __init__(self, factor, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, x):
        return self.factor - x


class HiddenState(L.Layer):
    """What it learnt is no weight."""

    def __init__(self, **options):
        super().__init__(**options)
        self.table = np.random.default_rng().normal(size=8).astype(np.float32)

    def call(self, x):
        return x * self.table.reshape(1, 8, 1, 1)


def with_layer(layer):
    return keras.Sequential([keras.Input(SHAPE), layer, L.Flatten(), L.Dense(CLASSES)])


class Subclassed(keras.Model):
    def __init__(self, end=None, takes_training=True):
        super().__init__()
        self.inner = [L.Flatten(), L.Dense(5, "relu"), L.Dropout(0.5), L.Dense(CLASSES, end)]

    def call(self, x, training=None):
        for layer in self.inner:
            x = layer(x, training=training) if isinstance(layer, L.Dropout) else layer(x)
        return x


class OwnCall(keras.Model):
    """A graph, and a `call` that does more."""

    def call(self, x, training=None):
        return -super().call(x, training=training)


def own_call():
    x = keras.Input(SHAPE)
    return OwnCall(x, L.Dense(CLASSES, "softmax")(L.Flatten()(x)))


def built(model):
    model(images(n=2))
    return model


def dictionary_in():
    x = keras.Input(SHAPE, name="picture")
    return keras.Model({"picture": x}, {"answer": L.Dense(CLASSES)(L.Flatten()(x))})


def shared_twice():
    x = keras.Input(SHAPE)
    layer = L.Conv2D(1, 3, padding="same", activation="relu")
    return keras.Model(x, L.Dense(CLASSES)(L.Flatten()(layer(layer(x)))))


def nested_twice():
    inner = keras.Sequential([keras.Input(SHAPE), L.Conv2D(2, 3, name="conv"), L.Flatten()])
    middle = keras.Sequential([keras.Input(SHAPE), inner, L.Dense(CLASSES, "softmax")])
    return keras.Sequential([keras.Input(SHAPE), L.Conv2D(1, 1, name="conv"), middle])


def residual_any_size():
    x = keras.Input((None, None, 1))
    y = L.Conv2D(4, 3, padding="same")(x)
    y = L.BatchNormalization()(y)
    y = L.Add()([L.ReLU()(y), x])
    return keras.Model(x, L.Dense(CLASSES, "softmax")(L.GlobalAveragePooling2D()(y)))


def by_ops():
    x = keras.Input(SHAPE)
    y = keras.ops.reshape(x * 2.0 - 1.0, (-1, 64))
    return keras.Model(x, keras.ops.softmax(L.Dense(CLASSES)(y)))


def shares():
    x = keras.Input(SHAPE)
    y = L.Dense(CLASSES, "softplus")(L.Flatten()(x))
    return keras.Model(x, y / keras.ops.sum(y, axis=1, keepdims=True))


def channels_first():
    x = keras.Input((3, 8, 8))
    return keras.Model(x, L.Dense(CLASSES)(L.Flatten()(L.Dense(4)(x))))


def fully_convolutional():
    return keras.Sequential([keras.Input(SHAPE), L.Conv2D(CLASSES, 8), L.Activation("softmax")])


def rows_by_lstm():
    return keras.Sequential([keras.Input((8, 8)), L.LSTM(CLASSES, activation="softmax")])


def fixed_batch():
    x = keras.Input(batch_shape=(4, *SHAPE))
    return keras.Model(x, L.Dense(CLASSES)(L.Flatten()(x)))


def augmented():
    return keras.Sequential([
        keras.Input(SHAPE), L.RandomFlip(), L.RandomRotation(0.5), L.GaussianNoise(1.0),
        L.Flatten(), L.Dropout(0.5), L.Dense(CLASSES),
    ])  # fmt: skip


def dropout_switched_on():
    x = keras.Input(SHAPE)
    return keras.Model(x, L.Dense(CLASSES)(L.Dropout(0.5)(L.Flatten()(x), training=True)))


def precision_set_for_all():
    keras.mixed_precision.set_global_policy("mixed_float16")
    return dense(L.Softmax())


KINDS = {
    "logits": (dense, "logits"),
    "softmax inside": (lambda: dense(L.Dense(CLASSES, "softmax")), "probabilities"),
    "softmax layer": (lambda: dense(L.Softmax()), "probabilities"),
    "softmax as an operation": (by_ops, "probabilities"),
    "softmax of one's own": (lambda: dense(L.Lambda(lambda x: tf.nn.softmax(x))), "probabilities"),
    "log softmax": (lambda: dense(L.Activation("log_softmax")), "logits"),
    "sigmoids": (lambda: dense(L.Activation("sigmoid")), "sigmoids"),
    "sigmoids inside": (lambda: dense(L.Dense(CLASSES, "sigmoid")), "sigmoids"),
    "sigmoids under a softmax": (
        lambda: dense(L.Dense(CLASSES, "sigmoid"), L.Softmax()), "probabilities"),
    "normalised positive": (
        shares, "probabilities"),
    "adapted normalisation": (adapted, "logits"),
    "configuration leaves out": (lambda: with_layer(Times(7.0)), "logits"),
    "no configuration": (lambda: with_layer(NoConfig(2.0)), "logits"),
    "state beside the weights": (lambda: with_layer(HiddenState()), "logits"),
    "Lambda": (lambda: with_layer(L.Lambda(lambda x: x**2)), "logits"),
    "activation of one's own": (lambda: with_layer(L.Activation(lambda x: x * 3)), "logits"),
    "subclassed": (lambda: built(Subclassed()), "logits"),
    "subclassed, not built": (Subclassed, "logits"),
    "subclassed, softmax": (lambda: built(Subclassed("softmax")), "probabilities"),
    "sequential, not built": (
        lambda: keras.Sequential([L.Flatten(), L.Dense(CLASSES)]), "logits"),
    "a call of its own": (own_call, "minus probabilities"),
    "dictionaries of one": (dictionary_in, "logits"),
    "a layer used twice": (shared_twice, "logits"),
    "models in models": (nested_twice, "probabilities"),
    "any size, residual": (residual_any_size, "probabilities"),
    "channels first": (channels_first, "logits"),
    "ends in a convolution": (fully_convolutional, "probabilities"),
    "rows into an LSTM": (rows_by_lstm, "sigmoids"),
    "flat input": (lambda: keras.Sequential([keras.Input((64,)), L.Dense(CLASSES)]), "logits"),
    "a batch of four": (fixed_batch, "logits"),
    "augmentation": (augmented, "logits"),
    "dropout switched on": (dropout_switched_on, "logits"),
    "float16": (lambda: dense(L.Softmax(dtype="float16"), dtype="float16"), "probabilities"),
    "bfloat16": (lambda: dense(dtype="bfloat16"), "logits"),
    "float64": (lambda: dense(L.Activation("linear", dtype="float64"), dtype="float64"), "logits"),
    "mixed precision": (lambda: dense(dtype="mixed_float16"), "logits"),
    "precision set for all": (precision_set_for_all, "probabilities"),
    "bytes": (lambda: keras.Sequential(
        [keras.Input(SHAPE, dtype="uint8"), L.Rescaling(1 / 255), L.Flatten(), L.Dense(CLASSES)]),
        "logits"),
    "two classes": (lambda: dense(L.Softmax(), classes=2), "probabilities"),
    "one sigmoid": (lambda: dense(L.Dense(1, "sigmoid"), classes=2), "one sigmoid"),
    "one logit": (lambda: dense(classes=1), "one logit"),
}  # fmt: skip


@pytest.fixture
def module(monkeypatch):
    """A user's module, `theirs`."""
    made = types.ModuleType("theirs")
    monkeypatch.setitem(sys.modules, "theirs", made)
    return made


def agrees(logits, expected, kind, tolerance=1e-4):
    """Labels and logits: what the model gives follows from them."""
    logits = logits.astype(np.float64)
    if kind.startswith("one"):
        assert logits.shape[1] == 2
        score = logits[:, 1] - logits[:, 0]
        labels = expected[:, 0] > (0.5 if kind == "one sigmoid" else 0)
        back = {"one sigmoid": expit, "one logit": lambda x: x}[kind](score)[:, None]
    else:
        labels = expected.argmax(axis=1)
        back = {
            "logits": lambda x: x,
            "minus probabilities": lambda x: x,
            "probabilities": lambda x: softmax(x, axis=1),
            "sigmoids": expit,
        }[kind](logits)
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(back, expected, atol=tolerance * scale)
    clear = np.abs(np.sort(expected, axis=1)[:, -1:] - np.sort(expected, axis=1)[:, -2:-1]) > 1e-3
    if not kind.startswith("one"):
        np.testing.assert_array_equal(logits.argmax(axis=1)[clear[:, 0]], labels[clear[:, 0]])
    else:
        np.testing.assert_array_equal(logits.argmax(axis=1), labels)


def labelled(model, shape=SHAPE, pixels="unit", classes=CLASSES):
    """A data set whose labels are those that the model gives."""
    scale, offset = FROM_PIXELS[pixels]
    x = images(shape, 200)
    scores = model.predict(given_to(model, x * np.float32(scale) + np.float32(offset)), verbose=0)
    scores = np.asarray(keras.tree.flatten(scores)[0], np.float32).reshape(200, -1)
    labels = scores.argmax(axis=1)
    if scores.shape[1] == 1:
        labels = (scores[:, 0] > (0.5 if scores.min() >= 0 else 0)).astype(int)
    examples = data.read_only(x, labels.astype(np.int64))
    return data.Dataset("theirs", "here", "0", examples, examples, classes)


def given_to(model, x):
    """Images as the model takes them."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return x
    shape = tuple(inputs[0].shape[1:])
    if shape == (3, 8, 8):
        x = x.transpose(0, 3, 1, 2)
    elif None not in shape:
        x = x.reshape(-1, *shape)
    if inputs[0].dtype == "uint8":
        x = np.round(x).astype(np.uint8)
    return {"picture": x} if isinstance(getattr(model, "_inputs_struct", None), dict) else x


@pytest.mark.parametrize("name", KINDS)
def test_a_model_loaded_is_the_model(name, module):
    build, kind = KINDS[name]
    keras.utils.set_random_seed(3)
    model = build()
    keras.config.set_dtype_policy("float32")
    module.model = lambda: model
    shape = (8, 8, 3) if name == "channels first" else SHAPE
    scale = 255.0 if name == "bytes" else None
    classes = 2 if name in ("two classes", "one sigmoid", "one logit") else CLASSES
    dataset = labelled(model, shape, "bytes" if scale else "unit", classes)
    x = images(shape)
    batch = 4 if name == "a batch of four" else 32
    said = "logits" if kind in ("logits", "minus probabilities", "one logit") else None
    expected = model.predict(
        given_to(model, x * np.float32(scale or 1)), verbose=0, batch_size=batch
    )
    expected = np.asarray(keras.tree.flatten(expected)[0], np.float64).reshape(100, -1)
    loaded = foreign.load(
        "theirs:model", dataset=dataset, scale=scale or 1.0, offset=0.0, outputs=said
    )
    half = "float16" in name or "precision" in name
    for ask in (forward.logits, forward.slot_logits):
        logits = ask(loaded, x)
        assert logits.dtype == np.float32
        agrees(logits, expected, kind, 2e-3 if half else 1e-4)
    assert keras.config.dtype_policy().name == "float32"
    bare = np.asarray(loaded(x))  # as a method may call it, without the flag of inference
    np.testing.assert_allclose(bare, forward.logits(loaded, x), atol=2e-2 if half else 1e-3)
    with tf.GradientTape() as tape:
        tape.watch(given := tf.constant(x[:5]))
        score = tf.reduce_sum(loaded(given)[:, 0])
    assert np.isfinite(tape.gradient(score, given)).all()


@pytest.mark.parametrize("pixels", FROM_PIXELS)
@pytest.mark.parametrize(
    "end",
    [
        (), (L.Softmax(),), (L.Softmax(), L.Softmax()), (L.Activation("sigmoid"),),
    ],
    ids=["logits", "softmax", "two softmaxes", "sigmoids"],
)  # fmt: skip
def test_range_and_outputs_are_found_out(end, pixels, module, capsys):
    """The labels are the model's own under one range of pixels; under the others it errs."""
    scale, offset = FROM_PIXELS[pixels]
    model = dense(*end, kernel=3 / scale)
    module.model = model
    loaded = foreign.load("theirs:model", dataset=labelled(model, pixels=pixels))
    x = images()
    before = keras.Model(model.inputs, model.layers[2].output)
    expected = before.predict(x * scale + offset, verbose=0)
    np.testing.assert_allclose(forward.logits(loaded, x), expected, atol=1e-3)
    output = model.predict(x * scale + offset, verbose=0)
    labels = forward.logits(loaded, x).argmax(axis=1)
    clear = np.ptp(np.sort(output, axis=1)[:, -2:], axis=1) > 1e-4
    np.testing.assert_array_equal(labels[clear], output.argmax(axis=1)[clear])
    said = " ".join(capsys.readouterr().out.split())
    assert f"takes pixels in [{offset:g}, {scale + offset:g}]" in said
    assert "networks.scale=" in said
    if len(end) == 2:
        assert "2 softmaxes" in said
        own = foreign.load("theirs:model", scale=scale, offset=offset, outputs="probabilities")
        agrees(forward.logits(own, x), output, "probabilities")


def test_a_close_decision_is_said(module, capsys):
    """Without biases a scale changes no label: likelihood decides, and it is said."""
    model = keras.Sequential(
        [keras.Input(SHAPE), L.Flatten(), L.Dense(CLASSES, "softmax", use_bias=False)]
    )
    module.model = model
    foreign.load("theirs:model", dataset=labelled(model))
    assert "which is close" in " ".join(capsys.readouterr().out.split())


def test_classes_in_another_order_are_said(module, capsys):
    model = dense(L.Softmax())
    module.model = model
    dataset = labelled(model)
    turned = data.read_only(dataset.train.images, (dataset.train.labels + 1) % CLASSES)
    foreign.load("theirs:model", dataset=dataset._replace(train=turned), scale=1.0)
    said = " ".join(capsys.readouterr().out.split())
    assert "0 of 200 images are labelled rightly, no more than by guessing" in said


class Noise(L.Layer):
    def call(self, x):
        return x + keras.random.normal(keras.ops.shape(x))


class Broken(keras.Model):
    def call(self, x):
        raise RuntimeError("a bug of theirs\nin two lines")


def two_inputs():
    x, y = keras.Input(SHAPE), keras.Input((2,))
    return keras.Model([x, y], L.Dense(CLASSES)(L.Concatenate()([L.Flatten()(x), y])))


def two_outputs():
    x = keras.Input(SHAPE)
    y = L.Flatten()(x)
    return keras.Model(x, {"a": L.Dense(CLASSES)(y), "b": L.Dense(2)(y)})


def never(error):
    raise error


REFUSED = {
    "two inputs": (two_inputs, "takes 2 inputs, .*networks.path=module:function"),
    "two outputs": (two_outputs, "gives 2 outputs, .*networks.path=module:function"),
    "exits": (lambda: sys.exit(3), "ends with SystemExit: 3"),
    "raises": (lambda: never(RuntimeError("no weights")), "ends with RuntimeError: no weights"),
    "is no model": (lambda: 7, "a Keras model is expected, got a int"),
    "wants an argument": (lambda path: dense(), "without arguments: missing"),
    "raises in its call": (Broken, "does not take images of .*a bug of theirs in two lines"),
    "another size": (lambda: dense(shape=(9, 9, 1)), "images of .9, 9, 1.*Resizing"),
    "colours": (lambda: dense(shape=(8, 8, 3)), "images of .8, 8, 3"),
    "four classes": (lambda: dense(classes=4), "4.* numbers an image: theirs has .* 3 classes"),
    "one number": (lambda: dense(classes=1), "1.* numbers an image: theirs has .* 3 classes"),
    "no image": (lambda: dense(shape=(7,)), "is no image"),
    "no number": (
        lambda: with_layer(L.Lambda(lambda x: x * np.float32("nan"))), "gives no number for 200"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_served_is_refused_in_one_line(name, module):
    module.model, wanted = REFUSED[name]
    examples = data.read_only(images(n=200), np.arange(200) % CLASSES)
    dataset = data.Dataset("theirs", "here", "0", examples, examples, CLASSES)
    with pytest.raises(UserError, match=wanted) as refusal:
        foreign.load("theirs:model", dataset=dataset)
    assert "\n" not in str(refusal.value)


def test_a_network_that_answers_twice_differently_is_said(module, capsys):
    module.model = with_layer(Noise())
    foreign.load("theirs:model")
    assert "differently each time" in " ".join(capsys.readouterr().out.split())


def test_files_of_other_kinds_are_refused(tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    dense().save_weights(tmp_path / "my.weights.h5")
    with_layer(Times(2.0)).save(tmp_path / "own_layer.keras")
    with_layer(L.Lambda(lambda x: x)).save(tmp_path / "code.keras")
    with_layer(L.Lambda(lambda x: x)).save(tmp_path / "code.h5")
    dense().save(tmp_path / "old.h5")
    (tmp_path / "old.keras").write_bytes((tmp_path / "old.h5").read_bytes())
    (tmp_path / "cut.keras").write_bytes((tmp_path / "own_layer.keras").read_bytes()[:-50])
    (tmp_path / "empty.keras").touch()
    for file, wanted in {
        "folder": "is a folder",
        "my.weights.h5": "holds weights and no model: networks.name=",
        "own_layer.keras": "networks.path=module:function",
        "code.keras": "networks.path=module:function",
        "code.h5": "networks.path=module:function",
        "old.keras": "is cut off, or of another kind",
        "cut.keras": "is cut off, or of another kind",
        "empty.keras": "is empty",
    }.items():
        with pytest.raises(UserError, match=wanted) as refusal:
            foreign.load(str(tmp_path / file))
        assert "\n" not in str(refusal.value)


def test_a_file_of_weights_with_a_name_of_keras_applications(tmp_path):
    keras.utils.set_random_seed(0)
    whole = keras.applications.MobileNet(weights=None, classes=7)
    whole.save_weights(tmp_path / "my.weights.h5")
    (call,) = foreign.saved_by_keras(str(tmp_path / "my.weights.h5"), "MobileNet").values()
    loaded = call()
    x = images((224, 224, 3), 1)
    expected = whole(x * 255 / 127.5 - 1, training=False)
    np.testing.assert_allclose(softmax(forward.logits(loaded, x), axis=1), expected, atol=1e-5)
    assert len(loaded.layers) > 50  # its own layers, for who looks inside
    dense().save_weights(tmp_path / "other.weights.h5")
    (call,) = foreign.saved_by_keras(str(tmp_path / "other.weights.h5"), "MobileNet").values()
    with pytest.raises(UserError, match="does not hold the weights of keras"):
        call()
