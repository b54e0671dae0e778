import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter
from scipy.special import softmax

from reproduce.methods import ascent
from reproduce.methods.ascent import RULES, Rule, ascend
from reproduce.runtime.errors import UserError

SIZE, CHANNELS, CLASSES = 6, 3, 4
WEIGHTS = np.random.default_rng(1).normal(scale=0.3, size=(SIZE * SIZE * CHANNELS, CLASSES))
MEAN = np.random.default_rng(2).uniform(0.3, 0.6, (SIZE, SIZE, CHANNELS)).astype(np.float32)


def classify(images):
    return tf.reshape(images, (-1, len(WEIGHTS))) @ tf.constant(WEIGHTS, tf.float32)


def authors_rule(target, seed, steps, rule):
    """One image, in double precision, with the softmax's gradient in closed form."""
    mean = MEAN.astype(np.float64) * 255
    xx = np.random.default_rng(seed).normal(size=mean.shape)
    confidence = []
    for iteration in range(steps + 1):
        xx = np.minimum(255, np.maximum(0, xx + mean)) - mean
        p = softmax((xx + mean).ravel() / 255 @ WEIGHTS)
        confidence.append(p[target])
        if iteration == steps:
            return confidence, (xx + mean) / 255
        # d p_c / d z_k = p_c (1[k = c] - p_k)
        by_logit = p[target] * ((np.arange(CLASSES) == target) - p)
        grad = (WEIGHTS @ by_logit / 255).reshape(mean.shape)
        gain = min(rule.early, rule.late * (1 - p[target]))
        xx = xx + min(1e7, gain / np.dot(grad.ravel(), grad.ravel())) * grad
        xx = xx * (1 - rule.decay)
        if rule.blur > 0 and iteration % rule.blur_every == 0:
            for channel in range(CHANNELS):
                xx[:, :, channel] = gaussian_filter(xx[:, :, channel], rule.blur)
        if rule.small_norm > 0:
            norms = np.sqrt((xx**2).sum(axis=2))
            xx[norms < np.percentile(norms, 100 * rule.small_norm)] = 0
        if rule.small_benefit > 0:
            benefit = np.abs((grad * -xx).sum(axis=2))
            xx[benefit < np.percentile(benefit, 100 * rule.small_benefit)] = 0
    return None


@pytest.mark.parametrize("setting", ["none", "decay", "blur", "blur_sparse"])
def test_the_authors_rule_step_by_step(setting):
    targets, seeds = [0, 1, 2, 3], [10, 11, 12, 13]
    for steps in (1, 2, 3, 40):
        ours = ascend(classify, targets, mean=MEAN, seeds=seeds, rule=setting, steps=steps)
        for i, (target, seed) in enumerate(zip(targets, seeds, strict=True)):
            curve, image = authors_rule(target, seed, steps, RULES[setting])
            np.testing.assert_allclose(ours.confidence[i], curve, atol=2e-4)
            np.testing.assert_allclose(ours.images[i], image, atol=2e-3)


def test_the_settings_are_the_authors():
    assert RULES["none"] == Rule(500, 0.02, 0.1, 0.0)
    assert RULES["decay"] == Rule(1500, 0.03, 0.02, 0.01, 0.0, 4)
    assert RULES["blur"] == Rule(1000, 0.03, 0.05, 0.001, 0.4, 2)
    assert RULES["blur_sparse"] == Rule(1500, 0.03, 0.05, 0.001, 0.3, 1, 0.2, 0.2)


def test_a_step_gains_what_it_predicts_where_the_output_is_straight():
    x = np.zeros((2, SIZE, SIZE, CHANNELS), np.float32)
    g = np.random.default_rng(0).normal(scale=1e-3, size=x.shape).astype(np.float32)
    step = ascent.moved(x, np.array([0.1, 0.99]), g, RULES["none"])
    np.testing.assert_allclose((step * g).sum(axis=(1, 2, 3)), [0.02, 0.1 * 0.01], rtol=1e-5)
    flat = ascent.moved(x, np.zeros(2), np.zeros_like(g), RULES["none"])
    np.testing.assert_array_equal(flat, x)


def test_a_fast_step_has_the_length_it_says_along_the_log_gradient():
    x = np.zeros((1, SIZE, SIZE, CHANNELS), np.float32)
    g = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    step = ascent.moved(x, np.array([0.5]), g, RULES["fast"])
    assert np.linalg.norm(step) / 255 == pytest.approx(RULES["fast"].early, rel=1e-5)
    assert (step * g).sum() == pytest.approx(np.linalg.norm(step) * np.linalg.norm(g), rel=1e-5)


def test_an_image_does_not_depend_on_its_company_and_says_when_it_got_there():
    together = ascend(classify, [0, 1, 2], mean=MEAN, seeds=[1, 2, 3], rule="fast")
    alone = ascend(classify, [1], mean=MEAN, seeds=[2], rule="fast")
    np.testing.assert_allclose(alone.images[0], together.images[1], atol=1e-3)
    for curve, steps in zip(together.confidence, together.reached, strict=True):
        for threshold, step in zip(ascent.THRESHOLDS, steps, strict=True):
            if step >= 0:
                assert curve[step] >= threshold
            assert (curve[: step if step >= 0 else None] < threshold).all()
    assert together.images.min() >= 0
    assert together.images.max() <= 1


def test_an_image_that_leaves_is_where_it_would_have_been_alone(monkeypatch):
    rule = Rule(steps=60, early=0.1, decay=0.005, log=True)
    targets, seeds = [0, 1, 2, 3], [1, 2, 3, 4]
    whole = ascend(classify, targets, mean=MEAN, seeds=seeds, rule=rule)
    monkeypatch.setattr(ascent, "PIXELS", 2 * SIZE * SIZE)  # two images at once
    leaving = ascend(classify, targets, mean=MEAN, seeds=seeds, rule=rule, until=0.99)
    steps = leaving.reached[:, ascent.THRESHOLDS.index(0.99)]
    assert len(set(steps)) > 1
    for i, (target, seed, step) in enumerate(zip(targets, seeds, steps, strict=True)):
        assert step == whole.reached[i, ascent.THRESHOLDS.index(0.99)]
        np.testing.assert_allclose(
            leaving.confidence[i, : step + 1], whole.confidence[i, : step + 1], atol=1e-6
        )
        assert np.isnan(leaving.confidence[i, step + 1 :]).all()
        alone = ascend(classify, [target], mean=MEAN, seeds=[seed], rule=rule, steps=int(step))
        np.testing.assert_allclose(leaving.images[i], alone.images[0], atol=1e-5)
        p = softmax(leaving.images[i].ravel().astype(np.float64) @ WEIGHTS)[target]
        assert p == pytest.approx(ascent.latest(leaving.confidence)[i], abs=1e-5)
        assert p >= 0.99 - 1e-5


def test_where_the_gradient_vanishes_the_image_stays():
    """A saturated softmax has p = 1 and no gradient at all; 0/0 is not a step."""
    pixels = np.full((2, 4, 4, 1), 7, np.float32)
    nothing = np.zeros_like(pixels)
    for rule in ascent.RULES.values():
        np.testing.assert_array_equal(ascent.moved(pixels, np.ones(2), nothing, rule), pixels)
    found = ascent.ascend(
        lambda x: 1e4 * tf.one_hot(tf.zeros(tf.shape(x)[0], tf.int32), 3) + 0 * x[:, 0, 0],
        [0, 1], mean=np.zeros((4, 4, 1)), seeds=[0, 1], steps=2,
    )  # fmt: skip
    assert np.isfinite(found.images).all()
    np.testing.assert_array_equal(found.confidence, [[1, 1, 1], [0, 0, 0]])


def test_a_network_that_gives_no_numbers_is_told():
    with pytest.raises(UserError, match="no number"):
        ascent.ascend(
            lambda x: np.nan * x[:, 0, 0], [0], mean=np.zeros((4, 4, 3)), seeds=[0], steps=1
        )


def test_what_is_not_reached_is_not_reached_at_the_start():
    found = ascend(classify, [0, 1], mean=MEAN, seeds=[1, 2], rule="none", steps=1)
    assert (found.confidence < 0.9999).all()
    assert (found.reached[:, ascent.THRESHOLDS.index(0.9999)] == -1).all()
