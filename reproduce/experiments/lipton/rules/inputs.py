"""Features, their number, and the space without data: claims 7 to 11, 14 and 15."""

from __future__ import annotations

import numpy as np

from reproduce.experiments.lipton.claims import claim, decided, over_models
from reproduce.experiments.lipton.rules import column, intervals, number, per_cent
from reproduce.report.cells import Cells
from reproduce.report.results import Claim


def one_feature(cells: Cells) -> Claim:
    """7: unbounded, one feature flips at least 99 % of the labels."""
    free = column(cells, "flips_unbounded")
    bounded = ", ".join(f"{row} {v:.1%}" for row, v in column(cells, "flips_bounded").items())
    found = over_models(
        "7", free, lambda share: share >= 0.99, "one feature, unbounded, flips 99 %", per_cent
    )
    return found._replace(evidence=f"{found.evidence} Within each feature's range: {bounded}.")


def small_shift(cells: Cells) -> Claim:
    """8: near the boundary the largest weights need less than half a standard deviation."""
    found = over_models(
        "8", column(cells, "top_shift_near"), lambda shift: shift < 0.5,
        "median shift of a feature with one of the largest weights, in its standard deviations, "
        "below 0.5 for the quarter of the examples nearest to the boundary",
    )  # fmt: skip
    shares = ", ".join(f"{row} {v:.1%}" for row, v in column(cells, "within_half_sd").items())
    return found._replace(
        evidence=f"{found.evidence} Examples that some feature flips within 0.5: {shares}."
    )


def one_bit(cells: Cells) -> Claim:
    """9: for more than half of the correctly classified images one bit changes a tree's label."""
    trees = {row: v for row, v in column(cells, "one_bit").items() if "forest" not in row}
    forests = {row: v for row, v in column(cells, "one_bit").items() if "forest" in row}
    found = over_models(
        "9", trees, lambda share: share > 0.5,
        "one bit changes the label of more than half of the images", per_cent,
    )  # fmt: skip
    beside = ", ".join(f"{row} {value:.1%}" for row, value in forests.items())
    return found._replace(evidence=f"{found.evidence} Forests beside them: {beside}.")


def last_split(cells: Cells) -> Claim:
    """9b: most of the flips decide at the last split."""
    shares = column(cells, "at_last_split")
    return over_models(
        "9b", shares, lambda share: share > 0.5, "more than half of the deciding splits are last",
        per_cent,
    )  # fmt: skip


def bounded_pixels(cells: Cells) -> Claim:
    """10: one pixel always flips without the box, and seldom within it."""
    free = number(cells, "28 x 28", "one_pixel_unbounded")
    boxed = number(cells, "28 x 28", "one_pixel_bounded")
    ratio = number(cells, "28 x 28", "box_ratio")
    if not all(map(np.isfinite, (free, boxed, ratio))):
        return claim("10", "cannot be told", "the linear model on 28 x 28 pixels is missing.")
    return decided(
        "10", free - boxed >= 0.5,
        f"one pixel of the linear model's image flips {free:.1%} of labels unbounded, {boxed:.1%} "
        f"within [0, 1]; but the box makes the smallest change of all pixels only {ratio:.2f} "
        "times larger.",
    )  # fmt: skip


def easier_in_many_dimensions(cells: Cells) -> Claim:
    """11: the largest change of a pixel falls about as n^-1/2 or faster, certainly not by chance.

    The slope of its logarithm over that of n is at most -0.4, and its interval excludes zero.
    """
    slopes, reach = column(cells, "slope_linf"), intervals(cells, "slope_linf")
    found = over_models(
        "11", {row: (slopes[row], high) for row, (_, high) in reach.items()},
        lambda slope, high: slope <= -0.4 and high < 0,
        "slope of log L-infinity change over log number of inputs at most -0.4 (one over the root "
        "is -0.5)", lambda slope, high: f"{slope:.2f}",
    )  # fmt: skip
    inputs = "; ".join(f"{row} {low:.2f} to {high:.2f}" for row, (low, high) in reach.items())
    parameters = "; ".join(
        f"{row} {low:.2f} to {high:.2f}"
        for row, (low, high) in intervals(cells, "slope_parameters").items()
    )
    return found._replace(
        evidence=f"{found.evidence} 95 %: {inputs}. Over parameters: {parameters}."
    )


def unconstrained_space(cells: Cells) -> Claim:
    """14: most of some kind of noise gets more than 90 % confidence."""
    shares: dict[str, float] = {}
    for cell in cells.list:
        if cell.column.endswith("> 0.9") and cell.value is not None:
            shares[cell.row] = max(shares.get(cell.row, 0.0), cell.value)
    return over_models(
        "14", shares, lambda share: share > 0.5,
        "more than half of some kind of noise gets a confidence above 90 %", per_cent,
    )  # fmt: skip


def far_and_certain(cells: Cells) -> Claim:
    """15: at least 99 % certain, farther from all data than any datum from its neighbour."""
    confidence, reach = column(cells, "confidence"), column(cells, "distance_in_gaps")
    farthest = number(cells, "training images", "distance_in_gaps")
    return over_models(
        "15", {row: (confidence[row], reach[row]) for row in confidence},
        lambda share, gaps: share >= 0.99 and gaps > farthest,
        f"confidence of 99 % at more than {farthest:.1f} median gaps between neighbouring training "
        "images, the largest there is", lambda share, gaps: f"{share:.2%} at {gaps:.1f}",
    )  # fmt: skip
