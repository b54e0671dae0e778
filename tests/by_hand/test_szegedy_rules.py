"""Rules of Szegedy et al.'s artefacts on numbers whose outcome can be told beforehand."""

import numpy as np
import pytest

from reproduce.experiments.szegedy import adversarial_training, density, tables_claims, units
from reproduce.experiments.szegedy.halves_claims import across_sets
from reproduce.methods.units.coherence import Coherence


def verdict_on(claims, name):
    (claim,) = [claim for claim in claims if claim.id == name]
    return claim.verdict


@pytest.mark.parametrize("shift", [0.2, -0.2])
def test_units_whose_rows_are_more_or_less_pure_refute(rng, shift):
    """By purity alone; the other measures are the same."""

    def coherence(shift):
        return Coherence(
            purity=np.clip(rng.normal(0.6 + shift, 0.1, 3000), 0, 1),
            entropy=rng.normal(1, 0.3, 3000),
            similarity=rng.normal(0.5, 0.1, 3000),
        )

    layer = {family: coherence(0) for family in units.RIVALS} | {"units": coherence(shift)}
    claims = units.claims({"FC1 hidden1": layer}, coherence(-0.3))
    assert verdict_on(claims, "no distinction in FC1 hidden1") == "refuted"


@pytest.mark.parametrize(("gap", "verdict"), [(0.02, "holds"), (0.1, "refuted")])
def test_half_an_image_of_ten_is_the_margin_of_purity(rng, gap, verdict):
    """A twentieth is as good as nothing; a tenth is a whole image."""

    def coherence(purity):
        return Coherence(*(rng.normal(mean, 0.05, 3000) for mean in (purity, 1.0, 0.5)))

    layer = {family: coherence(0.6) for family in units.RIVALS} | {"units": coherence(0.6 + gap)}
    claims = units.claims({"FC1 hidden1": layer}, coherence(0.1))
    assert verdict_on(claims, "no distinction in FC1 hidden1") == verdict


def test_noise_has_exactly_the_size_of_the_images_change(monkeypatch):
    seen = []

    def logits(network, images):
        seen.append(np.array(images, np.float64))
        return np.eye(2)[np.ones(len(images), int)]  # the second label, whatever it sees

    monkeypatch.setattr(density, "logits", logits)
    images = np.full((3, 2, 2, 1), 0.5, np.float32)
    spreads = np.array([0.01, 0.1, 0.3])
    assert np.sum(density.changed_by_noise(None, images, spreads, draws=50, seed=0)) == 0
    _, *noisy = seen
    for each, spread in zip(noisy, spreads, strict=True):
        assert len(each) == 50
        sizes = np.sqrt(((each - 0.5) ** 2).mean(axis=(1, 2, 3)))
        np.testing.assert_allclose(sizes, spread, rtol=1e-4)
    assert len({each[0].tobytes() for each in noisy}) == 3


@pytest.mark.parametrize(
    ("decay", "dropout", "verdict"),
    [(200, 150, "holds"), (200, 20, "refuted"), (20, 200, "refuted"), (200, 52, "cannot be told")],
)
def test_weight_decay_and_dropout_have_to_be_beaten_both(decay, dropout, verdict):
    images = np.arange(2000)[None]
    wrong = {"weight decay": images < decay, "dropout": images < dropout,
             "input pool": images < 100, "adversarial": images < 50}  # fmt: skip
    needed = {row: np.linspace(1, 2, 9)[None] for row in wrong}
    claims = adversarial_training._claims(wrong, needed)
    assert verdict_on(claims, "adversarial training lowers the test error") == verdict


def test_every_other_network_has_to_be_fooled_more_than_the_autoencoder(rng):
    names = ["FC10(1e-4)", "FC100-100-10", "AE400-10"]

    def rate(share):
        return (rng.permutation(400)[None] < 400 * share).astype(float)

    def verdict(first, second):
        share = dict(zip(names, (first, second, 0.2), strict=True))
        mistaken = {(row, name): rate(share[name]) for row in names for name in names}
        mistaken |= {("noise 0.1", name): rate(0.02) for name in names}
        (claim,) = tables_claims.most_resilient(mistaken, "noise 0.1")
        return claim.verdict

    assert verdict(0.5, 0.5) == "holds"
    assert verdict(0.5, 0.05) == verdict(0.05, 0.5) == "refuted"


def table_4(rng, across, large, loud, same=0.4):
    half = {"A": 0, "B": 0, "C": 1}

    def rate(share):
        return (rng.permutation(300)[None] < 300 * share).astype(float)

    mistaken = {}
    for a in half:
        for b in half:
            mistaken[a, b] = rate(same if half[a] == half[b] else across)
            mistaken[f"{a} amplified", b] = rate(large)
    for b in half:
        mistaken["quiet", b], mistaken["loud", b] = rate(0.02), rate(loud)
    claims = across_sets(
        mistaken, half, ["quiet", "loud"], {name: f"{name} amplified" for name in half}
    )
    return [claim.verdict for claim in claims]


def test_amplified_changes_do_twice_the_harm_of_noise(rng):
    assert table_4(rng, 0.1, large=0.5, loud=0.1)[2] == "holds"
    assert table_4(rng, 0.1, large=0.5, loud=0.4)[2] == "refuted"  # more, and less than twice


def test_a_lower_effect_is_lower_than_between_networks_of_one_half(rng):
    """Other halves alone are set against the same half: with all pairs it would be a draw."""
    assert table_4(rng, 0.1, 0.5, 0.1)[1] == "holds"
    assert table_4(rng, 0.7, 0.5, 0.1)[1] == "refuted"
    assert table_4(rng, 0.3, 0.5, 0.1, same=0.0)[:2] == ["holds", "refuted"]
