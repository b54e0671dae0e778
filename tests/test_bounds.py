"""The network's bound where the constant is known, and against random perturbations."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from reproduce.methods.bounds import lipschitz, weighted
from reproduce.runtime.errors import NotAvailable


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def network(*layers, shape=(8, 8, 1)):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(shape), *layers])


def convolutional():
    return network(
        keras.layers.Rescaling(2.0, offset=-1.0),
        keras.layers.Conv2D(3, 3, activation="relu", padding="same"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Conv2D(4, 3, strides=2, activation="sigmoid"),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(5),
    )


def test_every_stretching_layer_is_listed_in_order():
    found = lipschitz.layer_bounds(convolutional())
    assert [bound.size for bound in found] == ["", "1 x 3 x 3 x 3", "3 x 3 x 3 x 4", "4 x 5"]
    assert [bound.slope for bound in found] == [1, 1, 0.25, 1]
    assert found[0].norm == 2
    assert found[2].circular / found[2].printed == pytest.approx(2)
    assert all(bound.norm <= bound.circular * (1 + 1e-9) for bound in found)


@pytest.mark.parametrize("spread", [1e-3, 0.1, 10.0])
def test_no_perturbation_moves_the_logits_further_than_the_bound(rng, spread):
    model = convolutional()
    limit = lipschitz.lipschitz(lipschitz.layer_bounds(model))
    images = rng.normal(size=(200, 8, 8, 1))
    steps = spread * rng.normal(size=images.shape)
    moved = np.linalg.norm(model(images + steps).numpy() - model(images).numpy(), axis=1)
    rounding = 1e-5
    assert (moved <= limit * np.linalg.norm(steps.reshape(200, -1), axis=1) + rounding).all()


def test_for_a_linear_network_the_bound_is_the_distance_to_the_boundary(rng):
    model = network(keras.layers.Flatten(), keras.layers.Dense(4), shape=(3, 3, 1))
    images = rng.normal(size=(20, 3, 3, 1)).astype(np.float32)
    logits = model(images).numpy()
    labels, targets = logits.argmax(axis=1), logits.argmin(axis=1)
    constants = lipschitz.difference_constants(model, lipschitz.layer_bounds(model))
    distances = lipschitz.permitted_distortion(logits, targets, constants, pixels=9) * 3
    kernel = model.layers[-1].get_weights()[0]
    for image, label, target, distance in zip(images, labels, targets, distances, strict=True):
        normal = kernel[:, target] - kernel[:, label]
        there = image + (distance * normal / np.linalg.norm(normal)).reshape(3, 3, 1)
        reached = model(there[None]).numpy()[0]
        assert reached[label] == pytest.approx(reached[target], abs=1e-5)


def test_the_papers_product_permits_less_than_the_sharper_one(rng):
    model = convolutional()
    logits = model(rng.normal(size=(20, 8, 8, 1))).numpy()
    targets = logits.argmin(axis=1)
    found = lipschitz.layer_bounds(model)
    product = lipschitz.permitted_distortion(
        logits, targets, 2**0.5 * lipschitz.lipschitz(found), 64
    )
    sharper = lipschitz.permitted_distortion(
        logits, targets, lipschitz.difference_constants(model, found), 64
    )
    assert (product > 0).all()
    assert (product <= sharper).all()


def test_a_label_given_already_needs_no_distortion():
    assert lipschitz.permitted_distortion(np.array([[1.0, 2.0]]), np.array([1]), 3.0, 4) == 0


def test_overlapping_windows_copy_a_pixel():
    model = network(keras.layers.MaxPooling2D(3, strides=2))
    (pooling,) = lipschitz.layer_bounds(model)
    assert pooling.constant == 2
    peak = np.zeros((1, 8, 8, 1))
    peak[0, 2, 2] = 1
    assert np.linalg.norm(model(peak)) == pooling.constant


def test_disjoint_means_shrink():
    (pooling,) = lipschitz.layer_bounds(network(keras.layers.AveragePooling2D(2)))
    assert pooling.constant == 0.5


@pytest.mark.parametrize(
    ("size", "pool", "stride"),
    [(5, 2, 2), (5, 3, 2), (6, 3, 2), (7, 3, 1), (7, 4, 3), (3, 5, 1), (8, 2, 2), (5, 3, 4)],
)
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_mean_stretches_no_further_than_its_matrix(size, pool, stride, padding):
    """At the edge a padded window has fewer pixels, and divides by their number."""
    if padding == "valid" and pool > size:
        return
    shape = (size, size + 1, 1)
    layer = keras.layers.AveragePooling2D(pool, stride, padding)
    model = network(layer, keras.layers.Flatten(), shape=shape)
    matrix = model(np.eye(np.prod(shape)).reshape(-1, *shape)).numpy()
    limit = lipschitz.lipschitz(lipschitz.layer_bounds(model))
    norm = np.linalg.norm(matrix, 2)
    assert norm <= limit * (1 + 1e-6)
    if pool == stride == 2:
        assert limit == pytest.approx(norm, rel=1e-6)


def test_a_rectifier_that_rises_on_its_left_stretches():
    steep = network(keras.layers.ReLU(negative_slope=3), keras.layers.Flatten())
    assert lipschitz.lipschitz(lipschitz.layer_bounds(steep)) == 3
    flat = network(keras.layers.ReLU(negative_slope=0.3), keras.layers.Flatten())
    assert lipschitz.layer_bounds(flat) == []
    inside = network(keras.layers.Dense(2, keras.layers.ReLU(negative_slope=3)), shape=(4,))
    (bound,) = lipschitz.layer_bounds(inside)
    assert bound.slope == 3
    assert lipschitz.separate_bound(inside.layers[0], inside.get_weights()[0]).slope == 3


def test_a_function_of_ones_own_is_no_relu_by_its_name():
    def relu(x):
        return 5 * x

    with pytest.raises(NotAvailable, match="slope of relu is not known"):
        lipschitz.layer_bounds(network(keras.layers.Dense(3, relu), shape=(4,)))
    for known in (keras.ops.relu, tf.nn.relu, "relu"):
        (bound,) = lipschitz.layer_bounds(network(keras.layers.Dense(3, known), shape=(4,)))
        assert bound.slope == 1


@pytest.mark.parametrize(
    ("layer", "complaint"),
    [
        (keras.layers.ReLU(threshold=1.0), "no Lipschitz constant is known"),
        (keras.layers.Dense(3, activation=keras.layers.LeakyReLU()), "slope of LeakyReLU"),
        (keras.layers.LayerNormalization(), "no Lipschitz constant is known"),
        (keras.layers.Dense(3, activation="gelu"), "slope of gelu"),
    ],
)
def test_an_unknown_layer_is_refused_by_name(layer, complaint):
    with pytest.raises(NotAvailable, match=complaint):
        lipschitz.layer_bounds(network(layer))


def test_branches_are_refused():
    images = keras.Input((4,))
    branches = keras.layers.Add()([keras.layers.Dense(4)(images), images])
    with pytest.raises(NotAvailable, match="chain"):
        lipschitz.layer_bounds(keras.Model(images, branches))


UNUSUAL = [
    keras.layers.SeparableConv2D(3, 3, padding="same", depth_multiplier=2),
    keras.layers.SeparableConv2D(3, 3, strides=2),
    keras.layers.Conv2DTranspose(3, 3, strides=2, padding="same"),
    keras.layers.Conv2D(3, 3, dilation_rate=2),
    keras.layers.Conv2D(3, 3, strides=(1, 2), padding="same"),
    keras.layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2),
    keras.layers.DepthwiseConv2D(3, dilation_rate=2),
]


@pytest.mark.parametrize("layer", UNUSUAL, ids=lambda layer: layer.name)
@pytest.mark.parametrize("normalised", [False, True])
def test_the_norm_of_a_layer_is_that_of_its_matrix(rng, layer, normalised):
    """With the batch normalisation that follows it, column by column."""
    layer = type(layer).from_config(layer.get_config())
    model = network(layer, *[keras.layers.BatchNormalization()] * normalised, shape=(6, 7, 2))
    model.set_weights([rng.random(weight.shape) + 0.1 for weight in model.get_weights()])
    still = model(np.zeros((1, 6, 7, 2))).numpy().ravel()
    basis = np.eye(6 * 7 * 2).reshape(-1, 6, 7, 2)
    matrix = model(basis).numpy().reshape(len(basis), -1) - still
    found = lipschitz.separate_bound(*weighted.weighted_layers(model)[0])
    exact = np.linalg.norm(matrix, 2)
    assert found.norm == pytest.approx(exact, rel=1e-4)
    assert not found.circular < exact * (1 - 1e-4)
    if not normalised:
        (chained,) = lipschitz.layer_bounds(model)
        assert chained.norm == pytest.approx(exact, rel=1e-4)


def test_a_normalisation_before_a_convolution_counts(rng):
    before = keras.layers.BatchNormalization()
    model = network(before, keras.layers.Conv2D(3, 3), keras.layers.ReLU(), shape=(6, 6, 2))
    before.set_weights(list(np.array([[2.0, -3.0], [1.0, 1.0], [0.0, 0.0], [1.0, 4.0]])))
    factors = [2 / np.sqrt(1 + 1e-3), 3 / np.sqrt(4 + 1e-3)]
    for found in (
        lipschitz.layer_bounds(model)[0],
        lipschitz.separate_bound(*weighted.weighted_layers(model)[0]),
    ):
        assert found.layer == before.name
        assert found.norm == pytest.approx(max(factors), rel=1e-6)
    assert weighted.uncounted(model) == []


def test_a_normalisation_behind_an_activation_does_not_belong_to_the_convolution(rng):
    layers = keras.layers.Conv2D(3, 3, activation="relu"), keras.layers.BatchNormalization()
    model = network(*layers, shape=(6, 6, 2))
    model.set_weights([rng.random(weight.shape) + 0.1 for weight in model.get_weights()])
    (convolution, kernel), (normalisation, _) = weighted.weighted_layers(model)
    np.testing.assert_array_equal(kernel, convolution.get_weights()[0])
    assert normalisation is layers[1]


def test_layers_of_other_kinds_are_named():
    model = network(keras.layers.Reshape((8, 8)), keras.layers.Conv1D(3, 3, name="along"))
    assert weighted.weighted_layers(model) == []
    assert weighted.uncounted(model) == ["along"]


@pytest.mark.parametrize(
    "ending",
    [
        [keras.layers.Conv2D(3, 8), keras.layers.Flatten()],
        [keras.layers.Flatten(), keras.layers.Dense(3), keras.layers.Rescaling(5.0)],
        [keras.layers.Flatten(), keras.layers.Dense(3), keras.layers.BatchNormalization()],
        [keras.layers.Flatten(), keras.layers.Dense(3, "tanh")],
        [keras.layers.Flatten(), keras.layers.Dense(3, "sigmoid")],
        [keras.layers.Flatten(), keras.layers.Dense(3, "relu")],
    ],
    ids=["convolution", "rescaling", "normalisation", "tanh", "sigmoid", "relu"],
)
def test_where_no_fully_connected_layer_is_last_the_papers_product_stands(rng, ending):
    model = network(*ending)
    model.set_weights([rng.random(weight.shape) + 0.1 for weight in model.get_weights()])
    constants = lipschitz.difference_constants(model, lipschitz.layer_bounds(model))
    steps = rng.normal(size=(50, 8, 8, 1))
    moved = model(steps).numpy() - model(0 * steps).numpy()
    apart = np.abs(moved[:, :, None] - moved[:, None, :])
    lengths = np.linalg.norm(steps.reshape(50, -1), axis=1)
    assert constants.shape == (3, 3)
    assert (apart <= constants * lengths[:, None, None] * (1 + 1e-5)).all()


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_curved_last_activation_moves_two_logits_apart_further_than_their_columns_are(activation):
    """Two equal columns: a logit of either moves while the other one stays."""
    model = network(keras.layers.Dense(2, activation), shape=(3,))
    model.set_weights([np.ones((3, 2)), np.array([0.0, -3.0])])
    constants = lipschitz.difference_constants(model, lipschitz.layer_bounds(model))
    apart = np.diff(model(np.array([[0.0, 0, 0], [0.01, 0.01, 0.01]])).numpy(), axis=1)
    assert np.ptp(apart) <= constants[0, 1] * 0.01 * np.sqrt(3)


def test_a_sequential_built_by_add_is_the_chain_that_it_is():
    """Each `add` calls all layers anew: a layer's own input is that of its first call."""
    keras.utils.set_random_seed(0)
    added = keras.Sequential()
    for layer in (
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(3, 3),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(),
        keras.layers.Flatten(),
        keras.layers.Dense(5),
    ):
        added.add(layer)
    added.layers[1].set_weights([np.array(v) for v in ([2.0, 3.0, 4.0], [0] * 3, [0] * 3, [1] * 3)])
    listed = network(*(type(x).from_config(x.get_config()) for x in added.layers))
    listed.set_weights(added.get_weights())
    assert lipschitz.layer_bounds(added) == lipschitz.layer_bounds(listed)
    kernels, others = (dict(map(_named, weighted.weighted_layers(x))) for x in (added, listed))
    assert list(kernels) == list(others) == ["Conv2D", "Dense"]
    expected = added.layers[0].get_weights()[0] * np.array([2, 3, 4]) / np.sqrt(1.001)
    np.testing.assert_allclose(kernels["Conv2D"], expected, rtol=1e-6)
    np.testing.assert_array_equal(kernels["Conv2D"], others["Conv2D"])


def _named(pair):
    return type(pair[0]).__name__, pair[1]


@pytest.mark.parametrize("also", ["a branch", "an output", "the layer again"])
def test_a_normalisation_that_is_not_all_that_follows_stands_by_itself(also):
    """The other road from the convolution is not multiplied by its factor."""
    images = keras.Input((8, 8, 1))
    convolution = keras.layers.Conv2D(1, 3, padding="same")
    maps = convolution(images)
    normal = keras.layers.BatchNormalization()
    x = normal(maps)
    if also == "a branch":
        x = keras.layers.Add()([x, maps])
    if also == "the layer again":
        x = convolution(x)
    model = keras.Model(images, [x, maps] if also == "an output" else x)
    normal.set_weights([np.array([v]) for v in (5.0, 0.0, 0.0, 1.0)])
    (first, kernel), (second, factor) = weighted.weighted_layers(model)
    assert (first, second) == (convolution, normal)
    np.testing.assert_array_equal(kernel, convolution.get_weights()[0])
    np.testing.assert_allclose(factor, 5 / np.sqrt(1.001))


def test_networks_that_are_no_chain_are_refused_by_name():
    images = keras.Input((8, 8, 1))
    twice = keras.layers.Conv2D(1, 3)
    with pytest.raises(NotAvailable, match=r"conv2d.* more than once"):
        lipschitz.layer_bounds(keras.Model(images, twice(twice(images))))

    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(NotAvailable, match="shows no graph of layers"):
        lipschitz.layer_bounds(Own())
