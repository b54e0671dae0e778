"""Which label an attack asks of each image, and what an attack can be asked at all."""

from __future__ import annotations

from typing import Any

import numpy as np

from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import slot_logits
from reproduce.runtime.errors import NotAvailable, UserError

Array = Any


def choose_targets(
    classify: Classifier, images: Array, labels: Array, rule: str = "random", seed: int = 0
) -> np.ndarray:
    """A target for each image that is neither its label nor what the network says now.

    Section 4.1 wants l to differ from f(x), and Table 2 counts errors against the true label.

    Args:
        labels: int (n,), the true ones.
        rule: "random", uniform among the rest; "nearest", the most likely of the rest;
            "least-likely"; "all": every other class, where a class to be avoided is -1.

    Returns:
        int64 (n,); for "all" int64 (n, classes).

    Raises:
        NotAvailable: of two classes, where an image is mislabelled.
    """
    images, labels = checked_images(images), np.asarray(labels)
    scores = slot_logits(classify, images)
    classes = scores.shape[1]
    check_labels("labels", labels, len(images), classes)
    rows = np.arange(len(images))
    allowed = np.ones(scores.shape, bool)
    allowed[rows, labels] = False
    allowed[rows, scores.argmax(1)] = False
    left = allowed.any(axis=1)
    if classes < 2:
        raise UserError("one class leaves no target beside the label")
    if not left.all():
        raise NotAvailable(
            f"{(~left).sum()} of {len(images)} images are mislabelled, and 2 classes leave them no "
            "target beside the label and the answer."
        )
    if rule == "all":
        return np.where(allowed, np.arange(classes), -1)
    if rule == "random":
        preference = np.random.default_rng(seed).random(scores.shape)
    elif rule in ("nearest", "least-likely"):
        preference = scores if rule == "nearest" else -scores
    else:
        raise UserError(f"rule is random, nearest, least-likely or all, got {rule!r}")
    return np.where(allowed, preference, -np.inf).argmax(1).astype(np.int64)


def checked_images(images: Array) -> np.ndarray:
    """float32 (n, ...) in [0, 1], or a UserError."""
    images = np.asarray(images, np.float32)
    if images.ndim < 2 or not images.size:
        raise UserError(f"images are an array (n, ...), n > 0, got shape {images.shape}")
    if not (images.min() >= 0 and images.max() <= 1):
        raise UserError(
            f"images lie in [0, 1], got [{images.min():g}, {images.max():g}]: "
            "centring belongs inside the model"
        )
    return images


def check_labels(name: str, labels: np.ndarray, images: int, classes: int) -> None:
    """A UserError unless labels are int (images,) of so many classes."""
    if labels.shape != (images,) or labels.dtype.kind not in "iu":
        raise UserError(
            f"{name} are whole numbers, one for each of {images} images, "
            f"got {labels.dtype} of shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise UserError(
            f"{name} lie between 0 and {classes - 1}, got {labels.min()} to {labels.max()}"
        )
