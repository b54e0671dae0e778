"""Far from the data: claims 14 and 15."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from reproduce.data.examples import Examples
from reproduce.experiments import Context
from reproduce.experiments.lipton import zoo
from reproduce.experiments.lipton.protocol import to_training
from reproduce.experiments.lipton.rules import inputs as rules
from reproduce.experiments.lipton.zoo import Recipe, Recipes
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact

SHARES = (0.5, 0.9, 0.99)
SAMPLE = 1500  # training images by which the gaps between neighbours are known
REFERENCE = 4000  # training images to which distances are measured
LINEAR = ("softmax regression", "linear SVM")
STEPS = 25
# Under which names Goodfellow et al. 2015 print the same measurement.
THEIRS = {"softmax regression": "softmax", "RBF network": "RBF"}


def noise(context: Context, *, models: Recipes, samples: int) -> Artefact:
    """Share of inputs without any meaning that get a high confidence; nothing is optimised.

    Args:
        samples: of each kind.
    """
    cells = Cells("lipton", "noise")
    theirs = Cells("goodfellow", "rubbish")
    kinds = _kinds(context, samples)
    for name, recipe in zoo.recipes(context, models).items():
        for kind, images in kinds.items():
            logits = zoo.answered(context, recipe, images)
            certainty = zoo.softmax(logits)[:, : context.dataset.classes].max(axis=1)
            for share in SHARES:
                cells.rate(
                    name,
                    rules.noise_column(kind, share),
                    int((certainty > share).sum()),
                    len(certainty),
                )
            if kind == "normal" and name in THEIRS:
                above = certainty > 0.5
                theirs.rate(THEIRS[name], "error", int(above.sum()), len(above), same_images=False)
                if above.any():
                    theirs.mean(THEIRS[name], "mean_confidence", certainty[above], "fraction")
    return Artefact(
        title="Confidence in noise",
        caption=(
            f"{samples} images of each kind: uniform in [0, 1]; normal, N(0, I), not clipped, as "
            "Goodfellow et al. (appendix) have it; shuffled, the pixels of test images in random "
            "order; corners, every pixel 0 or 1. Columns: share of images to which the model "
            "gives some class with more than that confidence. Rows softmax and RBF: beside the "
            "numbers of Goodfellow et al."
        ),
        cells=[*cells.list, *theirs.list],
        claims=[rules.unconstrained_space(cells)],
        figures={"noise": _noise_figure(cells, list(kinds))},
        departures=["Our confidences are calibrated on held-out digits; theirs are as learnt."],
    )


def _kinds(context: Context, samples: int) -> dict[str, np.ndarray]:
    stream = np.random.default_rng([context.seed, 14])
    test = context.dataset.test.images
    shape = (samples, *test.shape[1:])
    some = test[stream.integers(len(test), size=samples)]
    shuffled = stream.permuted(some.reshape(samples, -1), axis=1).reshape(shape)
    drawn = (
        stream.random(shape, dtype=np.float32),
        stream.standard_normal(shape, dtype=np.float32),
        shuffled,
        stream.integers(0, 2, shape).astype(np.float32),
    )
    return dict(zip(rules.NOISES, drawn, strict=True))


def _noise_figure(cells: Cells, kinds: list[str]) -> Figure:
    rows = list(dict.fromkeys(cell.row for cell in cells.list))
    columns = [rules.noise_column(kind, rules.CERTAIN) for kind in kinds]
    values = np.array([[cells.value(row, column) for column in columns] for row in rows])
    figure, axes = figures.sheet(width=4.4, height=3.2)
    figures.heatmap(axes[0, 0], values, rows, kinds, low=0, high=1)
    title = f"share of noise images above a confidence of {rules.CERTAIN:g}"
    axes[0, 0].set_title(title, fontsize=8)
    axes[0, 0].set_xticks(range(len(kinds)), kinds, rotation=0, ha="center")
    return figure


def far(context: Context, *, models: Recipes) -> Artefact:
    """Linear models along their own weights: certain, and far from every image.

    For each class, from mid-grey along the class's weights less their mean over classes, as far
    as the corner of the box in that direction.
    """
    cells = Cells("lipton", "far")
    train = context.dataset.train
    reference = Examples(train.images[:REFERENCE], train.labels[:REFERENCE])
    gaps = _gaps(reference)
    unit = float(np.median(gaps))
    cells.number("training images", "distance_in_gaps", float(gaps.max() / unit), "gaps", len(gaps))
    figure, axes = figures.sheet(1, 2, width=3.2, height=2.6)
    shown = []
    for name, recipe in zoo.recipes(context, models).items():
        if name not in LINEAR:
            continue
        confidence, distance, corners = _along_weights(recipe, reference)
        certain = confidence[:, -1]
        cells.mean(name, "confidence", certain, "fraction")
        cells.mean(name, "distance_in_gaps", distance[:, -1] / unit, "gaps")
        cells.number(name, "least_confidence", float(certain.min()), "fraction", len(certain))
        share = np.linspace(0, 1, STEPS)
        figures.curve(axes[0, 0], share, confidence.mean(axis=0), label=name)
        figures.curve(axes[0, 1], share, distance.mean(axis=0) / unit, label=name)
        shown.append((name, corners))
    axes[0, 1].axhline(gaps.max() / unit, color="0.6", linewidth=0.8)
    axes[0, 0].set(xlabel="way from mid-grey to the corner", ylabel="confidence")
    axes[0, 1].set(
        xlabel="way from mid-grey to the corner",
        ylabel="distance to the nearest image\n(median gaps; grey: the largest gap)",
    )
    figures.legend(axes[0, 0])
    grids = {}
    if shown:
        grids["corners"] = figures.grid(
            np.stack([corners for _, corners in shown]),
            row_labels=[name for name, _ in shown],
            column_labels=[str(digit) for digit in range(context.dataset.classes)],
        )
    return Artefact(
        title="A linear model's certainty far from the data",
        caption=(
            "The corner of the box that lies along each class's weights, mean over classes. "
            f"Distances are to the nearest of {len(reference.labels):,} training images. A gap: "
            f"that of one of {len(gaps):,} from its nearest neighbour (median {unit:.2f})."
        ),
        cells=cells.list,
        claims=[rules.far_and_certain(cells)],
        figures={"far": figure, **grids},
    )


def _gaps(reference: Examples) -> np.ndarray:
    """Distance of some training images from their nearest neighbour, float64 (n,)."""
    flat = reference.images.reshape(len(reference.labels), -1).astype(np.float64)
    some = flat[:SAMPLE]
    squares = (some**2).sum(axis=1)[:, None] + (flat**2).sum(axis=1)[None] - 2 * some @ flat.T
    squares[np.arange(len(some)), np.arange(len(some))] = np.inf
    return np.sqrt(np.maximum(squares.min(axis=1), 0))


def _along_weights(
    recipe: Recipe, reference: Examples
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence and distance, (classes, STEPS), and the corners themselves."""
    model = zoo.made(recipe)
    assert model.linear is not None
    weights, _ = model.linear
    directions = (weights - weights.mean(axis=1, keepdims=True)).T
    corners = (directions > 0).astype(np.float32)
    share = np.linspace(0, 1, STEPS, dtype=np.float32)[None, :, None]
    images = (1 - share) * np.float32(0.5) + share * corners[:, None]
    images = images.reshape(-1, *reference.images.shape[1:])
    classes = np.repeat(np.arange(len(corners)), STEPS)
    confidence = model.probabilities(images)[np.arange(len(images)), classes]
    distance = to_training(images, reference)
    shape = (len(corners), STEPS)
    return (
        confidence.reshape(shape),
        distance.reshape(shape),
        corners.reshape(len(corners), *reference.images.shape[1:]),
    )
