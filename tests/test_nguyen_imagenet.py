"""The ImageNet half of Nguyen et al. on a small linear network with a thousand classes."""

from functools import partial

import keras
import numpy as np
import pytest
from scipy.special import softmax

from reproduce import data
from reproduce.experiments import Setting
from reproduce.experiments.nguyen_imagenet import climbing, every_class, figure3, figure13
from reproduce.store import Store

SIDE, CLASSES = 8, 1000
WEIGHTS = np.random.default_rng(0).normal(size=(SIDE * SIDE * 3, CLASSES)).astype(np.float32)


def linear():
    network = keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), keras.layers.Flatten(), keras.layers.Dense(CLASSES)]
    )
    network.layers[-1].set_weights([WEIGHTS, np.zeros(CLASSES, np.float32)])
    return network


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    nothing = data.frozen(np.zeros((0, 256, 256, 3), np.float32), np.zeros(0, np.int64))
    dataset = data.Dataset("photographs", "nowhere", "0", nothing, nothing, CLASSES, missing="all")
    return Setting(dataset, {"linear": partial(linear)}, 0, Store(tmp_path_factory.mktemp("store")))


def probability(images, labels):
    """Of uint8 images, in double precision."""
    logits = images.reshape(len(images), -1) / 255 @ WEIGHTS.astype(np.float64)
    return softmax(logits, axis=1)[np.arange(len(images)), labels]


def test_images_are_scored_as_the_bytes_that_are_kept(setting):
    labels = [3, 500, 999]
    found = climbing.climbed(
        setting, linear(), labels, rule="fast224", together=2, starts=2, until=0.9
    )
    assert found.images.dtype == np.uint8
    p = 1 / (1 + np.exp(-found.log_odds))
    np.testing.assert_allclose(p, probability(found.images, np.repeat(labels, 2)), atol=1e-5)
    assert (found.images[0] != found.images[1]).any()  # another start


def test_an_image_does_not_depend_on_the_classes_beside_it(setting):
    apart = climbing.climbed(setting, linear(), [7, 8, 9], rule="fast224", together=1, until=0.9)
    together = climbing.climbed(setting, linear(), [7, 8, 9], rule="fast224", together=3, until=0.9)
    difference = apart.images.astype(int) - together.images
    assert np.abs(difference).max() <= 1  # a rounding
    np.testing.assert_array_equal(apart.reached, together.reached)


def test_the_mean_becomes_middle_grey_and_what_lies_above_it_brighter():
    mean = np.full((SIDE, SIDE, 3), 100 / 255, np.float32)
    image = np.full((1, SIDE, SIDE, 3), 100, np.uint8)
    image[0, 0, 0], image[0, 1, 1] = 200, 50
    shown = climbing.without_mean(image, mean)
    assert shown[0, 5, 5] == pytest.approx(0.5, abs=1e-6)
    assert shown[0, 0, 0] == pytest.approx(1)
    assert shown[0, 1, 1] == pytest.approx(0.25, abs=1e-2)


def test_ascent_needs_no_photographs_and_its_tables_tell_what_the_files_score(setting):
    whole = every_class.ascent_all(setting, classes=6)
    fifteen = figure13.figure13(setting, classes=6, steps_share=0.1)
    twenty = figure13.twenty_classes(
        setting, rules=["none", "seed360"], classes=2, starts=2, steps_share=0.02
    )
    assert len(whole.files) == 6
    assert len(twenty.files) == 8
    for artefact in (whole, fifteen, twenty):
        assert artefact.cells
        assert artefact.figures
    reached = next(cell for cell in whole.cells if cell.column == "reached 0.9999")
    assert (reached.value, reached.n) == (1.0, 6)
    assert fifteen.cells[0].published == pytest.approx(0.9999)
    assert "6 classes in the place of 15." in fifteen.departures


def test_figure_3_shows_the_surest_image_of_each_label(setting):
    labels = np.array([4, 4, 7, 7, 1])
    surest = np.array([0.3, 0.9, 0.5, 0.5, 0.99])
    assert figure3.shown(labels, surest, 8) == [4, 1, 2]
    assert figure3.shown(labels, surest, 2) == [4, 1]
    judged = figure3.random_cppns(setting, linear(), images=12, mutations=5)
    p = probability(judged.images, judged.log_odds.argmax(axis=1))
    np.testing.assert_allclose(1 / (1 + np.exp(-judged.log_odds.max(axis=1))), p, atol=1e-5)
    artefact = figure3.figure3(setting, images=12, mutations=5)
    half = next(cell for cell in artefact.cells if cell.column == "sure 0.5")
    assert half.value == pytest.approx((p >= 0.5).mean())
