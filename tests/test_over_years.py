"""A network's row in the sweep over networks says what the papers' own artefacts say of it."""

from functools import partial

import keras
import numpy as np
import pytest
from test_szegedy_imagenet import colours, context, half_of, mixed  # noqa: F401

from reproduce.experiments import over_years
from reproduce.experiments.nguyen.imagenet.ascent_all import ascent_all
from reproduce.experiments.nguyen.imagenet.figures6_7 import figure7
from reproduce.experiments.nguyen.imagenet.runs import Search
from reproduce.experiments.over_years import YEARS, how_easily_fooled
from reproduce.experiments.szegedy.imagenet.figure5 import figure5
from reproduce.methods.evolution import cppn
from reproduce.runtime.errors import NotAvailable

SEARCH = Search(partial(cppn.encoding, preset="code"), runs=2, generations=3, children=10,
                initial=10)  # fmt: skip
ATTACKS = {
    "images": 6, "random_images": 3, "attack": partial(mixed), "tight": partial(half_of, mixed),
    "tight_images": 2,
}  # fmt: skip


def values(artefact):
    return {(cell.row, cell.column): cell.value for cell in artefact.cells}


def not_at_hand(wanted):
    raise NotAvailable("nowhere")


@pytest.fixture
def row(context, monkeypatch):  # noqa: F811
    monkeypatch.setattr(over_years, "find", not_at_hand)
    made = how_easily_fooled(context, **ATTACKS, classes=3, search=SEARCH)
    assert {row for row, _ in values(made)} == {"colours"}
    return made


def test_every_measure_is_that_of_its_artefact(context, row):  # noqa: F811
    ours = {column: value for (_, column), value in values(row).items()}
    theirs = values(figure5(context, **ATTACKS))
    for column, target in (("ostrich", "ostrich"), ("random", "random target")):
        assert ours[column] == theirs[target, "distortion"]
        assert ours[f"{column}, tight"] == theirs[target, "tight"]
    climbed = values(ascent_all(context, classes=3))
    assert ours["ascent: median confidence"] == climbed["colours", "median_confidence"]
    evolved = values(figure7(context, searches={"CPPN": SEARCH}))
    assert ours["evolved: median confidence"] == evolved["CPPN", "median_confidence, so far"]


def test_errors_size_and_what_is_not_at_hand(row):
    ours = {column: value for (_, column), value in values(row).items()}
    assert ours["top-1 error"] == 6 / 60  # every tenth label is wrong
    assert ours["parameters"] == colours().count_params()
    assert ours["year"] is None  # of a network that is in no paper
    assert ours["authors' images: fooled"] is None
    assert row.notes == ["The authors' images: not run. nowhere"]


def test_years_are_of_networks_that_keras_has():
    known = {name for name in dir(keras.applications) if name[0].isupper()}
    assert YEARS.keys() - known == {"AlexNet", "SqueezeNet", "Tiny Darknet"}
    assert known - YEARS.keys() == set()
    assert list(YEARS.values()) == sorted(YEARS.values())
    assert np.ptp(list(YEARS.values())) == 10
