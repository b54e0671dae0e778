"""Tables 1 and 2 and Figure 7 from data set to cell, on networks that NumPy computes in a line."""

import numpy as np
import pytest
from three_pixels import BY, Lift, answers, lifted, offset, small

from reproduce.experiments.szegedy import figure7, tables
from reproduce.runtime.errors import UserError

SEEDS, IMAGES = 3, 15
LINEAR, OTHER = "FC10(1e-4)", "FC200-200-10"
NAMES = (LINEAR, OTHER)
SHARP = 0.2


@pytest.fixture
def pixels(tmp_path):
    return small(tmp_path)


@pytest.fixture
def noise(monkeypatch):
    """Noise that can be foretold: the deviation on every pixel. What it was asked is noted."""
    asked = []

    def known(images, deviation, *, seed=0, clip=False):
        asked.append((images.copy(), deviation, seed, clip))
        return made_noisy(images, deviation)

    monkeypatch.setattr(tables.transfer, "gaussian_noise", known)
    return asked


def made_noisy(images, deviation):
    """Up where a pixel is dark, down where it is bright; every second image the other way."""
    sign = (
        np.where(images < 0.5, 1, -1)
        * np.where(np.arange(len(images)) % 2, 1, -1)[:, None, None, None]
    )
    return (images + deviation * sign).astype(np.float32)


class Run:
    """What one seed's run must have come to: for each network its adversarial images."""

    def __init__(self, small, seed, asked):
        self.seed, (self.images, _) = seed, asked[0][1:]
        self.labels = small.context.dataset.train.labels[small.rows(self.images)]
        self.wanted = {name: call[2] for name, call in zip(NAMES, asked, strict=True)}
        for call in asked:
            np.testing.assert_array_equal(call[1], self.images)  # the same for every network
        self.changed, self.kept, self.rms = {}, {}, {}
        for name in NAMES:
            made = lifted(self.images, self.wanted[name], asked[0][0])
            kept = np.isfinite(made).all(axis=(1, 2, 3))
            kept[kept] = answers(name, seed, made[kept]) == self.wanted[name][kept]
            rms = np.sqrt(((made - self.images).reshape(-1, 3).astype(float) ** 2).mean(axis=1))
            self.changed[name], self.kept[name], self.rms[name] = made, kept, rms[kept]

    def wrong(self, row, column):
        """How many of the row's images the column's network gets wrong, and of how many."""
        kept = self.kept[row]
        said = answers(column, self.seed, self.changed[row][kept])
        return int((said != self.labels[kept]).sum()), int(kept.sum())


def in_order(asked, count):
    return [asked[2 * run : 2 * run + 2] for run in range(count)]


def pooled(rms):
    return np.sqrt(np.mean(np.square(rms)))


def check_sample(run, small):
    rows = small.rows(run.images)
    assert len(set(rows.tolist())) == IMAGES  # without replacement
    for name in NAMES:
        said = answers(name, run.seed, run.images)
        assert (run.wanted[name] != run.labels).all()
        assert (run.wanted[name] != said).all()


def exact(image, target, seed):
    """The nearest image of the linear network: of the pixels, raised by their offsets, the target
    and the answer meet halfway, or all three where the third is above that."""
    z = image.ravel().astype(float) + offset(seed)
    answer = z.argmax()
    (third,) = {0, 1, 2} - {answer, target}
    middle = (z[answer] + z[target]) / 2
    meet = [answer, target] if z[third] <= middle else [0, 1, 2]
    return np.sqrt(((z[meet] - z[meet].mean()) ** 2).sum() / 3)


def test_table_1_from_images_to_cells(pixels):
    context = pixels.context
    made = tables.table1(context, images=IMAGES, seeds=SEEDS, attack=Lift(), tight=Lift(SHARP))
    seeds = context.seeds(SEEDS)
    asked = in_order(Lift.asked, 2 * SEEDS)
    assert [call[0] for call in Lift.asked] == [BY] * 2 * SEEDS + [SHARP] * 2 * SEEDS
    runs, sharp = (
        [Run(pixels, seed, each) for seed, each in zip(seeds, some, strict=True)]
        for some in (asked[:SEEDS], asked[SEEDS:])
    )
    for run, again in zip(runs, sharp, strict=True):
        np.testing.assert_array_equal(run.images, again.images)
    for run in runs:
        check_sample(run, pixels)
    drawn = {tuple(pixels.rows(run.images)) for run in runs}
    assert len(drawn) == SEEDS  # each seed attacks other images
    value = {(cell.row, cell.column): cell.value for cell in made.cells}
    for name in NAMES:
        for column, part in (("train_error", "train"), ("test_error", "test")):
            images, labels = getattr(context.dataset, part)
            errors = [(answers(name, seed, images) != labels).mean() for seed in seeds]
            assert len(set(errors)) > 1 or name == OTHER
            assert value[name, column] == pytest.approx(np.mean(errors), abs=1e-9)
        over_runs = {
            "distortion": [pooled(run.rms[name]) for run in runs],
            "mean of images": [run.rms[name].mean() for run in runs],
            "tight": [pooled(run.rms[name]) for run in sharp],
        }
        for column, each in over_runs.items():
            assert value[name, column] == pytest.approx(np.mean(each), rel=1e-6), column
    optimum = [
        pooled(
            [exact(*pair, run.seed) for pair in zip(run.images, run.wanted[LINEAR], strict=True)]
        )
        for run in runs
    ]
    assert value[LINEAR, "exact"] == pytest.approx(np.mean(optimum), rel=1e-5)
    assert value[OTHER, "exact"] is None  # not linear
    lost = sum(int((~run.kept[name]).sum()) for run in runs for name in NAMES)
    total = SEEDS * 2 * IMAGES
    assert lost
    assert made.claims[0].verdict == "refuted"
    assert f"{total - lost} of {total}" in made.claims[0].evidence


def test_one_run_of_table_1_is_over_its_images(pixels):
    made = tables.table1(pixels.context, images=IMAGES, seeds=1, attack=Lift(), tight=Lift(SHARP))
    run = Run(pixels, pixels.context.seed, Lift.asked[:2])
    cells = {(cell.row, cell.column): cell for cell in made.cells}
    for name in NAMES:
        mean, whole = cells[name, "mean of images"], cells[name, "distortion"]
        assert mean.value == pytest.approx(run.rms[name].mean(), rel=1e-6)
        assert whole.value == pytest.approx(pooled(run.rms[name]), rel=1e-6)
        assert mean.n == whole.n == run.kept[name].sum()


def test_table_2_from_images_to_cells(pixels, noise):
    context = pixels.context
    made = tables.table2(context, images=IMAGES, seeds=SEEDS, attack=Lift())
    seeds = context.seeds(SEEDS)
    asked = in_order(Lift.asked, SEEDS)
    runs = [Run(pixels, seed, each) for seed, each in zip(seeds, asked, strict=True)]
    value = {(cell.row, cell.column): cell.value for cell in made.cells}
    for row in NAMES:
        for column in NAMES:
            shares = [np.divide(*run.wrong(row, column)) for run in runs]
            assert value[row, column] == pytest.approx(np.mean(shares), abs=1e-9), (row, column)
        assert value[row, row] == 1
        distortion = np.mean([pooled(run.rms[row]) for run in runs])
        assert value[row, "distortion"] == pytest.approx(distortion, rel=1e-6)
    assert value[LINEAR, OTHER] != value[OTHER, LINEAR]
    assert all(run.kept[LINEAR].sum() < IMAGES for run in runs)  # failures are left out
    assert [call[1:] for call in noise] == [
        (deviation, seed, False) for seed in seeds for deviation in (0.1, 0.3)
    ]
    for number, deviation in enumerate((0.1, 0.3)):
        row = f"noise {deviation:g}"
        for name in NAMES:
            shares = []
            for run, call in zip(runs, noise[number::2], strict=True):
                np.testing.assert_array_equal(call[0], run.images)  # the same images as attacked
                said = answers(name, run.seed, made_noisy(run.images, deviation))
                shares.append((said != run.labels).mean())
            assert value[row, name] == pytest.approx(np.mean(shares), abs=1e-9)
        assert value[row, "distortion"] == pytest.approx(deviation, rel=1e-5)  # nothing is clipped
    assert value["noise 0.3", LINEAR] > value["noise 0.1", LINEAR]


def test_seeds_differ_in_targets_too(pixels):
    """Of the images that two seeds share, some are sent to other labels."""
    tables.table1(pixels.context, images=40, seeds=3, attack=Lift(), tight=Lift(SHARP))
    wanted = []
    for asked in in_order(Lift.asked, 3):
        order = np.argsort(pixels.rows(asked[0][1]))
        wanted.append(asked[0][2][order])
    labels = pixels.context.dataset.train.labels
    assert not np.array_equal(wanted[0], wanted[1])
    free = np.arange(40) < 36  # right answers, two labels to choose from
    first = np.mean([(each[free] - labels[free]) % 3 == 1 for each in wanted])
    assert 0.3 < first < 0.7  # either, as a coin would have it
    dull = pixels.context.dataset.train.images.reshape(-1, 3).argmin(axis=1)
    assert 0.25 < np.mean([(each == dull)[free] for each in wanted]) < 0.75  # not the nearest


def test_of_the_same_images_two_seeds_want_other_labels(pixels):
    """The rule that takes the first images: half of those with two labels to choose from."""
    tables.table2(pixels.context, images=30, seeds=3, attack=Lift(), rule="first")
    seeds = pixels.context.seeds(3)
    images, labels = (each[:30] for each in pixels.context.dataset.train)
    right = np.all([answers(LINEAR, seed, images) == labels for seed in seeds], axis=0)
    assert right.sum() > 15
    wanted = [asked[0][2][right] for asked in in_order(Lift.asked, 3)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert 0.1 < (wanted[one] != wanted[other]).mean() < 0.9


def test_the_first_images_are_attacked_where_the_rule_says_so(pixels):
    rule = {"attack": Lift(), "rule": "first"}
    made = tables.table2(pixels.context, images=4, seeds=1, **rule)
    assert pixels.rows(Lift.asked[0][1]).tolist() == [0, 1, 2, 3]
    assert "The first images are attacked, not a random sample." in made.departures
    with pytest.raises(UserError, match="random or first, got 'last'"):
        tables.table2(pixels.context, images=4, seeds=1, attack=Lift(), rule="last")


def test_figure_7_from_images_to_cells(pixels, noise):
    context = pixels.context
    made = figure7.figure7(context, images=IMAGES, attack=Lift())
    run = Run(pixels, context.seed, Lift.asked)
    check_sample(run, pixels)
    ((images, *rest),) = noise
    np.testing.assert_array_equal(images, run.images)
    assert rest == [1.0, context.seed, False]
    value = {(cell.row, cell.column): cell.value for cell in made.cells}
    for name in NAMES:
        wrong, n = run.wrong(name, name)
        assert value[name, "accuracy"] == (n - wrong) / n == 0  # adversarial for this very network
        assert value[name, "stddev"] == pytest.approx(pooled(run.rms[name]), rel=1e-6)
        said = answers(name, context.seed, made_noisy(run.images, 1.0))
        right = (said == run.labels).mean()
        assert value[name, "accuracy on noise"] == pytest.approx(right)
        assert 0 < right < 1
    titles = [ax.get_title().split("\n")[0] for ax in made.figures["figure7"].axes]
    assert titles == [
        f"(a) adversarial for {LINEAR}", f"(b) adversarial for {OTHER}", "(c) Gaussian noise",
    ]  # fmt: skip
    drawn = np.asarray(made.figures["figure7"].axes[0].images[0].get_array())
    assert drawn.size
