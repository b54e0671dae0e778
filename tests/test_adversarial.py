"""The attack against closed forms, and what it promises whatever the network."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from reproduce.methods.attacks import adversarial, c_search, c_state, lbfgsb, slots
from reproduce.methods.attacks.c_state import Budget
from reproduce.networks.forward import Network
from reproduce.runtime.errors import UserError


def linear(weights: np.ndarray):
    def classify(images):
        return tf.reshape(images, (-1, weights.shape[0])) @ tf.constant(weights)

    return classify


def dense_network(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    wide = keras.initializers.RandomNormal(0, 0.3)
    layers = keras.layers
    return keras.Sequential([
        keras.Input((8, 8, 1)), layers.Flatten(),
        layers.Dense(20, "sigmoid", kernel_initializer=wide),
        layers.Dense(5, kernel_initializer=keras.initializers.RandomNormal(0, 2)),
    ])  # fmt: skip


@pytest.fixture(scope="module")
def attacked():
    network = dense_network(0)
    images = np.random.default_rng(0).random((70, 8, 8, 1)).astype(np.float32)
    labels = np.asarray(network(images)).argmax(1)
    targets = adversarial.choose_targets(network, images, labels)
    return network, images, targets, adversarial.nearest(network, images, targets)


@pytest.mark.parametrize("norm", ["squared", "euclidean"])
def test_two_linear_classes_are_as_far_as_margin_over_norm(norm: str):
    """With a slack box the nearest point lies |margin| / |w| away, whatever the loss."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(50, 2)).astype(np.float32)
    images = rng.uniform(0.45, 0.55, (20, 50)).astype(np.float32)
    logits = images @ weights
    labels = logits.argmax(1)
    found = adversarial.nearest(linear(weights), images, 1 - labels, norm=norm)
    margins = np.abs(logits[:, 0] - logits[:, 1])
    expected = margins / np.linalg.norm(weights[:, 0] - weights[:, 1]) / np.sqrt(50)
    assert found.converged.all()
    np.testing.assert_allclose(found.distortion, expected, rtol=2e-3, atol=2e-5)
    assert found.evaluations.max() <= 6  # the first guess of c is this network's own


def test_every_image_is_adversarial_and_in_the_box(attacked):
    network, images, targets, found = attacked
    assert not found.failed.any()
    assert (np.asarray(network(found.images)).argmax(1) == targets).all()
    assert found.images.dtype == np.float32
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    np.testing.assert_array_equal(found.distortion, adversarial.distortion(images, found.images))


def test_networks_with_convolutions_are_known_however_they_are_wrapped():
    """XLA slows convolutions down."""
    dense, convolving = (
        keras.Sequential([keras.Input((8, 8, 1)), *layers, keras.layers.Flatten(),
                          keras.layers.Dense(3)])
        for layers in ([], [keras.layers.Conv2D(2, 3)])
    )  # fmt: skip
    for network, expected in ((dense, False), (convolving, True)):
        wrapped = tf.function(lambda images, network=network: 2 * network(images, training=False))
        for classify in (network, wrapped, lambda images, wrapped=wrapped: wrapped(images)):
            assert slots._convolves(Network(classify), (8, 8, 1)) is expected


def test_company_and_order_change_nothing(attacked):
    network, images, targets, found = attacked
    order = np.random.default_rng(1).permutation(len(images))
    shuffled = adversarial.nearest(network, images[order], targets[order])
    np.testing.assert_allclose(shuffled.distortion, found.distortion[order], atol=1e-5)
    for one in (0, 33, 69):
        alone = adversarial.nearest(network, images[one : one + 1], targets[one : one + 1])
        np.testing.assert_allclose(alone.distortion, found.distortion[one], atol=1e-5)


def test_nothing_is_computed_for_images_that_are_finished(attacked):
    """One straggler among images that end early, each evaluated as often as it needs."""
    network, images, targets, found = attacked
    order = np.argsort(found.evaluations)
    rows = np.append(order[-1], order[:15])
    computed = []

    def count(slopes):
        computed.append(len(slopes))
        return slopes

    @tf.custom_gradient
    def counted(points):
        def back(slopes):
            return tf.ensure_shape(tf.numpy_function(count, [slopes], tf.float32), slopes.shape)

        return tf.identity(points), back

    together = adversarial.nearest(
        lambda points: network(counted(points)), images[rows], targets[rows], compiled=False
    )
    assert together.evaluations.max() > 2 * np.median(together.evaluations)
    assert sum(computed) == together.evaluations.sum()
    assert max(computed) == 16
    for i in (0, 1, 15):
        one = slice(rows[i], rows[i] + 1)
        alone = adversarial.nearest(network, images[one], targets[one], compiled=False)
        np.testing.assert_allclose(alone.distortion, together.distortion[i], atol=1e-5)
        assert alone.converged == together.converged[i]


def test_networks_of_one_architecture_share_a_graph(attacked):
    _, images, _, _ = attacked
    before = slots._ticks.cache_info().currsize
    network = dense_network(7)
    labels = np.asarray(network(images)).argmax(1)
    found = adversarial.nearest(network, images, (labels + 1) % 5)
    assert slots._ticks.cache_info().currsize == before
    assert (np.asarray(network(found.images)).argmax(1) == (labels + 1) % 5).all()


def test_a_target_out_of_reach_fails_and_returns_no_image():
    """The third class never wins: its logit is always below the first."""

    def classify(images):
        total = tf.reduce_sum(images, 1)
        return tf.stack([total, 4 - total, total - 1], 1)

    images = np.random.default_rng(0).uniform(0, 0.4, (3, 5)).astype(np.float32)
    found = adversarial.nearest(classify, images, np.array([0, 2, 0]))
    assert found.failed.tolist() == [False, True, False]
    assert np.isnan(found.images[1]).all()
    assert np.isnan(found.distortion[1])
    assert not found.converged[1]


def test_a_search_that_its_cap_ended_has_not_converged(attacked):
    """The objective would have to rise for a minimiser to settle, so every one ends at its cap."""
    network, images, targets, free = attacked
    found = adversarial.nearest(network, images, targets, iterations=10, tolerance=-1.0)
    assert not found.failed.all()
    assert not found.converged.any()
    assert free.converged.mean() > 0.9


def test_converged_is_whoever_needs_no_more_than_the_budget(attacked):
    """A budget changes nothing of a search but its end, and gives no c more than a third of it."""
    network, images, targets, _ = attacked

    def found(**budget):
        return adversarial.nearest(
            network, images[:16], targets[:16], tau=16.0, compiled=False, **budget
        )

    for evaluations in (2, 10, 20, 30):
        some = found(evaluations=evaluations)
        free = found(iterations=max(1, evaluations // 3))
        enough = free.evaluations <= evaluations
        np.testing.assert_array_equal(some.converged, free.converged & enough)
        np.testing.assert_array_equal(some.images[enough], free.images[enough])
        assert (some.evaluations <= evaluations).all()
        if evaluations == 10:
            assert (~some.converged & ~some.failed).any()  # cut off, with a success in hand


@pytest.mark.parametrize("iterations", [3, 5])
def test_what_converged_is_as_close_whatever_the_cap_of_each_c(attacked, iterations):
    network, images, targets, free = attacked
    found = adversarial.nearest(network, images, targets, iterations=iterations, compiled=False)
    kept = found.converged & free.converged
    np.testing.assert_allclose(found.distortion[kept], free.distortion[kept], rtol=0.02)


def test_a_narrow_bracket_finds_c_only_if_all_that_it_rests_on_had_settled():
    budget = Budget(1.0, "squared", 12, 100, 300, 1e-5, 2e-3)
    settled, cut = np.array([True, True, False]), np.array([False, True, False])
    middle = tf.fill((3, 4), 0.5)
    state = lbfgsb.start(middle, tf.ones(3), pairs=1)._replace(settled=tf.constant(settled))
    search = c_state.start(middle, tf.zeros(3, tf.int32), tf.fill(3, np.nan), tf.zeros(3, tf.bool))
    beside = search._replace(
        low=tf.fill(3, -0.001), high=tf.fill(3, 0.004), margin=tf.ones(3), clean=tf.ones(3),
        cut=tf.constant(cut),
    )  # fmt: skip
    _, found = c_search._next_c(tf.ones(3, tf.bool), state, beside, budget)
    assert found.done.numpy().all()
    assert found.converged.numpy().tolist() == [True, False, False]
    assert found.cut.numpy().tolist() == [False, True, True]


@pytest.mark.parametrize("gap", [1e-4, 3e-4, 1e-3])
def test_an_image_beside_the_boundary_is_not_lost(gap: float):
    """Two linear classes a hair apart: the nearest example is gap / |w| away, or rounding is."""
    w = np.random.default_rng(0).normal(size=50).astype(np.float32)
    middle = np.full((1, 50), 0.5, np.float32)

    def classify(images):
        lead = tf.linalg.matvec(images - middle, w) + gap
        return tf.stack([lead, tf.zeros_like(lead)], 1)

    found = adversarial.nearest(classify, middle, np.array([1]))
    least = gap / np.linalg.norm(w) / np.sqrt(50)
    assert not found.failed[0]
    assert 1 <= found.distortion[0] / least < 1.35


def test_targets_avoid_label_and_prediction():
    network = dense_network(0)
    images = np.random.default_rng(0).random((40, 8, 8, 1)).astype(np.float32)
    logits = np.asarray(network(images))
    labels = np.random.default_rng(1).integers(0, 5, 40)
    for rule in ("random", "nearest", "least-likely"):
        targets = adversarial.choose_targets(network, images, labels, rule)
        assert (targets != labels).all()
        assert (targets != logits.argmax(1)).all()
    every = adversarial.choose_targets(network, images, labels, "all")
    assert ((every >= 0).sum(1) == np.where(labels == logits.argmax(1), 4, 3)).all()
    again = adversarial.choose_targets(network, images, labels, seed=0)
    np.testing.assert_array_equal(again, adversarial.choose_targets(network, images, labels))


def test_pooled_is_the_standard_deviation_of_the_whole_change():
    change = np.random.default_rng(0).normal(0, 0.1, (30, 4, 4, 1))
    per_image = adversarial.distortion(np.zeros_like(change), change)
    np.testing.assert_allclose(adversarial.pooled(per_image), np.sqrt(np.mean(change**2)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": 255.0}, r"images lie in \[0, 1\], got"),
        ({"targets": 7}, "targets lie between 0 and 2, got 7"),
        ({"targets": 0}, "differs from the network's present label"),
        ({"classify": lambda x: x * np.nan}, "logits are finite numbers, got"),
        ({"norm": "cubic"}, "norm is squared or euclidean, got 'cubic'"),
    ],
)
def test_wrong_input_is_named(change: dict, message: str):
    call = {"classify": lambda x: x, "images": 0.5, "targets": 1, "norm": "squared"} | change
    images = np.array([[1.0, 0.2, 0.1]], np.float32) * call["images"]
    with pytest.raises(UserError, match=message):
        adversarial.nearest(
            call["classify"], images, np.array([call["targets"]]), norm=call["norm"]
        )


def test_random_targets_are_uniform_and_differ_with_the_seed():
    images = np.random.default_rng(0).random((2000, 5)).astype(np.float32)
    labels = images.argmax(1)
    one, other = (
        adversarial.choose_targets(lambda x: x, images, labels, seed=seed) for seed in (0, 1)
    )
    for targets in (one, other):
        drawn = np.bincount((targets - labels) % 5, minlength=5)
        assert drawn[0] == 0
        assert stats.chisquare(drawn[1:]).pvalue > 0.01
    assert 0.7 < (one != other).mean() < 0.8  # three of four


def test_nearest_and_least_likely_targets():
    images = np.array([[0.9, 0.5, 0.1, 0.3], [0.2, 0.4, 0.8, 0.6]], np.float32)
    labels = np.array([0, 1])  # the second is taken for class 2
    nearest, least = (
        adversarial.choose_targets(lambda x: x, images, labels, rule)
        for rule in ("nearest", "least-likely")
    )
    assert nearest.tolist() == [1, 3]
    assert least.tolist() == [2, 0]
