"""Rules of the claims of Szegedy et al.: data for which each holds, is refuted, is not told."""

import numpy as np
import pytest

from reproduce.experiments.szegedy import density, halves, layer_bounds, tables_claims
from reproduce.experiments.szegedy.halves_claims import across_sets
from reproduce.experiments.szegedy.imagenet import figure5, figure6, table5
from reproduce.methods.attacks.attack import Adversarial
from reproduce.methods.bounds.lipschitz import LayerBound
from reproduce.report.cells import Cells
from reproduce.report.published import lookup

NOISES = [row.label for row in halves.NOISE]
AMPLIFIED = {name: f"{name} amplified" for name in halves.TRAINED_ON}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("constants", "verdict"),
    [
        ([2.0, 3.0], "holds"),
        ([2.0, 3.0, 0.5], "holds with exceptions"),
        ([2.0] + [0.5] * 9, "refuted"),  # one of ten is an odd one
    ],
)
def test_instability_from_the_first_layer_on_takes_more_than_one_network(constants, verdict):
    first = {f"network {i}": constant for i, constant in enumerate(constants)}
    claim = layer_bounds._unstable(first)
    assert claim.verdict == verdict
    assert claim.strength.runs == len(first)


@pytest.mark.parametrize(
    ("times", "images", "verdict"),
    [
        ([10, 40], 20, "holds"),
        ([1.2, 10, 40], 20, "holds with exceptions"),
        ([1.2, 10], 20, "refuted"),
        ([10, 40], 4, "cannot be told"),
    ],
)
def test_large_bounds_are_loose_by_most_images(times, images, verdict):
    permitted = {f"network {i}": np.linspace(0.1, 0.2, images) for i in range(len(times))}
    found = {name: k * each for k, (name, each) in zip(times, permitted.items(), strict=True)}
    assert layer_bounds._prove_nothing(found, permitted).verdict == verdict


def test_a_network_whose_attacks_failed_is_not_told():
    permitted = {"one": np.full(20, 0.1)}
    found = {"one": np.where(np.arange(20) == 3, np.nan, 1.0)}
    assert layer_bounds._prove_nothing(found, permitted).verdict == "cannot be told"


def layer(norm, circular, printed, stride=1):
    return LayerBound("conv", "3 x 3", stride, norm, circular, printed, 1.0)


@pytest.mark.parametrize(
    ("layers", "verdicts"),
    [
        ([layer(2, 3, 3), layer(2, 3, 2.5, stride=2)], ["holds", "holds", "holds"]),
        ([layer(2, 3, 3), layer(8.6, 8.6, 4.3, stride=2)], ["holds", "refuted", "holds"]),
        ([layer(0.5, 0.9, 0.9), layer(2, 3, 3, stride=2)], ["refuted", "holds", "refuted"]),
    ],
)
def test_claims_of_table_5_follow_the_bounds(layers, verdicts):
    assert [claim.verdict for claim in table5._claims("small", layers)] == verdicts


def attacked(failed, n=8):
    flags = np.arange(n) < failed
    images = np.zeros((n, 2, 2, 3), np.float32)
    return Adversarial(images, np.zeros(n, int), np.where(flags, np.nan, 0.1), flags)


@pytest.mark.parametrize(
    ("failed", "anywhere", "lost", "verdicts"),
    [
        (0, 0, 0, ["holds", "holds", "holds"]),
        (1, 0, 0, ["refuted", "refuted", "holds"]),
        (0, 1, 1, ["holds", "refuted", "refuted"]),
        (8, 0, 0, ["refuted", "refuted", "cannot be told"]),
    ],
)
def test_one_photograph_refutes_that_all_become_an_ostrich(failed, anywhere, lost, verdicts):
    found = {"ostrich": attacked(failed), "random target": attacked(anywhere)}
    factor = np.where(np.arange(8) < failed + lost, np.nan, 1.5)
    saved = figure5.Rounded(np.zeros(8, bool), factor, np.zeros((8, 2, 2, 3)))
    assert [claim.verdict for claim in figure5._claims("ostrich", found, saved)] == verdicts


@pytest.mark.parametrize(
    ("failed", "n", "verdict"), [(0, 8, "holds"), (1, 8, "refuted"), (0, 0, "cannot be told")]
)
def test_one_answer_that_stands_refutes_features_without_labels(failed, n, verdict):
    assert figure6._claim(attacked(failed, n)).verdict == verdict


@pytest.fixture
def table_4(rng):
    """The published rates as errors on 256 images, which image by chance."""
    mistaken = {}
    rows = [*halves.TRAINED_ON, *NOISES, *AMPLIFIED.values()]
    for row in rows:
        for column in halves.TRAINED_ON:
            wrong = round(256 * lookup("szegedy", "table4", row, column).value)
            mistaken[row, column] = rng.permutation(256)[None] < wrong
    return mistaken


def verdicts_on_table_4(mistaken):
    half = {name: side for name, (side, _) in halves.TRAINED_ON.items()}
    found = across_sets(mistaken, half, NOISES, AMPLIFIED)
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
    feeble = table_4 | {(AMPLIFIED[other[0]], other[1]): np.zeros((1, 256), bool)}
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


def test_one_of_ten_networks_refutes_at_a_twentieth_of_the_level():
    """1.5 %: more than 1.17 at 95 %, 1.12 at 97.5 %, 0.98 at 99.75 %."""
    (above,) = noisy_cells([10] * 8 + [2] * 56).values()
    (below,) = noisy_cells([1] * 63 + [2]).values()
    assert density._claim({"a": 64}, {"a": above}, 64).verdict == "refuted"
    cells = dict.fromkeys("bcdefghij", below) | {"a": above}
    claim = density._claim(dict.fromkeys(cells, 64), cells, 64)
    assert claim.verdict == "cannot be told"
    assert "5 % / 20" in claim.strength.refuted_by


@pytest.mark.parametrize(("failed", "rows"), [(0, 2), (1, 2), (2, 1), (3, 1)])
def test_figure6_shows_every_answer_that_is_undone(failed, rows):
    """Of four; two in a row, and white where there is no second."""
    found = attacked(failed, 4)
    shape = found.images.shape
    figure = figure6._draw(np.zeros(shape, np.float32), found)
    side = shape[1]
    picture = figure.axes[0].images[0].get_array()
    assert picture.shape[0] % (rows * (side + 1) - 1) == 0
