"""One fooling image and one adversarial digit from Python."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax

import reproduce
from reproduce.data import Dataset
from reproduce.experiments import named
from reproduce.report.figures import pixels
from reproduce.runtime.errors import UserError


@pytest.fixture(scope="module")
def weights() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(784, 10)).astype(np.float32) / 4


@pytest.fixture(scope="module")
def classify(weights):
    return lambda images: tf.reshape(images, (-1, 784)) @ weights


@pytest.mark.parametrize("encoding", ["CPPN", "direct"])
def test_the_saved_png_scores_what_is_reported(tmp_path, classify, weights, encoding):
    found = reproduce.fooling_image(classify, 3, encoding=encoding, generations=3)
    found.save(tmp_path / "three.png")
    image = pixels((tmp_path / "three.png").read_bytes()).astype(np.float64) / 255
    p = softmax(image.reshape(-1) @ weights)
    assert found.label == 3
    assert found.confidence == pytest.approx(p[3], rel=1e-4)


def test_more_generations_and_the_same_seed_never_lose_confidence(classify):
    early, late = (reproduce.fooling_image(classify, 3, generations=n) for n in (1, 4))
    assert late.confidence >= early.confidence


def test_an_adversarial_digit_is_near_its_original_and_labelled_as_asked(
    mnist_5k: Dataset, classify, weights
):
    right = (mnist_5k.test.images.reshape(-1, 784) @ weights).argmax(1) == mnist_5k.test.labels
    label = int(mnist_5k.test.labels[right][0])
    target = (label + 1) % 10
    found = reproduce.adversarial_image(classify, label, target, dataset=mnist_5k)
    assert (found.image.reshape(-1) @ weights).argmax() == target == found.target
    assert (found.original.reshape(-1) @ weights).argmax() == label == found.label
    assert found.image.min() >= 0
    assert found.image.max() <= 1
    change = found.image.astype(np.float64) - found.original
    assert found.distortion == pytest.approx(np.sqrt(np.mean(change**2)))
    scores = (found.image.reshape(-1) @ weights).astype(np.float64)
    assert found.confidence == pytest.approx(softmax(scores)[target], rel=1e-3)


def test_a_model_that_augments_is_asked_as_it_answers_once_trained(mnist_5k: Dataset, weights):
    turned = keras.layers.RandomRotation(0.3)
    model = keras.Sequential([keras.Input((28, 28, 1)), turned, keras.layers.Flatten(),
                              keras.layers.Dense(10)])  # fmt: skip
    model.layers[-1].set_weights([weights, np.zeros(10, np.float32)])
    right = (mnist_5k.test.images.reshape(-1, 784) @ weights).argmax(1) == mnist_5k.test.labels
    label = int(mnist_5k.test.labels[right][0])
    found = reproduce.adversarial_image(model, label, (label + 1) % 10, dataset=mnist_5k)
    first = mnist_5k.test.images[right & (mnist_5k.test.labels == label)][0]
    np.testing.assert_array_equal(found.original, first)
    scores = (found.image.reshape(-1) @ weights).astype(np.float64)
    assert found.confidence == pytest.approx(softmax(scores)[found.target], rel=1e-3)


def test_a_picture_for_notebooks_repeats_each_pixel(classify):
    found = reproduce.fooling_image(classify, 3, generations=0)
    shown = pixels(found._repr_png_())
    assert shown.shape == (224, 224, 1)
    assert (shown[::8, ::8] == found.image).all()


def test_every_network_of_the_configuration_is_found_by_its_name():
    for name in ("LeNet", "FC10(1e-4)", "FC100-100-10", "AE400-10", "SqueezeNet", "ReLU100-100-10"):
        assert name in named._recipes(name)


@pytest.mark.parametrize("ask", [reproduce.fooling_image, reproduce.adversarial_image])
@pytest.mark.parametrize("kind", ["NumPy", "predict", "mistaken"])
def test_a_function_that_is_no_graph_ends_with_one_line(ask, kind, weights, mnist_5k: Dataset):
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten()])
    functions = {
        "NumPy": lambda images: np.asarray(images).reshape(len(images), -1) @ weights,
        "predict": lambda images: model.predict(images, verbose=0) @ weights,
        "mistaken": lambda images: tf.reshape(images, (-1, 783)) @ weights,
    }
    with pytest.raises(UserError, match="no NumPy, no predict") as told:
        ask(functions[kind], 3, dataset=mnist_5k)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("kind", ["integers", "NumPy"])
def test_an_attack_on_a_function_without_gradient_ends_with_one_line(kind, weights, mnist_5k):
    def in_numpy(images):
        return images.reshape(-1, 784) @ weights

    functions = {
        "integers": lambda images: tf.round(tf.reshape(images, (-1, 784)) * 255) @ weights,
        "NumPy": lambda images: tf.numpy_function(in_numpy, [images], tf.float32),
    }
    scores = mnist_5k.test.images.reshape(-1, 784) @ weights
    label = int(mnist_5k.test.labels[scores.argmax(1) == mnist_5k.test.labels][0])
    with pytest.raises(UserError, match="gradient of the logits, and this function has none"):
        reproduce.adversarial_image(functions[kind], label, dataset=mnist_5k)


def test_a_file_may_be_a_path(tmp_path, mnist_5k: Dataset, weights):
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(),
                              keras.layers.Dense(10)])  # fmt: skip
    model.layers[-1].set_weights([weights, np.zeros(10, np.float32)])
    model.save(tmp_path / "plain.keras")
    found = reproduce.fooling_image(tmp_path / "plain.keras", 3, generations=0, dataset=mnist_5k)
    assert found.label == 3
    assert reproduce.network(tmp_path / "plain.keras", dataset=mnist_5k).output_shape == (None, 10)


@pytest.mark.parametrize("ask", [reproduce.fooling_image, reproduce.adversarial_image])
@pytest.mark.parametrize("model", [3, None, np.eye(10)])
def test_what_is_no_network_is_named(ask, model, mnist_5k: Dataset):
    with pytest.raises(UserError, match=f"a network is .* got {type(model).__name__}"):
        ask(model, 3, dataset=mnist_5k)


@pytest.mark.parametrize(
    "given",
    [{"generations": -1}, {"generations": 2.5}, {"generations": True}, {"label": 3.0},
     {"label": "3"}, {"label": -1}, {"seed": -1}, {"seed": None}, {"encoding": ["CPPN"]},
     {"preset": ["code"]}],
    ids=str,
)  # fmt: skip
def test_what_an_evolution_cannot_do_is_said_in_one_line(classify, given):
    expect_one_line(reproduce.fooling_image, {"model": classify, "label": 3, **given}, *given)


@pytest.mark.parametrize(
    "given",
    [{"label": 3.0}, {"label": "3"}, {"label": 10}, {"target": 8.5}, {"target": 10},
     {"target": -1}, {"seed": -1}, {"index": 1.5}, {"index": -1}, {"tau": "a"}, {"tau": -1},
     {"tau": np.nan}, {"tau": np.inf}, {"searches": 0}, {"evaluations": 2.5}, {"pairs": 0},
     {"margin": "a"}, {"tolerance": np.nan}, {"c": "a"}, {"c": -1}, {"taus": 2}, {"images": 2},
     {"dataset": "mnist_5k"}],
    ids=str,
)  # fmt: skip
def test_what_an_attack_cannot_do_is_said_in_one_line(classify, mnist_5k: Dataset, given):
    arguments = {"model": classify, "label": 3, "dataset": mnist_5k, **given}
    expect_one_line(reproduce.adversarial_image, arguments, *given)


def expect_one_line(call, arguments, name):
    with pytest.raises(UserError, match=name) as told:
        call(**arguments)
    assert "\n" not in str(told.value)


def test_whole_numbers_may_be_numpys(classify):
    three = [reproduce.fooling_image(classify, kind(3), generations=kind(0), seed=kind(0))
             for kind in (int, np.int64, np.uint8)]  # fmt: skip
    assert three[0].confidence == three[1].confidence == three[2].confidence


def test_a_mistake_ends_with_one_line(classify, mnist_5k):
    with pytest.raises(UserError, match=r"no network is called LeNte: there are .*LeNet"):
        reproduce.network("LeNte", dataset=mnist_5k)
    with pytest.raises(UserError, match="between 0 and 9, got 10"):
        reproduce.fooling_image(classify, 10)
    with pytest.raises(UserError, match="CPPN or direct"):
        reproduce.fooling_image(classify, 1, encoding="pixels")
    with pytest.raises(UserError, match="one of code, unit; got 'fast'"):
        reproduce.fooling_image(classify, 1, preset="fast")
    with pytest.raises(UserError, match="gives probabilities"):
        reproduce.fooling_image(lambda images: tf.nn.softmax(classify(images)), 1)
