"""One fooling image, or one adversarial digit, from Python: no configuration, no folders.

    import reproduce

    found = reproduce.fooling_image("LeNet", 3)             Nguyen et al. 2015
    found = reproduce.adversarial_image("FC100-100-10", 3)  Szegedy et al. 2014

Both take a network by its name in conf/networks (trained once, kept in outputs/cache, and shared
with the experiments), a Keras file, a Keras model, or any function from images to logits.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from omegaconf import OmegaConf

from reproduce.data import Dataset, mnist
from reproduce.experiments import Context
from reproduce.methods.attacks import adversarial
from reproduce.methods.evolution import cppn, direct
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.map_elites import evolve
from reproduce.networks import foreign
from reproduce.networks.classifier import Classifier
from reproduce.report.figures import png
from reproduce.runtime.cli_help import CONF
from reproduce.runtime.errors import UserError
from reproduce.runtime.store import Store

STORE = CONF.parent / "outputs" / "cache"
ENCODINGS = {"CPPN": cppn, "direct": direct}
GREY_28 = (28, 28, 1)  # images for a function that does not say what it takes
BATCH, LARGE = 32, 64  # images at a time, from so many pixels on a side on
SHOWN = 224  # pixels on a side of a picture in a notebook


class FoolingImage(NamedTuple):
    """An image that a network takes for a class, evolved without any example of it.

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

    image, original: float32 (height, width, channels) in [0, 1].
    label: the true class; target: what the network says of `image`.
    confidence: of the network in the target, in [0, 1]: about one half, on the boundary.
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
    model: str | Classifier,
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
            -> logits (n, classes), such as a Keras model.
        label: the class the network is to see.
        encoding: "CPPN", regular images, or "direct", one gene a pixel.
        preset: of the encoding: "code" is the authors' program; `cppn` and `direct` have others.
        dataset: what a named network learns from; MNIST (or the 5,000 images of `mnist_5k`,
            where MNIST cannot be had) by default.
        store: a folder for trained networks.

    Raises:
        UserError: for a name, label, encoding, preset or model that does not fit.
    """
    if encoding not in ENCODINGS:
        raise UserError(f"an encoding is CPPN or direct, got {encoding!r}.")
    made = ENCODINGS[encoding]
    if preset not in made.PRESETS:
        raise UserError(
            f"a preset of {encoding} is one of {', '.join(made.PRESETS)}; got {preset!r}."
        )
    classify = _network(model, seed, dataset, store)
    height, width, channels = _input_shape(classify)
    if height != width:
        raise UserError(f"square images are evolved; the network takes {height} x {width}.")
    classes = _classes(classify, (height, width, channels))
    _check_label("label", label, classes)
    found = evolve(
        classify,
        made.encoding(preset, height, channels),
        classes=classes,
        generations=generations,
        seeds=[seed],
        batch=BATCH if height >= LARGE else None,
    )
    (archive,) = found.archives
    return FoolingImage(
        archive.images[label], int(label), float(confidence(archive.log_odds[label]))
    )


def adversarial_image(
    model: str | Classifier,
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
        UserError: where there is no such image, the target is the label, or the attack fails.
    """
    dataset = mnist() if dataset is None else dataset
    classify = _network(model, seed, dataset, store)
    classes = _classes(classify, dataset.test.images.shape[1:])
    _check_label("label", label, classes)
    candidates = dataset.test.images[dataset.test.labels == label]
    right = candidates[_logits(classify, candidates).argmax(1) == label]
    if not 0 <= index < len(right):
        raise UserError(
            f"the network gets {len(right)} test images of {label} right; index={index}."
        )
    one = right[index : index + 1]
    if target is None:
        target = int(adversarial.choose_targets(classify, one, np.array([label]), seed=seed)[0])
    _check_label("target", target, classes)
    found = adversarial.nearest(classify, one, np.array([target]), **options)
    if found.failed[0]:
        raise UserError(
            f"no image near this {label} was found that the network takes for {target}."
        )
    scores = np.asarray(_logits(classify, found.images), np.float64)[0]
    weights = np.exp(scores - scores.max())
    return AdversarialImage(
        image=found.images[0],
        original=one[0],
        label=int(label),
        target=int(target),
        confidence=float(weights[target] / weights.sum()),
        distortion=float(found.distortion[0]),
    )


def network(
    name: str,
    *,
    seed: int = 0,
    dataset: Dataset | None = None,
    store: str | Path = STORE,
) -> Any:
    """A network of conf/networks by its name, trained or loaded; or a Keras file.

    Args:
        name: "LeNet", "FC10(1e-4)", "SqueezeNet", ...; a path, or "module:function".
        seed: of the weights; the experiments' networks of the same seed are the same ones.
        dataset: what it learns from; MNIST by default.
        store: a folder in which it is kept once trained.

    Returns:
        A Keras model, images float32 (n, height, width, channels) in [0, 1] -> logits.
    """
    dataset = mnist() if dataset is None else dataset
    if Path(name).suffix or ":" in name:
        return foreign.load(name, dataset=dataset)
    return Context(dataset, _recipes(name), seed, Store(store)).network(name)


def enlarged(image: np.ndarray) -> bytes:
    """A PNG with every pixel repeated, so that small images can be seen."""
    times = max(1, SHOWN // image.shape[0])
    return png(image.repeat(times, axis=0).repeat(times, axis=1))


def _recipes(name: str) -> Mapping[str, partial[Any]]:
    """The networks of the file in conf/networks that has one of this name."""
    from hydra import compose, initialize_config_dir  # a second of imports, for names alone
    from hydra.utils import instantiate

    known: list[str] = []
    for path in sorted((CONF / "networks").glob("*.yaml"), key=lambda path: path.stem):
        told = OmegaConf.load(path)
        names = [str(key) for key in told if "_target_" not in told and key != "defaults"]
        if name in names:
            with initialize_config_dir(str(CONF), version_base="1.3"):
                config = compose("config", overrides=[f"networks={path.stem}"])
            made: Mapping[str, partial[Any]] = instantiate(config.networks, _convert_="all")
            return made
        known += [each for each in names if each not in known]
    raise UserError(f"no network is called {name}: there are {', '.join(known)}; or a Keras file.")


def _network(
    model: str | Classifier, seed: int, dataset: Dataset | None, store: str | Path
) -> Classifier:
    if isinstance(model, str):
        named: Classifier = network(model, seed=seed, dataset=dataset, store=store)
        return named
    return model


def _input_shape(classify: Classifier) -> tuple[int, int, int]:
    shape = tuple(getattr(classify, "input_shape", (None, *GREY_28)))[1:]
    if len(shape) != 3 or None in shape:
        raise UserError(f"a network of images (height, width, channels) is expected, got {shape}.")
    return shape


def _classes(classify: Classifier, shape: tuple[int, ...]) -> int:
    """How many the network tells apart, asked with one grey and one black image."""
    answers = _logits(classify, np.stack([np.full(shape, 0.5), np.zeros(shape)]).astype(np.float32))
    if answers.ndim != 2 or answers.shape[1] < 2:
        raise UserError(f"logits (n, classes) are expected, got an array of shape {answers.shape}.")
    if (answers >= 0).all() and np.allclose(answers.sum(axis=1), 1, atol=1e-4):
        raise UserError(
            "the network gives probabilities, and logits are expected. Save it and give its path, "
            "and the softmax at its end is taken off; or return its logits."
        )
    return int(answers.shape[1])


def _logits(classify: Classifier, images: np.ndarray) -> np.ndarray:
    return np.asarray(classify(np.asarray(images, np.float32)))


def _check_label(what: str, label: int, classes: int) -> None:
    if not 0 <= label < classes:
        raise UserError(f"a {what} lies between 0 and {classes - 1}, got {label}.")
