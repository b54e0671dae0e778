"""Does our number agree with the printed one? The rule, in its one place.

Each test asks how far apart two numbers of one source would lie in 95 of 100 cases: the half-width.

- A rate of images drawn anew: two proportions, the N - 1 chi-squared test (Campbell 2007), with the
  paper's own sample size.
- A rate of all test images: the paper had the same ones, so that only seeds can differ. It is
  judged over several runs, and a number that is the same in all of them by its rounding. One run
  differs if two samples of as many other images would; else it cannot be told.
- A mean over n images: variance s^2 (1 / n + 1 / n_paper), Student's t.
- Several runs: the paper's is one further run, variance s^2 (1 + 1 / runs), and wider where the
  paper's number rests on fewer images than ours (Welch and Satterthwaite's degrees of freedom).
  Where each run draws images of its own, one run scatters at least as that many images do by
  themselves; where all runs share theirs, s^2 has none of that, and both samples' is added.
- A median over runs: as a mean, by the spread of the runs' own medians.
- Confidences, also those of several seeds: as log-odds.
- A number without spread: by rounding.

A printed number is rounded, which adds its variance, width^2 / 12. How often each rule calls two
numbers of one source different is measured in tests/calibration.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from reproduce.report import intervals
from reproduce.report.intervals import MedianSpread, Z, t_quantile
from reproduce.report.published import Published
from reproduce.report.results import Cell, Verdict

TOLD = 0.2  # of the published number: a smaller half-width tells such a difference
FEWEST_RUNS = 3  # with two, the rule called up to 9 % different with nothing different
# MNIST's test and training images, and its test images of 3 and 7: the same for everybody
WHOLE_SETS = (10_000, 60_000, 2_038)

RULE = (
    "consistent (✓): the difference lies within what two numbers of one source show in 95 of 100 "
    "cases, and a fifth more or less would have shown; too wide (?): a fifth would not have shown, "
    "or nothing is known of the spread (fewer than three runs); "
    "differs (≠): otherwise, and ≢ where only the rounding "
    "tells. A rate by the two-sample test for proportions with the paper's own sample size, on all "
    "test images by our spread over seeds; a mean by our spread for a sample of the paper's size; "
    "several runs by the prediction interval for one run, and no narrower than the chance among "
    "their images alone; a median by the runs' own medians; "
    "confidences by their log-odds. Intervals are 95 %. other data (°): not the paper's, so not "
    "compared."
)


class Judgement(NamedTuple):
    """A verdict, and the difference that it could have seen; None where no spread is known."""

    verdict: Verdict
    half_width: float | None = None


class Sampling(NamedTuple):
    """What the images behind each of several runs add to the variance between them.

    least: what one run has of it at the least, and so the paper's; few runs may happen to show
        less.
    extra: what the paper's number has beyond one of our runs.
    """

    least: float = 0.0
    extra: float = 0.0


NO_IMAGES = Sampling()
UNPUBLISHED = Judgement("unpublished")
NOTHING_KNOWN = Judgement("too wide")


def not_judged(cell: Cell) -> Cell:
    """A number over a part of its images, or without a spread, is not compared."""
    if cell.verdict == "unpublished":
        return cell
    return cell._replace(verdict="too wide", half_width=None)


def of_rate(
    wrong: int, n: int, published: Published | None, *, same_images: bool = True
) -> Judgement:
    """One sample of images against the paper's.

    Args:
        same_images: whether as many as a whole set has are that set, and not drawn anew.
    """
    if published is None or not published.judged:
        return UNPUBLISHED
    n_paper = published.n or n
    total = n + n_paper
    pooled = (wrong + n_paper * published.value) / total
    if not 0 < pooled < 1:  # nothing varied in either sample; more images might
        pooled = (wrong + n_paper * published.value + 1) / (total + 2)
    variance = pooled * (1 - pooled) * (1 / n + 1 / n_paper) * total / (total - 1)
    judged = _judged(wrong / n, variance, math.inf, published)
    whole = same_images and n == published.n and n in WHOLE_SETS
    if judged.verdict == "consistent" and whole:
        return NOTHING_KNOWN  # the same images; how far seeds lie apart, one run does not say
    return judged


def of_mean(mean: float, deviation: float, n: int, published: Published | None) -> Judgement:
    """Our mean of n numbers against the paper's."""
    if published is None or not published.judged:
        return UNPUBLISHED
    variance = deviation**2 * (1 / n + 1 / (published.n or n))
    return _judged(mean, variance, n - 1, published)


def of_runs(
    mean: float,
    deviation: float,
    runs: int,
    published: Published | None,
    images: Sampling = NO_IMAGES,
    each: int = 1,
    *,
    log_odds: bool = False,
) -> Judgement:
    """The paper's one run against our runs.

    Args:
        mean, deviation: of our numbers, `runs` of them; of their log-odds if log_odds.
        images: see `sampling`.
        each: runs that each of our numbers is the mean of.
    """
    if published is None or not published.judged:
        return UNPUBLISHED
    if runs < FEWEST_RUNS:
        return NOTHING_KNOWN
    share = 1 + 1 / (each * runs)  # the paper's run, and the mean of all of ours
    scattered = deviation**2 * each * share
    shown, least = scattered + images.extra, images.least * share + images.extra
    freedom = shown**2 / (scattered**2 / (runs - 1)) if scattered else math.inf
    if Z**2 * least > t_quantile(freedom) ** 2 * shown:
        shown, freedom = least, math.inf
    return _judged(mean, shown, freedom, published, log_odds=log_odds)


def sampling(
    variance: float, images: int | None, published: Published | None, *, shared: bool
) -> Sampling:
    """What samples of images add to a run's scatter and to the paper's number.

    A whole set is the paper's as well, and adds nothing. Images that all runs share scatter our
    mean as a whole, at most by their variance, which is what is taken.

    Args:
        variance: of one image's.
        images: behind each of our numbers; None where they are not known.
        shared: whether all runs have the same ones.
    """
    if published is None or not images:
        return NO_IMAGES
    theirs = published.n or images
    if theirs == images and images in WHOLE_SETS:
        return NO_IMAGES
    if shared:
        return Sampling(extra=variance * (1 / theirs + 1 / images))
    return Sampling(variance / images, variance * max(0.0, 1 / theirs - 1 / images))


def sampling_of_rms(
    runs: Sequence[np.ndarray], published: Published | None, *, shared: bool
) -> Sampling:
    """`sampling` of a root mean square over the images of each run.

    Args:
        runs: each image's own, for each run.
    """
    deviations = [intervals.rms_spread(run)[1] for run in runs if len(run) > 1 and run.any()]
    if not deviations:
        return NO_IMAGES
    variance = float(np.mean(np.square(deviations)))
    return sampling(variance, min(map(len, runs)), published, shared=shared)


def of_median(values: np.ndarray, published: Published | None) -> Judgement:
    """Our median over runs against the paper's.

    Args:
        values: (runs, values in each run), two runs at least.
    """
    if published is None or not published.judged:
        return UNPUBLISHED
    if len(values) < FEWEST_RUNS:
        return NOTHING_KNOWN
    found: MedianSpread = intervals.of_values(intervals.to_scale(values, published.unit))
    theirs = published.n or found.runs
    variance = found.variance(found.runs) + found.variance(theirs)
    return _judged(found.centre, variance, found.runs - 1, published, log_odds=True)


def of_number(value: float, published: Published | None) -> Judgement:
    """A number that cannot be otherwise agrees when it rounds to the printed one."""
    if published is None or not published.judged:
        return UNPUBLISHED
    low, high = published.allows
    slack = 1e-9 * abs(published.value)
    return Judgement("consistent" if low - slack <= value <= high + slack else "differs", 0.0)


def _judged(
    ours: float,
    variance: float,
    freedom: float,
    published: Published,
    *,
    log_odds: bool = False,
) -> Judgement:
    """Differs, consistent, or too wide.

    Args:
        ours: on the scale of log-odds if log_odds and the unit is a fraction; variance likewise.
    """
    unit = published.unit if log_odds else ""
    low, high = published.allows
    if math.isfinite(low):
        low = float(intervals.to_scale(low, unit))
    if math.isfinite(high):
        high = float(intervals.to_scale(high, unit))
    centre = float(intervals.to_scale(published.value, unit))
    t = t_quantile(freedom) if math.isfinite(freedom) else Z
    if math.isfinite(high - low):
        half = math.sqrt(t**2 * variance + Z**2 * (high - low) ** 2 / 12)
        away = abs(ours - centre)
    else:  # "at least", "below": nothing on the open side is away from it
        half = t * math.sqrt(variance)
        away = max(low - ours, ours - high, 0.0)
    ends = intervals.from_scale(np.array([centre - half, centre + half]), unit)
    reach = float(np.abs(ends - published.value).max())
    if away > half:
        return Judgement("differs", reach)
    told = max(TOLD * abs(published.value), published.step)
    return Judgement("consistent" if reach <= told else "too wide", reach)
