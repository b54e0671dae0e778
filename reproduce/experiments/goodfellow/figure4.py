"""Section 8 and Figure 4: the logits of one image along the gradient's sign."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from reproduce.data.examples import Examples
from reproduce.experiments import Context
from reproduce.experiments.goodfellow.models import Subject, trained
from reproduce.methods.attacks import fgsm
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.comparisons import majority, refuting
from reproduce.report.results import Artefact, Claim, Strength, answer

RANGE = 15.0  # epsilon runs from -15 to 15, as in the figure
STEPS = 121
LABEL = 4  # the figure's digit; of data without it the first image's


def figure4(context: Context, *, network: str, images: int) -> Artefact:
    """The ten logits as epsilon runs from -15 to 15, and how long a wrong class lasts.

    Args:
        network: the maxout network; images: test images, each with its own direction.
    """
    cells = Cells("goodfellow", "figure4")
    subject = trained(context, network)
    test = context.dataset.test
    epsilons = np.linspace(-RANGE, RANGE, STEPS).astype(np.float32)
    sample = Examples(test.images[:images], test.labels[:images])
    answers = _along(subject, sample, epsilons)
    lasting, deviation = _lasting(answers, sample.labels, epsilons), _bend(answers, epsilons)
    cells.rate("maxout", "wrong class lasts", int(lasting.sum()), len(lasting))
    cells.mean("maxout", "variance that a line leaves", deviation, "fraction")
    which = int(np.argmax(test.labels == LABEL))
    one = Examples(test.images[which : which + 1], test.labels[which : which + 1])
    curves = _along(subject, one, epsilons)[0]
    return Artefact(
        title="Figure 4: along the gradient's sign",
        caption=(
            f"Figure: the logits for one test image of a {one.labels[0]}. Table: {len(lasting):,} "
            "test images. wrong class lasts: of the images misclassified for some positive "
            "epsilon, those misclassified from the first such epsilon up to 15; variance that a "
            "line leaves: of each image's logits for epsilon from 1 to 15, the mean share of "
            "variance not explained by a straight line."
        ),
        cells=cells.list,
        claims=[_wide(lasting)],
        figures={"figure4": _plot(curves, epsilons)},
    )


def _along(subject: Subject, sample: Examples, epsilons: np.ndarray) -> np.ndarray:
    """Logits, float32 (images, epsilons, classes)."""
    step = fgsm.fast(subject.classify, sample.images, sample.labels, epsilon=1.0) - sample.images
    parts = [
        subject.logits(image + epsilons[:, None, None, None] * direction)
        for image, direction in zip(sample.images, step, strict=True)
    ]
    return np.stack(parts)


def _lasting(answers: np.ndarray, labels: np.ndarray, epsilons: np.ndarray) -> np.ndarray:
    """bool: of the images that are ever misclassified, whether they are so to the end."""
    wrong = answers[:, epsilons >= 0].argmax(axis=2) != labels[:, None]
    fooled = wrong[wrong.any(axis=1)]
    first = fooled.argmax(axis=1)
    return np.array([row[start:].all() for row, start in zip(fooled, first, strict=True)], bool)


def _bend(answers: np.ndarray, epsilons: np.ndarray) -> np.ndarray:
    """float64 (images,): the share of the logits' variance that straight lines leave."""
    some = epsilons >= 1
    x = epsilons[some] - epsilons[some].mean()
    y = answers[:, some].astype(np.float64)
    y = y - y.mean(axis=1, keepdims=True)
    slope = np.einsum("e,iec->ic", x, y) / (x**2).sum()
    left = ((y - x[None, :, None] * slope[:, None]) ** 2).sum(axis=(1, 2))
    return left / (y**2).sum(axis=(1, 2))


def _wide(lasting: np.ndarray) -> Claim:
    """More or less than half of the images, by a binomial test, 5 % each way."""
    n, lasts = len(lasting), int(lasting.sum())
    return Claim(
        id="wrong classes last",
        sentence="Wrong classifications are stable across a wide region of epsilon values.",
        verdict=answer(majority(lasts, n)),
        evidence=f"{lasts} of {n} images, once misclassified, stay so up to {RANGE:g}; more than "
        "half is our reading of the sentence.",
        strength=Strength(1, n, refuting(n)),
    )


def _plot(curves: np.ndarray, epsilons: np.ndarray) -> Figure:
    figure, axes = figures.sheet(width=4.2, height=2.8)
    ax = axes[0, 0]
    count = len(figures.COLOURS)
    for label in range(curves.shape[1]):
        style = figures.DASHES[(label // count + label) % len(figures.DASHES)]
        ax.plot(epsilons, curves[:, label], color=figures.COLOURS[label % count], linestyle=style,
                label=str(label))  # fmt: skip
    ax.set_xlabel("epsilon (pixels in [0, 1])")
    ax.set_ylabel("logit")
    ax.legend(title="class", ncols=1, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
