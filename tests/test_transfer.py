"""Transfer, noise and amplification."""

import numpy as np
import pytest
from scipy import stats

from reproduce.methods.attacks import adversarial, transfer


def test_noise_has_the_deviation_asked_for_and_clipping_lowers_it():
    images = np.random.default_rng(0).choice([0, 0.5, 1], (50, 20, 20, 1), p=[0.8, 0.1, 0.1])
    noisy = transfer.gaussian_noise(images, 0.3, seed=1)
    assert noisy.min() < 0
    assert adversarial.pooled(adversarial.distortion(images, noisy)) == pytest.approx(0.3, rel=0.02)
    clipped = transfer.gaussian_noise(images, 0.3, seed=1, clip=True)
    np.testing.assert_array_equal(clipped, noisy.clip(0, 1))
    # half of the noise on a pixel at a bound is cut off, so its variance halves
    expected = 0.3 * np.sqrt(0.9 / 2 + 0.1)
    spread = adversarial.pooled(adversarial.distortion(images, clipped))
    assert spread == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("average", ["mean", "pooled"])
def test_one_factor_enlarges_the_whole_set(average: str):
    rng = np.random.default_rng(0)
    images = rng.uniform(0.4, 0.6, (30, 8)).astype(np.float32)
    perturbed = images + rng.normal(0, 0.01, images.shape).astype(np.float32)
    larger = transfer.amplify(images, perturbed, 0.05, average=average, clip=False)
    each = adversarial.distortion(images, larger)
    reached = each.mean() if average == "mean" else adversarial.pooled(each)
    assert reached == pytest.approx(0.05, rel=1e-4)
    factors = (larger - images) / (perturbed - images)
    np.testing.assert_allclose(factors, np.median(factors), rtol=0.02)
    assert transfer.amplify(images, perturbed, 5.0).max() <= 1


def test_noise_is_normal_and_another_for_each_seed():
    images = np.random.default_rng(0).random((20, 10, 10, 1), np.float32)
    first, second = (transfer.gaussian_noise(images, 0.3, seed=seed) - images for seed in (1, 2))
    for noise in (first, second):
        assert stats.kstest(noise.ravel() / 0.3, "norm").pvalue > 0.01
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.08
    again = transfer.gaussian_noise(images, 0.3, seed=1) - images
    np.testing.assert_array_equal(first, again)


def test_a_set_whose_changes_differ_is_enlarged_by_its_root_mean_square():
    """Changes of 0.1 and 0.3: their mean is 0.2, their root mean square 0.2236."""
    images = np.full((2, 4), 0.5, np.float32)
    perturbed = images + np.array([[0.1], [0.3]], np.float32)
    for average, present in (("mean", 0.2), ("pooled", np.sqrt(0.05))):
        larger = transfer.amplify(images, perturbed, 0.1, average=average, clip=False)
        expected = 0.1 / present * np.array([0.1, 0.3])
        np.testing.assert_allclose((larger - images)[:, 0], expected, rtol=1e-5)
