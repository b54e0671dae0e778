"""Exact smallest changes against other ways of finding them."""

import numpy as np
import pytest
from scipy.optimize import linprog, minimize
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from reproduce.methods.attacks.attack import distance
from reproduce.methods.attacks.minimal import (
    hop_skip_jump,
    linear,
    neighbours,
    single_feature,
    trees,
)
from reproduce.networks.classical.trees import nodes


def between(images, found):
    return distance(images, found.images)


@pytest.fixture
def plane(rng):
    """A linear model of three classes on 12 features, and points well inside the box."""
    weights, bias = rng.normal(size=(12, 3)), rng.normal(size=3) / 10
    return weights, bias, rng.uniform(0.3, 0.7, (6, 12)).astype(np.float32)


def fitted_tree(rng, features=3, **options):
    x = rng.random((120, features)).astype(np.float32)
    y = (x[:, 0] * 2).astype(int) + (x[:, 1] + 0.3 * x[:, 2] > 0.6)
    return DecisionTreeClassifier(random_state=0, **options).fit(x, y), x


def test_tree_against_brute_force_on_a_grid(rng):
    learnt, x = fitted_tree(rng)
    tree = trees.leaves(nodes(learnt), 3)
    found = trees.nearest(tree, x[:20], learnt.predict(x[:20]))
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 61)] * 3), -1).reshape(-1, 3)
    answers = learnt.predict(grid.astype(np.float32))
    for image, label, length in zip(x, learnt.predict(x), between(x[:20], found), strict=False):
        others = grid[answers != label]
        brute = np.sqrt(((others - image) ** 2).sum(axis=1)).min()
        # the grid may miss the nearest point by half a cell's diagonal, and is never nearer
        assert length <= brute + 1e-6
        assert length >= brute - np.sqrt(3) / 60
    assert (learnt.predict(found.images) != learnt.predict(x[:20])).all()


def test_leaves_fill_the_box_once(rng):
    learnt, _ = fitted_tree(rng)
    tree = trees.leaves(nodes(learnt), 3)
    points = rng.random((500, 3)).astype(np.float32)
    inside = (
        (points[:, None] >= tree.low) & (points[:, None] <= tree.high)
    ).all(axis=2)  # fmt: skip
    assert (inside.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(tree.labels[inside.argmax(axis=1)], learnt.predict(points))


def test_a_tree_of_one_label_has_no_change():
    tree = trees.Leaves(np.zeros((1, 2), np.float32), np.ones((1, 2), np.float32), np.array([3]))
    found = trees.nearest(tree, np.full((1, 2), 0.5, np.float32), np.array([3]))
    assert found.failed.all()
    assert np.isnan(found.images).all()


def test_sides_of_a_threshold_follow_single_precision():
    threshold = 0.1  # in single precision 0.1 is larger than the number itself
    below, above = trees.sides(threshold)
    assert below <= threshold < above
    assert np.nextafter(below, np.float32(1)) == above


def test_neighbours_against_a_general_solver(rng):
    """SLSQP from several starts on every cell, on a small set."""
    points = rng.random((14, 4))
    labels = np.repeat([0, 1, 2], [5, 5, 4])
    x = np.clip(points[:3] + rng.normal(scale=0.05, size=(3, 4)), 0, 1).astype(np.float32)
    own_labels = labels[((x[:, None] - points) ** 2).sum(axis=2).argmin(axis=1)]
    found = neighbours.nearest(points, labels, x, own_labels)
    assert found.proven.all()
    for image, label, length in zip(x, own_labels, between(x, found), strict=True):
        own, best = points[labels == label], np.inf
        for other in points[labels != label]:
            a = 2 * (own - other)
            b = (own**2).sum(axis=1) - (other**2).sum()
            solved = minimize(
                lambda z, image=image: ((z - image) ** 2).sum(), other,
                jac=lambda z, image=image: 2 * (z - image), bounds=[(0, 1)] * 4, method="SLSQP",
                constraints={"type": "ineq", "fun": lambda z, a=a, b=b: b - a @ z,
                             "jac": lambda z, a=a: -a},
                options={"maxiter": 200, "ftol": 1e-12},
            )  # fmt: skip
            best = min(best, np.sqrt(solved.fun))
        assert length == pytest.approx(best, rel=1e-4, abs=1e-6)


def test_neighbours_against_brute_force_on_a_grid(rng):
    points = rng.random((12, 2))
    labels = np.arange(12) % 3

    def predict(some):
        return labels[((some[:, None] - points) ** 2).sum(axis=2).argmin(axis=1)]

    images = rng.random((8, 2)).astype(np.float32)
    found = neighbours.nearest(points, labels, images, predict(images))
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 401)] * 2), -1).reshape(-1, 2)
    answers = predict(grid)
    for image, label, length in zip(images, predict(images), between(images, found), strict=True):
        brute = np.sqrt(((grid[answers != label] - image) ** 2).sum(axis=1)).min()
        assert brute - np.sqrt(2) / 400 <= length <= brute + 1e-6


def test_neighbours_of_two_points_meet_halfway():
    points = np.array([[0.2, 0.5], [0.8, 0.5]])
    found = neighbours.nearest(
        points, np.array([0, 1]), np.array([[0.3, 0.4]], np.float32), np.array([0])
    )
    assert between(np.array([[0.3, 0.4]], np.float32), found)[0] == pytest.approx(0.2, abs=1e-5)
    np.testing.assert_allclose(found.images[0], [0.5, 0.4], atol=1e-5)


def test_changed_images_bear_another_neighbour(mnist_5k):
    points, labels = mnist_5k.train.images[:400], mnist_5k.train.labels[:400]
    x = mnist_5k.test.images[:2]

    def predict(images):
        flat = images.reshape(len(images), 1, -1).astype(np.float64)
        return labels[((flat - points.reshape(1, 400, -1)) ** 2).sum(axis=2).argmin(axis=1)]

    before = predict(x)
    found = neighbours.nearest(points, labels, x, before)
    beyond = x + (found.images - x) * 1.001
    short = x + (found.images - x) * 0.99
    assert (predict(beyond) != before).all()
    assert (predict(short) == before).all()


@pytest.mark.parametrize("norm", [1, 2, np.inf])
def test_free_distances_against_the_boundary(plane, norm):
    """A step of that norm in the best direction just reaches another label's hyperplane."""
    weights, bias, images = plane
    distance = linear.free(weights, bias, images, norm)
    scores = images @ weights + bias
    for i, image in enumerate(images):
        label = scores[i].argmax()
        reached = []
        for other in set(range(3)) - {label}:
            w = weights[:, other] - weights[:, label]
            step = {2: w / np.linalg.norm(w), np.inf: np.sign(w)}.get(norm)
            if step is None:
                step = np.zeros(12)
                step[np.abs(w).argmax()] = np.sign(w[np.abs(w).argmax()])
            z = (image + distance[i] * step) @ weights + bias
            reached.append(z[other] - z[label])
        assert max(reached) == pytest.approx(0, abs=1e-5)


def test_boxed_chebyshev_against_linear_programming(plane):
    weights, bias, images = plane
    images = np.clip(images * 1.6 - 0.3, 0, 1)  # some pixels near the box's sides
    found = linear.boxed_chebyshev(weights, bias, images)
    scores = images @ weights + bias
    for i, image in enumerate(images):
        label, best = scores[i].argmax(), np.inf
        for other in set(range(3)) - {label}:
            w = weights[:, label] - weights[:, other]  # w . z + b <= 0, |z - x| <= e, least e
            identity, ones = np.eye(12), np.ones((12, 1))
            solved = linprog(
                np.r_[np.zeros(12), 1],
                A_ub=np.block([[w, np.zeros(1)], [identity, -ones], [-identity, -ones]]),
                b_ub=np.r_[bias[other] - bias[label], image, -image],
                bounds=[(0, 1)] * 12 + [(0, None)],
            )
            best = min(best, solved.fun if solved.success else np.inf)
        assert found[i] == pytest.approx(best, abs=1e-6)


def test_boxed_against_a_general_solver(plane):
    weights, bias, images = plane
    images = np.clip(images * 1.6 - 0.3, 0, 1)
    found = linear.boxed(weights, bias, images)
    scores = images @ weights + bias
    distances = between(images, found)
    for i, image in enumerate(images):
        label, best = scores[i].argmax(), np.inf
        for other in set(range(3)) - {label}:
            w, b = weights[:, other] - weights[:, label], bias[other] - bias[label]
            solved = minimize(
                lambda z, image=image: ((z - image) ** 2).sum(), image, method="SLSQP",
                bounds=[(0, 1)] * 12, options={"ftol": 1e-12},
                constraints={"type": "ineq", "fun": lambda z, w=w, b=b: w @ z + b},
            )  # fmt: skip
            # It may stop at the optimum for want of a descent, which it does not call success.
            reached = w @ solved.x + b >= -1e-8
            best = min(best, np.sqrt(solved.fun) if reached else np.inf)
        assert distances[i] == pytest.approx(best, rel=1e-3)


def test_search_by_labels_comes_near_the_optimum_of_a_linear_model(rng):
    weights = rng.normal(size=(64, 2))
    images = rng.uniform(0.3, 0.7, (4, 8, 8, 1)).astype(np.float32)
    bias = np.array([0.0, (images.reshape(4, -1) @ (weights[:, 0] - weights[:, 1])).max() - 1.0])

    def predict(x):
        return (x.reshape(len(x), -1) @ weights + bias).argmax(axis=1)

    images = images[predict(images) == 1][:3]
    starts = np.broadcast_to((weights[:, 0] > weights[:, 1]).reshape(8, 8, 1), images.shape)
    found = hop_skip_jump.search(
        predict, images, starts.astype(np.float32), seed=0, walks=3, steps=10, probes=60
    )
    optimum = linear.free(weights, bias, images)
    assert (predict(found.found.images) != predict(images)).all()
    assert (between(images, found.found) >= optimum - 1e-6).all()
    assert np.median(between(images, found.found) / optimum) < 1.25
    assert (np.diff(found.distance, axis=0) <= 1e-6).all()
    assert (np.diff(found.queries) > 0).all()


def test_search_by_labels_on_a_tree_is_never_below_the_exact_distance(rng):
    x = rng.random((300, 16)).astype(np.float32)
    y = (x[:, :4].sum(axis=1) > 2).astype(int)
    learnt = DecisionTreeClassifier(random_state=0).fit(x, y)
    tree = trees.leaves(nodes(learnt), 16)
    images = x[:10].reshape(-1, 4, 4, 1)
    labels = learnt.predict(x[:10])
    starts = np.stack([x[y != label][0] for label in labels]).reshape(images.shape)
    found = hop_skip_jump.search(
        lambda z: learnt.predict(z.reshape(len(z), -1)), images, starts, seed=0, groups=(4, 1)
    )
    exact = between(images, trees.nearest(tree, images, labels))
    assert (between(images, found.found) >= exact - 1e-6).all()
    assert np.median(between(images, found.found) / exact) < 1.5


def test_search_without_a_start_finds_nothing(rng):
    images = rng.random((2, 3, 3, 1)).astype(np.float32)
    found = hop_skip_jump.search(lambda z: np.zeros(len(z), int), images, images, seed=0)
    assert found.found.failed.all()


def test_one_shifted_feature_reaches_the_boundary(rng):
    weights, bias = np.array([2.0, 0.0, -0.5]), 0.3
    examples = rng.normal(size=(5, 3))
    margins = examples @ weights + bias
    shifts = single_feature.shifts(weights, margins)
    assert np.isinf(shifts[:, 1]).all()
    for k in (0, 2):
        moved = examples.copy()
        moved[:, k] += shifts[:, k]
        np.testing.assert_allclose(moved @ weights + bias, 0, atol=1e-12)
    everywhere = single_feature.within(shifts, examples, np.full(3, -1e9), np.full(3, 1e9))
    assert everywhere[:, [0, 2]].all()
    assert not single_feature.within(shifts, examples, np.zeros(3), np.zeros(3)).any()


def test_bit_flips_against_predicting_every_flip(rng):
    bits = rng.integers(0, 2, (200, 8)).astype(np.float32)
    labels = (bits[:, 0] + bits[:, 3] * bits[:, 5] > 0).astype(int)
    for learnt in (
        DecisionTreeClassifier(random_state=0).fit(bits, labels),
        RandomForestClassifier(5, random_state=0).fit(bits, labels),
    ):
        found = single_feature.flips(learnt.predict, bits[:20], np.arange(8))
        for i in range(20):
            for k in range(8):
                other = bits[i : i + 1].copy()
                other[0, k] = 1 - other[0, k]
                assert found[i, k] == (learnt.predict(other) != learnt.predict(bits[i : i + 1]))


def test_depth_of_the_deciding_split(rng):
    # x0 at the root; x1 below it on the right: flipping x0 decides two above the leaf
    tree = trees.Nodes(
        left=np.array([1, -1, 3, -1, -1]), right=np.array([2, -1, 4, -1, -1]),
        feature=np.array([0, -2, 1, -2, -2]), threshold=np.array([0.5, -2, 0.5, -2, -2]),
        labels=np.array([0, 0, 0, 0, 1]),
    )  # fmt: skip
    example = np.array([1.0, 1.0])
    assert single_feature.splits_on_path(tree, example) == [0, 2, 4]
    depths = single_feature.deciding_depths(tree, example, np.array([True, True]))
    np.testing.assert_array_equal(depths, [2, 1])
