"""Every model under one protocol: claims 1, 3, 4, 6, 6b, 12, 13 and 16."""

from __future__ import annotations

import math

from reproduce.experiments.lipton.claims import missing, over_models
from reproduce.experiments.lipton.rules import (
    column,
    fewest,
    intervals,
    number,
    per_cent,
    told,
)
from reproduce.report.cells import Cells
from reproduce.report.comparisons import all_of, opposite
from reproduce.report.results import Claim

NETWORKS = ("fully connected network", "convolutional network")
SIMPLE = ("softmax regression", "linear SVM", "naive Bayes")
IMPERCEPTIBLE = 0.1  # root mean square per pixel: the noise of Szegedy et al.'s Table 2
HARM = 0.2  # of the answers that a chosen change alters: as in Szegedy et al.'s Table 2 here
NEARLY_ALL = 0.8  # of the images, for "far nearer"; ours
SURE, FOOLED = 0.9999, 0.99  # confidence: Nguyen et al., sections 3.1 and 3.3
TEST_IMAGES = "test images"


def imperceptible(cells: Cells) -> Claim:
    """1: most attacks on a network succeed, and the mean change is at most 0.1 per pixel."""
    success, size = (column(cells, name, NETWORKS) for name in ("changed", "distortion"))
    most, large = told(cells, "changed", 0.5), told(cells, "distortion", IMPERCEPTIBLE)
    return over_models(
        "1", {row: all_of([most.get(row), opposite(large[row])]) for row in size},
        {row: (success.get(row, math.nan), size[row]) for row in size},
        f"more than half of the attacks succeed, mean distortion below {IMPERCEPTIBLE:g}",
        lambda share, distortion: f"{share:.0%} at {distortion:.3f}", fewest(cells, "changed"),
    )  # fmt: skip


def not_random(cells: Cells) -> Claim:
    """3: noise of the same size changes fewer than a fifth of answers, the chosen change all.

    The interval is over images.
    """
    return over_models(
        "3", _below(cells, "noise_changes", HARM), column(cells, "noise_changes"),
        f"Gaussian noise of the same size changes fewer than {HARM:.0%} of the answers", per_cent,
        fewest(cells, "noise_changes"),
    )  # fmt: skip


def against_smoothness(cells: Cells) -> Claim:
    """4: for networks the change is less than half the way to another class, for 80 % of images."""
    near = told(cells, "within_half", NEARLY_ALL)
    values = column(cells, "within_half", NETWORKS)
    return over_models(
        "4", {row: near[row] for row in values}, values,
        f"more than {NEARLY_ALL:.0%} of images change at less than half the distance to another "
        "class", per_cent, fewest(cells, "within_half"),
    )  # fmt: skip


def all_susceptible(cells: Cells, claim: str = "6") -> Claim:
    """6: the median change is below half the distance to another class.

    At half of it a changed input is still nearer to its original than the other class may be.
    """
    return over_models(
        claim, _below(cells, "of_separation", 0.5), column(cells, "of_separation"),
        "median change below half the distance to the nearest training example of another class",
        images=fewest(cells, "of_separation"),
    )  # fmt: skip


def simple_no_better(cells: Cells) -> Claim:
    """12: no simple model's median change exceeds the most robust network's; by both intervals."""
    networks = column(cells, "distance", NETWORKS)
    networks = {row: value for row, value in networks.items() if not math.isnan(value)}
    if not networks:
        return missing("12", "no network was attacked.")
    best = max(networks, key=networks.__getitem__)
    reach = intervals(cells, "distance")
    low, high = reach.get(best, (math.nan, math.nan))
    simple = column(cells, "distance", SIMPLE)

    def nearer(row: str) -> bool | None:
        least, most = reach.get(row, (math.nan, math.nan))
        return True if most < low else False if least > high else None

    errors = column(cells, "test_error", SIMPLE + NETWORKS)
    found = over_models(
        "12", {row: nearer(row) for row in simple}, simple,
        f"median change below {networks[best]:.3g}, that of the more robust network, intervals "
        "apart", images=fewest(cells, "distance"),
    )  # fmt: skip
    beside = ", ".join(f"{row} {error:.1%}" for row, error in errors.items())
    return found._replace(evidence=f"{found.evidence} Clean errors are not equal: {beside}.")


def evolved_certainty(cells: Cells) -> Claim:
    """13: the networks' median confidence in evolved images is at least 99.99 %."""
    return over_models(
        "13", told(cells, "median_confidence", SURE), column(cells, "median_confidence"),
        "median confidence in the evolved images above 99.99 %", "{:.3%}".format,
        fewest(cells, "median_confidence"),
    )  # fmt: skip


def every_method_fooled(cells: Cells) -> Claim:
    """16: median confidence 99 % in evolved images that are no digits.

    An evolution may also end in a digit, and no model is fooled by that: the images have to lie
    farther from all training images, in the median, than 99 % of the test images do.
    """
    far = number(cells, TEST_IMAGES, "fooling_distance")
    confidence, distance = (column(cells, f"fooling_{name}") for name in ("confidence", "distance"))
    if math.isnan(far):
        return missing("16", "how far test images lie from the training images.")
    sure, away = told(cells, "fooling_confidence", FOOLED), told(cells, "fooling_distance", far)
    return over_models(
        "16", {row: all_of([sure[row], away.get(row)]) for row in confidence},
        {row: (confidence[row], distance.get(row, math.nan)) for row in confidence},
        "median confidence above 99 % in evolved images that lie farther from all training "
        f"images than {far:.1f}, within which 99 % of the test images have one",
        lambda share, away: f"{share:.1%} at {away:.1f}", fewest(cells, "fooling_confidence"),
    )  # fmt: skip


def _below(cells: Cells, name: str, limit: float) -> dict[str, bool | None]:
    return {row: opposite(above) for row, above in told(cells, name, limit).items()}
