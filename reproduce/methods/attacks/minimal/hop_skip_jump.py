"""The smallest change for a model that shows nothing but its label.

HopSkipJump (Chen, Jordan & Wainwright 2020, algorithm 2) in batches: from an image with another
label walk along the boundary, whose normal is estimated from the labels of random probes. Between
the walks pixels are put back, in groups that become smaller, wherever the label allows it: models
that ask for few pixels (trees) are constant in all the others, and have no normal to estimate.

    theirs      here
    x*, x_t     images, found
    B_t         probes: random directions at step t, growing with its square root
    delta_t     the length of a probe, in units of the present distance
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from reproduce.methods.attacks.minimal import Change, between

Labels = Callable[[np.ndarray], np.ndarray]
BISECTIONS = 10
PROBE = 0.05  # of the present distance: trees need probes that cross a threshold


class Walk(NamedTuple):
    """What a search left.

    change: the nearest images with another label (nothing is proven).
    queries: int (looks,), labels asked for an image so far at each look.
    distance: float64 (looks, n), the distance reached by then; the first look is the start.
    """

    change: Change
    queries: np.ndarray
    distance: np.ndarray


def nearest(
    predict: Labels,
    images: np.ndarray,
    starts: np.ndarray,
    *,
    seed: int,
    none: int | None = None,
    walks: int = 2,
    steps: int = 8,
    probes: int = 40,
    groups: tuple[int, ...] = (49, 16, 4, 1),
) -> Walk:
    """Searches from `starts` towards `images` for the nearest image with another label.

    Args:
        predict: float32 (m, height, width, channels) -> labels.
        images: float32 (n, height, width, channels) in [0, 1].
        starts: images of the same shape that get another label; where one does not, nothing is
            found.
        none: an answer that is no label, "none of them", and does not count as another.
        walks: rounds of walking and putting back; steps: of each walk.
        probes: random directions at a walk's first step.
        groups: numbers of pixels put back together, round after round within one walk.
    """
    search = _Search(predict, images, none, np.random.default_rng(seed))
    found = starts.astype(np.float32).copy()
    failed = ~search.differs(found)
    found[failed] = np.nan
    alive = np.flatnonzero(~failed)
    reached = [between(images, found)]
    asked = [search.queries]

    def look(present: np.ndarray) -> np.ndarray:
        nearer = between(images[alive], present) <= between(images[alive], found[alive])
        found[alive[nearer]] = present[nearer]
        reached.append(between(images, found))
        asked.append(search.queries)
        return found[alive]

    if len(alive):
        search = search.only(alive)
        look(search.onto_boundary(found[alive]))
        for walk in range(walks):
            for step in range(steps):
                count = int(probes * np.sqrt(step + 1))
                look(search.hop(found[alive], step + walk * steps, count))
            for group in groups:
                look(search.put_back(found[alive], group))
            look(search.onto_boundary(found[alive]))
    change = Change(found, between(images, found), np.zeros(len(images), bool))
    return Walk(change, np.array(asked), np.array(reached))


class _Search:
    """The images, the labels to get away from, and how often the model was asked."""

    def __init__(
        self,
        predict: Labels,
        images: np.ndarray,
        none: int | None,
        stream: np.random.Generator,
    ) -> None:
        self.predict = predict
        self.none = none
        self.images = images
        self.stream = stream
        self.labels = predict(images)
        self.queries = 1

    def only(self, chosen: np.ndarray) -> _Search:
        """The search for some of the images."""
        self.images, self.labels = self.images[chosen], self.labels[chosen]
        return self

    def differs(self, candidates: np.ndarray) -> np.ndarray:
        """Whether each candidate gets another label than its image; (n, ...) or (n, m, ...)."""
        n, *shape = self.images.shape
        many = candidates.reshape(n, -1, *shape)
        self.queries += many.shape[1]
        labels = self.predict(many.reshape(-1, *shape)).reshape(n, -1)
        other = (labels != self.labels[:, None]) & (labels != self.none)
        return other.reshape(candidates.shape[: candidates.ndim - 3])

    def onto_boundary(self, found: np.ndarray) -> np.ndarray:
        """The last point with another label on the line towards each image, by bisection."""
        near, far = np.zeros(len(found)), np.ones(len(found))
        for _ in range(BISECTIONS):
            middle = (near + far) / 2
            differs = self.differs(self._at(middle, found))
            far, near = np.where(differs, middle, far), np.where(differs, near, middle)
        return self._at(far, found)

    def hop(self, found: np.ndarray, step: int, probes: int) -> np.ndarray:
        """One step along the boundary: estimate its normal, go out along it, come back."""
        n, *shape = found.shape
        distance = between(self.images, found)
        length = (PROBE * distance / np.sqrt(step / 4 + 1)).astype(np.float32)
        noise = self.stream.standard_normal((n, probes, *shape), dtype=np.float32)
        noise /= np.sqrt((noise**2).sum(axis=(2, 3, 4), keepdims=True))
        tried = np.clip(found[:, None] + length[:, None, None, None, None] * noise, 0, 1)
        answers = np.where(self.differs(tried), 1.0, -1.0).astype(np.float32)
        # subtracting the mean lowers the variance (section III-C); one-sided answers keep it
        one_sided = np.abs(answers.mean(axis=1)) == 1
        answers -= np.where(one_sided, 0, answers.mean(axis=1))[:, None]
        moves = tried - found[:, None]
        normal = np.einsum("np,np...->n...", answers, moves)
        size = np.sqrt((normal**2).sum(axis=(1, 2, 3), keepdims=True))
        normal = normal / np.maximum(size, 1e-12)
        stride = (distance / np.sqrt(step + 1)).astype(np.float32)
        for _ in range(BISECTIONS):
            out = np.clip(found + stride[:, None, None, None] * normal, 0, 1)
            stays = self.differs(out)
            if stays.all():
                break
            stride = np.where(stays, stride, stride / 2)
        out = np.where(self.differs(out)[:, None, None, None], out, found)
        return self.onto_boundary(out)

    def put_back(self, found: np.ndarray, group: int) -> np.ndarray:
        """Gives pixels their original values, `group` at a time, where the label stays changed.

        The pixels that were changed least come first.
        """
        n = len(found)
        flat, original = found.reshape(n, -1).copy(), self.images.reshape(n, -1)
        order = np.abs(flat - original).argsort(axis=1)
        rows = np.arange(n)[:, None]
        for start in range(0, flat.shape[1], group):
            pixels = order[:, start : start + group]
            if np.array_equal(flat[rows, pixels], original[rows, pixels]):
                continue
            tried = flat.copy()
            tried[rows, pixels] = original[rows, pixels]
            differs = self.differs(tried.reshape(found.shape))
            flat = np.where(differs[:, None], tried, flat)
        return flat.reshape(found.shape)

    def _at(self, share: np.ndarray, found: np.ndarray) -> np.ndarray:
        """Points on the lines from the images (0) to what was found (1)."""
        weight = share.astype(np.float32)[:, None, None, None]
        return (1 - weight) * self.images + weight * found
