"""What an attack is: an object that is called like a function, and can be asked what it does.

    found = attack(classify, images, targets)     # or labels: attack.wants says which

    attack.name          what reports call it
    attack.objective     what it makes small, in words
    attack.wants         "targets", the labels to reach, or "labels", the labels to get away from
    attack.parameters    every option with its value; type(attack)(**parameters) equals attack

A new attack is a frozen dataclass below `Attack` with a method `find`; its fields are its options.
docs/extend/attack.md shows one.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from reproduce.methods.attacks.targets import check_labels, checked_images
from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import slot_logits
from reproduce.runtime.errors import UserError

Array = Any


class Adversarial(NamedTuple):
    """What an attack found; rows are images. A field that has no meaning for an attack is None.

    `converged` and `failed` are both false where the budget ran out with a success in hand that
    need not be the closest.
    """

    images: np.ndarray  # float32 (n, ...) in [0, 1]; NaN where failed
    targets: np.ndarray  # int64 (n,), the labels asked for; where none were, those reached (or -1)
    distortion: np.ndarray  # float64 (n,), root mean square per pixel; NaN where failed
    failed: np.ndarray  # bool (n,)
    converged: np.ndarray | None = None  # bool (n,)
    evaluations: np.ndarray | None = None  # int64 (n,), of loss and gradient, or labels asked for
    c: np.ndarray | None = None  # float64 (n,), the weight of the distance; NaN where failed
    proven: np.ndarray | None = None  # bool (n,), whether nothing nearer exists


@dataclasses.dataclass(frozen=True)
class Attack(abc.ABC):
    """An attack with its options bound."""

    name: ClassVar[str]
    objective: ClassVar[str]
    wants: ClassVar[str]
    choices: ClassVar[tuple[str, ...]] = ()  # where Szegedy et al. 2014 leave something open

    @property
    def parameters(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def __str__(self) -> str:
        """The name, and the options that are not the usual ones."""
        usual = {
            field.name: field.default
            for field in dataclasses.fields(self)
            if field.default is not dataclasses.MISSING
        }
        options = [f"{k} = {self.parameters[k]}" for k in usual if self.parameters[k] != usual[k]]
        return f"{self.name} ({', '.join(options)})" if options else self.name

    def __call__(self, classify: Classifier, images: Array, wanted: Array) -> Adversarial:
        """The changed images, as the network itself judges them.

        Args:
            classify: images -> logits.
            images: float32 (n, ...) in [0, 1]; pixels, or a hidden layer's activations.
            wanted: int (n,), targets or labels, as `wants` says. A target differs from the label
                that the network gives the image now.

        Raises:
            UserError: images outside [0, 1], or labels that do not fit them.
        """
        images, wanted = self.checked(classify, images, wanted)
        found = self.find(classify, images, wanted)
        if self.wants == "targets":
            return judged(classify, images, found._replace(targets=wanted))
        return judged(classify, images, found, wanted)

    def checked(
        self, classify: Classifier, images: Array, wanted: Array
    ) -> tuple[np.ndarray, np.ndarray]:
        """Images float32 and labels int64 that fit together, or a UserError."""
        images, wanted = checked_images(images), np.asarray(wanted)
        scores = slot_logits(classify, images)
        check_labels(self.wants, wanted, len(images), scores.shape[1])
        same = np.flatnonzero(scores.argmax(1) == wanted)
        if self.wants == "targets" and same.size:
            raise UserError(
                f"a target differs from the network's present label; {same.size} of {len(images)} "
                f"do not, the first is image {same[0]} with label {wanted[same[0]]}"
            )
        return images, wanted.astype(np.int64)

    @abc.abstractmethod
    def find(self, classify: Classifier, images: np.ndarray, wanted: np.ndarray) -> Adversarial:
        """The changed images, NaN where there is none; `__call__` judges them (see `proposed`)."""


def proposed(
    images: np.ndarray, changed: np.ndarray, targets: np.ndarray | None = None, **known: Any
) -> Adversarial:
    """What an attack proposes, before the network has judged it; for `Attack.find` to return.

    Args:
        images: the originals; changed: of the same shape, NaN where nothing was found.
        known: `converged`, `evaluations`, `c`, `proven`, where they have a meaning.
    """
    changed = np.asarray(changed).reshape(images.shape)
    none = np.full(len(images), -1, np.int64)
    return Adversarial(
        images=changed,
        targets=none if targets is None else np.asarray(targets, np.int64),
        distortion=distortion(images, changed),
        failed=~np.isfinite(changed).reshape(len(changed), -1).all(axis=1),
        **known,
    )


def judged(
    classify: Classifier,
    images: np.ndarray,
    found: Adversarial,
    labels: np.ndarray | None = None,
) -> Adversarial:
    """The last word has the network, on the very images that are returned.

    Args:
        labels: those to get away from; without them an image reaches its target or has failed.
    """
    changed = np.asarray(found.images, np.float32).reshape(images.shape)
    whole = np.isfinite(changed).reshape(len(changed), -1).all(axis=1)
    answers = slot_logits(classify, np.nan_to_num(changed)).argmax(1)
    succeeds = answers == found.targets if labels is None else answers != labels
    failed = ~succeeds | ~whole
    changed = np.where(_over_pixels(failed, images), np.float32(np.nan), changed)
    targets = found.targets
    if labels is not None:
        reached = np.where(failed, -1, answers)
        targets = np.where(targets < 0, reached, targets).astype(np.int64)
    return found._replace(
        images=changed,
        targets=targets,
        distortion=distortion(images, changed),
        failed=failed,
        converged=None if found.converged is None else found.converged & ~failed,
        c=None if found.c is None else np.where(failed, np.nan, found.c),
        proven=None if found.proven is None else found.proven & ~failed,
    )


def joined(pieces: Sequence[Adversarial]) -> Adversarial:
    """The results of one attack on several sets of images, one after the other."""
    columns: Any = zip(*pieces, strict=True)
    whole: Any = (None if each[0] is None else np.concatenate(each) for each in columns)
    return Adversarial(*whole)


# A quadratic programme's optimum lies on the boundary itself; in single precision that may be
# either side of it.
PUSHES = (1.0, 1 + 1e-5, 1 + 3e-5, 1 + 1e-4, 1 + 3e-4, 1 + 1e-3)


def beyond(
    classify: Classifier,
    images: np.ndarray,
    found: np.ndarray,
    *,
    targets: np.ndarray | None = None,
    labels: np.ndarray | None = None,
) -> np.ndarray:
    """Pushes each found image along its ray until the network says what is wanted of it.

    Args:
        found: (n, ...), on the decision boundary; NaN stays NaN.
        targets: the labels to reach; labels: those to get away from. One of the two.

    Returns:
        float32 (n, ...) in [0, 1].
    """
    result = np.asarray(found, np.float32)
    waiting = np.ones(len(images), bool)
    for push in PUSHES:
        tried = np.clip(images + push * (found - images), 0, 1).astype(np.float32)
        answers = slot_logits(classify, np.nan_to_num(tried)).argmax(1)
        crosses = answers == targets if labels is None else answers != labels
        result = np.where(_over_pixels(waiting & crosses, images), tried, result)
        waiting &= ~crosses
    return result


def distortion(images: Array, perturbed: Array) -> np.ndarray:
    """Root mean square change per pixel, sqrt(sum (x' - x)^2 / n) (section 4.2), float64 (n,)."""
    change = np.asarray(perturbed, np.float64) - np.asarray(images, np.float64)
    return np.sqrt(np.mean(change.reshape(len(change), -1) ** 2, axis=1))


def distance(images: Array, perturbed: Array) -> np.ndarray:
    """Euclidean distance of each image from its changed version, float64 (n,); infinite for NaN."""
    change = np.asarray(perturbed, np.float64) - np.asarray(images, np.float64)
    lengths = np.sqrt((change.reshape(len(change), -1) ** 2).sum(axis=1))
    return np.where(np.isfinite(lengths), lengths, np.inf)


def pooled(distortions: Array) -> float:
    """Root mean square over images and pixels: the standard deviation of a whole set's change.

    The published averages fit this, not the mean over images. Failed images (NaN) are left out.
    """
    return float(np.sqrt(np.nanmean(np.square(distortions))))


def _over_pixels(rows: np.ndarray, images: np.ndarray) -> np.ndarray:
    return rows.reshape((-1,) + (1,) * (images.ndim - 1))
