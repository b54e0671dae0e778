"""Evolution of the ImageNet half of Nguyen et al., on a small network with a thousand classes."""

import io
from functools import partial

import keras
import numpy as np
import pytest
from PIL import Image

from reproduce.experiments import Context
from reproduce.experiments.nguyen.imagenet import (
    figure9,
    figure10,
    figures1_8,
    figures6_7,
    runs,
    transfer,
)
from reproduce.methods.evolution import cppn, direct
from reproduce.methods.evolution.archive import Archive
from reproduce.methods.evolution.map_elites import Evolution, unsolved
from reproduce.methods.evolution.scoring import bfloat16
from reproduce.runtime.errors import NotAvailable
from reproduce.runtime.store import Store

SIDE, CLASSES = 32, 1000
RNG = np.random.default_rng(0)
WEIGHTS = (3 * RNG.normal(size=(4 * 4 * 3, CLASSES))).astype(np.float32)


def pooled(side=SIDE):
    """The mean colours of sixteen squares, then one layer."""
    network = keras.Sequential(
        [
            keras.Input((side, side, 3)),
            keras.layers.AveragePooling2D(side // 4),
            keras.layers.Flatten(),
            keras.layers.Dense(CLASSES),
        ]
    )
    network.layers[-1].set_weights([WEIGHTS, np.zeros(CLASSES, np.float32)])
    return network


@pytest.fixture(scope="module")
def context(tmp_path_factory, no_photographs):
    store = Store(tmp_path_factory.mktemp("store"))
    return Context(no_photographs, {"pooled": partial(pooled)}, 0, store)


def search(module, preset, **further):
    return runs.Search(
        partial(module.encoding, preset), runs=2, generations=4, children=40, initial=40, **further
    )


CPPN = search(cppn, "code")
FAST = search(cppn, "unit", parents=unsolved, screen=bfloat16)
DIRECT = search(direct, "squares")


def test_runs_are_kept_one_by_one_and_put_together(context):
    both, first = CPPN.evolve_cached(context), CPPN._replace(runs=1).evolve_cached(context)
    assert both.log_odds.shape == (2, 5, CLASSES)
    np.testing.assert_array_equal(both.log_odds[0], first.log_odds[0])
    assert (both.log_odds[0] != both.log_odds[1]).any()
    np.testing.assert_array_equal(runs.evaluations(both), [40, 80, 120, 160, 200])


@pytest.mark.parametrize("which", [CPPN, FAST, DIRECT])
def test_every_kept_png_scores_what_is_reported(context, which, monkeypatch):
    monkeypatch.setattr(runs, "KEPT", 0.01)
    found = which.evolve_cached(context)
    files = runs.files("some", found)
    assert len(files) > 20
    assert runs.rescored(context, found, files) < 1e-6
    for name, content in files.items():
        pixels = np.asarray(Image.open(io.BytesIO(content)), np.float64) / 255
        squares = pixels.reshape(4, SIDE // 4, 4, SIDE // 4, 3).mean(axis=(1, 3)).ravel()
        logits = squares @ WEIGHTS
        p = np.exp(logits - logits.max())
        label, reported = name.split("class")[1].removesuffix(".png").split("-")
        assert p[int(label)] / p.sum() == pytest.approx(float(reported), abs=2e-5)


def test_an_image_in_several_niches_is_shown_once_where_it_is_surest():
    images = np.zeros((2, 4, 2, 2, 3), np.uint8)
    images[0, 2], images[1, 0], images[1, 3] = 1, 2, 3  # the rest share one image
    p = np.array([[0.9, 0.3, 0.5, 0.1], [0.95, 0.2, 0.4, 0.6]])
    archives = [Archive([None] * 4, each, np.zeros(4), np.zeros(4)) for each in images]
    found = Evolution(archives, np.log(p / (1 - p))[:, None], (), np.empty(0))
    shown = [(elite.run, elite.label) for elite in runs.distinct(found)]
    assert shown == [(1, 0), (1, 3), (0, 2), (0, 1)]


def test_a_gallery_takes_the_farthest_from_all_that_it_has():
    greys = (0, 10, 250, 120, 20)
    images = [np.full((20, 20, 3), grey, np.uint8) for grey in greys]
    assert figures1_8.various(images, 4) == [0, 2, 3, 4]
    assert figures1_8.various(images, 9) == [0, 2, 3, 4, 1]


def test_a_thumbnail_is_of_mean_colours(rng):
    image = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    expected = image.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(figures1_8.thumbnail(image), expected)
    uneven = figures1_8.thumbnail(np.full((227, 227, 3), 51, np.uint8))
    np.testing.assert_allclose(uneven, np.full((16, 16, 3), 0.2))


def test_published_numbers_stand_beside_ours_at_equal_numbers_of_images():
    p = np.linspace(0.1, 0.9, 1002)[None, :, None].repeat(3, axis=2)
    found = Evolution([], np.log(p / (1 - p)), (), np.empty(0), (400, 400))
    cells = figures6_7.Cells("nguyen", "figure7")
    figures6_7._equal_evaluations(cells, {"CPPN": found})
    (cell,) = cells.list
    assert (cell.row, cell.column, cell.published) == ("ImageNet median", "1000", 0.64)
    assert cell.value == pytest.approx(p[0, 999, 0])  # 400 images at the start, then 999 x 400


def test_every_artefact_is_made_without_photographs(context):
    both = {"CPPN": CPPN, "CPPN (fast)": FAST}
    made = [
        figures6_7.figure6(context, searches={"direct": DIRECT}),
        figures6_7.figure7(context, searches=both),
        figures1_8.figure8(context, searches=both),
        figures1_8.figure1(context, direct=DIRECT, cppn=FAST),
        figure9.figure9(context, search=FAST),
        figure10.figure10(context, searches=both),
    ]
    assert all(artefact.cells and artefact.departures for artefact in made)
    published = [sum(cell.published is not None for cell in artefact.cells) for artefact in made]
    assert published == [0, 0, 1, 0, 12, 6]  # Figures 6, 7: not the same work
    assert any("not the same work" in note for note in made[1].notes)
    assert {cell.verdict for artefact in made[4:] for cell in artefact.cells} == {"unpublished"}
    for identity in (claim.id for artefact in made for claim in artefact.claims):
        assert identity.isidentifier()


def test_classes_by_name_need_the_classes_of_ilsvrc(context):
    few = keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), keras.layers.Flatten(), keras.layers.Dense(5)]
    )
    other = context._replace(networks={"few": partial(lambda: few)})
    with pytest.raises(NotAvailable, match="few has 5 classes"):
        figure9.figure9(other, search=FAST)


def test_a_sheet_has_a_place_for_each_image(context):
    elites = [runs.Elite(0, label, 0.5, np.zeros((4, 4, 3), np.uint8)) for label in range(5)]
    figure = figures1_8.sheet(context, elites, columns=2)
    assert [axes.get_title() for axes in figure.axes] == [
        f"class {label}\n50.00 %" for label in range(5)
    ]


def other():
    """The same mean colours of sixteen squares of a smaller image."""
    return pooled(SIDE // 2)


def test_a_network_shown_its_own_images_says_what_the_archive_says(context):
    found = CPPN.evolve_cached(context)
    again = transfer.shown(found, "code", pooled(), classes=CLASSES)
    np.testing.assert_array_equal(again.images, runs.images(found).reshape(again.images.shape))
    np.testing.assert_allclose(again.other, again.own, atol=1e-6)
    some = transfer.shown(found, "code", other(), classes=3)
    assert some.labels.tolist() == [0, 500, 999] * 2  # of both runs; linspace rounds to even
    assert some.images.shape == (6, SIDE // 2, SIDE // 2, 3)


def test_transfer_goes_both_ways(context):
    artefact = transfer.transfer(
        context, search=CPPN, others={"pooled": partial(pooled), "other": partial(other)},
        shown_classes=20,
    )  # fmt: skip
    rows = list(dict.fromkeys(cell.row for cell in artefact.cells))
    assert rows == ["pooled to other", "other to pooled"]
    alone = partial(transfer.transfer, context, search=CPPN, shown_classes=20)
    with pytest.raises(NotAvailable, match="no other network than pooled"):
        alone(others={"pooled": partial(pooled)})
