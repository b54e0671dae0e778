"""Tables 3 and 4 from data set to cell, on networks that NumPy computes in a line."""

from functools import partial

import keras
import numpy as np
import pytest
from three_pixels import Lift, lifted, small

from reproduce.experiments.szegedy import halves

SPLITS, IMAGES = 3, 12
NAMES = ("FC100-100-10", "FC123-456-10", "FC100-100-10'")
MIX = {"FC100-100-10": 0.05, "FC123-456-10": 0.25, "FC100-100-10'": 0.15}
trained = []


def weights(name, seed, images):
    """Each class's own pixel and a part of the next; what they are trained on tips the third."""
    tip = 4 * (float(images.mean()) - 0.4) + 0.01 * (seed % 7)
    return np.eye(3) + MIX[name] * np.roll(np.eye(3), 1, axis=1), np.array([0, 0, tip])


def network(examples, seed, name):
    trained.append((name, seed, examples.images))
    images = keras.Input((1, 3, 1))
    model = keras.Model(images, keras.layers.Dense(3)(keras.layers.Flatten()(images)))
    model.set_weights(weights(name, seed, examples.images))
    return model


@pytest.fixture
def pixels(tmp_path):
    trained.clear()
    return small(tmp_path, names=())


def options():
    return {
        "networks": {name: partial(network, name=name) for name in NAMES},
        "splits": SPLITS, "images": IMAGES, "attack": Lift(),
    }  # fmt: skip


class Split:
    """One way to halve, and what comes of it."""

    def __init__(self, context, made, asked):
        self.made = {name: (seed, images) for name, seed, images in made}
        self.images = asked[0][1]
        test = context.dataset.test
        same = (self.images[:, None] == test.images[None]).all(axis=(2, 3, 4))
        assert (same.sum(axis=1) == 1).all()  # test images
        assert len(set(same.argmax(axis=1).tolist())) == len(self.images)
        self.labels = test.labels[same.argmax(axis=1)]
        self.clean, self.changed = {}, {}
        for name, (lead, images, wanted) in zip(NAMES, asked, strict=True):
            np.testing.assert_array_equal(images, self.images)
            changed = lifted(images, wanted, lead)
            kept = np.isfinite(changed).all(axis=(1, 2, 3))
            kept[kept] = self.says(name, changed[kept]) == wanted[kept]
            self.clean[name] = self.images[kept], self.labels[kept]
            self.changed[name] = changed[kept]

    def says(self, name, images):
        w, b = weights(name, *self.made[name])
        return (images.reshape(-1, 3) @ w + b).argmax(axis=1)

    def error(self, name, images, labels):
        return (self.says(name, images) != labels).mean()

    def rms(self, name):
        return spread(self.changed[name] - self.clean[name][0])


def spread(change):
    return np.sqrt(np.mean(change.astype(float) ** 2))


def splits_of(context):
    return [
        Split(context, trained[3 * i : 3 * i + 3], Lift.asked[3 * i : 3 * i + 3])
        for i in range(SPLITS)
    ]


def values(artefact):
    return {(cell.row, cell.column): cell.value for cell in artefact.cells}


def test_two_networks_learn_from_one_half_and_the_third_from_the_other(pixels):
    halves.table3(pixels.context, **options())
    images = pixels.context.dataset.train.images
    seeds = pixels.context.seeds(SPLITS)
    for number, split in enumerate(splits_of(pixels.context)):
        (one, p1), (two, again), (three, p2) = (split.made[name] for name in NAMES)
        np.testing.assert_array_equal(p1, again)
        rows = pixels.rows(np.concatenate([p1, p2]))
        assert sorted(rows) == list(range(len(images)))
        assert (one, two) == (seeds[number], seeds[number])
        assert three != one  # the two of one architecture do not start alike
        if number == 0:
            np.testing.assert_array_equal(p1, images[:20])
        else:
            assert sorted(rows[:20]) != list(range(20))


def test_table_3_from_images_to_cells(pixels):
    made = values(halves.table3(pixels.context, **options()))
    train, test = pixels.context.dataset.train, pixels.context.dataset.test
    splits = splits_of(pixels.context)
    np.testing.assert_array_equal(splits[0].images, splits[1].images)
    for name in NAMES:
        for column, of in (("error_P1", NAMES[0]), ("error_P2", NAMES[2])):
            shares = []
            for split in splits:
                images = split.made[of][1]
                shares.append(split.error(name, images, train.labels[pixels.rows(images)]))
            assert made[name, column] == pytest.approx(np.mean(shares), abs=1e-9)
        shares = [split.error(name, test.images, test.labels) for split in splits]
        assert made[name, "test_error"] == pytest.approx(np.mean(shares), abs=1e-9)
        distortion = np.mean([split.rms(name) for split in splits])
        assert made[name, "distortion"] == pytest.approx(distortion, rel=1e-6)
    assert any(made[name, "error_P1"] != made[name, "error_P2"] for name in NAMES)


def test_table_4_from_images_to_cells(pixels, monkeypatch):
    asked = []

    def darker(images, deviation, *, seed=0, clip=False):
        asked.append((images.shape, deviation, seed, clip))
        return (images - 4 * deviation * (images == images.max(axis=2, keepdims=True))).astype(
            np.float32
        )

    monkeypatch.setattr(halves.transfer, "gaussian_noise", darker)
    context = pixels.context
    made = values(halves.table4(context, **options()))
    test, splits = context.dataset.test, splits_of(context)
    for row in NAMES:
        larger, clipped = [], []
        for split in splits:
            clean, _ = split.clean[row]
            change = split.changed[row] - clean
            larger.append(clean + 0.1 / spread(change) * change)  # one factor for the whole set
            clipped.append(np.clip(larger[-1], 0, 1))
        rows = {
            row: [split.changed[row] for split in splits],
            f"{row} amplified": larger,
            f"{row} amplified, clipped": clipped,
        }
        for name, sets in rows.items():
            for column in NAMES:
                shares = [
                    split.error(column, images, split.clean[row][1])
                    for split, images in zip(splits, sets, strict=True)
                ]
                assert made[name, column] == pytest.approx(np.mean(shares), abs=1e-9), (
                    name,
                    column,
                )
        assert made[f"{row} amplified", "distortion"] == pytest.approx(0.1, rel=1e-5)
    seeds = context.seeds(SPLITS)
    assert asked == [
        (test.images.shape, deviation, seed, False) for deviation in (0.06, 0.1) for seed in seeds
    ]
    for row, deviation in (("noise 0.06", 0.06), ("noise 0.1", 0.1)):
        noisy = darker(test.images, deviation)
        for column in NAMES:
            shares = [split.error(column, noisy, test.labels) for split in splits]
            assert made[row, column] == pytest.approx(np.mean(shares), abs=1e-9)
        assert made[row, "distortion"] == pytest.approx(deviation)
