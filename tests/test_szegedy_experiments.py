"""What the experiments conclude, on numbers whose conclusion is known."""

import math

import keras
import numpy as np
import pytest
from scipy import stats

from reproduce.data import Examples, mnist_5k, read_only
from reproduce.experiments import Context
from reproduce.experiments.szegedy import (
    adversarial_training,
    attacks,
    density,
    layer_bounds,
    split_rates,
    tables,
    top_images,
    units,
)
from reproduce.methods.attacks import adversarial
from reproduce.methods.attacks.deepfool import DeepFool
from reproduce.methods.units.coherence import Coherence
from reproduce.networks.forward import hidden_layers
from reproduce.report.cells import Cells
from reproduce.runtime.errors import NotAvailable
from reproduce.runtime.store import Store
from reproduce.training import Recipe, logits


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def coherence(rng, shift=0.0, rows=3000):
    return Coherence(
        purity=np.clip(rng.normal(0.7 + shift, 0.1, rows), 0, 1),
        entropy=rng.normal(1 - 2 * shift, 0.3, rows),
        similarity=rng.normal(0.5 + shift, 0.1, rows),
    )


def verdict_on(claims, name):
    (claim,) = [claim for claim in claims if claim.id == name]
    return claim.verdict


@pytest.mark.parametrize(
    ("shift", "rows", "verdict"),
    [(0.0, 3000, "holds"), (0.2, 3000, "refuted"), (0.0, 20, "cannot be told")],
)
def test_units_and_directions_are_told_apart_where_they_differ(rng, shift, rows, verdict):
    layer = {family: coherence(rng, rows=rows) for family in units.RIVALS}
    layer["units"] = coherence(rng, shift, rows)
    blind = coherence(rng, -0.4)
    claims = units.claims({"FC1 hidden1": layer}, blind)
    assert verdict_on(claims, "no distinction in FC1 hidden1") == verdict
    assert verdict_on(claims, "no distinction between units and directions") == verdict
    assert verdict_on(claims, "random directions are coherent too") == "holds"


@pytest.mark.parametrize(("layers", "verdict"), [(1, "refuted"), (10, "cannot be told")])
def test_one_layer_of_several_is_incoherent_at_its_share_of_the_level(rng, layers, verdict):
    """One lies 2.1 standard errors below the margin, the others far above it."""

    def rows(purity):
        exactly = purity + 0.1 * stats.zscore(rng.normal(size=100), ddof=1)
        return coherence(rng, rows=100)._replace(purity=exactly)

    blind = rows(0.3)
    purities = [0.3 + units.MARGINS["purity"] - 0.03] + [0.7] * (layers - 1)
    found = {
        f"layer {i}": dict.fromkeys(["units", *units.RIVALS], rows(purity))
        for i, purity in enumerate(purities)
    }
    told = verdict_on(units.claims(found, blind), "random directions are coherent too")
    assert told == verdict


def test_pooled_maps_stand_for_their_convolution():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(2, 3, name="conv1"),
            keras.layers.MaxPooling2D(2, name="pool1"),
            keras.layers.Conv2D(2, 3, name="conv2"),
            keras.layers.Flatten(),
            keras.layers.Dense(4, name="hidden"),
            keras.layers.Dense(2, name="logits"),
        ]
    )
    assert hidden_layers(model) == ["pool1", "conv2", "hidden"]


def test_a_published_rate_outside_all_splits_is_named():
    cells = Cells("szegedy", "table4")
    cells.rate("FC100-100-10", "FC123-456-10", 67, 256)  # published: 26.2 %
    cells.rate("FC100-100-10", "FC100-100-10'", 15, 256)  # published: 5.9 %
    for row in ("FC100-100-10", "FC100-100-10 amplified"):  # published: 100 %, of their own network
        cells.rate(row, "FC100-100-10", 256, 256)
    rates = {
        ("FC100-100-10", "FC100-100-10"): np.array([1.0, 1.0]),
        ("FC100-100-10 amplified", "FC100-100-10"): np.array([1.0, 1.0]),
        ("FC100-100-10", "FC123-456-10"): np.array([0.20, 0.30]),
        ("FC100-100-10", "FC100-100-10'"): np.array([0.07, 0.09]),
    }
    (text,) = split_rates.places(rates, cells.list)
    assert text.startswith("1 of the 2 published rates")
    assert "5.9 % is below all of 7.0 to 9.0 %" in text
    assert "26.2" not in text


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        ({"adversarial": [1.1, 1.2, 1.15]}, "holds"),
        ({"adversarial": [1.9, 1.8, 2.0]}, "refuted"),
        ({"adversarial": [1.1, 1.9, 1.5]}, "cannot be told"),
    ],
)
def test_adversarial_training_is_judged_by_the_spread_over_seeds(errors, verdict):
    rows = {"weight decay": [1.6, 1.65, 1.55], "dropout": [1.5, 1.45, 1.55],
            "input pool": [1.5, 1.6, 1.4]} | errors  # fmt: skip
    images = np.arange(2000)
    found = {row: np.stack([images < 20 * e for e in values]) for row, values in rows.items()}
    claims = adversarial_training._claims(found, {row: np.ones((3, 4)) for row in rows})
    assert verdict_on(claims, "adversarial training lowers the test error") == verdict


@pytest.mark.parametrize(
    ("first", "verdict"), [(2, "holds"), (60, "refuted"), (18, "cannot be told")]
)
def test_one_seed_is_judged_on_the_same_images(first, verdict):
    images = np.arange(1000)
    wrong = dict.fromkeys(("weight decay", "dropout", "input pool"), images[None] < 20)
    wrong["adversarial"] = images[None] < first
    needed = {row: np.linspace(1, 2, 9)[None] for row in wrong}
    needed["adversarial"] = needed["dropout"] * 1.1
    claims = adversarial_training._claims(wrong, needed)
    assert verdict_on(claims, "adversarial training lowers the test error") == verdict
    assert verdict_on(claims, "adversarial training raises the distortion") == "holds"
    assert claims[0].strength[:2] == (1, 1000)


def test_noise_crosses_a_plane_as_often_as_the_sphere_says():
    """A component of a uniform direction in n dimensions: its square is beta(1/2, (n - 1)/2)."""
    images = np.full((2, 4, 4, 1), 0.5, np.float32)
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(),
                              keras.layers.Dense(2)])  # fmt: skip
    normal = np.arange(1.0, 17)
    model.set_weights([np.stack([normal, -normal], axis=1), np.zeros(2)])
    distance = 0.5 * normal.sum() / np.linalg.norm(normal)  # of the images from the plane
    spread = 1.5 * distance / math.sqrt(16)
    expected = stats.beta(0.5, 7.5).sf((1 / 1.5) ** 2) / 2
    changed = density.changed_by_noise(model, images, np.full(2, spread), draws=4000, seed=0)
    assert stats.binomtest(int(changed.sum()), 8000, expected).pvalue > 1e-3
    assert changed.shape == (2,)


def convolutional(input_shape, classes, seed):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Conv2D(3, 5, strides=2, activation="relu", name="conv1"),
            keras.layers.MaxPooling2D(2, name="pool1"),
            keras.layers.Flatten(),
            keras.layers.Dense(12, "sigmoid", name="hidden"),
            keras.layers.Dense(classes, name="logits"),
        ]
    )


@pytest.fixture(scope="module")
def dataset():
    return mnist_5k()


@pytest.fixture
def context(dataset, tmp_path):
    few = dataset._replace(
        train=dataset.train._replace(
            images=dataset.train.images[:60], labels=dataset.train.labels[:60]
        ),
        test=dataset.test._replace(
            images=dataset.test.images[:100], labels=dataset.test.labels[:100]
        ),
    )
    networks = {
        name: Recipe(convolutional, phases=[])
        for name in ("FC100-100-10", "FC200-200-10", "convolutional")
    }
    return Context(dataset=few, networks=networks, seed=0, store=Store(tmp_path))


def test_no_adversarial_example_is_nearer_than_the_bounds_permit(context):
    attack = adversarial.BoxLBFGS(searches=4, iterations=20)
    artefact = layer_bounds.network_bounds(context, networks={}, images=12, attack=attack)
    violations = [cell for cell in artefact.cells if cell.column == "violations"]
    assert len(violations) == 3
    assert all(cell.value == 0 for cell in violations)
    assert verdict_on(artefact.claims, "no adversarial example below the bound") == "holds"
    found = {cell.column: cell.value for cell in artefact.cells}
    assert found["permitted by the product"] <= found["permitted, last layer exact"]


@pytest.mark.parametrize("attack", [adversarial.BoxLBFGS(searches=2, iterations=5), DeepFool()])
def test_only_an_attack_with_targets_is_said_to_have_random_ones(context, attack):
    some = {"networks": {}, "images": 6, "attack": attack}
    bounds = layer_bounds.network_bounds(context, **some)
    noise = density.density(context, draws=3, **some)
    targeted = attack.wants == "targets"
    for text in (bounds.caption, noise.notes[0]):
        assert ("target" in text) == targeted
        assert ("by DeepFool" in text) != targeted


def test_a_violation_would_be_counted():
    assert layer_bounds.violations(np.array([0.1, 0.3, np.nan]), np.array([0.2, 0.2, 0.2])) == 1


def test_images_that_need_no_change_do_not_count_in_how_loose_a_bound_is():
    """As DeepFool leaves mislabelled ones: nothing found, nothing permitted."""
    needs = np.arange(20) > 3
    permitted = {"one": np.where(needs, 0.1, 0.0)}
    found = {"one": np.where(needs, 1.0, 0.0)}
    claim = layer_bounds._prove_nothing(found, permitted)
    assert (claim.verdict, claim.strength.images) == ("holds", 16)
    assert "one 10." in claim.evidence
    (note,) = layer_bounds._left_out(found, permitted)
    assert note.endswith("one 4.")
    assert not layer_bounds._left_out(
        {"one": found["one"][needs]}, {"one": permitted["one"][needs]}
    )
    nothing = {"one": np.zeros(5)}
    assert layer_bounds._prove_nothing(nothing, nothing).verdict == "cannot be told"


def test_units_come_with_controls_and_a_claim_for_each_layer(context):
    artefact = units.units(context, networks={}, judges=["convolutional", "FC200-200-10"], rows=10)
    rows = {cell.row for cell in artefact.cells}
    for layer in ("FC100-100-10 pool1", "convolutional hidden", "pixels", "random sets"):
        for measure in units.MARGINS:
            assert f"{measure}: {layer}" in rows
    assert sum(claim.id.startswith("no distinction in") for claim in artefact.claims) == 6
    assert set(artefact.figures) == {"units"}


def test_a_network_that_is_not_there_is_no_judge(context):
    del context.networks["FC200-200-10"]  # as with networks=szegedy_coauthor
    artefact = units.units(context, networks={}, judges=["convolutional", "FC200-200-10"], rows=10)
    assert any(cell.row == "purity: convolutional hidden" for cell in artefact.cells)


@pytest.mark.parametrize("figure", [top_images.figure1, top_images.figure2])
def test_the_figures_have_four_rows_of_ten(context, figure):
    artefact = figure(context, networks={}, network="convolutional")
    ((_, drawn),) = artefact.figures.items()
    assert len(drawn.axes) == 4
    for axes in drawn.axes:
        height, width = axes.images[0].get_array().shape[:2]
        assert (height, width) == (28, 10 * 29 - 1)


def test_two_classes_leave_a_mislabelled_image_no_target(context):
    """The artefact is not run, and the next one is."""
    images, labels = context.dataset.train
    halved = read_only(images, labels % 2)
    network = context.network("convolutional", examples=halved, classes=2)
    right = logits(network, images).argmax(axis=1)
    two = context._replace(dataset=context.dataset._replace(classes=2))
    attack = adversarial.BoxLBFGS(searches=2, iterations=5)
    found = attacks.attack_examples(two, network, Examples(images, right), attack, 0).found
    np.testing.assert_array_equal(found.targets, 1 - right)
    wrong = Examples(images, np.where(np.arange(60) == 3, 1 - right, right))
    with pytest.raises(NotAvailable, match=r"^box-constrained .* wants targets: 1 of 60"):
        attacks.attack_examples(two, network, wrong, attack, 0)
    assert len(attacks.attack_examples(two, network, wrong, DeepFool(), 0).found.images) == 60
    with pytest.raises(NotAvailable, match="3 classes or more"):
        adversarial_training.adversarial_training(
            two, networks={}, rows={}, seeds=1, images=5, attack=attack
        )


def test_where_targets_cannot_be_had_an_attack_without_has_its_table(context):
    """Two classes: the column of the sharpened loss stays empty, with a note."""
    train, test = (each._replace(labels=each.labels % 2)
                   for each in (context.dataset.train, context.dataset.test))  # fmt: skip
    two = context._replace(dataset=context.dataset._replace(train=train, test=test, classes=2))
    tight = adversarial.BoxLBFGS(tau=16, searches=2, iterations=5)
    some = {"images": 20, "seeds": 1, "tight": tight}
    artefact = tables.table1(two, attack=DeepFool(), **some)
    of = {column: [cell for cell in artefact.cells if cell.column == column]
          for column in ("distortion", "tight")}  # fmt: skip
    assert len(of["tight"]) == len(of["distortion"]) == len(two.networks)
    assert all(cell.value is None and not cell.missing for cell in of["tight"])
    assert all(cell.value is not None for cell in of["distortion"])
    (note,) = artefact.notes
    assert note.startswith("tight is n/a: box-constrained L-BFGS (tau = 16")
    with pytest.raises(NotAvailable, match=r"tau = 8.* wants targets: .* are mislabelled"):
        tables.table1(two, attack=adversarial.BoxLBFGS(tau=8), **some)
