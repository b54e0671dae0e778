"""Rows and their coherence, on data where the right row is plain to see."""

import numpy as np
import pytest
from scipy import stats

from reproduce.methods.units import directions


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_units_row_holds_its_largest_activations_in_order(rng):
    activations = rng.normal(size=(50, 6)).astype(np.float32)
    rows = directions.most_exciting(activations, directions.natural_basis(6), k=5)
    for unit, row in enumerate(rows):
        assert list(row) == sorted(range(50), key=lambda image: -activations[image, unit])[:5]


def test_equals_come_in_the_images_order():
    activations = np.zeros((9, 2), np.float32)
    rows = directions.most_exciting(activations, directions.natural_basis(2), k=4)
    assert rows.tolist() == [[0, 1, 2, 3]] * 2


def test_a_common_shift_of_the_activations_changes_no_row(rng):
    activations = rng.integers(0, 64, size=(100, 5)).astype(np.float32)
    tried = rng.integers(-4, 5, size=(300, 5)).astype(np.float32)
    shifted = activations + np.float32(32)
    rows = directions.most_exciting(activations, tried, k=7)
    assert (rows == directions.most_exciting(shifted, tried, k=7)).all()


def test_gaussian_directions_are_uniform_on_the_sphere(rng):
    drawn = directions.gaussian(3, 20_000, rng)
    assert np.linalg.norm(drawn, axis=1) == pytest.approx(1, abs=1e-6)
    # Archimedes: in three dimensions each coordinate is uniform in [-1, 1].
    assert stats.kstest(drawn[:, 0], stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_an_orthonormal_basis_is_orthonormal_and_uniform(rng):
    basis = directions.orthonormal(40, rng)
    assert basis @ basis.T == pytest.approx(np.eye(40), abs=1e-5)
    first = np.array([directions.orthonormal(3, rng)[0, 0] for _ in range(3000)])
    assert stats.kstest(first, stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_principal_directions_come_by_variance_and_with_both_signs(rng):
    stretched = rng.normal(size=(4000, 3)) * [1, 5, 0] + 7
    found = directions.principal(stretched)
    assert found.shape == (4, 3)  # the third has no variance
    assert np.abs(found[0]) == pytest.approx([0, 1, 0], abs=0.05)
    assert found[2:] == pytest.approx(-found[:2])


def test_purity_and_entropy_by_hand():
    labels = np.array([3, 3, 3, 3, 7, 7, 9, 9])
    rows = np.array([[0, 1, 2, 3], [0, 1, 4, 5], [0, 1, 4, 6], [2, 3, 0, 7]])
    assert directions.purity(labels, rows).tolist() == [1, 0.5, 0.5, 0.75]
    assert directions.entropy(labels, rows) == pytest.approx([0, 1, 1.5, 0.811278], abs=1e-6)


def test_similarity_is_the_mean_over_pairs(rng):
    features = rng.normal(size=(30, 4)) + 5
    rows = directions.random_sets(30, rows=6, k=3, rng=rng)
    centred = features - features.mean(axis=0)
    for row, found in zip(rows, directions.similarity(features, rows), strict=True):
        pairs = [
            centred[a] @ centred[b] / np.linalg.norm(centred[a]) / np.linalg.norm(centred[b])
            for a in row
            for b in row
            if a != b
        ]
        assert found == pytest.approx(np.mean(pairs))


def test_units_that_know_a_class_have_pure_rows(rng):
    labels = np.repeat(np.arange(10), 30)
    activations = np.eye(10)[labels] + 0.1 * rng.random((300, 10))
    rows = directions.most_exciting(activations, directions.natural_basis(10), k=8)
    assert (directions.purity(labels, rows) == 1).all()
    blind = directions.random_sets(300, rows=500, k=8, rng=rng)
    assert directions.purity(labels, blind).mean() < 0.4
    assert directions.similarity(activations, rows).mean() > 0.9
    assert abs(directions.similarity(activations, blind).mean()) < 0.05


def test_a_row_cannot_be_longer_than_the_set():
    with pytest.raises(ValueError, match="1 to 3 images, got 4"):
        directions.most_exciting(np.zeros((3, 2)), np.eye(2), k=4)
