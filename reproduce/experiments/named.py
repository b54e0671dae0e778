"""A network by its name in conf/networks, outside an experiment; and what it is asked first."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from omegaconf import OmegaConf

from reproduce.data import Dataset, mnist
from reproduce.experiments import Context
from reproduce.networks import foreign
from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import inference
from reproduce.networks.opening import first_words
from reproduce.runtime.arguments import whole
from reproduce.runtime.errors import UserError
from reproduce.runtime.places import CONF, OUTPUTS, RELEASED
from reproduce.runtime.store import Store

STORE = OUTPUTS / "cache"
GREY_28 = (28, 28, 1)  # images for a function that does not say what it takes


def network(
    name: str | os.PathLike[str],
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
    dataset = images_of(dataset)
    name, seed = os.fspath(name), whole("seed", seed, least=0)
    if Path(name).suffix or ":" in name:
        return foreign.load(name, dataset=dataset)
    return Context(dataset, _recipes(name), seed, Store(store, RELEASED)).network(name)


def images_of(dataset: Dataset | None) -> Dataset:
    """The data set itself; MNIST for None.

    Raises:
        UserError: for anything else, such as a function that gives one.
    """
    if dataset is not None and not isinstance(dataset, Dataset):
        raise UserError(
            "dataset is a data set, such as reproduce.data.mnist_5k(), "
            f"got {type(dataset).__name__}."
        )
    return mnist() if dataset is None else dataset


def classifier(
    model: str | os.PathLike[str] | Classifier,
    seed: int,
    dataset: Dataset | None,
    store: str | Path,
) -> Classifier:
    """A network by its name or file, or the function that it already is.

    Raises:
        UserError: for anything else.
    """
    if isinstance(model, str | os.PathLike):
        named: Classifier = network(model, seed=seed, dataset=dataset, store=store)
        return named
    if not callable(model):
        raise UserError(
            "a network is a name in conf/networks, a Keras file, a Keras model or a function, "
            f"got {type(model).__name__}."
        )
    return model


def input_shape(classify: Classifier) -> tuple[int, int, int]:
    """Height, width, channels of the images it takes; 28 x 28 in grey where it does not say."""
    shape = tuple(getattr(classify, "input_shape", (None, *GREY_28)))[1:]
    if len(shape) != 3 or None in shape:
        raise UserError(f"a network of images (height, width, channels) is expected, got {shape}.")
    return shape


def classes(classify: Classifier, shape: tuple[int, ...]) -> int:
    """How many the network tells apart, asked with one grey and one black image."""
    answers = _first_answers(classify, np.stack([np.full(shape, 0.5), np.zeros(shape)]))
    if answers.ndim != 2 or answers.shape[1] < 2:
        raise UserError(f"logits (n, classes) are expected, got an array of shape {answers.shape}.")
    if (answers >= 0).all() and np.allclose(answers.sum(axis=1), 1, atol=1e-4):
        raise UserError(
            "the network gives probabilities, and logits are expected. Save it and give its path, "
            "and the softmax at its end is taken off; or return its logits."
        )
    return int(answers.shape[1])


def _first_answers(classify: Classifier, images: np.ndarray) -> np.ndarray:
    """As `logits`, by a graph, which is what attacks and evolution make of a function.

    Raises:
        UserError: it cannot be one, as NumPy and a model's `predict` cannot; or it fails.
    """
    form = tf.TensorSpec(images.shape, tf.float32)
    try:
        graph = tf.function(inference(classify)).get_concrete_function(form)
        return np.asarray(graph(tf.constant(images, tf.float32)))
    except UserError:
        raise
    except Exception as error:  # of whatever kind somebody's function raises
        raise UserError(
            "a network is a Keras model or a function of TensorFlow's or Keras's operations (no "
            f"NumPy, no predict); this one does not take a tensor of {images.shape}: "
            f"{first_words(error)}"
        ) from error


def check_gradient(classify: Classifier, images: np.ndarray) -> None:
    """A UserError where the logits have no gradient, which attacks follow."""
    points = tf.constant(images, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(points)
        scores = inference(classify)(points)
    try:
        slopes = tape.gradient(scores, points)
    except LookupError:  # an operation that has none, such as tf.numpy_function
        slopes = None
    if slopes is None:
        raise UserError(
            "an attack follows the gradient of the logits, and this function has none (tf.round, "
            "integers and tf.numpy_function, for instance, end it)."
        )


def logits(classify: Classifier, images: np.ndarray) -> np.ndarray:
    """Its answers as an array, float32 (n, classes)."""
    return np.asarray(inference(classify)(np.asarray(images, np.float32)))


def _recipes(name: str) -> Mapping[str, partial[Any]]:
    """The networks of the file in conf/networks that has one of this name."""
    from hydra import compose, initialize_config_dir  # a second of imports, for names alone

    from reproduce.runtime.calls import made

    known: list[str] = []
    for path in sorted((CONF / "networks").glob("*.yaml"), key=lambda path: path.stem):
        told: Any = OmegaConf.load(path)
        told = told.get("networks", told)  # of a file that sets other options too
        names = [str(key) for key in told if "_target_" not in told and key != "defaults"]
        if name in names:
            with initialize_config_dir(str(CONF), version_base="1.3"):
                config = compose("config", overrides=[f"networks={path.stem}"])
            return made(config.networks)
        known += [each for each in names if each not in known]
    raise UserError(f"no network is called {name}: there are {', '.join(known)}; or a Keras file.")
