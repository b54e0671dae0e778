import io
from functools import partial

import keras
import numpy as np
import pytest
from PIL import Image

from reproduce import data
from reproduce.experiments import Context
from reproduce.experiments.nguyen import (
    ascents,
    drawing,
    encodings,
    figure11,
    figure11_surface,
    networks,
    repetition,
    rounds,
    runs,
    transfer,
)
from reproduce.methods.evolution import cppn, direct
from reproduce.methods.evolution.map_elites import Evolution
from reproduce.report import figures
from reproduce.runtime.errors import UserError
from reproduce.runtime.store import Store

SIZE, CLASSES = 28, 10
trained_on = []


def small_network(examples, seed):
    """A random two-layer network with as many classes as there are labels."""
    trained_on.append(examples)
    classes = int(examples.labels.max()) + 1
    start = keras.initializers.GlorotUniform(seed=seed)
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            keras.layers.AveragePooling2D(4),
            keras.layers.Flatten(),
            keras.layers.Dense(classes, kernel_initializer=start),
        ]
    )


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    rng = np.random.default_rng(0)
    images = rng.random((40, SIZE, SIZE, 1)).astype(np.float32)
    examples = data.read_only(images, np.arange(40) % CLASSES)
    dataset = data.Dataset("tiny", "here", "0", examples, examples, CLASSES)
    store = Store(tmp_path_factory.mktemp("cache"))
    return Context(dataset, {"LeNet": partial(small_network)}, 0, store)


def of_history(p):
    """An Evolution of which only the confidence is there: (runs, generations + 1, classes)."""
    p = np.array(p)
    return Evolution([], np.log(p / (1 - p)), (), np.empty(0))


def test_crossings_are_of_the_median_and_of_the_worst():
    found = of_history(
        [
            [[0.1, 0.2], [0.995, 0.995], [0.99995, 0.9995], [0.99995, 0.99995]],
            [[0.1, 0.2], [0.2, 0.995], [0.99995, 0.99995], [0.99995, 0.99995]],
        ]
    )
    assert runs.crossings(found) == runs.Crossings([1, 2, 2], 3)
    never = runs.crossings(of_history([[[0.1, 0.2], [0.995, 0.995]]]))
    assert never.median[0] == 1
    assert np.isnan([*never.median[1:], never.every]).all()


@pytest.mark.parametrize("encoding", [direct.encoding, partial(cppn.encoding, "unit")])
def test_every_saved_png_scores_what_is_reported(context, encoding):
    found = runs.evolve_cached(context, encoding, runs=2, generations=3)
    files = runs.files("some", found)
    assert len(files) == 2 * CLASSES
    assert runs.rescored(context, found, files) < 1e-6
    network = context.network("LeNet")
    for name, content in files.items():
        pixels = np.asarray(Image.open(io.BytesIO(content)))[None, ..., None] / np.float32(255)
        label, reported = name.split("class")[1].removesuffix(".png").split("-", 1)
        p = keras.ops.softmax(network(pixels))[0, int(label)]
        assert float(p) == pytest.approx(float(reported), abs=1e-6)


def test_an_animation_has_a_frame_for_each_snapshot(context):
    found = runs.evolve_cached(context, direct.encoding, runs=2, generations=3)
    animation = Image.open(io.BytesIO(drawing.animation(found)))
    assert found.snapshot_generations == (0, 1, 2, 3)
    assert animation.n_frames == 4


def test_an_animation_shows_colours_as_they_are():
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]], np.uint8)
    images = np.broadcast_to(colours[:, None, None], (4, 8, 8, 3))
    found = Evolution([], np.zeros((1, 2, 4)), (0, 1), np.stack([images, images])[None])
    frame = Image.open(io.BytesIO(drawing.animation(found))).convert("RGB")
    shown = {colour for _, colour in frame.getcolors(10_000)}
    assert {tuple(colour) for colour in colours.tolist()} <= shown


def test_each_network_learns_the_fooling_images_of_all_before_it(context):
    trained_on.clear()
    found = rounds.rounds(
        context, train=partial(small_network), encoding=cppn.encoding, networks=3, runs=2,
        generations=2, images=100,
    )  # fmt: skip
    assert [len(each.labels) for each in trained_on[-2:]] == [40 + 40, 40 + 80]
    assert [int((each.labels == CLASSES).sum()) for each in trained_on[-2:]] == [40, 80]
    assert [each.fooling for each in found] == [0, 40, 80]
    added = trained_on[-1].images[40:] * 255
    np.testing.assert_array_equal(added, np.round(added))  # as they would come from a PNG file
    last = found[0].images.reshape(-1, SIZE, SIZE, 1)
    in_training = {np.round(image * 255).astype(np.uint8).tobytes() for image in added / 255}
    assert all(image.tobytes() in in_training for image in last)
    assert found[1].log_odds.shape == (2, 3, CLASSES)


def test_the_first_network_may_be_another_one_with_images_of_its_own(context):
    """Readings of Figure 11: the authors' weights as DNN1, a class as large as a digit's."""
    trained_on.clear()
    found = rounds.rounds(
        context, train=partial(small_network), encoding=cppn.encoding, networks=3, runs=1,
        generations=2, images=15, first="LeNet", first_runs=3, first_images=50,
    )  # fmt: skip
    assert [each.fooling for each in found] == [0, 50, 65]
    assert [len(each.log_odds) for each in found] == [3, 1, 1]
    images, labels = context.dataset.test
    wrong = context.network("LeNet").predict(images, verbose=0).argmax(1) != labels
    assert found[0].wrong == wrong.sum()
    assert [int((each.labels == CLASSES).sum()) for each in trained_on] == [50, 65]


def test_classes_that_no_training_image_has_are_answers_of_every_network(context):
    """Four classes, of which two are seen; fooling images are the fifth."""
    images = context.dataset.train.images
    seen = data.read_only(images, np.arange(len(images)) % 2)
    dataset = context.dataset._replace(train=seen, test=seen, classes=4)
    outputs = []

    def network(examples, seed, classes=None):
        largest = int(examples.labels.max())
        outputs.append(largest + 1 if classes is None else classes)
        start = keras.initializers.GlorotUniform(seed=seed)
        dense = keras.layers.Dense(outputs[-1], kernel_initializer=start)
        return keras.Sequential([keras.Input((SIZE, SIZE, 1)), keras.layers.Flatten(), dense])

    found = rounds.rounds(
        context._replace(dataset=dataset), train=partial(network), encoding=cppn.encoding,
        networks=2, runs=1, generations=2, images=8,
    )  # fmt: skip
    assert outputs == [4, 5]
    assert [each.images.shape[1] for each in found] == [4, 4]


def test_fewer_images_than_the_runs_have_are_drawn_from_both_generations():
    snapshots = np.arange(3 * 3 * CLASSES, dtype=np.uint8).reshape(3, 3, CLASSES, 1, 1, 1)
    evolution = of_history(np.full((3, 3, CLASSES), 0.5))._replace(snapshots=snapshots)
    drawn = rounds._first_and_last(evolution, 30, seed=(0, 1)) * 255
    values = np.round(drawn.ravel()).astype(int).tolist()
    assert len(set(values)) == 30
    generations = [value // CLASSES % 3 for value in values]
    assert set(generations) == {0, 2}


def test_retraining_on_no_images_is_refused(context):
    with pytest.raises(UserError, match="1 or more; got 0"):
        rounds.rounds(
            context, train=partial(small_network), encoding=cppn.encoding, networks=2, runs=1,
            generations=1, images=0,
        )  # fmt: skip


def test_every_artefact_is_made_of_cells_claims_and_figures(context):
    both = {"runs": 2, "generations": 3}
    made = [
        networks.networks(context),
        encodings.figure4(context, presets={"direct": direct.encoding}, **both),
        encodings.figure5(context, presets={"CPPN": cppn.encoding}, **both),
        transfer.transfer(
            context, presets={"CPPN": cppn.encoding}, others={"other": partial(small_network)},
            **both,
        ),
        repetition.repetition(context, encodings=[partial(cppn.encoding, "unit")], **both),
        ascents.ascent(context, rules=["none", "blur_sparse", "fast"], starts=1, steps_share=0.01),
        figure11.figure11(
            context, train=partial(small_network), encoding=cppn.encoding, networks=2, runs=2,
            generations=2, images=30,
        ),
    ]  # fmt: skip
    assert all(artefact.cells for artefact in made)
    assert made[1].cells[0].published == pytest.approx(0.9999)
    assert [
        cell.published_status for cell in made[1].cells if cell.column == "every >= 0.9999"
    ] == ["confirmed"]
    medians = [
        cell.verdict
        for artefact in made
        for cell in artefact.cells
        if cell.column == "median_confidence" and cell.published is not None
    ]
    assert medians == ["too wide"] * 4, "of one network each: one seed does not judge them"
    for identity in (claim.id for artefact in made for claim in artefact.claims):
        assert identity.isidentifier()


def test_the_surface_has_runs_enough_for_its_images_and_more_at_its_corners():
    found = figure11_surface.sites([100, 300, 600, 1000], [200, 1001], 10, 30, images_of_run=20)
    assert [site.runs for site in found] == [30, 15, 30, 50] * 2
    assert [site.generations for site in found] == [200] * 4 + [1001] * 4


def test_a_surface_shows_every_cell_beside_the_published_row(context):
    artefact = figure11_surface.figure11_surface(
        context, train=partial(small_network), encoding=cppn.encoding, networks=2,
        images=[20, 40], generations=[2, 3], runs=1, corner_runs=2,
    )  # fmt: skip
    rows = list(dict.fromkeys(cell.row for cell in artefact.cells))
    assert rows == [f"{m} images, {g} generations" for g in (2, 3) for m in (20, 40)]
    second = [cell for cell in artefact.cells if cell.column == "DNN2"]
    assert [cell.published for cell in second] == [pytest.approx(0.9742)] * 4
    assert artefact.claims[0].verdict == "cannot be told"  # fewer than 200 generations
    again = rounds.rounds(
        context, train=partial(small_network), encoding=cppn.encoding, networks=2, runs=2,
        generations=3, images=40,
    )  # fmt: skip
    median = np.median(1 / (1 + np.exp(-again[1].log_odds[:, -1])))
    assert second[-1].value == pytest.approx(median)
    assert len(artefact.figures["figure11-surface"].axes) == 4


@pytest.mark.parametrize(
    ("upright", "verdict"), [(5, "holds"), (0, "refuted"), (3, "cannot be told")]
)
def test_bars_are_vertical_in_more_runs_than_a_coin_would_say(upright, verdict):
    stripes = np.tile(np.arange(8) % 2, (8, 1))[..., None]
    runs = [stripes if i < upright else stripes.swapaxes(0, 1) for i in range(5)]
    shown = np.stack([np.stack([run] * CLASSES) for run in runs])
    claim = encodings._motifs(shown)[0]
    assert claim.verdict == verdict
    assert claim.strength.runs == 5


def test_bars_are_looked_for_in_all_channels_and_in_the_classes_there_are():
    stripes = np.tile(np.arange(8) % 2, (8, 1))
    run = np.stack([np.zeros((8, 8)), stripes, np.zeros((8, 8))], axis=-1)  # green alone
    shown = np.stack([np.stack([run] * 3)] * 5)
    bars, low = encodings._motifs(shown)
    assert (bars.verdict, bars.id, low.id) == ("holds", "vertical_bars", "low_bar")
    assert [claim.id for claim in encodings._motifs(shown[:, :2])] == ["vertical_bars"]


@pytest.mark.parametrize("ends", [(-7.0, -0.5), (-5.0, 19.0), (2.0, 9.0)])
def test_an_axis_of_confidence_ends_where_it_should_with_ticks_inside(ends):
    _, axes = figures.sheet()
    drawing.confidence_axis(axes[0, 0], ends)
    assert axes[0, 0].get_ylim() == ends
    odds = axes[0, 0].get_yticks()
    assert len(odds) >= 3
    assert all(ends[0] <= each <= ends[1] for each in odds)
    for each, label in zip(odds, axes[0, 0].get_yticklabels(), strict=True):
        assert float(label.get_text()) == pytest.approx(1 / (1 + np.exp(-each)), rel=1e-6)
