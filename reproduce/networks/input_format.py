"""What a model that others trained expects of its pixels, and what its answers are.

Found out on training images: by the errors under the usual ranges of pixels (where they do not
tell two ranges apart, by the likelihood of the labels), and by whether the answers lie in [0, 1]
and sum to 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.special import logsumexp

from reproduce.data.examples import Examples
from reproduce.networks.forward import Forward, batched

SAMPLE = 500  # training images,
SAMPLE_PIXELS = 10_000_000  # and fewer where they are large
BATCH_PIXELS = 600_000  # evaluated at once: four images of 224 x 224, or 500 small ones
# What models expect of a pixel x in [0, 1]: x * scale + offset.
RANGES = {"[0, 1]": (1.0, 0.0), "[-1, 1]": (2.0, -1.0), "[0, 255]": (255.0, 0.0)}
STANDARD = "standard deviations from the mean"
CERTAIN = 2.0  # standard deviations by which the errors of two ranges differ
CHANCE = 0.01  # guessing gives as many right answers at least this often: no better than chance
TINY = float(np.finfo(np.float32).tiny)


class Answers(NamedTuple):
    """What a model says of some training images.

    logits: float64 (n, classes), NaN where it gives no number; labels: int (n,), the true ones.
    kind: what its answers were: "logits", "probabilities" or "sigmoids".
    """

    logits: np.ndarray
    labels: np.ndarray
    kind: str

    @property
    def wrong(self) -> np.ndarray:
        """bool (n,); where the model gives no number, it is wrong."""
        broken = ~np.isfinite(self.logits).all(axis=1)
        return (np.nan_to_num(self.logits).argmax(axis=1) != self.labels) | broken

    @property
    def cross_entropy(self) -> float:
        """Mean over the images; infinite where an answer is no number."""
        if not np.isfinite(self.logits).all():
            return math.inf
        logs = self.logits - logsumexp(self.logits, axis=1, keepdims=True)
        return -float(logs[np.arange(len(self.labels)), self.labels].mean())


def sample(examples: Examples) -> Examples:
    """Some from first to last, and so of all classes: folders are sorted by class."""
    wanted = min(SAMPLE, max(1, SAMPLE_PIXELS // examples.images[0].size))
    count = len(examples.labels)
    rows = np.linspace(0, count - 1, min(wanted, count)).astype(int)
    return Examples(*(array[rows] for array in examples))


def ranges(images: np.ndarray) -> dict[str, tuple[float, float]]:
    """RANGES, and what gives these images' pixels a mean of 0 and a deviation of 1.

    Args:
        images: float32 in [0, 1], of training; all their pixels count alike.
    """
    count, sums = images.size, np.zeros(2)
    for image in images:  # all at once in double precision would take twice their memory
        pixels = image.astype(np.float64)
        sums += pixels.sum(), np.square(pixels).sum()
    mean = sums[0] / count
    deviation = math.sqrt(max(sums[1] / count - mean**2, 0.0))
    if not deviation:
        return RANGES
    return {**RANGES, STANDARD: (1 / deviation, -mean / deviation)}


def answers(
    forward: Forward, examples: Examples, scale: float, offset: float, kind: str | None
) -> Answers:
    """What a function of pixels as the model expects them says of images in [0, 1].

    Args:
        kind: of its answers; None goes by their values.
    """
    given = examples.images * np.float32(scale) + np.float32(offset)
    scores = batched(forward, given, max(1, min(len(given), BATCH_PIXELS // given[0].size)))
    kind = kind or kind_of(scores)
    scores = scores.astype(np.float64)
    if kind != "logits":
        logs = np.log(np.maximum(scores, TINY))
        scores = logs if kind == "probabilities" else logs - np.log(np.maximum(1 - scores, TINY))
    if scores.shape[1] == 1:
        scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
    return Answers(scores, examples.labels, kind)


def kind_of(scores: np.ndarray) -> str:
    """What answers (n, classes) or (n, 1) are, by their values."""
    if not (scores.min() >= 0 and scores.max() <= 1 + 1e-3):
        return "logits"
    if scores.shape[1] > 1 and np.allclose(scores.sum(axis=1), 1, atol=1e-2):
        return "probabilities"
    return "sigmoids"


def pixels(found: Mapping[str, Answers]) -> tuple[str, str]:
    """The one of `ranges` under which the fewest labels are wrong, and how that was found.

    Args:
        found: the answers under each.
    """
    wrong = {name: given.wrong for name, given in found.items()}
    fewest = min(wrong, key=lambda name: (wrong[name].sum(), found[name].cross_entropy))
    close = [name for name in found if not _certainly_worse(wrong[name], wrong[fewest])]
    best = min(close, key=lambda name: found[name].cross_entropy)  # the first of equals
    rates = ", ".join(f"{name} {100 * each.mean():.1f} %" for name, each in wrong.items())
    said = f"takes pixels in {best} (errors on {len(wrong[best])} training images: {rates})"
    if len(close) > 1:
        said += ", which is close and decided by the labels' likelihood"
    return best, said


def _certainly_worse(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the first errs more often than chance allows, of two that saw the same images."""
    apart = int((one & ~other).sum()) - int((other & ~one).sum())
    return apart > CERTAIN * math.sqrt((one != other).sum())


def at_chance(right: int, total: int, classes: int) -> str | None:
    """A line where as many right answers are no rarer than by guessing, else None.

    Args:
        right: labels; total: images; classes: among which a guess is made.
    """
    if total == 0 or stats.binom.sf(right - 1, total, 1 / classes) < CHANCE:
        return None
    return (
        f"{right} of {total} images are labelled rightly, no more than by guessing among "
        f"{classes} classes: perhaps the network's classes stand in another order than the "
        "images', or it expects other pixels (networks.scale=, networks.offset=)."
    )
