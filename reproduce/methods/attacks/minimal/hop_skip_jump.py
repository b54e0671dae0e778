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
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from reproduce.methods.attacks.attack import Adversarial, Attack, distance, proposed
from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import slot_logits

Labels = Callable[[np.ndarray], np.ndarray]
BISECTIONS = 10
PROBE = 0.05  # of the present distance: trees need probes that cross a threshold


@dataclass(frozen=True)
class HopSkipJump(Attack):
    """The search by labels, started from the nearest of some random images.

    seed: of the random images and the probes; candidates: random images to start from.
    walks, steps, probes, groups: see `search`.
    """

    seed: int = 0
    candidates: int = 100
    walks: int = 2
    steps: int = 8
    probes: int = 40
    groups: tuple[int, ...] = (49, 16, 4, 1)

    name: ClassVar[str] = "HopSkipJump"
    objective: ClassVar[str] = "euclidean distance"
    wants: ClassVar[str] = "labels"

    def find(self, classify: Classifier, images: np.ndarray, wanted: np.ndarray) -> Adversarial:
        def predict(some: np.ndarray) -> np.ndarray:
            return slot_logits(classify, some).argmax(axis=1)

        rng = np.random.default_rng([self.seed, 1])
        pool = rng.random((self.candidates, *images.shape[1:]), np.float32)
        starts = nearest_others(predict, images, wanted, pool)
        own = predict(images)
        walk = search(
            predict, images, starts, seed=self.seed, walks=self.walks, steps=self.steps,
            probes=self.probes, groups=tuple(self.groups),
        )  # fmt: skip
        changed = walk.found.images
        changed[own != wanted] = images[own != wanted]  # already away from that label
        return walk.found


class Walk(NamedTuple):
    """What a search left.

    found: the nearest images with another label; nothing is proven.
    queries: int (looks,), labels asked for an image so far at each look.
    distance: float64 (looks, n), the distance reached by then; the first look is the start.
    """

    found: Adversarial
    queries: np.ndarray
    distance: np.ndarray


def search(
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
    state = _Search(predict, images, none, np.random.default_rng(seed))
    found = starts.astype(np.float32).copy()
    failed = ~state.differs(found)
    found[failed] = np.nan
    alive = np.flatnonzero(~failed)
    reached = [distance(images, found)]
    asked = [state.queries]

    def look(present: np.ndarray) -> np.ndarray:
        nearer = distance(images[alive], present) <= distance(images[alive], found[alive])
        found[alive[nearer]] = present[nearer]
        reached.append(distance(images, found))
        asked.append(state.queries)
        return found[alive]

    if len(alive):
        state = state.only(alive)
        look(state.onto_boundary(found[alive]))
        for walk in range(walks):
            for step in range(steps):
                count = int(probes * np.sqrt(step + 1))
                look(state.hop(found[alive], step + walk * steps, count))
            for group in groups:
                look(state.put_back(found[alive], group))
            look(state.onto_boundary(found[alive]))
    result = proposed(
        images,
        found,
        evaluations=np.full(len(images), asked[-1]),
        proven=np.zeros(len(images), bool),
    )
    return Walk(result, np.array(asked), np.array(reached))


def nearest_others(
    predict: Labels, images: np.ndarray, labels: np.ndarray, pool: np.ndarray
) -> np.ndarray:
    """For each image the nearest of the pool that gets another label than it; -1 is no label."""
    answers = predict(pool)
    apart = np.sqrt(squares(images, pool))
    apart[(answers[None] == labels[:, None]) | (answers[None] == -1)] = np.inf
    return pool[apart.argmin(axis=1)]


def squares(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances between two sets of images, float64 (n, m)."""
    a, b = (x.reshape(len(x), -1).astype(np.float64) for x in (one, other))
    apart = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    return np.maximum(apart, 0)


class _Search:
    """The images, the labels to get away from, and how often the model was asked."""

    def __init__(
        self,
        predict: Labels,
        images: np.ndarray,
        none: int | None,
        rng: np.random.Generator,
    ) -> None:
        self.predict = predict
        self.none = none
        self.images = images
        self.rng = rng
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
        apart = distance(self.images, found)
        length = (PROBE * apart / np.sqrt(step / 4 + 1)).astype(np.float32)
        noise = self.rng.standard_normal((n, probes, *shape), dtype=np.float32)
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
        stride = (apart / np.sqrt(step + 1)).astype(np.float32)
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
