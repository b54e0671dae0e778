"""Transfer against the length of the training: the networks, and which rate stands where."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from reproduce import training
from reproduce.data import Examples
from reproduce.experiments.szegedy import training_length
from reproduce.experiments.szegedy.training_length import NETWORKS
from reproduce.networks import models
from reproduce.runtime.errors import NotAvailable
from reproduce.training import limited_memory

RECIPE = training.Recipe(
    partial(models.dense, units=[6, 5]),
    phases=[partial(training.lbfgs, iterations=999, decay=1e-4)],
)


@pytest.fixture
def examples(rng):
    return Examples(rng.random((200, 4, 4, 1), np.float32), rng.integers(0, 3, 200))


@pytest.mark.parametrize("lengths", [[3, 8], [50, 60]])
def test_one_training_on_its_way_is_several_trainings(examples, lengths, tmp_path):
    stopped = training_length.at_lengths(
        RECIPE, lengths=lengths, examples=examples, seed=1, checkpoints=tmp_path
    )
    for length, network in zip(lengths, stopped, strict=True):
        phase = partial(training.lbfgs, iterations=length, decay=1e-4)
        alone = replace(RECIPE, phases=[phase])(examples=examples, seed=1)
        for one, other in zip(network.get_weights(), alone.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("stop", [30, 90, 160, 199])
def test_a_training_stopped_within_any_length_goes_on_to_the_same_networks(
    examples, tmp_path, monkeypatch, stop
):
    """A checkpoint beyond a length is not that length's network."""
    asked = {"lengths": [50, 100, 200], "examples": examples, "seed": 1}
    iterate, steps = limited_memory.iterate, []

    def counted(*given):
        steps.append(1)
        if len(steps) == stop:
            raise KeyboardInterrupt
        return iterate(*given)

    whole = training_length.at_lengths(RECIPE, **asked)
    monkeypatch.setattr(limited_memory, "iterate", counted)
    with pytest.raises(KeyboardInterrupt):
        training_length.at_lengths(RECIPE, **asked, checkpoints=tmp_path)
    again = training_length.at_lengths(RECIPE, **asked, checkpoints=tmp_path)
    assert len(steps) < 200 + 51  # each length goes on from the one before
    for network, other in zip(again, whole, strict=True):
        for one, two in zip(network.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)


def test_a_recipe_that_is_not_lbfgs_alone_is_refused(examples):
    other = replace(RECIPE, phases=[partial(training.softmax, decay=1e-4)])
    with pytest.raises(NotAvailable, match="L-BFGS alone"):
        training_length.at_lengths(other, lengths=[3], examples=examples, seed=1)


def test_every_rate_stands_where_its_network_and_length_say():
    """Made for the narrow one after 100, fed to the wide one after 200: 12 %, and so on."""
    lengths = [100, 200]
    narrow, wide = NETWORKS
    rates = {
        ((a, m), (b, n)): np.array([(m / 100 * (10 if a == narrow else 30) + n / 100) / 100])
        for a in NETWORKS for m in lengths for b in NETWORKS for n in lengths
    }  # fmt: skip
    left, right = training_length.draw_rates(rates, lengths).axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), [11, 12])  # made for 100
    np.testing.assert_allclose(left.lines[1].get_ydata(), [21, 22])
    np.testing.assert_allclose(right.lines[1].get_ydata(), [61, 62])
    assert left.lines[2].get_ydata()[0] == pytest.approx(26.2)
    assert right.lines[2].get_ydata()[0] == pytest.approx(6.25)
    assert left.get_title() == f"{narrow} to {wide}"
    there, _ = training_length._notes(rates, lengths)
    assert "11.0 to 22.0 % over all pairs of lengths, published 26.2 %" in there
    assert "made for: 11.5 % after 100 iterations, 21.5 % after 200" in there
    assert "fooled: 16.0 % after 100 iterations, 17.0 % after 200" in there
