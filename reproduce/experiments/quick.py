"""One fooling image, or one adversarial digit, from Python: no configuration, no folders.

    import reproduce

    found = reproduce.fooling_image("LeNet", 3)  # Nguyen et al. 2015
    found = reproduce.adversarial_image("FC100-100-10", 3)  # Szegedy et al. 2014

Both take a network by its name in conf/networks (trained once, kept in outputs/cache, and shared
with the experiments), a Keras file, a Keras model, or any function from images to logits whose
operations are those of TensorFlow or Keras.
"""

from __future__ import annotations

import os
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reproduce.data import Dataset
from reproduce.experiments.fitting import sized
from reproduce.experiments.named import (
    STORE,
    check_gradient,
    classes,
    classifier,
    images_of,
    input_shape,
    logits,
)
from reproduce.methods.attacks import adversarial
from reproduce.methods.evolution import cppn, direct
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.map_elites import evolve
from reproduce.networks.classifier import Classifier
from reproduce.report.figures import png
from reproduce.runtime.arguments import finite, whole
from reproduce.runtime.errors import UserError

ENCODINGS = {"CPPN": cppn, "direct": direct}
BATCH, LARGE = 32, 64  # images at a time, from so many pixels on a side on
SHOWN = 224  # pixels on a side of a picture in a notebook


class FoolingImage(NamedTuple):
    """An image that a network takes for a class, evolved without any example of it.

    Attributes:
        image: uint8 (height, width, channels); its PNG file scores what is reported.
        label: the class it was evolved for.
        confidence: of the network in that class, in [0, 1].
    """

    image: np.ndarray
    label: int
    confidence: float

    def save(self, path: str | Path) -> None:
        """Writes a PNG file, pixel by pixel as the network saw it."""
        Path(path).write_bytes(png(self.image))

    def _repr_png_(self) -> bytes:
        return enlarged(self.image)


class AdversarialImage(NamedTuple):
    """A test image, changed as little as the attack can until the network says `target`.

    Attributes:
        image: float32 (height, width, channels) in [0, 1].
        original: likewise, before the change.
        label: the true class.
        target: what the network says of `image`.
        confidence: of the network in the target, in [0, 1]. Low, since the image lies on the
            boundary: hardly more than that of the runner-up.
        distortion: root mean square change per pixel.
    """

    image: np.ndarray
    original: np.ndarray
    label: int
    target: int
    confidence: float
    distortion: float

    def save(self, path: str | Path) -> None:
        """Writes a PNG file: original, adversarial image, and their difference around grey."""
        Path(path).write_bytes(png(self._side_by_side()))

    def _repr_png_(self) -> bytes:
        return enlarged(self._side_by_side())

    def _side_by_side(self) -> np.ndarray:
        difference = np.clip(0.5 + self.image - self.original, 0, 1)
        row = np.concatenate([self.original, self.image, difference], axis=1)
        return np.rint(row * 255).astype(np.uint8)


def fooling_image(
    model: str | os.PathLike[str] | Classifier,
    label: int,
    *,
    encoding: str = "CPPN",
    preset: str = "code",
    generations: int = 200,
    seed: int = 0,
    dataset: Dataset | None = None,
    store: str | Path = STORE,
) -> FoolingImage:
    """Evolves an image that means nothing to us and that a network is sure of.

    Nguyen et al. 2015, section 2.2: MAP-Elites, with a niche for every class; 200 random images,
    then 200 children a generation. All classes evolve together, since champions of one are
    parents for the others.

    Args:
        model: a name in conf/networks ("LeNet", "FC100-100-10", "SqueezeNet"), a file that Keras
            saved, "module:function", or images float32 (n, height, width, channels) in [0, 1]
            -> logits (n, classes), such as a Keras model or a function of TensorFlow's operations.
        label: the class the network is to see.
        encoding: "CPPN", regular images, or "direct", one gene a pixel.
        preset: of the encoding: "code" is the authors' program; `cppn` and `direct` have others.
        dataset: what a named network learns from; MNIST (or the 5,000 images of `mnist_5k`,
            where MNIST cannot be had) by default.
        store: a folder for trained networks.

    Raises:
        UserError: for an argument that does not fit, a name, label or model say.
    """
    seed, label = whole("seed", seed, least=0), whole("label", label, least=0)
    generations = whole("generations", generations, least=0)
    if encoding not in list(ENCODINGS):
        raise UserError(f"an encoding is CPPN or direct, got {encoding!r}.")
    made = ENCODINGS[encoding]
    if preset not in list(made.PRESETS):
        raise UserError(
            f"a preset of {encoding} is one of {', '.join(made.PRESETS)}; got {preset!r}."
        )
    classify = classifier(model, seed, dataset, store)
    shape = input_shape(classify)
    sized_encoding = sized(partial(made.encoding, preset), shape)
    count = classes(classify, shape)
    whole("label", label, least=0, most=count - 1)
    found = evolve(
        classify,
        sized_encoding,
        classes=count,
        generations=generations,
        seeds=[seed],
        batch=BATCH if shape[0] >= LARGE else None,
    )
    (archive,) = found.archives
    return FoolingImage(
        archive.images[label], int(label), float(confidence(archive.log_odds[label]))
    )


def adversarial_image(
    model: str | os.PathLike[str] | Classifier,
    label: int,
    target: int | None = None,
    *,
    index: int = 0,
    seed: int = 0,
    dataset: Dataset | None = None,
    store: str | Path = STORE,
    **options: Any,
) -> AdversarialImage:
    """Changes a test image as little as possible until a network takes it for another class.

    Szegedy et al. 2014, section 4.1: box-constrained L-BFGS on c |r|^2 + loss(x + r, target).

    Args:
        model: as in `fooling_image`.
        label: the true class of the image.
        target: the class the network is to see; None draws one.
        index: which of the test images of that class that the network gets right.
        dataset: MNIST by default; the test images, and what a named network learns from.
        store: a folder for trained networks.
        options: of `reproduce.methods.adversarial.BoxLBFGS`, such as tau=16.

    Raises:
        UserError: for an argument that does not fit; where there is no such image, the target is
            the label, or the attack fails.
    """
    seed, label = whole("seed", seed, least=0), whole("label", label, least=0)
    index = whole("index", index, least=0)
    target = target if target is None else whole("target", target, least=0)
    _check_options(options)
    dataset = images_of(dataset)
    classify = classifier(model, seed, dataset, store)
    count = classes(classify, dataset.test.images.shape[1:])
    for name, value in (("label", label), ("target", target or 0)):
        whole(name, value, least=0, most=count - 1)
    candidates = dataset.test.images[dataset.test.labels == label]
    right = candidates[logits(classify, candidates).argmax(1) == label]
    if index >= len(right):
        raise UserError(
            f"the network gets {len(right)} test images of {label} right; index={index}."
        )
    one = right[index : index + 1]
    check_gradient(classify, one)
    if target is None:
        target = int(adversarial.choose_targets(classify, one, np.array([label]), seed=seed)[0])
    found = adversarial.nearest(classify, one, np.array([target]), **options)
    if found.failed[0]:
        raise UserError(
            f"no image near this {label} was found that the network takes for {target}."
        )
    scores = np.asarray(logits(classify, found.images), np.float64)[0]
    weights = np.exp(scores - scores.max())
    return AdversarialImage(
        image=found.images[0],
        original=one[0],
        label=int(label),
        target=int(target),
        confidence=float(weights[target] / weights.sum()),
        distortion=float(found.distortion[0]),
    )


def enlarged(image: np.ndarray) -> bytes:
    """A PNG with every pixel repeated, so that small images can be seen."""
    times = max(1, SHOWN // image.shape[0])
    return png(image.repeat(times, axis=0).repeat(times, axis=1))


def _check_options(options: dict[str, Any]) -> None:
    """A UserError unless they are those of `nearest`: c, and those of `BoxLBFGS`."""
    known = [*signature(adversarial.BoxLBFGS).parameters, "c"]
    for name in options:
        if name not in known:
            raise UserError(f"there is no option {name}: there are {', '.join(known)}.")
    adversarial.BoxLBFGS(**{name: value for name, value in options.items() if name != "c"})
    if options.get("c") is not None:
        finite("c", options["c"], above=0)
