"""The attack benchmark: its measures, its judge, its twin in PyTorch, and the page made from it."""

import json

import keras
import numpy as np
import pytest

from benchmarks.attacks import measures, page
from reproduce.networks import models


def test_optimality_is_the_area_between_the_curves_of_robustness(rng):
    """As AttackBench has it, integrated numerically."""
    best = rng.uniform(1, 3, 40)
    found = best * rng.uniform(1, 2, 40)
    found[[3, 17]] = np.inf
    grid = np.linspace(0, best.max(), 200_001)

    def area(lengths: np.ndarray) -> float:
        robust = (lengths[None, :] > grid[::20, None]).mean(axis=1)
        return float(np.trapezoid(robust, grid[::20]))

    expected = 1 - (area(found) - area(best)) / (best.max() - area(best))
    assert measures.optimality(found, best) == pytest.approx(expected, abs=1e-3)


def test_the_envelope_has_optimality_one_and_failure_nothing(rng):
    found = [rng.uniform(1, 2, 10), rng.uniform(1, 2, 6)]
    best = measures.envelope(found, 10)
    np.testing.assert_array_equal(best[:6], np.minimum(found[0][:6], found[1]))
    np.testing.assert_array_equal(best[6:], found[0][6:])
    assert measures.optimality(best, best) == 1
    assert measures.optimality(np.full(10, np.inf), best) == pytest.approx(0, abs=1e-12)
    assert measures.median_ratio(best, best) == 1


def test_an_image_that_nobody_changed_counts_for_nobody():
    best = np.array([1.0, 2.0, np.inf])
    found = np.array([1.0, 4.0, np.inf])
    assert measures.optimality(found, best) == measures.optimality(found[:2], best[:2])
    assert measures.median_ratio(found, best) == 1.5


def two_classes() -> keras.Model:
    """The second class from a mean of one half on."""
    network = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(),
                                keras.layers.Dense(2)])  # fmt: skip
    network.layers[-1].set_weights([np.array([[0.0, 0.25]] * 4, np.float32), np.array([0.5, 0.0])])
    return network


def test_the_judge_wants_the_label_the_box_and_a_number():
    from benchmarks.attacks.pieces import judged
    from benchmarks.attacks.records import Problem

    images = np.zeros((5, 2, 2, 1), np.float32)
    given = Problem("two", two_classes(), images, np.zeros(5, int), np.ones(5, int), None)
    changed = np.full((5, 2, 2, 1), 0.6, np.float32)
    changed[1] = 0.4  # the first class still
    changed[2] = [[[1.5], [0.3]], [[0.3], [0.3]]]  # outside
    changed[3, 0, 0] = np.nan
    changed[4] = 0.5  # on the boundary itself, which counts once it is pushed over
    lengths = judged(given, changed, "targets")
    assert lengths[0] == pytest.approx(1.2, rel=1e-6)
    assert np.isinf(lengths[1:4]).all()
    assert lengths[4] == pytest.approx(1.0, rel=1.1e-3)
    np.testing.assert_array_equal(judged(given, changed, "labels"), lengths)


@pytest.mark.parametrize("make", [
    lambda: models.lenet((28, 28, 1), seed=0),
    lambda: models.dense((28, 28, 1), [20, 20], seed=0),
    lambda: models.dense((8, 8, 3), bias=False, seed=0),
], ids=["LeNet", "dense", "linear, in colour"])  # fmt: skip
def test_the_network_in_pytorch_agrees_and_counts(make, rng):
    torch = pytest.importorskip("torch", reason="PyTorch comes with the benchmark's requirements")
    from benchmarks.attacks.in_torch import disagreement, twin

    network = make()
    images = rng.random((3, *network.input_shape[1:]), np.float32)
    assert disagreement(network, images) < 1e-5
    counted = twin(network)
    before = counted.counter.gradients
    points = torch.tensor(images.transpose(0, 3, 1, 2).copy(), requires_grad=True)
    counted(points)[:, 0].sum().backward()
    assert counted.counter.gradients - before == 3
    assert points.grad.shape == points.shape


def test_the_page_is_made_from_the_last_tracked_results():
    results = json.loads(page.newest().read_text())
    assert page.filled(page.PAGE.read_text(), page.blocks(results)) == page.PAGE.read_text()


def test_a_page_without_a_place_is_refused():
    with pytest.raises(ValueError, match="place called leaders"):
        page.filled("nothing", {"leaders": "a table"})
