"""Training: objectives, optima and answers against NumPy, SciPy and scikit-learn."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

from reproduce import training
from reproduce.data import Examples
from reproduce.networks import models
from reproduce.runtime.errors import UserError
from reproduce.training.adversarial import adversarial
from reproduce.training.caffe import inverse
from reproduce.training.objective import cross_entropy, decays, penalty, value_and_gradient
from reproduce.training.schedules import cosine, falling, one_cycle

LINEAR = partial(models.dense, bias=False)
SMALL = partial(models.dense, units=[6, 5])


@pytest.fixture
def digits(mnist_5k):
    return mnist_5k.train


@pytest.fixture
def blobs():
    """Three classes of 4 x 4 images that overlap a little."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    centres = rng.random((3, 4, 4, 1))
    images = np.clip(centres[labels] + 0.3 * rng.normal(size=(300, 4, 4, 1)), 0, 1)
    return Examples(images.astype(np.float32), labels)


def loss_and_gradient(x, y, w, decay):
    """The linear softmax's published objective in float64."""
    z = x @ w
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    gradient = x.T @ (p - np.eye(w.shape[1])[y]) / len(x) + decay * w
    return -np.log(p[np.arange(len(x)), y]).mean() + decay / 2 * (w**2).sum(), gradient


def test_objective_and_its_gradient_have_the_closed_form(blobs):
    model = LINEAR((4, 4, 1), classes=3, seed=0)
    w = model.get_weights()[0]
    x = blobs.images.reshape(300, -1)

    def loss(weights):
        return cross_entropy(blobs.labels, x @ weights[0]) + penalty(weights, decays(model, 0.3))

    value, gradient = value_and_gradient(loss, [tf.constant(w)])
    expected, expected_gradient = loss_and_gradient(x.astype(float), blobs.labels, w, 0.3)
    assert float(value) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(gradient[0], expected_gradient, atol=1e-6)


def test_decay_spares_biases_and_goes_layer_by_layer():
    model = SMALL((4, 4, 1), seed=0)
    assert decays(model, [1e-5, 1e-5, 1e-6]) == [1e-5, 0, 1e-5, 0, 1e-6, 0]
    assert decays(model, 0.5) == [0.5, 0] * 3
    with pytest.raises(ValueError, match="decay names 2 layers, and the network has 3"):
        decays(model, [1e-5, 1e-5])


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("decay", [1e-3, 1.0])
def test_softmax_ends_where_scikit_learn_does(blobs, bias, decay):
    network = partial(models.dense, bias=bias)
    model = training.train(network, [partial(training.softmax, decay=decay)], blobs, seed=0)
    other = LogisticRegression(
        C=1 / (decay * len(blobs.labels)), fit_intercept=bias, tol=1e-10, max_iter=10_000
    )
    other.fit(blobs.images.reshape(300, -1).astype(float), blobs.labels)
    np.testing.assert_allclose(model.get_weights()[0], other.coef_.T, atol=2e-3)


def test_softmax_on_digits_is_stationary(digits):
    """FC10(1e-2)'s gradient, taken in float64, is zero."""
    model = training.train(LINEAR, [partial(training.softmax, decay=1e-2)], digits, seed=0)
    x = digits.images.reshape(len(digits.labels), -1).astype(float)
    w = model.get_weights()[0].astype(float)
    value, gradient = loss_and_gradient(x, digits.labels, w, 1e-2)
    # strongly convex with constant lambda: the gap to the optimum is at most |g|^2 / (2 lambda)
    assert (gradient**2).sum() / (2 * 1e-2) < 1e-5 * value


def test_lbfgs_trains_a_linear_network_to_the_same_optimum(blobs):
    exact = training.train(LINEAR, [partial(training.softmax, decay=0.1)], blobs, seed=0)
    slow = partial(training.lbfgs, decay=0.1, iterations=200)
    general = training.train(LINEAR, [slow], blobs, seed=0)
    np.testing.assert_allclose(general.get_weights()[0], exact.get_weights()[0], atol=1e-3)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("nesterov", [False, True])
def test_descent_takes_the_steps_it_should(blobs, nesterov, compiled):
    """Full batches, so that shuffling does not matter: the same steps in NumPy."""
    phase = partial(
        training.sgd, epochs=8, batch=300, momentum=0.8, nesterov=nesterov, decay=0.05,
        rate=partial(cosine, start=0.5, end=0.1), decay_factor=partial(falling, start=4, end=1),
        compiled=compiled,
    )  # fmt: skip
    model = training.train(LINEAR, [phase], blobs, seed=0)
    start = training.train(LINEAR, [], blobs, seed=0)
    w, velocity = start.get_weights()[0].astype(float), 0.0
    x = blobs.images.reshape(300, -1).astype(float)
    for n in range(8):
        rate = 0.1 + 0.4 * (1 + np.cos(np.pi * n / 8)) / 2
        factor = 4 if n < 4 else 4 ** (1 - (n - 4) / 4)
        look = w + 0.8 * velocity if nesterov else w  # Nesterov 1983, the gradient looks ahead
        velocity = (
            0.8 * velocity - rate * loss_and_gradient(x, blobs.labels, look, 0.05 * factor)[1]
        )
        w = w + velocity
    if nesterov:  # the implementation keeps the point looked at
        w = w + 0.8 * velocity
    np.testing.assert_allclose(model.get_weights()[0], w, atol=1e-5)


def test_the_schedule_of_caffe_s_example_is_what_caffe_prints():
    """Its log of examples/mnist: iterations 100, 500 and 9900 of 10,000."""
    done = np.array([0, 100, 500, 9900]) / 10_000
    rates = inverse(done, start=0.01, gamma=1e-4, power=0.75, steps=10_000)
    np.testing.assert_allclose(rates, [0.01, 0.00992565, 0.00964069, 0.00596843], rtol=1e-6)


def test_one_cycle_goes_up_and_down():
    done = np.linspace(0, 1, 101)
    rates = one_cycle(done, peak=0.05, warm_up=0.2)
    assert rates[0] == 0
    assert rates[20] == pytest.approx(0.05)
    assert rates.argmax() == 20
    assert rates[-1] == pytest.approx(0)


def small_sgd(**options):
    rate = partial(cosine, start=1.0, end=0.01)
    return partial(training.sgd, epochs=3, batch=32, rate=rate, decay=1e-4, **options)


def test_same_seed_same_weights_to_the_last_bit(digits):
    network = partial(models.dense, units=[20], dropout=[0.1, 0.1])
    phases = [small_sgd(compiled=False), partial(training.lbfgs, iterations=3, decay=1e-4)]
    one, same, other = (
        training.train(network, phases, digits, seed=seed).get_weights() for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_dropout_acts_in_training_alone(digits):
    images = digits.images[:10]
    plain = training.train(SMALL, [small_sgd()], digits, seed=0)
    dropped = training.train(partial(SMALL, dropout=[0, 0.5]), [small_sgd()], digits, seed=0)
    assert not np.allclose(plain.get_weights()[0], dropped.get_weights()[0])
    np.testing.assert_array_equal(dropped(images), dropped(images))


def autoencoder(**options):
    return partial(
        training.sparse_autoencoder, epochs=20, batch=50, noise=0.3, rho=0.2, decay=0.0,
        rate=partial(training.constant, value=0.02), **options,
    )  # fmt: skip


def test_autoencoder_makes_its_units_as_active_as_it_should(blobs):
    """The KL term pulls each unit's mean activation to rho; without it they go where they like."""
    network = partial(models.dense, units=[8])

    def activity(sparsity):
        model = training.train(network, [autoencoder(sparsity=sparsity)], blobs, seed=0)
        w, b = model.get_weights()[:2]
        code = 1 / (1 + np.exp(-(blobs.images.reshape(300, -1) @ w + b)))
        return code.mean(axis=0)

    assert abs(activity(1.0) - 0.2).mean() < 0.04
    assert abs(activity(0.0) - 0.2).mean() > 0.08


def test_autoencoder_learns_what_the_principal_components_tell(blobs):
    """Linear regression from 8 noise-free codes explains nearly what 8 principal components do."""
    network = partial(models.dense, units=[8])
    model = training.train(network, [autoencoder(sparsity=0.1)], blobs, seed=0)
    w, b = model.get_weights()[:2]
    x = blobs.images.reshape(300, -1)
    centred = x - x.mean(axis=0)
    code = 1 / (1 + np.exp(-(x @ w + b)))
    code -= code.mean(axis=0)
    rest = centred - code @ np.linalg.lstsq(code, centred, rcond=None)[0]
    singular = np.linalg.svd(centred, compute_uv=False)
    best = (singular[8:] ** 2).sum()
    untrained = 0.5 * (singular**2).sum()  # 8 of 16 directions
    assert best <= (rest**2).sum() < best + 0.5 * (untrained - best)


def test_autoencoder_sees_no_labels_and_the_softmax_leaves_the_code(blobs):
    network = partial(models.dense, units=[8])
    other = Examples(blobs.images, blobs.labels[::-1].copy())
    code = training.train(network, [autoencoder(sparsity=1.0)], blobs, seed=0)
    same = training.train(network, [autoencoder(sparsity=1.0)], other, seed=0)
    whole = training.train(
        network, [autoencoder(sparsity=1.0), partial(training.softmax, decay=1e-3)], blobs, seed=0
    )
    for a, b, c in zip(*(m.get_weights()[:2] for m in (code, same, whole)), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("n", [0, 1, 3, 64, 130])
def test_logits_are_the_models(n):
    images = np.random.default_rng(n).random((n, 28, 28, 1), np.float32)
    model = models.dense((28, 28, 1), [30], seed=0)
    found = training.logits(model, images, batch=64)
    assert found.dtype == np.float32
    assert found.shape == (n, 10)
    if n:
        np.testing.assert_allclose(found, model(images), atol=1e-6)


def test_error_rate_counts(blobs):
    model = training.train(LINEAR, [partial(training.softmax, decay=1e-3)], blobs, seed=0)
    labels = np.asarray(model(blobs.images)).argmax(axis=1)
    assert training.error_rate(model, Examples(blobs.images, labels)) == 0
    assert training.error_rate(model, Examples(blobs.images, (labels + 1) % 3)) == 1


def test_wrong_pixels_and_a_loss_that_explodes_are_told(blobs):
    with pytest.raises(UserError, match=r"images lie in \[0, 1\], got"):
        training.train(LINEAR, [], Examples(blobs.images * 255, blobs.labels), seed=0)
    wild = partial(training.sgd, epochs=2, batch=32, rate=partial(training.constant, value=1e38))
    with pytest.raises(UserError, match=r"the loss is .* in epoch . of 2"):
        training.train(SMALL, [wild], blobs, seed=0)


def test_few_examples_get_more_epochs_until_there_are_enough_steps(blobs):
    few = partial(training.sgd, batch=100, rate=partial(training.constant, value=0.1))
    asked, stretched = (
        training.train(SMALL, [phase], blobs, seed=0)
        for phase in (partial(few, epochs=3), partial(few, epochs=1, least_steps=8))
    )
    for one, other in zip(asked.get_weights(), stretched.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("norm", ["sign", "euclidean"])
def test_a_step_of_adversarial_training_is_the_formulas(blobs, norm):
    """One full batch, a linear softmax: both gradients in NumPy."""
    phase = partial(
        adversarial, epochs=1, batch=300, rate=partial(training.constant, value=0.5),
        epsilon=0.3, alpha=0.4, norm=norm, decay=0.05,
    )  # fmt: skip
    model = training.train(LINEAR, [phase], blobs, seed=0)
    w = training.train(LINEAR, [], blobs, seed=0).get_weights()[0].astype(float)
    x = blobs.images.reshape(300, -1).astype(float)
    p = np.exp(x @ w) / np.exp(x @ w).sum(axis=1, keepdims=True)
    slope = (p - np.eye(3)[blobs.labels]) @ w.T  # of each image's loss, by its pixels
    step = np.sign(slope)
    if norm == "euclidean":
        step = slope / np.linalg.norm(slope, axis=1, keepdims=True)
    clean = loss_and_gradient(x, blobs.labels, w, 0)[1]
    moved = loss_and_gradient(x + 0.3 * step, blobs.labels, w, 0)[1]
    expected = w - 0.5 * (0.4 * clean + 0.6 * moved + 0.05 * w)
    np.testing.assert_allclose(model.get_weights()[0], expected, atol=1e-6)
