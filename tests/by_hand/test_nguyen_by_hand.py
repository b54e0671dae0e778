"""Figures 4 and 5 and the transfer of Nguyen et al., from a known evolution to the cells."""

from functools import partial

import numpy as np
import pytest
from three_pixels import some

from reproduce.data import Dataset
from reproduce.experiments import Context
from reproduce.experiments.nguyen import encodings, transfer
from reproduce.methods.evolution.archive import empty
from reproduce.methods.evolution.map_elites import Evolution
from reproduce.runtime.store import Store

CLASSES = 3


def logit(p):
    return np.log(p / (1 - np.asarray(p, float)))


def evolution(p, images=None):
    """p: (runs, generations, classes) of the elites; images: (runs, classes)."""
    count = len(p)
    images = np.zeros((count, CLASSES, 2, 2, 1), np.uint8) if images is None else images
    archives = [empty(CLASSES, (2, 2, 1))._replace(images=each) for each in images]
    return Evolution(archives, logit(p), (), np.empty(0), (200, 200))


@pytest.fixture
def context(tmp_path):
    dataset = Dataset("pixels", "here", "0", some(9, 0, 1), some(9, 0, 2), CLASSES)
    return Context(dataset, {}, 0, Store(tmp_path))


@pytest.mark.parametrize(
    ("reached", "generations", "verdict"),
    [(49, 60, "holds"), (50, 60, "refuted"), (59, 60, "refuted"), (None, 60, "refuted"),
     (None, 30, "cannot be told"), (20, 30, "holds")],
)  # fmt: skip
def test_direct_images_come_within_50_generations(
    context, monkeypatch, reached, generations, verdict
):
    """One class of one run of two is the last, all others are sure from the start."""
    p = np.full((2, generations + 1, CLASSES), 0.99999)
    p[1, : generations + 1 if reached is None else reached, 2] = 0.99
    monkeypatch.setattr(encodings, "_all", lambda *_: {"code": evolution(p)})
    monkeypatch.setattr(encodings, "rescored", lambda *_: 0.0)
    for name in ("_grid", "files"):
        monkeypatch.setattr(encodings, name, lambda *_: {})
    for name in ("curves", "animation"):
        monkeypatch.setattr(encodings.drawing, name, lambda *_: None)
    made = encodings.figure4(context, presets={}, runs=2, generations=generations)
    (claim,) = [claim for claim in made.claims if claim.id == "direct_within_50"]
    assert claim.verdict == verdict
    value = {cell.column: cell.value for cell in made.cells}
    assert value["every >= 0.9999"] == reached
    assert value["median >= 0.9999"] == 0
    assert value["least"] == pytest.approx(0.99 if reached is None else 0.99999)
    assert value["median_confidence"] == pytest.approx(0.99999)


STRIPES = np.tile(255 * (np.arange(8) % 2), (8, 1))[..., None].astype(np.uint8)  # bars upright
FLAT = STRIPES.swapaxes(0, 1)
LOW, HIGH = np.zeros((2, 8, 8, 1), np.uint8)
LOW[5:7], HIGH[1:3] = 255, 255


def digits(one, two, rest):
    return np.stack([np.stack([rest, one, two, *[rest] * 7])] * 6)


@pytest.mark.parametrize(
    ("one", "two", "rest", "verdicts"),
    [
        (STRIPES, LOW, HIGH, ["holds", "holds"]),
        (FLAT, LOW, STRIPES, ["refuted", "holds"]),
        (STRIPES, HIGH, LOW, ["holds", "refuted"]),
        (LOW, STRIPES, LOW, ["refuted", "refuted"]),
    ],
)
def test_each_motif_is_looked_for_in_its_digit(one, two, rest, verdicts):
    assert [c.verdict for c in encodings._motifs(digits(one, two, rest))] == verdicts


def test_sure_of_both_is_99_99_on_both(context, monkeypatch):
    """Six images, each with a number on its first pixel, by which the second network knows them."""
    images = np.zeros((2, CLASSES, 2, 2, 1), np.uint8)
    images[..., 0, 0, 0] = np.arange(6).reshape(2, 3)
    own = np.array([[0.99995, 0.99995, 0.9995], [0.99995, 0.99995, 0.5]])
    theirs = np.array([0.99995, 0.9995, 0.99995, 0.4, 0.6, 0.1])

    def scorer(network, batch):
        def score(shown):
            number = shown[:, 0, 0, 0].astype(int)
            odds = np.full((len(shown), CLASSES), -9.0)
            odds[np.arange(len(shown)), number % CLASSES] = logit(theirs[number])
            return odds

        return score

    monkeypatch.setattr(transfer, "evolve_all", lambda *_: [evolution(own[:, None], images)])
    monkeypatch.setattr(transfer, "scorer", scorer)
    monkeypatch.setattr(transfer, "mistakes", lambda *_: 3)
    made = transfer.transfer(
        context, presets={"CPPN": None}, others={"other": partial(no_network)}, runs=2,
        generations=200,
    )  # fmt: skip
    value = {cell.column: cell.value for cell in made.cells}
    assert value["both_sure"] == pytest.approx(1 / 6)  # the first alone
    assert value["B_half"] == pytest.approx(4 / 6)
    assert value["same_label"] == 1
    assert value["median_A"] == pytest.approx(0.99995)
    assert value["median_B"] == pytest.approx(np.median(theirs))
    assert value["test_error"] == pytest.approx(3 / 9)
    evidence = {claim.id: claim.evidence for claim in made.claims}
    assert "CPPN, other: 1" in evidence["transfer_to_both"]
    assert "CPPN, other: 1" in evidence["transfer_only_a"]  # the fourth: sure, and below a half


def no_network(examples, seed):
    return f"a network of seed {seed}"
