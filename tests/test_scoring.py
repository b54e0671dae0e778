import keras
import numpy as np
import pytest

from reproduce.methods.evolution import cppn
from reproduce.methods.evolution.archive import empty, insert, log_odds
from reproduce.methods.evolution.map_elites import evolve, unsolved
from reproduce.methods.evolution.scoring import bfloat16, frozen, scorer

SIDE, CLASSES = 16, 7


@pytest.fixture(scope="module")
def network():
    """Convolution, normalisation, activation, pooling: what freezing fuses."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            keras.layers.Conv2D(8, 3, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.LeakyReLU(),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(CLASSES),
        ]
    )
    rng = np.random.default_rng(0)
    model.layers[1].set_weights(list(rng.uniform(0.5, 1.5, (4, 8)).astype(np.float32)))
    return model


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (13, SIDE, SIDE, 3)).astype(np.uint8)


def test_a_frozen_network_scores_as_the_network_itself(network, images):
    ours = frozen(network, batch=5)(images)
    np.testing.assert_allclose(ours, scorer(network, batch=5)(images), atol=1e-4)
    np.testing.assert_allclose(
        ours, log_odds(network(images.astype(np.float32) / 255).numpy()), atol=1e-4
    )


def test_a_frozen_score_does_not_depend_on_the_images_beside_it(network, images):
    score = frozen(network, batch=4)
    alone = np.concatenate([score(images[i : i + 1]) for i in range(len(images))])
    np.testing.assert_array_equal(score(images), alone)


def test_a_rough_score_is_near_and_leaves_the_other_as_it_was(network, images):
    exact = frozen(network, batch=4)
    before = exact(images)
    rough = bfloat16(network, batch=4)(images)
    np.testing.assert_allclose(rough, before, atol=0.2)
    np.testing.assert_array_equal(exact(images), before)
    np.testing.assert_array_equal(frozen(network, batch=4)(images), before)


def evolved(network, generations=12, screen=bfloat16, **options):
    return evolve(
        network, cppn.encoding("unit", size=SIDE, channels=3), classes=CLASSES,
        generations=generations, seeds=[3], children=10, initial=20, batch=4, forward=frozen,
        screen=screen, parents=unsolved, **options,
    )  # fmt: skip


def test_a_screened_archive_holds_proper_scores_alone(network):
    found = evolved(network)
    (archive,) = found.archives
    again = frozen(network, batch=4)(archive.images).diagonal()
    np.testing.assert_array_equal(again, archive.log_odds)
    assert (np.diff(found.log_odds[0], axis=0) >= 0).all()
    assert found.log_odds[0, -1].sum() > found.log_odds[0, 0].sum()
    assert found.tried == (20, 10)


def test_screening_by_the_score_itself_changes_nothing(network):
    plain, screened = evolved(network, screen=None), evolved(network, screen=frozen)
    np.testing.assert_array_equal(plain.log_odds, screened.log_odds)
    np.testing.assert_array_equal(plain.archives[0].images, screened.archives[0].images)


def test_a_screened_evolution_goes_on_bit_for_bit(network, tmp_path):
    stopped = evolved(network, generations=7, checkpoints=tmp_path, every=5)
    assert [folder.name for folder in tmp_path.iterdir()] == ["generation-000005"]
    resumed, whole = evolved(network, checkpoints=tmp_path, every=5), evolved(network)
    np.testing.assert_array_equal(resumed.log_odds, whole.log_odds)
    np.testing.assert_array_equal(resumed.log_odds[:, :8], stopped.log_odds)
    assert resumed.archives[0].genomes == whole.archives[0].genomes


def test_parents_come_from_niches_that_are_not_solved(rng):
    odds = np.array([[20.0, -5.0, 0.0]])
    archive = insert(empty(3, (1, 1, 1)), ["sure"], np.zeros((1, 1, 1, 1), np.uint8), odds)
    archive = archive._replace(genomes=["sure", "never", "half"])
    drawn = unsolved(rng, archive, 20_000)
    shares = [drawn.count(name) / len(drawn) for name in archive.genomes]
    np.testing.assert_allclose(shares, np.array([0.1, 1.1, 0.85]) / 2.05, atol=0.012)


def test_an_archive_keeps_rows_and_not_whole_generations(rng):
    genomes = rng.random((50, 8)).astype(np.float32)
    images = np.zeros((50, 1, 1, 1), np.uint8)
    archive = insert(empty(4, (1, 1, 1)), genomes, images, rng.normal(size=(50, 4)))
    for genome in archive.genomes:
        assert genome.base is None
