"""The ImageNet half of Nguyen et al. on a small linear network with a thousand classes."""

from functools import partial

import keras
import numpy as np
import pytest
from scipy.special import softmax

from reproduce import data, training
from reproduce.data import Examples
from reproduce.experiments import Context
from reproduce.experiments.nguyen.imagenet import (
    ascent,
    ascent_all,
    figure3,
    figure12,
    figure13,
    figures6_7,
    retraining,
)
from reproduce.experiments.nguyen.imagenet.runs import Search
from reproduce.methods.evolution import cppn
from reproduce.methods.evolution.archive import empty
from reproduce.methods.evolution.map_elites import Evolution
from reproduce.runtime.store import Store

SIDE, CLASSES = 8, 1000
WEIGHTS = np.random.default_rng(0).normal(size=(SIDE * SIDE * 3, CLASSES)).astype(np.float32)


def linear():
    network = keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), keras.layers.Flatten(), keras.layers.Dense(CLASSES)]
    )
    network.layers[-1].set_weights([WEIGHTS, np.zeros(CLASSES, np.float32)])
    return network


@pytest.fixture(scope="module")
def context(tmp_path_factory, no_photographs):
    store = Store(tmp_path_factory.mktemp("store"))
    return Context(no_photographs, {"linear": partial(linear)}, 0, store)


def probability(images, labels):
    """Of uint8 images, in double precision."""
    logits = images.reshape(len(images), -1) / 255 @ WEIGHTS.astype(np.float64)
    return softmax(logits, axis=1)[np.arange(len(images)), labels]


def test_images_are_scored_as_the_bytes_that_are_kept(context):
    labels = [3, 500, 999]
    found = ascent.climb_cached(
        context, linear(), labels, rule="fast224", together=2, starts=2, until=0.9
    )
    assert found.images.dtype == np.uint8
    p = 1 / (1 + np.exp(-found.log_odds))
    np.testing.assert_allclose(p, probability(found.images, np.repeat(labels, 2)), atol=1e-5)
    assert (found.images[0] != found.images[1]).any()  # another start


def test_an_image_does_not_depend_on_the_classes_beside_it(context):
    apart = ascent.climb_cached(context, linear(), [7, 8, 9], rule="fast224", together=1, until=0.9)
    together = ascent.climb_cached(
        context, linear(), [7, 8, 9], rule="fast224", together=3, until=0.9
    )
    difference = apart.images.astype(int) - together.images
    assert np.abs(difference).max() <= 1  # a rounding
    np.testing.assert_array_equal(apart.reached, together.reached)


def test_the_mean_becomes_middle_grey_and_what_lies_above_it_brighter():
    mean = np.full((SIDE, SIDE, 3), 100 / 255, np.float32)
    image = np.full((1, SIDE, SIDE, 3), 100, np.uint8)
    image[0, 0, 0], image[0, 1, 1] = 200, 50
    shown = ascent.without_mean(image, mean)
    assert shown[0, 5, 5] == pytest.approx(0.5, abs=1e-6)
    assert shown[0, 0, 0] == pytest.approx(1)
    assert shown[0, 1, 1] == pytest.approx(0.25, abs=1e-2)


def test_ascent_needs_no_photographs_and_its_tables_tell_what_the_files_score(context):
    whole = ascent_all.ascent_all(context, classes=6)
    fifteen = figure13.figure13(context, classes=6, steps_share=0.1)
    twenty = figure13.twenty_classes(
        context, rules=["none", "blur_sparse"], classes=2, starts=2, steps_share=0.02
    )
    assert len(whole.files) == 6
    assert len(twenty.files) == 8
    for artefact in (whole, fifteen, twenty):
        assert artefact.cells
        assert artefact.figures
    reached = next(cell for cell in whole.cells if cell.column == "reached 0.9999")
    assert (reached.value, reached.n) == (1.0, 6)
    assert fifteen.cells[0].published == pytest.approx(0.9999)
    assert "6 classes instead of 15." in fifteen.departures
    assert "2% of each rule's own steps." in twenty.departures


def test_figure_3_shows_the_surest_image_of_each_label(context):
    labels = np.array([4, 4, 7, 7, 1])
    surest = np.array([0.3, 0.9, 0.5, 0.5, 0.99])
    assert figure3.shown(labels, surest, 8) == [4, 1, 2]
    assert figure3.shown(labels, surest, 2) == [4, 1]
    scored = figure3.random_cppns(context, linear(), images=12, mutations=5)
    p = probability(scored.images, scored.log_odds.argmax(axis=1))
    np.testing.assert_allclose(1 / (1 + np.exp(-scored.log_odds.max(axis=1))), p, atol=1e-5)
    artefact = figure3.figure3(context, images=12, mutations=5)
    half = next(cell for cell in artefact.cells if cell.column == "sure 0.5")
    assert half.value == pytest.approx((p >= 0.5).mean())


def learned(rng):
    """The small network with one more class, for dark images, and the photographs it was given."""
    photographs = Examples(
        rng.uniform(0.5, 1, (40, SIDE, SIDE, 3)).astype(np.float32), rng.integers(CLASSES, size=40)
    )
    phase = partial(
        training.sgd, epochs=40, batch=16, compiled=False,
        rate=partial(training.constant, value=0.02),
    )  # fmt: skip
    dark = rng.integers(40, size=(30, SIDE, SIDE, 3)).astype(np.uint8)
    found = retraining.retrained(
        linear(), photographs=photographs, fooling=dark, phases=[phase], seed=1
    )
    return photographs, dark, found


def test_one_more_class_is_learned_from_half_of_the_photographs(rng):
    photographs, dark, found = learned(rng)
    assert (found.photographs, len(found.right), found.recognised) == (20, 20, 30)
    unseen = np.random.default_rng(1).permutation(40)[20:]
    np.testing.assert_array_equal(found.right, photographs.labels[unseen])
    logits = photographs.images[unseen].reshape(20, -1).astype(np.float64) @ WEIGHTS
    np.testing.assert_array_equal(found.before, logits.argmax(axis=1))
    weights, bias = found.network.get_layer("head").get_layer("new").get_weights()
    new = photographs.images[unseen].reshape(20, -1) @ weights + bias
    both = np.concatenate([logits, new], axis=1)
    np.testing.assert_array_equal(found.after, both.argmax(axis=1))
    assert np.asarray(found.network(dark / np.float32(255))).argmax(axis=1).tolist() == [1000] * 30


def test_fooling_images_are_the_first_and_the_last_archive_each_image_once(rng):
    pictures = rng.integers(256, size=(5, SIDE, SIDE, 3)).astype(np.uint8)
    archive = empty(3, (SIDE, SIDE, 3))._replace(images=pictures[[3, 1, 3]])
    snapshots = pictures[[0, 1, 1, 2, 2, 2]].reshape(1, 2, 3, SIDE, SIDE, 3)
    found = Evolution([archive], np.zeros((1, 8, 3)), (0, 7), snapshots)
    np.testing.assert_array_equal(retraining.fooling_images(found), pictures[[0, 1, 3]])


def test_figure_12_runs_and_plots_no_published_generation_that_it_did_not_reach(context, rng):
    images = rng.random((30, 256, 256, 3)).astype(np.float32)
    examples = data.read_only(images, rng.integers(CLASSES, size=30))
    names = tuple(map(str, range(CLASSES)))
    dataset = data.Dataset("photographs", "here", "0", examples, examples, CLASSES, names=names)
    phase = partial(
        training.sgd, epochs=5, batch=16, compiled=False,
        rate=partial(training.constant, value=0.02),
    )  # fmt: skip
    search = Search(
        partial(cppn.encoding, "code"), runs=2, generations=4, children=20, initial=20,
        snapshot_generations=(0,),
    )  # fmt: skip
    artefact = figure12.figure12(
        context._replace(dataset=dataset), search=search, runs=1, generations=2, phases=[phase],
        unseen=12, mutations=5, archive="none.tar.gz",
    )  # fmt: skip
    rows = {cell.row for cell in artefact.cells}
    assert rows == {"DNN1", "DNN2"}
    medians = [cell for cell in artefact.cells if cell.column == "median_confidence"]
    assert [cell.published for cell in medians] == pytest.approx([0.881, 0.117])
    assert [cell.n for cell in medians] == [2 * CLASSES, CLASSES]
    assert artefact.figures["figure12"]


def test_a_class_of_the_heat_map_has_dots_of_its_own():
    log_odds = np.linspace(-9, 9, 2 * 1000).reshape(1, 2, 1000)
    drawn = figures6_7._heat_map(Evolution([], log_odds, (), np.zeros(0), (1, 1)))
    drawn.canvas.draw()
    assert drawn.axes[0].get_window_extent().width == pytest.approx(1000)
    assert "dogs and cats" in [text.get_text() for text in drawn.axes[0].texts]
