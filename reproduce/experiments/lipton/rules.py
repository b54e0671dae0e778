"""From a table's numbers to a verdict: one written rule for each claim.

Each rule takes the numbers of one artefact, as they stand in results.json, and nothing else.
"""

from __future__ import annotations

import math

import numpy as np

from reproduce.experiments.lipton.claims import claim, decided, over_models
from reproduce.report.cells import Cells
from reproduce.report.results import Claim

NETWORKS = ("fully connected network", "convolutional network")
SIMPLE = ("softmax regression", "linear SVM", "naive Bayes")
IMPERCEPTIBLE = 0.1  # root mean square per pixel
per_cent = "{:.1%}".format


def column(cells: Cells, name: str, rows: tuple[str, ...] | None = None) -> dict[str, float]:
    """row -> number of one column; NaN where it could not be computed."""
    return {
        cell.row: math.nan if cell.value is None else cell.value
        for cell in cells.list
        if cell.column == name and (rows is None or cell.row in rows)
    }


def number(cells: Cells, row: str, name: str) -> float:
    """One number; NaN where there is none."""
    return column(cells, name).get(row, math.nan)


def imperceptible(cells: Cells) -> Claim:
    """1: every attack on a network succeeds, and the mean change is at most 0.1 per pixel."""
    success, size = (column(cells, name, NETWORKS) for name in ("changed", "distortion"))
    values = {row: size[row] if success[row] >= 0.99 else math.inf for row in size}
    if not values or any(math.isnan(value) for value in values.values()):
        return claim("1", "cannot be told", "no network was attacked.")
    return over_models(
        "1", {row: min(value, 9.99) for row, value in values.items()},
        lambda value: value <= IMPERCEPTIBLE,
        f"99 % of attacks succeed, mean distortion at most {IMPERCEPTIBLE:g}",
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
    return over_models(
        "12", column(cells, "distance", SIMPLE), lambda distance: distance <= best,
        f"median change at most {best:.3g}, that of the more robust network",
    )  # fmt: skip


def evolved_certainty(cells: Cells) -> Claim:
    """13: the networks' median confidence in evolved images is at least 99.99 %."""
    return over_models(
        "13", column(cells, "fooling_confidence", NETWORKS), lambda share: share >= 0.9999,
        "median confidence in the evolved images at least 99.99 %", "{:.3%}".format,
    )  # fmt: skip


def every_method_fooled(cells: Cells) -> Claim:
    """16: the same for every model, at 99 %."""
    return over_models(
        "16", column(cells, "fooling_confidence"), lambda share: share >= 0.99,
        "median confidence in the evolved images at least 99 %", per_cent,
    )  # fmt: skip


def one_feature(cells: Cells) -> Claim:
    """7: unbounded, one feature flips at least 99 % of the labels."""
    free = column(cells, "flips_unbounded")
    bounded = ", ".join(f"{row} {v:.1%}" for row, v in column(cells, "flips_bounded").items())
    found = over_models(
        "7", free, lambda share: share >= 0.99, "one feature, unbounded, flips 99 %", per_cent
    )
    return found._replace(evidence=f"{found.evidence} Within each feature's range: {bounded}.")


def small_shift(cells: Cells) -> Claim:
    """8: near the boundary the largest weight needs less than half a standard deviation."""
    return over_models(
        "8", column(cells, "top_shift_near"), lambda shift: shift < 0.5,
        "median shift of the feature with the largest weight, in its standard deviations, below "
        "0.5 for the quarter of the examples nearest to the boundary",
    )  # fmt: skip


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
    """11: the largest change of a pixel falls as n^-1/2 or faster, the interval excluding zero."""
    values, intervals = {}, []
    for cell in cells.list:
        if cell.column == "slope_linf" and cell.value is not None:
            values[cell.row] = cell.value
            if cell.low is not None and cell.high is not None:
                intervals.append(f"{cell.row} {cell.low:.2f} to {cell.high:.2f}")
    found = over_models(
        "11", values, lambda slope: slope <= -0.4,
        "slope of log L-infinity change over log number of inputs at most -0.4 (-0.5 is one over "
        "its root)", "{:.2f}".format,
    )  # fmt: skip
    return found._replace(evidence=f"{found.evidence} 95 %: {'; '.join(intervals)}.")


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
    values = {row: confidence[row] if reach[row] > farthest else 0.0 for row in confidence}
    found = over_models(
        "15", values, lambda share: share >= 0.99,
        "confidence of 99 % beyond the largest distance between neighbouring training images",
        "{:.2%}".format,
    )  # fmt: skip
    where = ", ".join(f"{row} {reach[row]:.1f}" for row in values)
    return found._replace(
        evidence=f"{found.evidence} Distance to the data in median gaps: {where}; the largest gap "
        f"is {farthest:.1f}."
    )


def same_topics(cells: Cells) -> Claim:
    """17: shuffled and other words differ no more than two runs of inference, in the median."""
    noise = number(cells, "inference twice", "total_variation")
    rows = ("shuffled words", "other words, matched")
    values = {row: number(cells, row, "total_variation") for row in rows}
    return over_models(
        "17", values, lambda variation: variation <= noise + 0.02,
        f"median total variation at most that of inference itself ({noise:.3f}) + 0.02",
        "{:.3f}".format,
    )  # fmt: skip


def needs_access(cells: Cells) -> Claim:
    """5: refuted if any attack without the model fools it half as often as one with it."""
    white = number(cells, "with the model", "fooled")
    blind = {row: v for row, v in column(cells, "fooled").items() if row != "with the model"}
    known = {row: value for row, value in blind.items() if np.isfinite(value)}
    if not known or not np.isfinite(white):
        return claim("5", "cannot be told", "no attack without access was made.")
    best = max(known, key=lambda row: known[row])
    text = ", ".join(f"{row} {value:.1%}" for row, value in known.items())
    return decided(
        "5", known[best] < 0.5 * white,
        f"fooled at the same size of change: with the model {white:.1%}; {text}. Refuted where "
        "one without it reaches half of that.",
    )  # fmt: skip


def spammer(cells: Cells) -> Claim:
    """21: refuted if most messages get past a filter within 300 questions."""
    values = {row: 1 - share for row, share in column(cells, "evaded").items()}
    found = over_models(
        "21", values, lambda kept: kept > 0.5, "the filter keeps out more than half of the "
        "messages of an attacker with 300 questions", per_cent,
    )  # fmt: skip
    asked = ", ".join(f"{row} {value:.0f}" for row, value in column(cells, "questions").items())
    return found._replace(evidence=f"{found.evidence} Median questions until past: {asked}.")


def robust_training(cells: Cells) -> Claim:
    """20: adversarial training halves the error on adversarial examples, for every model."""
    before, after = column(cells, "error"), {}
    for row, error in before.items():
        trained = before.get(f"{row}, trained adversarially")
        if trained is not None:
            after[row] = trained / error if error else math.nan
    clean = column(cells, "test_error")
    found = over_models(
        "20", after, lambda ratio: ratio <= 0.5,
        "adversarial training at least halves the error on FGSM examples (after / before)",
        "{:.2f}".format,
    )  # fmt: skip
    costs = ", ".join(
        f"{row} {clean[row]:.1%} to {clean[f'{row}, trained adversarially']:.1%}" for row in after
    )
    return found._replace(evidence=f"{found.evidence} Clean errors: {costs}.")


def directions_like_units(cells: Cells) -> Claim:
    """2: in the last hidden layer the purities of units and directions are equivalent."""
    return _equivalent("2", cells, last=True)


def only_the_last_layer(cells: Cells) -> Claim:
    """2b: in an earlier layer they are not."""
    return _equivalent("2b", cells, last=False)


def _equivalent(which: str, cells: Cells, last: bool) -> Claim:
    low, high = {}, {}
    for cell in cells.list:
        if cell.column == "difference" and cell.low is not None and cell.high is not None:
            low[cell.row], high[cell.row] = cell.low, cell.high
    layers = [row for row in low if row.endswith("last hidden") == last]
    if not layers:
        return claim(which, "cannot be told", "no such layer was looked at.")
    margin = number(cells, "margin", "difference")
    values = {row: max(abs(low[row]), abs(high[row])) for row in layers}
    if last:
        return over_models(
            which, values, lambda reach: reach < margin,
            f"the 90 % interval of the difference in purity lies within {margin:g}",
        )  # fmt: skip
    return over_models(
        which, values, lambda reach: reach >= margin,
        f"in earlier layers the interval of the difference reaches beyond {margin:g}",
    )  # fmt: skip
