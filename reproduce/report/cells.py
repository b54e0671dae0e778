"""The one place where a number meets its interval, its published value and its verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from reproduce.report import intervals, verdicts
from reproduce.report.intervals import Interval, within
from reproduce.report.published import Published, lookup
from reproduce.report.results import Cell
from reproduce.report.verdicts import NO_IMAGES, Judgement, Sampling, not_judged


class Cells:
    """The cells of one artefact, in the order in which they are added.

        cells = Cells(paper="szegedy", artefact="table1")
        cells.rate("FC10(1)", "test_error", wrong=1997, n=10_000)
        cells.list

    Each method adds a cell and returns it. Rows and columns bear the names that the published
    tables have in `reproduce/published/<paper>.yaml`; under other names a cell is unpublished.

    same_images: whether another seed would have the very same images behind its numbers.
    """

    def __init__(self, paper: str, artefact: str, *, same_images: bool = False) -> None:
        self.paper = paper
        self.artefact = artefact
        self.same_images = same_images
        self.list: list[Cell] = []

    def rate(self, row: str, column: str, wrong: int, n: int, *, same_images: bool = True) -> Cell:
        """A share of n images: Wilson's interval. Of no images there is none.

        Args:
            same_images: False for samples of noise, which are drawn anew however many they are.
        """
        if not np.isfinite([wrong, n]).all():
            return self._none(row, column, "fraction", missing=1)
        wrong, n = int(wrong), int(n)
        if n == 0:
            return self._none(row, column, "fraction")
        if not 0 <= wrong <= n:
            raise ValueError(f"{row}, {column}: {wrong} of {n} images is no rate")
        judged = verdicts.of_rate(wrong, n, self.published(row, column), same_images=same_images)
        return self._add(row, column, wrong / n, "fraction", judged, intervals.wilson(wrong, n), n)

    def grouped_rate(self, row: str, column: str, hits: np.ndarray, draws: np.ndarray) -> Cell:
        """A share of draws that come in groups, such as the noisy copies of an image.

        The interval is over groups; n counts them.

        Args:
            hits, draws: int (groups,).
        """
        pairs = np.stack([np.asarray(hits, float), np.asarray(draws, float)])
        whole = np.isfinite(pairs).all(axis=0)
        lost = int((~whole).sum())
        hits, draws = pairs[:, whole]
        if not draws.sum():
            return self._none(row, column, "fraction", missing=lost)
        interval = intervals.of_groups(hits, draws)
        half = (interval.high - interval.low) / (2 * intervals.t_quantile(max(len(hits) - 1, 1)))
        published, rate = self.published(row, column), float(np.sum(hits) / np.sum(draws))
        judged = verdicts.of_mean(rate, half * math.sqrt(len(hits)), len(hits), published)
        return self._add(row, column, rate, "fraction", judged, interval, len(hits), missing=lost)

    def mean(self, row: str, column: str, samples: np.ndarray, unit: str) -> Cell:
        """A mean over images: t interval. NaN marks an image without a value."""
        finite, missing = intervals.finite(samples)
        n = len(finite)
        if n < 2 or np.ptp(finite) == 0:
            return self._same(row, column, finite, unit, missing)
        mean, deviation = intervals.spread(finite)
        judged = verdicts.of_mean(mean, deviation, n, self.published(row, column))
        interval = intervals.of_mean(mean, deviation, n)
        return self._add(row, column, mean, unit, judged, interval, n, missing=missing)

    def pooled_rms(self, row: str, column: str, per_image_rms: np.ndarray) -> Cell:
        """The root mean square over all images and pixels, from each image's own.

        NaN marks an image without a value.
        """
        finite, missing = intervals.finite(per_image_rms)
        n = len(finite)
        if n < 2 or np.ptp(finite) == 0:
            return self._same(row, column, finite, "rms", missing)
        rms, deviation = intervals.rms_spread(finite)
        judged = verdicts.of_mean(rms, deviation, n, self.published(row, column))
        interval = intervals.of_mean(rms, deviation, n)
        return self._add(row, column, rms, "rms", judged, interval, n, missing=missing)

    def over_runs(
        self, row: str, column: str, values: np.ndarray, unit: str, images: Sampling = NO_IMAGES
    ) -> Cell:
        """A mean over seeds or splits; the paper is taken for one further run.

        Args:
            images: what those behind each of the values add to its scatter.
        """
        finite, missing = intervals.finite(values)
        runs = len(finite)
        if runs < 2 or np.ptp(finite) == 0:
            return self._same(row, column, finite, unit, missing)
        mean, deviation = intervals.spread(finite)
        judged = verdicts.of_runs(mean, deviation, runs, self.published(row, column), images)
        interval = intervals.of_mean(mean, deviation, runs)
        return self._add(row, column, mean, unit, judged, interval, runs, runs=runs,
                         missing=missing)  # fmt: skip

    def median(self, row: str, column: str, values: np.ndarray, unit: str) -> Cell:
        """The median of all values of all runs; its spread by the runs' own medians.

        Args:
            values: (runs,) or (runs, values in each run), such as the confidences of ten classes.
        """
        if not len(values):
            return self._none(row, column, unit, 0)
        values = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
        runs, lost = len(values), int((~np.isfinite(values)).sum())
        middle = float(np.median(values)) if not lost else math.nan
        if lost or runs < 2 or np.ptp(values) == 0:
            return self._same(row, column, np.full(runs, middle), unit, lost)
        judged = verdicts.of_median(values, self.published(row, column))
        interval = intervals.of_median(values, unit)
        cell = self._add(row, column, middle, unit, judged, interval, runs, runs=runs)
        self.list[-1] = cell = cell._replace(log_odds=unit == "fraction")
        return cell

    def rate_over_runs(
        self, row: str, column: str, wrong: Sequence[int], n: Sequence[int], shared: bool = False
    ) -> Cell:
        """A share of images in each of several runs.

        Where all agree, a rate of all test images is the same by construction and judged by its
        rounding; another keeps the interval of its images.

        Args:
            shared: whether all these runs have the very same images.
        """
        if lost := int((~np.isfinite([*wrong, *n])).sum()):
            return self._none(row, column, "fraction", missing=lost)
        shares = [part / whole for part, whole in zip(wrong, n, strict=True) if whole]
        if len(set(shares)) > 1:
            mean, published = float(np.mean(shares)), self.published(row, column)
            shared = shared or self.same_images
            images = verdicts.sampling(mean * (1 - mean), max(n), published, shared=shared)
            return self.over_runs(row, column, np.array(shares), "fraction", images)
        cell = self.rate(row, column, max(wrong), max(n))
        if len(shares) > 1 and max(n) in verdicts.WHOLE_SETS:
            judged = verdicts.of_number(shares[0], self.published(row, column))
            self.list[-1] = cell = cell._replace(**judged._asdict(), runs=len(shares))
        return cell

    def pooled_over_runs(
        self, row: str, column: str, per_image_rms: Sequence[np.ndarray], shared: bool = False
    ) -> Cell:
        """`pooled_rms` in each of several runs; shared: as for `rate_over_runs`."""
        if len(per_image_rms) == 1:
            return self.pooled_rms(row, column, per_image_rms[0])
        kept = [run for run, _ in map(intervals.finite, per_image_rms) if len(run)]
        missing = sum(map(np.size, per_image_rms)) - sum(map(len, kept))
        pooled = np.array([math.sqrt(np.mean(run**2)) for run in kept])
        shared, published = shared or self.same_images, self.published(row, column)
        images = verdicts.sampling_of_rms(kept, published, shared=shared)
        cell = self.over_runs(row, column, pooled, "rms", images)
        if missing:
            self.list[-1] = cell = not_judged(cell._replace(missing=missing))
        return cell

    def number(
        self,
        row: str,
        column: str,
        value: float,
        unit: str,
        n: int | None = None,
        interval: tuple[float, float] | None = None,
    ) -> Cell:
        """A number that cannot come out otherwise, a bound or a count; judged by its rounding.

        Args:
            interval: shown beside it as it is, where the caller knows one.
        """
        if math.isfinite(value):
            judged = verdicts.of_number(float(value), self.published(row, column))
            cell = self._add(row, column, float(value), unit, judged, None, n)
        else:
            cell = self._none(row, column, unit, n)
        if interval is not None:
            low, high = (float(end) if math.isfinite(end) else None for end in interval)
            self.list[-1] = cell = cell._replace(low=low, high=high)
        return cell

    def single(self, row: str, column: str, value: float, unit: str, n: int | None = None) -> Cell:
        """One draw of a number that would come out otherwise in another, as of one network's.

        How far two draws lie apart is not known, so that it is judged over several seeds alone.
        """
        cell = self.number(row, column, value, unit, n)._replace(log_odds=unit == "fraction")
        self.list[-1] = cell = not_judged(cell)
        return cell

    def _none(
        self, row: str, column: str, unit: str, n: int | None = None, *, missing: int = 0
    ) -> Cell:
        """A cell without a value."""
        return self._add(row, column, math.nan, unit, verdicts.UNPUBLISHED, None, n,
                         missing=missing)  # fmt: skip

    def _same(self, row: str, column: str, values: np.ndarray, unit: str, missing: int) -> Cell:
        """Values that are all the same, judged by rounding; of a single one no spread is known."""
        n = len(values)
        if not n or not math.isfinite(values[0]):
            return self._add(row, column, math.nan, unit, verdicts.UNPUBLISHED, None, n,
                             missing=missing)  # fmt: skip
        add = self.single if n == 1 else self.number
        cell = add(row, column, float(values[0]), unit, n)
        if missing:
            self.list[-1] = cell = not_judged(cell._replace(missing=missing))
        return cell

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
        judged: Judgement,
        interval: Interval | None,
        n: int | None,
        *,
        runs: int = 1,
        missing: int = 0,
    ) -> Cell:
        published = self.published(row, column)
        if published and published.unit != unit:
            raise ValueError(
                f"{self.artefact}, {row}, {column}: ours in {unit}, the paper's in {published.unit}"
            )
        if interval:
            interval = within(interval, unit)
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
            verdict=judged.verdict,
            source=f"{self.paper}/{self.artefact}" if published else None,
            runs=runs,
            half_width=judged.half_width,
            missing=missing,
            same_images=self.same_images,
        )
        if missing:
            cell = not_judged(cell)
        self.list.append(cell)
        return cell
