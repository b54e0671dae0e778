"""Networks trained by others: their logits."""

import keras
import numpy as np
import pytest

from reproduce import data
from reproduce.networks import applications, foreign
from reproduce.runtime.errors import UserError


@pytest.fixture
def images():
    return np.random.default_rng(0).random((6, 8, 8, 1), np.float32)


def saved(tmp_path, *layers, shape=(8, 8, 1), name="model.keras"):
    """A model that Keras saved, and itself without its softmax."""
    model = keras.Sequential([keras.Input(shape), *layers])
    model.save(tmp_path / name)
    return str(tmp_path / name), model


def centred(logits):
    return np.asarray(logits) - np.mean(logits, axis=1, keepdims=True)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_logits_are_left_alone(images, tmp_path, name):
    path, model = saved(tmp_path, keras.layers.Flatten(), keras.layers.Dense(3), name=name)
    np.testing.assert_allclose(foreign.load(path)(images), model(images), atol=1e-6)


@pytest.mark.parametrize(
    "end",
    [
        lambda: [keras.layers.Dense(3, "softmax")],
        lambda: [keras.layers.Dense(3), keras.layers.Softmax()],
        lambda: [keras.layers.Dense(3), keras.layers.Activation("softmax")],
    ],
    ids=["inside", "Softmax", "Activation"],
)
def test_a_softmax_is_taken_off(images, tmp_path, end):
    path, model = saved(tmp_path, keras.layers.Flatten(), *end())
    loaded = foreign.load(path)
    np.testing.assert_allclose(centred(loaded(images)), centred(np.log(model(images))), atol=1e-5)
    # not a rounded logarithm: far beyond where float32 probabilities are 0 and 1
    steep = loaded(1000 * images)
    np.testing.assert_allclose(steep, 1000 * loaded(images), rtol=1e-3, atol=1e-2)
    loaded.save(tmp_path / "again.keras")
    again = keras.models.load_model(tmp_path / "again.keras", safe_mode=True)
    np.testing.assert_array_equal(again(images), loaded(images))


def test_probabilities_from_elsewhere_become_logarithms(images, tmp_path):
    path, model = saved(
        tmp_path, keras.layers.Flatten(), keras.layers.Dense(3, "softplus"),
        keras.layers.UnitNormalization(1),
    )  # fmt: skip
    loaded = foreign.load(path, outputs="probabilities")
    np.testing.assert_allclose(loaded(images), np.log(model(images)), atol=1e-5)


@pytest.mark.parametrize("shape", [(8, 8), (64,)])
def test_other_input_shapes_and_ranges(images, tmp_path, shape):
    path, model = saved(tmp_path, keras.layers.Flatten(), keras.layers.Dense(3), shape=shape)
    loaded = foreign.load(path, scale=2.0, offset=-1.0)
    expected = model((2 * images - 1).reshape(6, *shape))
    np.testing.assert_allclose(loaded(images), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("scale", "offset", "outputs"),
    [
        (1.0, 0.0, "logits"), (2.0, -1.0, "probabilities"), (255.0, 0.0, "probabilities"),
        (None, None, "logits"),
    ],
)  # fmt: skip
def test_range_and_outputs_are_found_out(tmp_path, capsys, scale, offset, outputs):
    """Labels drawn by a model's own odds are the likeliest under it (Gibbs' inequality)."""
    rng = np.random.default_rng(0)
    images = rng.random((500, 3, 3, 1), np.float32) ** 2
    called = f"[{offset:g}, {scale + offset:g}]" if scale else "standard deviations from the mean"
    if scale is None:
        scale, offset = 1 / images.std(), -images.mean() / images.std()
    kernel = rng.normal(size=(9, 3)) * 3
    true = images.reshape(-1, 9) @ kernel
    labels = (true + rng.gumbel(size=true.shape)).argmax(axis=1)
    examples = data.read_only(images, labels)
    dataset = data.Dataset("squares", "here", "0", examples, examples, 3)
    end = [keras.layers.Softmax()] if outputs == "probabilities" else []
    path, model = saved(
        tmp_path, keras.layers.Flatten(), keras.layers.Dense(3), *end, shape=(3, 3, 1)
    )
    model.layers[1].set_weights([kernel / scale, -offset * kernel.sum(axis=0) / scale])
    model.save(path)
    found = foreign.load(path, dataset=dataset)(images)
    np.testing.assert_allclose(found, true, atol=1e-3)
    said = " ".join(capsys.readouterr().out.split())
    assert f"takes pixels in {called} (errors" in said
    other = foreign.load(path, dataset=dataset, scale=7.0, outputs="logits")
    np.testing.assert_allclose(other(images), model(7 * images), rtol=1e-4)
    smaller = dataset._replace(train=data.read_only(images[:, :2], labels))
    with pytest.raises(UserError, match=r"squares has images of \(2, 3, 1\)"):
        foreign.load(path, dataset=smaller)


def test_a_function_of_ones_own_gives_what_its_model_gives(images, tmp_path, monkeypatch):
    (tmp_path / "elsewhere.py").write_text(
        "import keras\n"
        "def network():\n"
        "    layers = [keras.layers.Flatten(), keras.layers.Dense(3, 'softmax')]\n"
        "    return keras.Sequential([keras.Input((8, 8, 1)), *layers])\n"
        "model = network()\n"
        "words = 'no model'\n"
        "def of_images(images): return images\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import elsewhere

    loaded = foreign.load("elsewhere:model")
    expected = np.log(elsewhere.model(images))
    np.testing.assert_allclose(centred(loaded(images)), centred(expected), atol=1e-5)
    built = foreign.load("elsewhere:network", scale=255.0)
    assert built.output_shape == (None, 3)
    assert list(foreign.saved_by_keras("elsewhere:network", outputs=None)) == ["network"]
    for path, trouble in {
        "nowhere:model": "No module named 'nowhere'",
        "elsewhere:other": "has no attribute 'other'",
        "elsewhere:words": "a Keras model is expected, got a str",
        "elsewhere:of_images": "without arguments: missing a required argument: 'images'",
        "builtins:list": "a Keras model is expected, got a list",
    }.items():
        with pytest.raises(UserError, match=trouble):
            foreign.load(path)


def test_what_cannot_be_loaded_is_told(tmp_path):
    (tmp_path / "text.keras").write_text("no model")
    with pytest.raises(UserError, match="there is no Keras model at"):
        foreign.load("nowhere.keras")
    with pytest.raises(UserError, match="is cut off, or of another kind"):
        foreign.load(str(tmp_path / "text.keras"))
    with pytest.raises(UserError, match="logits, probabilities, sigmoids, got odds"):
        foreign.load("model.keras", outputs="odds")
    with pytest.raises(UserError, match=r"networks\.path"):
        foreign.saved_by_keras(None)
    named = foreign.saved_by_keras(["a/one.keras", "b/two.keras"], scale=255)
    assert list(named) == ["one", "two"]
    path, _ = saved(tmp_path, keras.layers.Dense(3), shape=(7,))
    with pytest.raises(UserError, match="is no image"):
        foreign.load(path)


def test_a_side_that_is_of_no_use_is_refused(tmp_path, monkeypatch):
    """Else the report says a size that nobody was shown."""

    def of(shape, name):
        pooled = keras.layers.GlobalAveragePooling2D()
        return saved(tmp_path, pooled, keras.layers.Dense(10), shape=shape, name=name)[0]

    fixed, any_size = of((32, 32, 3), "fixed.keras"), of((None, None, 1), "any.keras")
    with pytest.raises(UserError, match=r"side=64 is of no use: .*fixed.keras takes \(32, 32, 3\)"):
        foreign.load(fixed, side=64)
    with pytest.raises(UserError, match=r"side=64 is of no use: .* images of mnist_5k"):
        foreign.load(any_size, side=64, dataset=data.mnist_5k())
    assert foreign.load(any_size, dataset=data.mnist_5k()).input_shape == (None, 28, 28, 1)
    assert foreign.load(any_size, side=64).input_shape == (None, 64, 64, 1)
    monkeypatch.setattr(applications, "_pretrained", lambda *_: keras.models.load_model(fixed))
    with pytest.raises(UserError, match="side=64 is of no use: MobileNet takes"):
        applications.application("MobileNet", side=64)


@pytest.mark.parametrize("given", [{"scale": 255}, {"offset": 0.0}, {"outputs": "logits"}])
def test_what_is_known_of_an_application_is_not_to_be_given(given):
    nothing = {"outputs": None, "scale": None, "offset": None, "side": None}
    assert list(foreign.saved_by_keras(None, "MobileNet", **nothing)) == ["MobileNet"]
    with pytest.raises(UserError, match=f"networks.{next(iter(given))}= is for models of one's"):
        foreign.saved_by_keras(None, "MobileNet", **{**nothing, **given})
