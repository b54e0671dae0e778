"""Szegedy et al. on photographs, on networks and images whose answers are known."""

from functools import partial

import keras
import numpy as np
import pytest

from reproduce.data import Dataset, read_only
from reproduce.experiments import Context
from reproduce.experiments.imagenet import networks
from reproduce.experiments.szegedy.imagenet import figure5, figure6, figures3_4, table5, units
from reproduce.experiments.szegedy.imagenet.attacks import drawn
from reproduce.methods.attacks import adversarial
from reproduce.methods.bounds import lipschitz, weighted
from reproduce.networks import features, foreign
from reproduce.runtime.errors import NotAvailable
from reproduce.runtime.store import Store

SIDE, CLASSES = 8, 12


def small():
    """A network of the usual kind on small images."""
    keras.utils.set_random_seed(1)
    images = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(6, 3, 2, padding="same", use_bias=False, name="first")(images)
    x = keras.layers.LeakyReLU(name="leaky")(keras.layers.BatchNormalization(name="norm")(x))
    halves = [keras.layers.Conv2D(4, k, padding="same", activation="relu", name=f"half{k}")(x)
              for k in (1, 3)]  # fmt: skip
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Concatenate()(halves))
    model = keras.Model(images, keras.layers.Dense(CLASSES, name="last")(x))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) ** (2 if i == 4 else 1)
                       for i, w in enumerate(model.get_weights())])  # fmt: skip
    return model


COLOURS = ("ostrich", "green", "blue")


def colours():
    """A network that tells which of three colours an image has most of."""
    images = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(3, 1, name="first")(images)
    x = keras.layers.Conv2D(3, 1, activation="relu", name="second")(x)
    x = keras.layers.Dense(3, name="last")(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(images, x)
    one, nothing = np.eye(3, dtype=np.float32), np.zeros(3, np.float32)
    model.set_weights([one[None, None], nothing, one[None, None], nothing, one, nothing])
    return model


def mixed(network, images, targets):
    """An attack: the target's colour is mixed in until the network sees it."""
    found = np.full_like(images, np.nan)
    for share in np.linspace(1, 0.02, 50, dtype=np.float32):
        mixture = images + share * (np.eye(3, dtype=np.float32)[targets][:, None, None] - images)
        reached = np.asarray(network(mixture)).argmax(axis=1) == targets
        found[reached] = mixture[reached]
    failed = np.isnan(found).any(axis=(1, 2, 3))
    size = adversarial.distortion(images, found)
    return adversarial.Adversarial(found, targets, size, failed)


def half_of(attack, network, images, targets):
    """An attack's result with half of its changes."""
    found = attack(network, images, targets)
    halved = images + (found.images - images) / 2
    return found._replace(images=halved, distortion=adversarial.distortion(images, halved))


@pytest.fixture
def context(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (60, 256, 256, 3)) // 2
    labels = np.arange(60) % 3
    pixels[np.arange(60), :, :, labels] += 100
    labels[::10] = (labels[::10] + 1) % 3  # photographs that the network gets wrong
    images = pixels.astype(np.float32) / np.float32(255)
    examples = read_only(images, labels.astype(np.int64))
    dataset = Dataset("squares", "here", "0", examples, examples, 3, names=COLOURS)
    return Context(dataset, {"colours": partial(colours)}, 0, Store(tmp_path))


def test_the_last_feature_layer_is_what_the_classifier_sees(rng):
    """A linear map of the features gives the logits back."""
    model = small()
    images = rng.random((5, SIDE, SIDE, 3), np.float32)
    phi = features.activations(model, features.places(model)[-1].name, images)
    kernel, bias = model.get_layer("last").get_weights()
    np.testing.assert_allclose(phi @ kernel + bias, model(images), rtol=1e-4, atol=1e-4)
    assert [place.name for place in features.places(model)] == ["before half1", "before last"]
    with pytest.raises(NotAvailable, match="two layers with weights"):
        features.places(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]))


def test_batch_normalisation_belongs_to_the_convolution_before_it(rng):
    """The kernel it amounts to moves the maps as the two layers together do."""
    model = small()
    (first, kernel), *_ = weighted.weighted_layers(model)
    images, steps = rng.random((2, 4, SIDE, SIDE, 3), np.float32)
    both = keras.Model(model.inputs[0], model.get_layer("norm").output)
    moved = np.asarray(both(images + steps)) - np.asarray(both(images))
    alone = keras.ops.conv(keras.ops.convert_to_tensor(steps), kernel, 2, "same")
    np.testing.assert_allclose(moved, alone, rtol=1e-3, atol=1e-4)
    found = lipschitz.separate_bound(first, kernel)
    assert found.printed == pytest.approx(found.circular / 2)
    assert found.norm <= found.circular * (1 + 1e-9)
    lengths = [np.linalg.norm(each.reshape(4, -1), axis=1) for each in (moved, steps)]
    assert (lengths[0] <= found.norm * lengths[1] * (1 + 1e-4)).all()


def test_a_pointwise_convolution_is_a_matrix(rng):
    model = small()
    layer, kernel = weighted.weighted_layers(model)[1]
    assert layer.name == "half1"
    found = lipschitz.separate_bound(layer, kernel)
    assert found.circular == pytest.approx(np.linalg.norm(kernel[0, 0], 2), rel=1e-6)


def test_a_network_that_nobody_tried_goes_the_same_road(tmp_path, rng):
    """MobileNetV2 at a small width, random weights, from a file: layers, bounds, features."""
    keras.utils.set_random_seed(0)
    made = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, classes=7)
    made.save(tmp_path / "mine.keras")
    loaded = foreign.load(str(tmp_path / "mine.keras"), scale=2.0, offset=-1.0)
    images = rng.random((2, 32, 32, 3), np.float32)
    odds = np.log(np.asarray(made(2 * images - 1)))
    logits = np.asarray(loaded(images))
    np.testing.assert_allclose(
        odds, logits - np.logaddexp.reduce(logits, axis=1, keepdims=True), atol=1e-4
    )
    assert features.activations(loaded, features.places(loaded)[-1].name, images).shape == (2, 1280)
    layers = weighted.weighted_layers(loaded)
    assert len(layers) == 53  # 52 convolutions, a third of them map by map, and the classifier
    depthwise = next(pair for pair in layers if "depthwise" in pair[0].name)
    found = lipschitz.separate_bound(*depthwise)
    steps = rng.normal(size=(3, *depthwise[0].input.shape[1:])).astype(np.float32)
    moved = np.asarray(depthwise[0](steps)) - np.asarray(depthwise[0](0 * steps))
    factor = depthwise[1] / weighted.kernel_of(depthwise[0])  # the normalisation's, 1 / sqrt(1.001)
    np.testing.assert_allclose(factor, 1 / np.sqrt(1.001), rtol=1e-4)
    lengths = [np.linalg.norm(each.reshape(3, -1), axis=1) for each in (moved, steps)]
    assert (lengths[0] <= found.circular / factor.max() * lengths[1] * (1 + 1e-4)).all()


def test_figure5_draws_what_is_right_and_no_ostrich_yet(context):
    attacks = {"attack": partial(mixed), "tight": partial(half_of, mixed), "tight_images": 4}
    made = figure5.figure5(context, images=6, random_images=3, **attacks)
    values = {(cell.row, cell.column): cell.value for cell in made.cells}
    for row in ("ostrich", "random target"):  # of the first images alone, half is half
        assert values[row, "tight / distortion"] == pytest.approx(0.5)
    assert next(cell for cell in made.cells if cell.column == "tight").n == 4
    assert values["ostrich", "success"] == values["random target", "success"] == 1
    # bytes from 0 to 127, and 100 more of the own colour: half of that has to be made up for
    assert 0.1 < values["ostrich", "distortion"] < 0.3
    assert next(cell for cell in made.cells if cell.column == "distortion").published == 0.006508
    assert made.claims[0].verdict == "holds"
    sample = drawn(context, colours(), 60, wanted=0)
    assert set(sample.labels) == {1, 2}
    assert len(sample.labels) == 60 * 2 // 3 - 4  # of the wrong ones, two are ostriches


@pytest.mark.parametrize("target", ["zebra", 3, -1])
def test_a_target_that_the_network_does_not_know_is_told_with_those_it_knows(context, target):
    with pytest.raises(NotAvailable, match=f"'{target}' names none.* 3 .*: ostrich, green, blue$"):
        figure5.figure5(
            context,
            images=4,
            random_images=0,
            attack=None,
            tight=None,
            tight_images=0,
            target=target,
        )


def test_a_class_is_called_by_its_name_or_number_and_by_no_name_that_two_have():
    names = ("crane", "giant panda", "crane")
    assert [figure5._class(names, each) for each in ("Giant_panda", 2, "0")] == [1, 2, 0]
    with pytest.raises(NotAvailable, match="'crane' names none, or not one"):
        figure5._class(names, "crane")


def test_rounded_images_are_bytes_and_still_their_target(context):
    """A network that is a comparison of two pixels: how far it must be pushed is arithmetic."""
    inputs = keras.Input((1, 2, 1))
    model = keras.Model(inputs, keras.layers.Flatten()(inputs))
    originals = np.array([[[[100 / 255], [90 / 255]]]], np.float32)
    middle = np.array([[[[95 / 255 - 1e-5], [95 / 255 + 1e-5]]]], np.float32)
    found = adversarial.Adversarial(middle, np.array([1]), np.zeros(1), np.zeros(1, bool))
    saved = figure5._rounded(model, originals, found)
    assert not saved.survives[0]  # both pixels are 95
    assert saved.factor[0] == 1.1  # 94.5 and 95.5 round to the even bytes 94 and 96
    np.testing.assert_allclose(saved.images.ravel() * 255, [94, 96], atol=1e-4)


def test_figures_3_and_4_show_what_excites_most(context):
    for figure in (figures3_4.figure3, figures3_4.figure4):
        made = figure(context)
        assert list(made.figures) == [figure.__name__]
    again = figures3_4.figure3(context)
    assert again.caption == figures3_4.figure3(context).caption


def test_coherence_of_photographs(context):
    made = units.units(context, judges={"other": partial(small)}, rows=12)
    purity = {(cell.row, cell.column): cell.value for cell in made.cells}
    assert (
        purity["purity: before last", "units"] > 0.7
    )  # a unit is a colour; one label in ten is wrong
    assert purity["purity: random sets", "random"] < 0.6
    with pytest.raises(NotAvailable, match="no second network"):
        units.units(context, judges={"colours": partial(colours)}, rows=12)


def test_groups_of_classes():
    """Chihuahua to Mexican hairless are the dogs; puffer is the last animal."""
    assert units.groups(np.array([0, 150, 151, 268, 269, 397, 398, 999])).tolist() == [
        1, 1, 0, 0, 1, 1, 2, 2,
    ]  # fmt: skip


def test_table_5_lists_every_layer(context):
    made = table5.table5(context._replace(networks={"small": partial(small)}))
    rows = list(dict.fromkeys(cell.row for cell in made.cells))
    assert rows == [
        "small first (3 x 3 x 3 x 6), stride 2", "small half1 (6 x 1 x 1 x 4)",
        "small half3 (6 x 3 x 3 x 4)", "small last (8 x 12)",
    ]  # fmt: skip
    printed = next(claim for claim in made.claims if "printed" in claim.id)
    assert printed.verdict == "refuted"


def test_the_networks_errors_are_counted(context):
    made = networks(context, paper="szegedy")
    assert made.cells[0].value == pytest.approx(0.1)


def test_animals_are_told_by_the_numbers_of_imagenets_classes(context):
    with pytest.raises(NotAvailable, match="which classes are animals is known of ImageNet's"):
        figure6.figure6(context, train=None, attack=None, images=4, crops=1)


def test_small_photographs_are_means():
    images = np.zeros((1, 256, 256, 3), np.float32)
    images[0, 8:16, :8] = 1
    small = figure6._small(images)
    assert small.shape == (1, 32, 32, 3)
    assert small[0, 1, 0].tolist() == [1, 1, 1]
    assert small.sum() == 3


@pytest.mark.parametrize(("change", "times"), [(0.05, 10), (0.0026, 100), (1e-9, 500)])
def test_a_difference_is_magnified_until_it_is_seen(change, times):
    assert figure5.magnification(np.full((2, 4, 4, 3), -change)) == times
