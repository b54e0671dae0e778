"""The parts of the article's experiment: bands of clean errors, searches, the claims page."""

from functools import partial

import keras
import numpy as np
import pytest

from reproduce.data import Dataset, Examples, read_only
from reproduce.experiments import Context
from reproduce.experiments.lipton import claims, models, overview, protocol, zoo
from reproduce.methods.attacks import fgsm
from reproduce.methods.attacks.minimal.hop_skip_jump import nearest_others
from reproduce.networks import models as networks
from reproduce.report.results import Strength
from reproduce.runtime.errors import NotAvailable
from reproduce.runtime.store import Store
from reproduce.training import adversarial, logits


def test_bands_of_clean_errors_widen_from_the_full_set_to_the_small_one():
    for name, (low, high, small_low, small_high) in zoo.KNOWN.items():
        assert zoo.known_band(name, 60_000) == pytest.approx((low, high))
        assert zoo.known_band(name, 4_000) == pytest.approx((small_low, small_high))
        middle = zoo.known_band(name, 15_000)
        assert low <= middle[0] <= small_low
        assert high <= middle[1] <= small_high


def test_a_search_starts_from_another_label_and_never_from_none(rng):
    pool = rng.random((30, 2, 2, 1)).astype(np.float32)
    answers = np.array([0, 1, -1] * 10)
    starts = nearest_others(lambda some: answers, pool[:6], answers[:6].clip(0), pool)
    for start, label in zip(starts, answers[:6].clip(0), strict=True):
        found = answers[np.flatnonzero((pool == start).all(axis=(1, 2, 3)))[0]]
        assert found not in (label, -1)


def test_separation_is_the_distance_to_the_nearest_other_class(rng):
    train = Examples(rng.random((40, 2, 2, 1)).astype(np.float32), np.arange(40) % 3)
    images, labels = rng.random((5, 2, 2, 1)).astype(np.float32), np.array([0, 1, 2, 0, 1])
    found = protocol.class_separation(images, labels, train)
    for image, label, distance in zip(images, labels, found, strict=True):
        others = train.images[train.labels != label]
        assert distance == pytest.approx(np.sqrt(((others - image) ** 2).sum((1, 2, 3)).min()))


def test_adversarial_training_withstands_what_ordinary_training_does_not(mnist_5k):
    """On two digits, Goodfellow et al.'s 3 against 7."""
    chosen = np.isin(mnist_5k.train.labels, (3, 7))
    images = mnist_5k.train.images[chosen]
    examples = Examples(images, (mnist_5k.train.labels[chosen] == 7).astype(np.int64))
    errors = []
    for alpha in (1.0, 0.5):
        network = networks.dense((28, 28, 1), [40], 2, seed=0, activation="relu")
        adversarial.adversarial(
            network, examples, np.random.default_rng(0), epochs=8, batch=40,
            rate=lambda done: 0.1 + 0 * done, epsilon=0.1, alpha=alpha,
        )  # fmt: skip
        changed = fgsm.fast(network, examples.images, examples.labels, epsilon=0.1)
        errors.append((logits(network, changed).argmax(axis=1) != examples.labels).mean())
    assert errors[1] < 0.5 * errors[0]


def test_the_claims_page_names_verdict_and_table():
    strength = Strength(2, 40, "half")
    spam = claims.claim("21", "refuted", "all got past.", strength)._replace(artefact="text_filter")
    words = claims.claim("17b", "holds", "the same.", strength)._replace(artefact="topics")
    found = overview.claims(Context(None, {}, 0, None, claims=(spam, words)))
    lines = [note for note in found.notes if note.startswith("21.")]
    assert len(lines) == 1
    assert "Refuted: all got past. (table text_filter)" in lines[0]
    assert any("Check, holds: the same. (table topics)" in note for note in found.notes)
    assert "6. " + claims.SENTENCES["6"] + " — Not run." in found.notes
    assert sum(note.startswith("Correction:") for note in found.notes) == len(claims.CORRECTIONS)
    assert {cell.row: cell.value for cell in found.cells} == {
        "holds": 0, "holds with exceptions": 0, "refuted": 2, "cannot be told": 2,
    }  # fmt: skip
    assert list(found.figures) == ["claims"]


def test_the_claims_page_of_no_tables_is_not_made():
    with pytest.raises(NotAvailable, match="has none of them"):
        overview.claims(Context(None, {}, 0, None))


@pytest.mark.parametrize(
    ("before", "linear"),
    [
        ([], True),
        ([keras.layers.Rescaling(2.0, offset=-1.0)], True),
        ([keras.layers.AveragePooling2D(2)], True),
        ([keras.layers.MaxPooling2D(2)], False),
        ([keras.layers.ReLU(threshold=0.5)], False),
    ],
)
def test_a_network_is_linear_if_its_answers_are(tmp_path, rng, before, linear):
    """A change is called proven by the weights and bias that are found here."""
    network = keras.Sequential(
        [keras.Input((6, 6, 1)), *before, keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    images = rng.random((60, 6, 6, 1)).astype(np.float32)
    examples = read_only(images, np.arange(60) % 3)
    dataset = Dataset("tiny", "here", "0", examples, examples, 3)
    context = Context(dataset, {"given": lambda: network}, 0, Store(tmp_path))
    model = zoo.network(context, name="given")()
    assert (model.linear is not None) == linear
    if linear:
        weights, bias = model.linear
        answers = images.reshape(60, -1) @ weights + bias
        np.testing.assert_allclose(answers, model.logits(images), atol=1e-4)


def test_what_a_loaded_network_has_learnt_from_is_not_known(tmp_path, rng):
    def network(examples=None, seed=0):
        start = keras.initializers.GlorotUniform(seed)
        dense = keras.layers.Dense(3, kernel_initializer=start)
        return keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), dense])

    examples = read_only(rng.random((60, 6, 6, 1)).astype(np.float32), np.arange(60) % 3)
    dataset = Dataset("tiny mnist", "here", "0", examples, examples, 3)
    given = network()
    context = Context(
        dataset, {"trained": partial(network), "loaded": lambda: given}, 0, Store(tmp_path)
    )
    names = {"softmax regression": "loaded", "linear SVM": "trained"}
    table = models.models(
        context, models={row: partial(zoo.network, name=name) for row, name in names.items()},
        images=30, generations=1, evaluations=5, compiled=False,
        search={"walks": 1, "steps": 1, "probes": 4, "groups": (4, 1)},
    )  # fmt: skip
    learnt = {cell.row: cell.value for cell in table.cells if cell.column == "learnt_from"}
    assert learnt == {"softmax regression": None, "linear SVM": 54}
    odd = [note for note in table.notes if "the field knows" in note]
    assert len(odd) == 1, "the band depends on how many it has learnt from"
    assert odd[0].startswith("linear SVM")
