"""The same cell of several runs, pooled: what a combined report shows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from reproduce.report import intervals, verdicts
from reproduce.report.published import Published, look_in
from reproduce.report.results import Cell
from reproduce.report.verdicts import NO_IMAGES, Sampling


def over_seeds(cells: Sequence[Cell]) -> Cell:
    """One cell out of the same cell of several runs: mean, interval over the runs, verdict.

    A number that is the same in all runs has no spread; a rate of some images then keeps their
    interval and verdict, another number is judged by its rounding. Confidences that are compared
    with a published one are pooled as log-odds: the value is the centre of these.
    """
    first = cells[0]
    kept = [cell for cell in cells if cell.value is not None]
    if len(kept) < 2:
        return _combined(kept[0] if kept else first, cells)
    published = look_in(first.source, first.row, first.column) if first.source else None
    values = np.array([cell.value for cell in kept])
    if np.ptp(values) == 0:
        cell = kept[0]._replace(n=len(kept) if kept[0].low is None else kept[0].n)
        if cell.low is None or cell.n in verdicts.WHOLE_SETS:
            judged = verdicts.of_number(values[0], published)
            cell = cell._replace(**judged._asdict(), runs=len(kept))
        return _combined(cell, cells)
    scale = "fraction" if _is_confidence(first) else ""
    mean, deviation = intervals.spread(intervals.to_scale(values, scale))
    images = _images(kept, mean, published) if first.runs == 1 and not scale else NO_IMAGES
    ends = intervals.of_mean(mean, deviation, len(kept))
    low, high = (float(intervals.from_scale(end, scale)) for end in ends)
    interval = intervals.within(intervals.Interval(low, high), first.unit)
    judged = verdicts.of_runs(
        mean, deviation, len(kept), published, images, each=first.runs, log_odds=bool(scale)
    )
    cell = first._replace(
        value=float(intervals.from_scale(mean, scale)),
        low=interval.low,
        high=interval.high,
        n=len(kept),
        runs=sum(cell.runs for cell in kept),
        **judged._asdict(),
    )
    return _combined(cell, cells)


def _images(cells: Sequence[Cell], mean: float, published: Published | None) -> Sampling:
    """What the images behind each run's rate or mean add."""
    variances = [_of_one_image(cell, mean) for cell in cells]
    known = [each for each in variances if each is not None]
    if len(known) < len(cells):
        return NO_IMAGES
    fewest = min(cell.n for cell in cells if cell.n)
    variance = float(np.mean(known))
    return verdicts.sampling(variance, fewest, published, shared=cells[0].same_images)


def _of_one_image(cell: Cell, mean: float) -> float | None:
    """Its variance: of a rate, which has Wilson's interval, p (1 - p); else out of the interval."""
    if cell.value is None or cell.low is None or cell.high is None or not cell.n or cell.n < 2:
        return None
    width = cell.high - cell.low
    if cell.unit == "fraction":
        low, high = intervals.wilson(round(cell.value * cell.n), cell.n)
        if math.isclose(width, high - low, rel_tol=1e-6):
            return mean * (1 - mean)
    return (width / (2 * intervals.t_quantile(cell.n - 1))) ** 2 * cell.n


def _is_confidence(cell: Cell) -> bool:
    """Whether it is judged by its log-odds. A share has an interval, a single confidence none."""
    if cell.unit != "fraction" or cell.published is None:
        return False
    return cell.log_odds or cell.low is None


def _combined(cell: Cell, cells: Sequence[Cell]) -> Cell:
    """What the runs' own cells forbid: a comparison with other data, or over a part of images."""
    cell = cell._replace(missing=sum(each.missing for each in cells))
    if any(each.verdict == "other data" for each in cells):
        return cell._replace(verdict="other data", half_width=None)
    return verdicts.not_judged(cell) if cell.missing else cell
