"""The benchmark beside QDax: what it reads off runs, its network in JAX, its archive, its page."""

import json

import numpy as np
import pytest

from benchmarks.elites import page, tables
from reproduce.experiments.nguyen.runs import crossings
from reproduce.methods.evolution.archive import empty, insert
from reproduce.methods.evolution.archive import log_odds as odds_of
from reproduce.methods.evolution.map_elites import Evolution
from reproduce.networks import models

MISSING = "QDax comes with benchmarks/evolution_peers.txt"


def test_certainty_is_read_off_as_in_figure_4(rng):
    log_odds = np.maximum.accumulate(rng.normal(3, 4, (40, 10)), axis=0)
    expected = crossings(Evolution([], log_odds[None], (), np.zeros(0))).median[-1]
    assert tables.generation_of_certainty(log_odds) == expected


def test_five_empty_niches_of_ten_leave_the_median_uncertain():
    log_odds = np.full((3, 10), 50.0)
    log_odds[0, :6] = log_odds[1, :5] = log_odds[2, :4] = -np.inf
    assert tables.generation_of_certainty(log_odds) == 2
    assert tables.generation_of_certainty(log_odds[:2]) is None
    assert tables.generation_of_certainty(np.full((1, 10), np.log(9998.0))) is None


def test_the_rate_counts_all_seeds():
    row = tables.Row("one", "this one", "every class", "", 0.0, [1.0, 3.0], [2, None], [10, 10],
                     [9.0, None], 0.0)  # fmt: skip
    assert tables.rate(row, 2000) == 1000
    results = {"children": 200, "generations": 9, "rows": [row._asdict()]}
    line = tables.comparison(json.loads(json.dumps(results))).splitlines()[-1]
    assert "| 1,000 | 2, over 9 | not reached | not reached | half are empty |" in line


def test_the_page_is_made_from_the_last_tracked_results():
    assert page.made() == page.PAGE.read_text()


def test_the_network_in_jax_agrees(rng):
    pytest.importorskip("jax", reason=MISSING)
    from benchmarks.elites import in_jax

    network = models.lenet((28, 28, 1), seed=0)
    assert in_jax.disagreement(network, rng.random((5, 28, 28, 1), np.float32)) < 1e-5
    logits = rng.normal(0, 8, (20, 10)).astype(np.float32)
    np.testing.assert_allclose(in_jax.log_odds(logits), odds_of(logits), rtol=1e-4, atol=1e-4)


def test_the_repertoire_that_shows_every_class_keeps_our_elites(rng):
    pytest.importorskip("qdax", reason=MISSING)
    from benchmarks.elites.in_qdax import CENTROIDS, EveryClass, drawn

    genomes = rng.random((3, 20, 784), np.float32)
    odds = rng.normal(0, 3, (3, 20, 10)).astype(np.float32)
    theirs = EveryClass.init(genomes[0], odds[0], odds[0, :, :1], CENTROIDS)
    ours = empty(10, (28, 28, 1))
    for generation in range(3):
        if generation:
            theirs = theirs.add(genomes[generation], odds[generation, :, :1], odds[generation])
        images = np.asarray(drawn(genomes[generation]))
        ours = insert(ours, genomes[generation], images, odds[generation])
    np.testing.assert_array_equal(theirs.fitnesses[:, 0], ours.log_odds)
    np.testing.assert_array_equal(theirs.genotypes, np.stack(ours.genomes))
    np.testing.assert_array_equal(drawn(theirs.genotypes), ours.images)
