"""What does not fit the data: encodings of another size, larger networks, classes not seen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from reproduce.data.examples import Dataset, Examples
from reproduce.methods.evolution.map_elites import Encoding
from reproduce.networks import classical
from reproduce.networks.classical import Model
from reproduce.runtime.errors import NotAvailable, UserError

Preset = Callable[..., Encoding]  # of an encoding, for a size and a number of channels


def sized(preset: Preset, shape: tuple[int, ...]) -> Encoding:
    """An encoding of images (height, width, channels).

    Raises:
        NotAvailable: where they are not square.
    """
    height, width, channels = shape
    if height != width:
        raise NotAvailable(f"square images are evolved, and these have {height} x {width} pixels.")
    return preset(size=height, channels=channels)


def of_every_class(learner: str, labels: np.ndarray, classes: int) -> None:
    """scikit-learn counts the classes that it has seen: those behind one that is not would move up.

    Args:
        labels: learnt from.

    Raises:
        NotAvailable: where a class is not among them.
    """
    if lacking := sorted(set(range(classes)) - set(labels.tolist())):
        raise NotAvailable(
            f"{learner} learns from {len(labels)} images, among which there is none of class "
            f"{', '.join(map(str, lacking[:8]))}."
        )


def fitted(
    learn: partial[Any], examples: Examples, classes: int, seed: int, limit: int | None
) -> partial[Model]:
    """`classical.fit`, to be called.

    Raises:
        NotAvailable: where a class is not among what it would learn from.
    """
    learnt = classical.held_out(examples)[0].labels[:limit]
    of_every_class(learn.func.__name__, learnt, classes)
    return partial(classical.fit, learn, examples, seed, limit)


@contextlib.contextmanager
def told(
    dataset: Dataset, networks: Mapping[str, Any], artefact: partial[Any]
) -> Generator[None, None, None]:
    """While an artefact is made: names the network that cannot be built for such images.

    A convolution that is left no pixels ends with an error of Keras's own. It is told from any
    other by being the same when the network is built alone.

    Args:
        networks: of the run; the artefact may have further ones among its options.

    Raises:
        NotAvailable: in the place of Keras's error.
    """
    try:
        yield
    except UserError:
        raise
    except ValueError as error:
        shape = dataset.train.images.shape[1:]
        for name, build in (*_builders(networks), *_builders(artefact.keywords)):
            if _ends_alike(build, shape, dataset.classes, error):
                raise NotAvailable(
                    f"{name} cannot be built for images of {' x '.join(map(str, shape))}: its "
                    "layers would be left without pixels. Larger ones are wanted; dataset=folder "
                    "scales pictures (dataset.size=28)."
                ) from error
        raise


def _ends_alike(
    build: Callable[..., Any], shape: tuple[int, ...], classes: int, error: ValueError
) -> bool:
    try:
        build(input_shape=shape, classes=classes, seed=0)
    except ValueError as alone:
        return str(alone) == str(error)
    return False


def _builders(options: Mapping[str, Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """What builds the networks that are trained, by name."""
    for name, value in options.items():
        keywords = value.keywords if isinstance(value, partial) else {}
        build = keywords.get("network", getattr(value, "network", None))
        if callable(build):
            yield name, build
        elif isinstance(value, Mapping):
            yield from _builders(value)
