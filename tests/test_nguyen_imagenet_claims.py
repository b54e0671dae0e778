"""Rules of the claims on photographs: data for which each holds, is refuted, is not told."""

import numpy as np
import pytest
from evolutions import CLASSES, ILSVRC, evolution, odds

from reproduce.experiments.nguyen.imagenet import (
    ascent,
    ascent_all,
    authors_images,
    figure9,
    figure10,
    figure12,
    figure13,
    figures1_8,
    figures6_7,
    retraining,
)
from reproduce.experiments.nguyen.imagenet import transfer as transfer_imagenet
from reproduce.methods.evolution.archive import Archive
from reproduce.methods.evolution.map_elites import Evolution


@pytest.mark.parametrize(
    ("p", "children", "verdict"),
    [
        (0.2, 4_000_000, "holds"),
        (0.999, 4_000_000, "refuted"),
        (0.999, 400, "refuted"),  # easy already
        (0.2, 400, "cannot be told"),
        (0.99, 4_000_000, "cannot be told"),
    ],
)
def test_direct_encoding_is_hard_after_as_many_images_as_the_papers(p, children, verdict):
    found = evolution(odds(p).repeat(2, axis=1))._replace(tried=(0, children))
    assert figures6_7._hard("direct", found).verdict == verdict


@pytest.mark.parametrize(
    ("least", "whole", "verdict"),
    [(0.997, True, "holds"), (0.99, True, "refuted"), (0.997, False, "cannot be told")],
)
def test_figure_1_is_judged_after_the_papers_work(least, whole, verdict):
    assert figures1_8._claim({"direct": least, "CPPN": 0.9999}, whole).verdict == verdict


@pytest.mark.parametrize(
    ("lower", "n", "verdict"),
    [(18, 20, "holds"), (2, 20, "refuted"), (11, 20, "cannot be told"), (0, 0, "cannot be told")],
)
def test_an_element_is_needed_by_most_images_or_not(lower, n, verdict):
    image = np.zeros((1, 1, 3), np.uint8)
    every = [
        figure10.Deleted(0, image, image, 0.9, 0.5 if i < lower else 0.95, np.array([0.5]), 0.1)
        for i in range(n)
    ]
    assert figure10._claim({"CPPN": every}).verdict == verdict


@pytest.mark.parametrize(
    ("both", "verdicts"),
    [(100, ["holds", "holds"]), (0, ["refuted", "holds"]), (200, ["holds", "refuted"]),
     (4, ["cannot be told", "holds"])],
)  # fmt: skip
def test_an_image_that_holds_many_niches_counts_once(both, verdicts):
    n, own = 200, np.full(400, 0.9)
    other = np.where(np.arange(400) % n < both, 0.9, 0.1)
    images = np.repeat(np.arange(n, dtype=np.uint16)[None], 2, axis=0).reshape(-1, 1)
    found = transfer_imagenet.Transferred(own, other, own > 0, images, np.arange(400))
    claims = transfer_imagenet._claims({"A to B": found})
    assert [claim.verdict for claim in claims] == verdicts
    assert claims[0].strength[:2] == (1, n)


@pytest.mark.parametrize(
    ("arrived", "classes", "verdict"),
    [(1000, 1000, "holds"), (970, 1000, "refuted"), (989, 1000, "cannot be told"),
     (100, 100, "cannot be told")],
)  # fmt: skip
def test_more_than_99_per_cent_of_classes_takes_enough_of_them(arrived, classes, verdict):
    reached = np.where(np.arange(classes) < arrived, 5, -1)[:, None]
    found = ascent.Climbed(None, np.zeros(classes), None, reached, 1.0)
    assert ascent_all._claim(found, "network", whole=True).verdict == verdict


def test_images_are_judged_before_they_are_rounded_to_bytes():
    confidence = np.array([[0.1, 0.5, 0.99991, np.nan], [0.1, 0.4, 0.6, 0.7]])
    found = ascent.Climbed(None, np.zeros(2), confidence, None, 1.0)
    assert figure13.on_the_way(found) == pytest.approx([0.99991, 0.7])
    cells = figure13.Cells("nguyen", "figure13")
    cells.number("gradient ascent", "median_confidence", 0.99991, "fraction")
    assert cells.list[0].verdict == "consistent"


def bands(rng, shift, width=130):
    values = rng.normal(0, 1, (2, 1, ILSVRC))
    values[..., 156 : 156 + width] += shift
    return figures6_7._dogs_and_cats("CPPN", evolution(values))


@pytest.mark.parametrize(
    ("shift", "verdict"), [(-2, "holds"), (2, "refuted"), (0, "cannot be told")]
)
def test_a_dark_band_is_darker_than_others_as_wide(rng, shift, verdict):
    assert bands(rng, shift).verdict == verdict


def test_other_classes_have_no_band():
    assert (
        figures6_7._dogs_and_cats("x", evolution(np.zeros((2, 1, 9)))).verdict == "cannot be told"
    )


def pictures(rng, related, between):
    """Two runs of images: relatives so far apart, and the runs; None: like any other two."""
    shared = rng.integers(30, 220, (ILSVRC, 16, 16, 3)).astype(float)
    groups = [list(figure9.LIZARDS.values()), list(figure9.TOY_DOGS.values())]
    for group in groups if related else []:
        shared[group] = shared[group[0]] + rng.normal(0, related, (3, 16, 16, 3))
    second = rng.permutation(shared)
    if between:
        second = shared + rng.normal(0, between, shared.shape)
    return [np.clip(each, 0, 255).astype(np.uint8) for each in (shared, second)]


@pytest.mark.parametrize(
    ("related", "between", "verdicts"),
    [
        (5, 30, ["holds", "holds"]),
        (400, 5, ["refuted", "refuted"]),
        (None, None, ["cannot be told", "cannot be told"]),
    ],
)
def test_relatives_beside_groups_of_any_classes(related, between, verdicts):
    images = pictures(np.random.default_rng(1), related, between)
    archives = [Archive([], each, np.empty(0), np.empty(0)) for each in images]
    found = Evolution(archives, np.zeros((2, 1, ILSVRC)), (), np.empty(0), (400, 400))
    assert [claim.verdict for claim in figure9._claims(found)] == verdicts


@pytest.mark.parametrize(
    ("case", "verdicts"),
    [
        ({}, ["holds", "holds", "holds"]),
        ({"second": 0.9, "labelled": 25}, ["refuted", "holds", "refuted"]),
        ({"second": 0.5, "lost": 4, "labelled": 36}, ["cannot be told"] * 3),
        ({"runs": 1, "lost": 30}, ["cannot be told", "refuted", "holds"]),
        ({"evaluations": 800}, ["cannot be told", "holds", "holds"]),
    ],
)
def test_claims_of_figure_12_follow_the_numbers(case, verdicts):
    case = {"second": 0.1, "runs": 3, "lost": 0, "labelled": 45, "evaluations": 20_000} | case
    log_odds = {
        "DNN1": odds(0.5, case["runs"])[:, 0],
        "DNN2": odds(case["second"], case["runs"])[:, 0],
    }
    right = np.zeros(100, int)
    after = right + (np.arange(100) < case["lost"])
    found = retraining.Retrained(None, right, after, right, 0, 0, 0)
    claims = figure12._claims(log_odds, found, case["labelled"], 70, case["evaluations"])
    assert [claim.verdict for claim in claims] == verdicts


@pytest.mark.parametrize(
    ("p", "count", "verdict"),
    [
        (0.5, 4, "holds"),
        (0.01, 4, "refuted"),
        (0.1, 4, "cannot be told"),
        (0.5, 1, "cannot be told"),
    ],
)
def test_the_authors_images_are_beside_noise_by_their_runs(p, count, verdict):
    confidence = 1 / (1 + np.exp(-odds(p, count)[:, 0].ravel()))
    run = np.repeat(np.arange(count), CLASSES)
    theirs = authors_images.Shown(run, True, run, confidence, run, None, None)
    noise = authors_images.Shown(run, False, run, np.full(50, 0.1), run, None, None)
    assert authors_images._claim(theirs, noise).verdict == verdict
