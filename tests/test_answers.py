"""What models that are no papers' networks answer: calibration, neighbours, ranges of pixels."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import log_softmax

from reproduce.data import Examples
from reproduce.networks import classical, input_format
from reproduce.networks.classical import prototypes
from reproduce.networks.forward import batch_size


def test_the_last_tenth_is_held_out(rng):
    examples = Examples(rng.random((50, 2, 2, 1), np.float32), np.arange(50) % 3)
    learnt, kept = classical.held_out(examples)
    assert (len(learnt.labels), len(kept.labels)) == (45, 5)
    np.testing.assert_array_equal(kept.images, examples.images[45:])


def test_calibration_makes_a_boaster_modest(rng):
    """Scores ten times too large: after division by the temperature the labels are likelier."""
    honest = rng.normal(size=(2000, 3))
    chances = np.exp(log_softmax(honest, axis=1))
    labels = np.array([rng.choice(3, p=p) for p in chances])
    images = np.arange(2000, dtype=np.float32).reshape(-1, 1, 1, 1)
    raw = classical.Model(lambda some: 10 * honest[some.ravel().astype(int)].astype(np.float32))
    model = classical.calibrated(raw, Examples(images, labels))

    def loss(each):
        return -log_softmax(each.logits(images), axis=1)[np.arange(2000), labels].mean()

    assert loss(model) < loss(raw)
    np.testing.assert_allclose(model.logits(images), honest, atol=0.5)


def test_rejection_lets_99_of_100_of_its_like_pass(rng):
    """Points uniform in a square: the distance within which they have a neighbour."""
    points = rng.random((3000, 1, 2, 1)).astype(np.float32)
    examples = Examples(points, np.zeros(3000, int))
    limit = prototypes._rejection(examples)
    kept, fresh = points[:2700].reshape(-1, 2), points[2700:].reshape(-1, 2)
    nearest = ((fresh[:, None] - kept[None]) ** 2).sum(axis=2).min(axis=1)
    assert (nearest <= limit + 1e-6).mean() == pytest.approx(0.99, abs=0.004)


def test_an_rbf_network_of_all_points_is_a_linear_equation(rng):
    """With a unit at each point: width and least squares written down in NumPy."""
    flat = rng.random((6, 4))
    flat[3:] += 1.5  # the classes lie farther from each other than their points
    labels = np.repeat([0, 1], 3)
    examples = Examples(flat.reshape(6, 2, 2, 1).astype(np.float32), labels)
    model = prototypes.rbf_network(examples, 0, units=3, width=0.5, decay=1e-4)
    apart = np.sqrt(((flat[:, None] - flat[None]) ** 2).sum(axis=2))
    other = labels[:, None] != labels[None]
    spread = 0.5 * np.where(other, apart, np.inf).min(axis=1).mean()
    hidden = np.exp(-(apart**2) / (2 * spread**2))
    learnt = np.linalg.solve(hidden.T @ hidden + 6e-4 * np.eye(6), hidden.T @ np.eye(2)[labels])
    some = rng.random((9, 4)) * 2
    distance = ((some[:, None] - flat[None]) ** 2).sum(axis=2)
    expected = np.exp(-distance / (2 * spread**2)) @ learnt
    found = model.logits(some.reshape(9, 2, 2, 1).astype(np.float32))
    np.testing.assert_allclose(found, expected, atol=2e-3)


def answers(wrong, entropy):
    """Answers to 400 images, of which so many are wrong, with such a cross-entropy."""
    labels = np.zeros(400, int)
    return SimpleNamespace(wrong=np.arange(400) < wrong, cross_entropy=entropy, labels=labels)


def test_a_range_of_pixels_is_not_told_by_a_few_mistakes():
    """30 mistakes and 31 are the same by chance; then the labels' likelihood decides."""
    found = {"[0, 1]": answers(30, 0.9), "[-1, 1]": answers(31, 0.2), "[0, 255]": answers(300, 0.1)}
    best, said = input_format.pixels(found)
    assert best == "[-1, 1]"
    assert "close" in said
    clear = found | {"[-1, 1]": answers(60, 0.2)}
    assert input_format.pixels(clear)[0] == "[0, 1]"


@pytest.mark.parametrize("count", [3, 500, 501, 999, 1499, 2000])
def test_the_range_is_decided_on_images_of_all_classes_alike(count):
    """Sorted by class, as folders are."""
    labels = np.arange(count) * 10 // count
    images = labels.astype(np.float32).reshape(-1, 1, 1, 1)
    chosen = input_format.sample(Examples(images, labels))
    np.testing.assert_array_equal(chosen.images.ravel(), chosen.labels)
    assert len(chosen.labels) == min(count, 500)
    shares = np.bincount(chosen.labels, minlength=10) / len(chosen.labels)
    np.testing.assert_allclose(shares, np.bincount(labels, minlength=10) / count, atol=0.005)


@pytest.mark.parametrize(
    ("images", "batch"), [(1, 1), (3, 4), (64, 64), (130, 256), (1000, 1000), (70_000, 1000)]
)
def test_few_images_are_filled_up_to_a_power_of_two(images, batch):
    assert batch_size(images, 1000) == batch
