"""Rules of the claims of Nguyen et al.: data for which each holds, is refuted, and is not told."""

import numpy as np
import pytest
from evolutions import CLASSES, evolution, odds
from scipy.special import logit

from reproduce.experiments.nguyen import (
    ascents,
    encodings,
    figure11,
    figure11_surface,
    repetition,
    rounds,
    runs,
    transfer,
)


@pytest.mark.parametrize(
    ("p", "count", "generations", "verdict"),
    [
        (0.99999, 5, 200, "holds"),
        (0.99999, 5, 100, "holds"),  # an archive only improves
        (0.999, 5, 200, "refuted"),
        (0.999, 5, 100, "cannot be told"),
        (0.9999, 5, 200, "cannot be told"),
        (0.99999, 1, 200, "cannot be told"),
    ],
)
def test_a_median_over_runs_is_told_by_the_runs_medians(p, count, generations, verdict):
    found = encodings._median_by_200("code", evolution(odds(p, count)), generations)
    assert found[0] == verdict


@pytest.mark.parametrize(
    ("late", "generations", "verdict"),
    [(49, 200, "holds"), (50, 200, "refuted"), (45, 49, "holds"), (60, 49, "cannot be told")],
)
def test_one_digit_of_one_run_that_is_late_refutes_50_generations(late, generations, verdict):
    p = np.full((3, generations + 1, CLASSES), 0.99995)
    p[1, :late, 7] = 0.5
    assert encodings._within_50("code", evolution(logit(p)), generations).verdict == verdict


def retrained(p, wrong=80, count=5):
    found = odds(p, count)
    return rounds.Round(found, np.zeros((count, CLASSES, 1, 1, 1)), wrong, 10_000, 0, 0)


@pytest.mark.parametrize(
    ("second", "generations", "verdicts"),
    [
        (retrained(0.999, 85), 200, ["holds", "holds"]),
        (retrained(0.5, 85), 200, ["refuted", "holds"]),
        (retrained(0.7252, 85), 200, ["cannot be told", "holds"]),
        (retrained(0.999, 160), 200, ["holds", "refuted"]),
        (retrained(0.999, 110, count=1), 200, ["cannot be told"] * 2),
        (retrained(0.999, 85), 199, ["cannot be told", "holds"]),
        (retrained(0.5, 85), 199, ["cannot be told", "holds"]),
    ],
)
def test_claims_of_figure_11_follow_the_numbers(second, generations, verdicts):
    found = figure11._claims([retrained(0.99999), second], generations)
    assert [claim.verdict for claim in found] == verdicts


@pytest.mark.parametrize(
    ("lowest", "generations", "verdict"),
    [
        ((0.8, 0.9), 200, "holds"),
        ((0.8, 0.9, 0.6), 200, "holds with exceptions"),
        ((0.8, 0.6), 200, "refuted"),
        ((0.8, 0.7252), 200, "cannot be told"),
        ((0.8, 0.9), 100, "cannot be told"),
    ],
)
def test_the_claim_of_the_surface_is_a_region(lowest, generations, verdict):
    found = {
        figure11_surface.Site(100 * i, generations, 5): [retrained(0.9999), retrained(p)]
        for i, p in enumerate(lowest)
    }
    assert figure11_surface._claim(found).verdict == verdict


@pytest.mark.parametrize(
    ("counts", "images", "verdict"),
    [
        ({"other weights": 43, "other architecture": 3}, 100, "holds"),
        ({"other weights": 1, "other architecture": 0}, 100, "cannot be told"),  # one of 200
        ({"other weights": 0, "other architecture": 0}, 600, "refuted"),
    ],
)
def test_some_images_are_more_than_an_odd_one(counts, images, verdict):
    for claim in transfer._claims(counts, counts, images, networks=2):
        assert claim.verdict == verdict
        assert claim.strength[:2] == (2, images)


@pytest.mark.parametrize(
    ("drop", "images", "verdict"),
    [
        (0.03, 20, "holds"),
        (0.3, 20, "refuted"),
        (-0.01, 20, "refuted"),
        (0.03, 4, "cannot be told"),
    ],
)
def test_repeats_help_most_images_a_little(drop, images, verdict):
    drops = {"code": np.full(images, drop)}
    assert repetition._claim(drops, {"code": 0.9}, whole=True).verdict == verdict
    assert repetition._claim(drops, {"code": 0.9}, whole=False).verdict == "cannot be told"


def test_the_nodes_of_an_image_are_one_observation():
    assert repetition._by_image([3, 3, 5], np.array([0.1, 0.3, 0.5])) == pytest.approx([0.2, 0.5])


@pytest.mark.parametrize(
    ("regularised", "starts", "verdict"),
    [(0.99, 30, "holds"), (0.5, 30, "refuted"), (0.99999, 30, "refuted"),
     (0.99, 2, "cannot be told")],
)  # fmt: skip
def test_slightly_less_confident_is_less_and_not_much_less(rng, regularised, starts, verdict):
    noise = 0.2 * np.resize([1, -1, 0.5, -0.5, 2, -2], starts)
    p = {
        "none": 1 / (1 + np.exp(-logit(0.999) - noise)),
        "decay": 1 / (1 + np.exp(-logit(regularised) - noise[::-1])),
    }
    reached = {"none": np.full((starts, 3), 50)}
    first, second = ascents.claims(p, reached, whole=True)
    assert (first.verdict, second.verdict) == ("holds", verdict)
    reached["none"][0, -1] = -1
    assert ascents.claims(p, reached, whole=True)[0].verdict == "refuted"
    assert {claim.verdict for claim in ascents.claims(p, reached, False)} == {"cannot be told"}


def test_a_run_is_one_observation_however_many_classes_it_has():
    few, many = odds(0.9999, 2, scatter=3), odds(0.9999, 2, scatter=3, classes=1000)
    assert runs.sure_in_the_median(few[:, 0], 0.999) is None
    assert runs.sure_in_the_median(many[:, 0], 0.999) is None
