"""Images of other sizes than MNIST's: encodings take theirs, networks that do not fit are named."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from reproduce import training
from reproduce.data.examples import Dataset, Examples
from reproduce.experiments import fitting
from reproduce.methods.evolution import cppn, direct
from reproduce.methods.evolution.map_elites import evolve
from reproduce.networks import models
from reproduce.runtime.errors import NotAvailable

LENET = partial(training.train, network=models.lenet)


def of(shape, classes=3):
    some = Examples(np.zeros((classes, *shape), np.float32), np.arange(classes, dtype=np.int32))
    return Dataset("mine", "here", "0", some, some, classes=classes)


def built(shape):
    return models.lenet(input_shape=shape, classes=3, seed=0)


@pytest.mark.parametrize("preset", [direct.encoding, cppn.encoding])
@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 32, 3), (5, 5, 3)], ids=str)
def test_evolved_images_have_the_shape_of_the_data(preset, shape):
    seen = []

    def classify(images):
        seen.append(images.shape[1:])
        return np.zeros((len(images), 3), np.float32)

    found = evolve(
        classify, fitting.sized(preset, shape), classes=3, generations=1, seeds=[0], children=4
    )
    assert set(map(tuple, seen)) == {shape}
    assert found.snapshots.shape[-3:] == shape


def test_an_encoding_of_images_that_are_not_square_is_not_run():
    with pytest.raises(NotAvailable, match="square images are evolved, and these have 24 x 16 p"):
        fitting.sized(direct.encoding, (24, 16, 1))


@pytest.mark.parametrize(
    ("networks", "options"),
    [({"LeNet": LENET}, {}), ({}, {"LeNet": LENET}), ({}, {"others": {"LeNet": LENET}})],
    ids=["of the run", "of the artefact", "in a list of the artefact"],
)
def test_a_network_that_is_left_without_pixels_is_named(networks, options):
    shape = (8, 8, 1)
    line = "LeNet cannot be built for images of 8 x 8 x 1.*dataset.size=28"
    with (
        pytest.raises(NotAvailable, match=line),
        fitting.told(of(shape), networks, partial(built, **options)),
    ):
        built(shape)


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1)], ids=str)
def test_any_other_error_stays_itself(shape):
    with (
        pytest.raises(ValueError, match="of another kind"),
        fitting.told(of(shape), {"LeNet": LENET}, partial(built)),
    ):
        raise ValueError("of another kind")
