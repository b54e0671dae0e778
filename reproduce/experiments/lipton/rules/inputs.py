"""Features, their number, and the space without data: claims 7 to 11, 14 and 15."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np

from reproduce.experiments.lipton.claims import decided, missing, over_models
from reproduce.experiments.lipton.rules import (
    column,
    fewest,
    intervals,
    number,
    per_cent,
    told,
)
from reproduce.report.cells import Cells
from reproduce.report.comparisons import all_of, any_of, beyond, opposite
from reproduce.report.results import Claim, Strength

NOISES = ("uniform", "normal", "shuffled", "corners")
CERTAIN = 0.9  # of noise: the claim's "high confidence"
SMALL = 0.5  # standard deviations of a feature; ours
HALF_ROOT = -0.25  # between no effect, 0, and one over the root, -0.5


def one_feature(cells: Cells) -> Claim:
    """7: unbounded, one feature flips every label: so it must, a check."""
    free = column(cells, "flips_unbounded")
    bounded = ", ".join(f"{row} {v:.1%}" for row, v in column(cells, "flips_bounded").items())
    found = over_models(
        "7", {row: share == 1 for row, share in free.items()}, free,
        "one feature, unbounded, flips every label", per_cent, fewest(cells, "flips_unbounded"),
    )  # fmt: skip
    return found._replace(evidence=f"{found.evidence} Within each feature's range: {bounded}.")


def small_shift(cells: Cells) -> Claim:
    """8: near the boundary the largest weights need less than half a standard deviation."""
    large = told(cells, "top_shift_near", SMALL)
    found = over_models(
        "8", {row: opposite(yes) for row, yes in large.items()}, column(cells, "top_shift_near"),
        "median shift of a feature with one of the largest weights, in its standard deviations, "
        f"below {SMALL:g} for the quarter of the examples nearest to the boundary",
        images=fewest(cells, "top_shift_near"),
    )  # fmt: skip
    shares = ", ".join(f"{row} {v:.1%}" for row, v in column(cells, "within_half_sd").items())
    return found._replace(
        evidence=f"{found.evidence} Examples that some feature flips within 0.5: {shares}."
    )


def one_bit(cells: Cells, forests: Collection[str] = ()) -> Claim:
    """9: for more than half of the correctly classified images one bit changes a tree's label.

    Args:
        forests: rows that are shown beside it.
    """
    shares = column(cells, "one_bit")
    trees = {row: v for row, v in shares.items() if row not in forests}
    flipped = told(cells, "one_bit", 0.5)
    found = over_models(
        "9", {row: flipped[row] for row in trees}, trees,
        "one bit changes the label of more than half of the images", per_cent,
        fewest(cells, "one_bit"),
    )  # fmt: skip
    beside = ", ".join(f"{row} {value:.1%}" for row, value in shares.items() if row not in trees)
    return found._replace(evidence=f"{found.evidence} Forests beside them: {beside}.")


def last_split(cells: Cells) -> Claim:
    """9b: most of the flips decide at the last split; the interval is over images."""
    return over_models(
        "9b", told(cells, "at_last_split", 0.5), column(cells, "at_last_split"),
        "more than half of the deciding splits are last", per_cent, fewest(cells, "at_last_split"),
    )  # fmt: skip


def bounded_pixels(cells: Cells) -> Claim:
    """10: without the box one pixel always flips a linear model; within it, for less than half.

    The first follows from linearity; what may fail is the second.
    """
    free = number(cells, "28 x 28", "one_pixel_unbounded")
    boxed = number(cells, "28 x 28", "one_pixel_bounded")
    ratio = number(cells, "28 x 28", "box_ratio")
    if not all(map(np.isfinite, (free, boxed, ratio))):
        return missing("10", "the linear model on 28 x 28 pixels is missing.")
    return decided(
        "10", opposite(told(cells, "one_pixel_bounded", 0.5)["28 x 28"]),
        f"one pixel of the linear model's image flips {free:.1%} of labels unbounded, {boxed:.1%} "
        f"within [0, 1] (less than half is asked); but the box makes the smallest change of all "
        f"pixels only {ratio:.2f} times larger.",
        Strength(1, fewest(cells, "one_pixel_bounded"), "an interval above one half"),
    )  # fmt: skip


def easier_in_many_dimensions(cells: Cells) -> Claim:
    """11: the largest change of a pixel falls with n, nearer to n^-1/2 than to not at all.

    The interval of the slope of its logarithm, over images, lies below -0.25.
    """
    slopes, reach = column(cells, "slope_linf"), intervals(cells, "slope_linf")
    flat = told(cells, "slope_linf", HALF_ROOT)
    found = over_models(
        "11", {row: opposite(yes) for row, yes in flat.items()}, slopes,
        "slope of log L-infinity change over log number of inputs below -0.25, half of one over "
        "the root", "{:.2f}".format, fewest(cells, "slope_linf"),
    )  # fmt: skip
    inputs = "; ".join(f"{row} {low:.2f} to {high:.2f}" for row, (low, high) in reach.items())
    parameters = "; ".join(
        f"{row} {low:.2f} to {high:.2f}"
        for row, (low, high) in intervals(cells, "slope_parameters").items()
    )
    return found._replace(
        evidence=f"{found.evidence} 95 %: {inputs}. Over parameters: {parameters}."
    )


def noise_column(kind: str, share: float) -> str:
    """What the share of images is called of which a model is surer than that."""
    return f"{kind} > {share:g}"


def unconstrained_space(cells: Cells) -> Claim:
    """14: most of some kind of noise gets more than 90 % confidence."""
    kinds = [noise_column(kind, CERTAIN) for kind in NOISES]
    shares: dict[str, float] = {}
    high: dict[str, list[bool | None]] = {}
    for kind in kinds:
        for row, share in column(cells, kind).items():
            shares[row] = np.fmax(shares.get(row, math.nan), share)
        for row, yes in told(cells, kind, 0.5).items():
            high.setdefault(row, []).append(yes)
    return over_models(
        "14", {row: any_of(each) for row, each in high.items()}, shares,
        "more than half of some kind of noise gets a confidence above 90 %", per_cent,
        min((cell.n for cell in cells.list if cell.column in kinds and cell.n), default=None),
    )  # fmt: skip


def far_and_certain(cells: Cells) -> Claim:
    """15: more than 99 % certain, farther from the data than any datum from its neighbour, among
    the training images that distances are measured to.

    Intervals over the ten classes; a number that is the same for all has none.
    """
    confidence, reach = column(cells, "confidence"), column(cells, "distance_in_gaps")
    farthest = number(cells, "training images", "distance_in_gaps")

    def above(row: str, name: str, limit: float) -> bool | None:
        value = number(cells, row, name)
        return beyond(intervals(cells, name).get(row, (value, value)), limit)

    return over_models(
        "15",
        {
            row: all_of([above(row, "confidence", 0.99), above(row, "distance_in_gaps", farthest)])
            for row in confidence
        },
        {row: (confidence[row], reach.get(row, math.nan)) for row in confidence},
        f"confidence above 99 % at more than {farthest:.1f} median gaps between neighbouring "
        "training images, the largest that was measured",
        lambda share, gaps: f"{share:.2%} at {gaps:.1f}",
        fewest(cells, "confidence"),
    )  # fmt: skip
