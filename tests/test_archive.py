import math
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import tensorflow as tf

from reproduce.methods.evolution import cppn, direct, map_elites
from reproduce.methods.evolution.archive import confidence, empty, insert, log_odds
from reproduce.methods.evolution.map_elites import evolve
from reproduce.methods.evolution.scoring import scorer


def linear(rng, size=4, classes=3):
    """A linear classifier of size x size images."""
    weights = tf.constant(rng.normal(size=(size * size, classes)), tf.float32)
    return lambda images: tf.reshape(images, (-1, size * size)) @ weights


def children(rng, n, classes):
    images = rng.integers(0, 256, (n, 2, 2, 1)).astype(np.uint8)
    odds = np.round(rng.normal(size=(n, classes)), 1)  # rounded, so that there are ties
    return list(range(n)), images, odds


def test_inserting_many_children_is_inserting_one_after_the_other(rng):
    together = one_by_one = empty(5, (2, 2, 1))
    for generation in range(30):
        genomes, images, odds = children(rng, 8, classes=6)
        genomes = [(generation, child) for child in genomes]
        together = insert(together, genomes, images, odds, generation)
        for child in range(8):
            elites = list(one_by_one.genomes)
            log_odds, images_now = one_by_one.log_odds.copy(), one_by_one.images.copy()
            born = one_by_one.born.copy()
            for niche in range(5):
                if odds[child, niche] > log_odds[niche]:
                    elites[niche], log_odds[niche] = genomes[child], odds[child, niche]
                    images_now[niche], born[niche] = images[child], generation
            one_by_one = one_by_one._replace(
                genomes=elites, log_odds=log_odds, images=images_now, born=born
            )
        assert together.genomes == one_by_one.genomes
        np.testing.assert_array_equal(together.images, one_by_one.images)
        np.testing.assert_array_equal(together.born, one_by_one.born)


def test_no_class_ever_loses_confidence(rng):
    archive = empty(5, (2, 2, 1))
    for _ in range(50):
        before = archive.log_odds
        archive = insert(archive, *children(rng, 8, classes=5))
        assert (archive.log_odds >= before).all()


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_scores_that_are_no_numbers_win_no_niche_and_are_counted(rng, capsys, broken):
    genomes, images, odds = children(rng, 8, classes=5)
    holes = rng.random(odds.shape) < 0.3
    ours = insert(empty(5, (2, 2, 1)), genomes, images, np.where(holes, broken, odds))
    rest = insert(empty(5, (2, 2, 1)), genomes, images, np.where(holes, -np.inf, odds))
    assert equal(ours, rest)
    assert np.isfinite(ours.log_odds).all()
    assert f"{holes.sum()} of 40 scores" in capsys.readouterr().out


def test_an_evolution_goes_on_beside_scores_that_are_no_numbers(rng):
    """A screen that is NaN for half of all children lets no such child take a niche."""
    classify = linear(rng)

    def screen(network, batch):
        exact = scorer(network, batch)

        def score(images):
            odds = exact(images)
            return np.where(images[:, :1, 0, 0] < 128, np.nan, odds)

        return score

    found = evolve(
        classify, direct.encoding(size=4), classes=3, generations=5, seeds=[1], children=10,
        screen=screen,
    )  # fmt: skip
    (archive,) = found.archives
    late = archive.born > 0
    assert late.any()
    assert (archive.images[late, 0, 0, 0] >= 128).all()
    assert np.isfinite(found.log_odds).all()


def test_log_odds_against_exact_arithmetic(rng):
    rows = [*rng.normal(scale=20, size=(20, 4)), [800.0, 0, 0, 0], [1.0, 1, 1, 1], [60.0, 0, 1, 2]]
    for row in rows:
        for c, value in enumerate(log_odds(np.array([row]))[0]):
            others = [math.exp(z - max(row)) for k, z in enumerate(row) if k != c]
            if sum(others) > 0:
                expected = row[c] - max(row) - math.log(math.fsum(others))
            else:
                expected = row[c] - max(z for k, z in enumerate(row) if k != c)
            assert value == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_log_odds_tell_apart_what_a_float32_softmax_cannot():
    logits = np.array([[30.0, 0, 0], [31.0, 0, 0]])
    assert (tf.nn.softmax(logits.astype(np.float32))[:, 0].numpy() == 1).all()
    assert np.diff(log_odds(logits)[:, 0]) == pytest.approx(1)


def test_confidence_is_the_softmax(rng):
    logits = rng.normal(scale=3, size=(10, 7))
    np.testing.assert_allclose(confidence(log_odds(logits)), tf.nn.softmax(logits), rtol=1e-12)


def test_logits_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="finite logits are expected"):
        log_odds(np.array([[0.0, np.nan]]))


def test_a_score_does_not_depend_on_the_images_beside_it(rng):
    score = scorer(linear(rng), batch=8)
    images = rng.integers(0, 256, (20, 4, 4, 1)).astype(np.uint8)
    np.testing.assert_array_equal(
        score(images), np.concatenate([score(images[i : i + 1]) for i in range(20)])
    )


def equal(a, b):
    """Trees of results, bit for bit."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


def test_a_run_does_not_depend_on_its_company(rng):
    classify, encoding = linear(rng), direct.encoding(size=4)
    options = {"classes": 3, "generations": 20, "children": 10, "initial": 10}
    three = evolve(classify, encoding, seeds=[5, 6, 7], **options)
    alone = evolve(classify, encoding, seeds=[6], **options)
    assert equal(alone.archives[0], three.archives[1])
    assert equal(alone.log_odds[0], three.log_odds[1])
    assert not equal(three.log_odds[0], three.log_odds[1])


def test_an_elite_scores_what_the_archive_says_and_history_ends_there(rng):
    classify = linear(rng)
    found = evolve(
        classify, direct.encoding(size=4), classes=3, generations=15, seeds=[1, 2],
        children=10, snapshot_generations=(0, 3, 15, 99),
    )  # fmt: skip
    assert found.snapshot_generations == (0, 3, 15)
    assert found.snapshots.shape == (2, 3, 3, 4, 4, 1)
    for archive, history, shown in zip(
        found.archives, found.log_odds, found.snapshots, strict=True
    ):
        pixels = archive.images.astype(np.float32) / np.float32(255)
        again = log_odds(classify(pixels).numpy()).diagonal()
        np.testing.assert_allclose(again, archive.log_odds, atol=1e-6)
        np.testing.assert_array_equal(history[-1], archive.log_odds)
        np.testing.assert_array_equal(shown[-1], archive.images)
        assert (np.diff(history, axis=0) >= 0).all()
        assert [history[born, niche] for niche, born in enumerate(archive.born)] == list(
            history[-1]
        )


def pixels_in_thirds(images):
    """A classifier that is the same in every process: mean grey of three bands."""
    return 8 * tf.reduce_mean(tf.reshape(images, (-1, 3, 27)), axis=2)


def evolve_small(module, classify, folder):
    return evolve(
        classify, module.encoding(size=9), classes=3, generations=40, seeds=[1, 2], children=10,
        snapshot_generations=(0, 11, 40), checkpoints=folder, every=3,
    )  # fmt: skip


KILLED = """
    import sys, time
    from pathlib import Path
    import tensorflow as tf
    from reproduce.methods.evolution import cppn
    from test_archive import evolve_small, pixels_in_thirds
    def paced(images):
        tf.py_function(lambda: time.sleep(0.02), [], [])
        return pixels_in_thirds(images)
    evolve_small(cppn, paced, Path(sys.argv[1]))
"""


def test_a_killed_evolution_goes_on_bit_for_bit(tmp_path):
    paths = os.pathsep.join([os.getcwd(), os.path.dirname(__file__)])
    job = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.DEVNULL,
    )
    while not list(tmp_path.glob("generation-00001*")):
        assert job.poll() is None
        time.sleep(0.005)
    job.send_signal(signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    resumed = evolve_small(cppn, pixels_in_thirds, tmp_path)
    assert equal(resumed, evolve_small(cppn, pixels_in_thirds, None))


@pytest.mark.parametrize("module", [cppn, direct])
def test_an_interrupted_evolution_goes_on_bit_for_bit(tmp_path, module, monkeypatch):
    insertions = []

    def failing(*arguments):
        insertions.append(1)
        if len(insertions) == 45:
            raise KeyboardInterrupt
        return insert(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(map_elites, "insert", failing)
        with pytest.raises(KeyboardInterrupt):
            evolve_small(module, pixels_in_thirds, tmp_path)
    resumed = evolve_small(module, pixels_in_thirds, tmp_path)
    assert equal(resumed, evolve_small(module, pixels_in_thirds, None))
