"""The one place where a number meets its interval, its published value and its verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from reproduce.report import verdicts
from reproduce.report.published import Published, look_in, lookup
from reproduce.report.results import Cell, Verdict
from reproduce.report.verdicts import Interval


class Cells:
    """The cells of one artefact, in the order in which they are added.

        cells = Cells(paper="szegedy", artefact="table1")
        cells.rate("FC10(1)", "test_error", wrong=1997, n=10_000)
        cells.list

    Each method adds a cell and returns it. Rows and columns bear the names that the published
    tables have in `reproduce/published/<paper>.yaml`; under other names a cell is unpublished.
    """

    def __init__(self, paper: str, artefact: str) -> None:
        self.paper = paper
        self.artefact = artefact
        self.list: list[Cell] = []

    def rate(self, row: str, column: str, wrong: int, n: int) -> Cell:
        """A share of n images: Wilson's interval, Fisher's test. Of no images there is none."""
        wrong, n = int(wrong), int(n)
        if n == 0:
            return self.number(row, column, math.nan, "fraction")
        if not 0 <= wrong <= n:
            raise ValueError(f"{row}, {column}: {wrong} of {n} images is no rate")
        published = self.published(row, column)
        verdict = verdicts.of_rate(wrong, n, published)
        return self._add(row, column, wrong / n, "fraction", verdicts.wilson(wrong, n), n, verdict)

    def mean(self, row: str, column: str, samples: np.ndarray, unit: str) -> Cell:
        """A mean over images: t interval. NaN marks an image without a value."""
        samples = _finite(samples)
        n = len(samples)
        if n < 2 or np.ptp(samples) == 0:
            return self.number(row, column, samples[0] if n else math.nan, unit, n)
        mean, deviation = verdicts.spread(samples)
        verdict = verdicts.of_mean(mean, deviation, n, self.published(row, column))
        interval = verdicts.confidence(mean, deviation, n)
        return self._add(row, column, mean, unit, interval, n, verdict)

    def pooled_rms(self, row: str, column: str, per_image_rms: np.ndarray) -> Cell:
        """The root mean square over all images and pixels, from each image's own.

        The interval of the mean square goes through the square root by its slope 1 / (2 rms)
        (delta method). NaN marks an image without a value.
        """
        squares = _finite(per_image_rms) ** 2
        n = len(squares)
        mean, deviation = verdicts.spread(squares) if n else (math.nan, 0.0)
        rms = math.sqrt(mean)
        if n < 2 or np.ptp(squares) == 0:
            return self.number(row, column, rms, "rms", n)
        slope = 1 / (2 * rms)
        verdict = verdicts.of_mean(rms, slope * deviation, n, self.published(row, column))
        interval = verdicts.confidence(rms, slope * deviation, n)
        return self._add(row, column, rms, "rms", interval, n, verdict)

    def over_runs(
        self, row: str, column: str, values: np.ndarray, unit: str, images: int | None = None
    ) -> Cell:
        """A mean over seeds or splits; the paper is taken for one further run.

        Args:
            images: behind each of the values, where they are rates.
        """
        values = _finite(values)
        runs = len(values)
        if runs < 2 or np.ptp(values) == 0:
            return self.number(row, column, values[0] if runs else math.nan, unit, runs)
        mean, deviation = verdicts.spread(values)
        verdict = verdicts.of_runs(mean, deviation, runs, self.published(row, column), images)
        interval = verdicts.confidence(mean, deviation, runs)
        return self._add(row, column, mean, unit, interval, runs, verdict)

    def median(self, row: str, column: str, values: np.ndarray, unit: str) -> Cell:
        """The median of all values of all runs; its spread by drawing whole runs anew.

        Args:
            values: (runs,) or (runs, values in each run), such as the confidences of ten classes.
        """
        values = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
        runs = len(values)
        if runs < 2 or np.ptp(values) == 0:
            return self.number(row, column, float(np.median(values)), unit, runs)
        verdict = verdicts.of_median(values, self.published(row, column))
        interval = verdicts.medians(values)
        return self._add(row, column, float(np.median(values)), unit, interval, runs, verdict)

    def rate_over_runs(self, row: str, column: str, wrong: Sequence[int], n: Sequence[int]) -> Cell:
        """A share of images in each of several runs; `rate` where all of them agree."""
        shares = [part / whole for part, whole in zip(wrong, n, strict=True) if whole]
        if len(set(shares)) < 2:
            return self.rate(row, column, max(wrong), max(n))
        return self.over_runs(row, column, np.array(shares), "fraction", images=max(n))

    def pooled_over_runs(self, row: str, column: str, per_image_rms: Sequence[np.ndarray]) -> Cell:
        """The pooled root mean square in each of several runs; of a single one, `pooled_rms`."""
        if len(per_image_rms) == 1:
            return self.pooled_rms(row, column, per_image_rms[0])
        pooled = [math.sqrt(np.mean(run**2)) for run in map(_finite, per_image_rms) if len(run)]
        return self.over_runs(row, column, np.array(pooled), "rms")

    def number(self, row: str, column: str, value: float, unit: str, n: int | None = None) -> Cell:
        """A number without spread: a bound, a count, a median."""
        verdict: Verdict = "unpublished"
        if math.isfinite(value):
            verdict = verdicts.of_number(float(value), self.published(row, column))
        return self._add(row, column, float(value), unit, None, n, verdict)

    def value(self, row: str, column: str) -> float:
        """The value of a cell that was added; NaN where it has none."""
        for cell in self.list:
            if (cell.row, cell.column) == (row, column):
                return math.nan if cell.value is None else cell.value
        raise KeyError(f"{self.artefact} has no cell {row}, {column}")

    def published(self, row: str, column: str) -> Published | None:
        """What the paper prints in this cell."""
        return lookup(self.paper, self.artefact, row, column)

    def _add(
        self,
        row: str,
        column: str,
        value: float,
        unit: str,
        interval: Interval | None,
        n: int | None,
        verdict: Verdict,
    ) -> Cell:
        published = self.published(row, column)
        if published and published.unit != unit:
            raise ValueError(
                f"{self.artefact}, {row}, {column}: ours in {unit}, the paper's in {published.unit}"
            )
        if interval:
            interval = _within(interval, unit)
        cell = Cell(
            artefact=self.artefact,
            row=row,
            column=column,
            value=value if math.isfinite(value) else None,
            unit=unit,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            n=n,
            published=published.value if published else None,
            published_status=published.status if published else None,
            verdict=verdict,
            source=f"{self.paper}/{self.artefact}" if published else None,
        )
        self.list.append(cell)
        return cell


def over_seeds(cells: Sequence[Cell]) -> Cell:
    """One cell out of the same cell of several runs: mean, interval over the runs, verdict.

    A number that is the same in all runs has no spread; a rate then keeps the interval and the
    verdict of its images.
    """
    first = cells[0]
    kept = [cell for cell in cells if cell.value is not None]
    if len(kept) < 2:
        return kept[0] if kept else first
    mean, deviation = verdicts.spread(np.array([cell.value for cell in kept]))
    if np.ptp([cell.value for cell in kept]) == 0:
        return kept[0]._replace(n=len(kept) if kept[0].low is None else kept[0].n)
    images = first.n if first.unit == "fraction" and first.low is not None else None
    published = look_in(first.source, first.row, first.column) if first.source else None
    interval = _within(verdicts.confidence(mean, deviation, len(kept)), first.unit)
    return first._replace(
        value=mean,
        low=interval.low,
        high=interval.high,
        n=len(kept),
        verdict=verdicts.of_runs(mean, deviation, len(kept), published, images),
    )


def _within(interval: Interval, unit: str) -> Interval:
    """No rate is below 0 or above 1; no count and no root mean square is below 0."""
    if unit not in ("fraction", "count", "rms"):
        return interval
    high = min(interval.high, 1.0) if unit == "fraction" else interval.high
    return Interval(max(interval.low, 0.0), high)


def _finite(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64).ravel()
    return values[np.isfinite(values)]
