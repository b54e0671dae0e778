"""What the experiments conclude, on numbers whose conclusion is known."""

import math

import keras
import numpy as np
import pytest
from scipy import stats

from reproduce.data import mnist_5k
from reproduce.experiments import Context
from reproduce.experiments.szegedy import (
    adversarial_training,
    density,
    halves,
    layer_bounds,
    split_rates,
    tables_claims,
    top_images,
    units,
)
from reproduce.experiments.szegedy.halves_claims import across_sets
from reproduce.methods.attacks import adversarial
from reproduce.methods.units.coherence import Coherence
from reproduce.report.cells import Cells
from reproduce.report.published import lookup
from reproduce.runtime.store import Store
from reproduce.training import Recipe


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
    assert top_images.hidden_layers(model) == ["pool1", "conv2", "hidden"]


@pytest.fixture
def table_4(rng):
    """The published rates as errors on 256 images, which image by chance."""
    mistaken = {}
    rows = [*halves.TRAINED_ON, *halves.NOISE, *map(halves._amplified, halves.TRAINED_ON)]
    for row in rows:
        for column in halves.TRAINED_ON:
            wrong = round(256 * lookup("szegedy", "table4", row, column).value)
            mistaken[row, column] = rng.permutation(256)[None] < wrong
    return mistaken


def verdicts_on_table_4(mistaken):
    half = {name: side for name, (side, _) in halves.TRAINED_ON.items()}
    found = across_sets(mistaken, half, list(halves.NOISE), halves.AMPLIFIED_ROW)
    return [claim.verdict for claim in found]


def test_the_papers_own_table_4_bears_out_its_claims(table_4):
    assert verdicts_on_table_4(table_4) == ["holds"] * 3
    cells = Cells("szegedy", "table4")
    for pair, wrong in table_4.items():
        cells.rate(*pair, int(wrong.sum()), wrong.size)
    assert not any(cell.verdict == "differs" for cell in cells.list)


def test_claims_of_table_4_can_fail_and_few_images_do_not_tell(table_4):
    other = ("FC100-100-10", "FC100-100-10'")
    quiet = table_4 | {other: np.zeros((1, 256), bool)}
    assert verdicts_on_table_4(quiet)[0] == "refuted"
    everywhere = {
        pair: np.ones((1, 256), bool) if pair[0] in halves.TRAINED_ON and "'" in "".join(pair)
        else wrong
        for pair, wrong in table_4.items()
    }  # fmt: skip
    assert verdicts_on_table_4(everywhere)[1] == "refuted"
    feeble = table_4 | {(halves._amplified(other[0]), other[1]): np.zeros((1, 256), bool)}
    assert verdicts_on_table_4(feeble)[2] == "refuted"
    few = {pair: wrong[:, :12] for pair, wrong in table_4.items()}
    assert verdicts_on_table_4(few)[0] == "cannot be told"
    splits = {pair: np.repeat(wrong, 2, axis=0) for pair, wrong in table_4.items()}
    assert verdicts_on_table_4(splits) == ["cannot be told"] * 3  # two that do not scatter


def table_2(rng, needed, own=1.0, noise=0.05, others=0.3, autoencoder=0.1):
    """Errors of three networks on 200 images, by chance; what each network needs."""
    names = ["FC10(1e-4)", "FC100-100-10", "AE400-10"]

    def wrong(rate):
        return (rng.permutation(200)[None] < round(200 * rate)).astype(float)

    mistaken = {
        (row, name): wrong(own if row == name else autoencoder if name == names[2] else others)
        for row in names for name in names
    } | {("noise 0.1", name): wrong(noise) for name in names}  # fmt: skip
    distortion = {name: rng.normal(needed, 0.01, (1, 200)) for name in names}
    return mistaken, distortion


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        ({"autoencoder": 0.1}, "holds"),
        ({"autoencoder": 0.6}, "refuted"),
        ({"autoencoder": 0.0, "noise": 0.1}, "refuted"),  # noise of 0.1 fools it more
        ({"autoencoder": 0.3}, "cannot be told"),
    ],
)
def test_the_most_resilient_network_is_told_by_paired_tests(rng, case, verdict):
    mistaken, _ = table_2(rng, 0.06, **{"noise": 0.02, **case})
    (claim,) = tables_claims.most_resilient(mistaken, "noise 0.1")
    assert claim.verdict == verdict
    assert claim.strength[:2] == (1, 200)


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        ({"noise": 0.05, "needed": 0.06}, "holds"),
        ({"noise": 0.35, "needed": 0.06}, "refuted"),
        ({"noise": 0.20, "needed": 0.06}, "cannot be told"),
        ({"noise": 0.35, "needed": 0.1}, "refuted"),  # near the limit: not left out
        ({"noise": 0.35, "needed": 0.14}, "cannot be told"),  # none is as small as the noise
    ],
)
def test_noise_is_milder_on_every_network_whose_changes_are_no_larger(rng, case, verdict):
    mistaken, distortion = table_2(rng, **case)
    claim = tables_claims.noise_is_milder(mistaken, distortion, "noise 0.1", 0.1)
    assert claim.verdict == verdict


@pytest.mark.parametrize(
    ("step", "runs", "verdict"),
    [(0.02, 1, "holds"), (-0.02, 1, "refuted"), (0, 1, "cannot be told"), (0.02, 3, "holds"),
     (-0.02, 3, "refuted"), (0.0, 3, "cannot be told")],
)  # fmt: skip
def test_weight_decay_is_judged_on_the_same_images_or_over_runs(rng, step, runs, verdict):
    distortion = {
        name: rng.normal(0.1 + i * step, 0.01, (runs, 150))
        for i, name in enumerate(tables_claims.LINEAR)
    }
    (claim,) = tables_claims.decay_raises_distortion(distortion)
    assert claim.verdict == verdict


def test_of_a_failed_attack_the_claim_cannot_be_told_and_says_how_many(rng):
    distortion = {
        name: rng.normal(0.1 + 0.1 * i, 0.01, (1, 50))
        for i, name in enumerate(tables_claims.LINEAR)
    }
    distortion["FC10(1)"][0, :3] = np.nan
    (claim,) = tables_claims.decay_raises_distortion(distortion)
    assert claim.verdict == "cannot be told"
    assert claim.evidence.startswith("3 of the 150 numbers that it rests on are missing.")


def test_one_failed_attack_of_any_run_refutes_that_every_image_has_an_example():
    failed = {"FC10(1)": np.zeros((3, 20), bool)}
    assert tables_claims.everything_has_one(failed).verdict == "holds"
    failed["FC10(1)"][2, 5] = True
    claim = tables_claims.everything_has_one(failed)
    assert claim.verdict == "refuted"
    assert "59 of 60" in claim.evidence


def noisy_cells(hits):
    """Of 64 images, 200 draws each: how many of each image's draws change the label."""
    return {"FC10(1)": Cells("szegedy", "density").grouped_rate(
        "FC10(1)", "changed by noise, size 1", np.asarray(hits), np.full(64, 200)
    )}  # fmt: skip


@pytest.mark.parametrize(
    ("found", "hits", "verdict"),
    [
        (64, [1] * 63 + [2], "holds"),
        (64, [10] * 60 + [8] * 4, "refuted"),
        (64, [150, 10] + [0] * 62, "cannot be told"),  # 1.3 %, of two images alone
        (50, [1] * 63 + [2], "refuted"),
        (62, [1] * 63 + [2], "cannot be told"),
    ],
)
def test_improbable_and_dense_by_the_interval_over_images(found, hits, verdict):
    claim = density._claim({"FC10(1)": found}, noisy_cells(hits), 64)
    assert claim.verdict == verdict


def test_a_published_rate_outside_all_splits_is_named():
    cells = Cells("szegedy", "table4")
    cells.rate("FC100-100-10", "FC123-456-10", 67, 256)  # published: 26.2 %
    cells.rate("FC100-100-10", "FC100-100-10'", 15, 256)  # published: 5.9 %
    rates = {
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


def test_a_violation_would_be_counted():
    assert layer_bounds.violations(np.array([0.1, 0.3, np.nan]), np.array([0.2, 0.2, 0.2])) == 1


def test_units_come_with_controls_and_a_claim_for_each_layer(context):
    artefact = units.units(context, networks={}, judges=["convolutional", "FC200-200-10"], rows=10)
    rows = {cell.row for cell in artefact.cells}
    for layer in ("FC100-100-10 pool1", "convolutional hidden", "pixels", "random sets"):
        for measure in units.MARGINS:
            assert f"{measure}: {layer}" in rows
    assert sum(claim.id.startswith("no distinction in") for claim in artefact.claims) == 6
    assert set(artefact.figures) == {"units"}


@pytest.mark.parametrize("figure", [top_images.figure1, top_images.figure2])
def test_the_figures_have_four_rows_of_ten(context, figure):
    artefact = figure(context, networks={}, network="convolutional")
    ((_, drawn),) = artefact.figures.items()
    assert len(drawn.axes) == 4
    for axes in drawn.axes:
        height, width = axes.images[0].get_array().shape[:2]
        assert (height, width) == (28, 10 * 29 - 1)
