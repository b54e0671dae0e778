"""Every model under one protocol: claims 1, 3, 4, 6, 12, 13 and 16."""

from __future__ import annotations

import math

from reproduce.experiments.lipton.claims import claim, over_models
from reproduce.experiments.lipton.rules import column, number, per_cent
from reproduce.report.cells import Cells
from reproduce.report.results import Claim

NETWORKS = ("fully connected network", "convolutional network")
SIMPLE = ("softmax regression", "linear SVM", "naive Bayes")
IMPERCEPTIBLE = 0.1  # root mean square per pixel
TEST_IMAGES = "test images"


def imperceptible(cells: Cells) -> Claim:
    """1: every attack on a network succeeds, and the mean change is at most 0.1 per pixel."""
    success, size = (column(cells, name, NETWORKS) for name in ("changed", "distortion"))
    return over_models(
        "1", {row: (success[row], size[row]) for row in size},
        lambda share, distortion: share >= 0.99 and distortion <= IMPERCEPTIBLE,
        f"99 % of attacks succeed, mean distortion at most {IMPERCEPTIBLE:g}",
        lambda share, distortion: f"{share:.0%} at {distortion:.3f}",
    )  # fmt: skip


def not_random(cells: Cells) -> Claim:
    """3: noise of the same size changes fewer than 2 % of answers."""
    return over_models(
        "3", column(cells, "noise_changes"), lambda share: share < 0.02,
        "Gaussian noise of the same size changes fewer than 2 % of the answers", per_cent,
    )  # fmt: skip


def against_smoothness(cells: Cells) -> Claim:
    """4: for networks the change is less than half the way to another class, for 95 % of images."""
    return over_models(
        "4", column(cells, "within_half", NETWORKS), lambda share: share >= 0.95,
        "at least 95 % of images change at less than half the distance to another class", per_cent,
    )  # fmt: skip


def all_susceptible(cells: Cells) -> Claim:
    """6: the median change is below half the distance to another class."""
    return over_models(
        "6", column(cells, "of_separation"), lambda ratio: ratio < 0.5,
        "median change below half the distance to the nearest training image of another class",
    )  # fmt: skip


def simple_no_better(cells: Cells) -> Claim:
    """12: no simple model's median change exceeds the most robust network's."""
    networks = column(cells, "distance", NETWORKS)
    if not networks:
        return claim("12", "cannot be told", "no network was attacked.")
    best = max(networks.values())
    errors = column(cells, "test_error", SIMPLE + NETWORKS)
    found = over_models(
        "12", column(cells, "distance", SIMPLE), lambda distance: distance <= best,
        f"median change at most {best:.3g}, that of the more robust network",
    )  # fmt: skip
    beside = ", ".join(f"{row} {error:.1%}" for row, error in errors.items())
    return found._replace(evidence=f"{found.evidence} Clean errors are not equal: {beside}.")


def evolved_certainty(cells: Cells) -> Claim:
    """13: the networks' median confidence in evolved images is at least 99.99 %."""
    return over_models(
        "13", column(cells, "median_confidence"), lambda share: share >= 0.9999,
        "median confidence in the evolved images at least 99.99 %", "{:.3%}".format,
    )  # fmt: skip


def every_method_fooled(cells: Cells) -> Claim:
    """16: median confidence 99 % in evolved images that are no digits.

    An evolution may also end in a digit, and no model is fooled by that: the images have to lie
    farther from all training images, in the median, than 99 % of the test images do.
    """
    far = number(cells, TEST_IMAGES, "fooling_distance")
    confidence, distance = (column(cells, f"fooling_{name}") for name in ("confidence", "distance"))
    if math.isnan(far):
        return claim("16", "cannot be told", "how far test images lie from the training images.")
    return over_models(
        "16", {row: (confidence[row], distance[row]) for row in confidence},
        lambda share, away: share >= 0.99 and away > far,
        "median confidence of at least 99 % in evolved images that lie farther from all training "
        f"images than {far:.1f}, within which 99 % of the test images have one",
        lambda share, away: f"{share:.1%} at {away:.1f}",
    )  # fmt: skip
