"""Images of other sizes and of other classes than MNIST's."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from reproduce import training
from reproduce.data.examples import Dataset, Examples
from reproduce.experiments import Context, fitting
from reproduce.experiments.goodfellow import logistic
from reproduce.experiments.lipton import protocol, zoo
from reproduce.methods.evolution import cppn, direct
from reproduce.methods.evolution.map_elites import evolve
from reproduce.networks import classical, models
from reproduce.networks.classical import margins, prototypes
from reproduce.runtime.errors import NotAvailable
from reproduce.runtime.store import Store, key

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


def blobs(classes, each=20):
    """Images around a centre for each class."""
    stream = np.random.default_rng(classes)
    centres = stream.random((classes, 4, 4, 1))
    labels = np.tile(np.arange(classes), each)
    images = centres[labels] + stream.normal(0, 0.02, (len(labels), 4, 4, 1))
    return Examples(images.clip(0, 1).astype(np.float32), labels)


@pytest.mark.parametrize("classes", [2, 3, 12])
@pytest.mark.parametrize(
    "learn",
    [partial(margins.logistic_regression), partial(prototypes.nearest_neighbour, rejects=True)],
    ids=["softmax", "rejecting"],
)
def test_the_article_s_protocol_is_of_as_many_classes_as_the_data(classes, learn):
    train = blobs(classes)
    recipe = partial(classical.fit, learn, train, 0)
    found = protocol.fooling(recipe, direct.encoding(size=4), classes, 1, 0, children=4)
    assert found.log_odds.shape == (1, 2, classes)
    budget = {"walks": 1, "steps": 2, "probes": 10, "groups": (1,)}
    own, last = recipe().labels, train.images[train.labels == classes - 1][:2]
    assert (own(last) == classes - 1).all()
    change = protocol.smallest(
        recipe, last, train, seed=0, search=budget, classes=classes, evaluations=60, compiled=False
    ).change
    answers = own(np.clip(last + 1.001 * (change.images - last), 0, 1))
    assert ((answers < classes - 1) & np.isfinite(change.distance)).all()


def test_a_learner_that_lacks_a_class_and_a_network_that_is_never_right_are_not_run():
    """scikit-learn counts the classes that it has seen, so that later ones would move up."""
    few = blobs(3)
    context = Context(Dataset("mine", "here", "0", few, few, classes=4), {}, 0, None)
    with pytest.raises(NotAvailable, match=r"logistic_regression learns from 54.*of class 3"):
        zoo.learner(context, learn=partial(margins.logistic_regression))
    with pytest.raises(NotAvailable, match="LeNet labels none of 60 test images rightly"):
        zoo.recognised("LeNet", np.eye(3)[(few.labels + 1) % 3], few.labels)


def test_two_digits_that_the_data_lack_are_not_told_apart():
    few = blobs(6)
    context = Context(Dataset("mine", "here", "0", few, few, classes=6), {}, 0, None)
    with pytest.raises(NotAvailable, match=r"no images of class 7\."):
        logistic.logistic(context, network="softmax", images=10)


@pytest.mark.parametrize("lacking", [0, 1, 3])
def test_a_network_has_the_classes_that_its_training_did_not_see(lacking):
    """A label is a place in its answer, and the attacks and evolutions ask for every label."""
    few, classes = blobs(4), 4 + lacking
    context = Context(Dataset("mine", "here", "0", few, few, classes=classes), {}, 0, Store(""))
    recipe = training.Recipe(partial(models.dense, units=[3], activation="relu"), phases=[])
    call = context.training(recipe, few, 7)
    assert call().output_shape == (None, classes)
    assert context.training(recipe, few, 7, classes=4)().output_shape == (None, 4)
    if not lacking:  # and the key of a released network stays
        assert key(call) == key(partial(recipe, examples=few, seed=7))
