"""Section 3.8: gradient ascent, the authors' four settings and a quicker rule, on LeNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from reproduce.experiments import Context
from reproduce.experiments.nguyen import drawing
from reproduce.experiments.nguyen.runs import CHILDREN, NETWORK
from reproduce.methods.ascent import RULES, THRESHOLDS, Ascent, ascend
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.scoring import scorer
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.comparisons import all_of, lower_in_pairs, median_above
from reproduce.report.figures import png
from reproduce.report.intervals import to_scale
from reproduce.report.results import Artefact, Claim, Strength, answer
from reproduce.runtime.store import Piece

FEWEST_STEPS = 20
SLIGHTLY = 0.1  # of confidence; ours


def ascent(
    context: Context, *, rules: Sequence[str], starts: int, steps_share: float = 1.0
) -> Artefact:
    """Images of every class climbed to under each rule.

    Args:
        rules: by name; the first is the one without regularisation.
        starts: noise images for each class.
        steps_share: of each rule's own steps, for a quick look.
    """
    classes = context.dataset.classes
    targets = np.repeat(np.arange(classes), starts).tolist()
    mean = context.dataset.train.images.mean(axis=0)
    mean.flags.writeable = False
    network = context.network(NETWORK)
    climbs = [
        Piece(
            partial(
                ascend,
                network,
                targets,
                mean=mean,
                seeds=[(context.seed, i) for i in range(len(targets))],
                rule=rule,
                steps=max(FEWEST_STEPS, round(steps_share * RULES[rule].steps)),
            )
        )
        for rule in rules
    ]
    found: dict[str, Ascent] = dict(zip(rules, context.store.cached_all(climbs), strict=True))
    cells = Cells("nguyen", "ascent")
    saved: dict[str, bytes] = {}
    by_rule: dict[str, np.ndarray] = {}
    for rule, ascended in found.items():
        pixels = np.round(ascended.images * 255).astype(np.uint8)
        odds = scorer(context.network(NETWORK), CHILDREN)(pixels)
        p = confidence(odds[np.arange(len(pixels)), targets])
        by_rule[rule] = p
        row(cells, rule, p, ascended.reached)
        cells.number(rule, "contrast", contrast(ascended.images, mean), "rms")
        for i, (label, image) in enumerate(zip(targets, pixels, strict=True)):
            name = f"ascent/{rule}-class{label}-start{i % starts}-{p[i]:.8f}.png"
            saved[name] = png(image)
    return Artefact(
        title="Gradient ascent: from the mean image to any class",
        caption=(
            f"{len(targets)} images a rule, the mean training image plus noise at the start. "
            "median_confidence: of the last images, as bytes; reached: at some step; steps: the "
            "median over those; contrast: root mean square difference from the mean image."
        ),
        cells=cells.list,
        claims=claims(
            by_rule, {rule: each.reached for rule, each in found.items()}, whole=steps_share >= 1
        ),
        figures={
            "ascent": _images(found, starts, classes),
            "ascent-curves": curves({rule: each.confidence for rule, each in found.items()}),
        },
        files=saved,
        notes=[
            "From the mean image of MNIST the climb leads to shapes that mostly look like the "
            "digit; the paper's ImageNet images, mostly unrecognisable, are another matter."
        ],
        departures=[
            "The paper climbs an ImageNet network and prints no number for MNIST.",
            "none, decay, blur (with decay) and blur_sparse (with both, and small pixels set to "
            "the mean) are the settings that the authors' code arrives at, from its random seeds "
            "169, 188 and 360 the last three; fast is ours: log-probability, steps of one length.",
        ],
    )


def row(cells: Cells, rule: str, p: np.ndarray, reached: np.ndarray) -> None:
    """The confidence of the last images as bytes, and when it was reached on the way.

    Args:
        p: (n,), of the images as bytes.
        reached: as in `Ascent`.
    """
    cells.number(rule, "median_confidence", np.median(p), "fraction", n=len(p))
    for threshold in (0.99, 0.9999):
        first = reached[:, THRESHOLDS.index(threshold)]
        cells.rate(rule, f"reached {threshold:g}", int((first >= 0).sum()), len(p))
        steps = np.median(first[first >= 0]) if (first >= 0).any() else np.nan
        cells.number(rule, f"steps to {threshold:g}", steps, "count")


def contrast(images: np.ndarray, mean: np.ndarray) -> float:
    """Root mean square difference from the mean image, both in [0, 1]."""
    return float(np.sqrt(np.mean((images - mean) ** 2)))


def claims(
    p: Mapping[str, np.ndarray], reached: Mapping[str, np.ndarray], whole: bool
) -> list[Claim]:
    """Under the rules of the authors, the first of which is the one without regularisation.

    Regularised images are less confident, by paired t tests of the log-odds over equal classes and
    starts; slightly: most lose less than SLIGHTLY, by sign tests.

    Args:
        p: rule -> (n,), confidence of the last images; reached: as in `Ascent`.
        whole: whether all steps were taken.
    """
    plain, *regularised = [rule for rule in p if rule != "fast"]
    arrived = reached[plain][:, -1] >= 0
    steps = np.median(reached[plain][arrived, -1]) if arrived.any() else np.nan
    told, of = [], 2 * len(regularised)
    for rule in regularised:
        odds, own = (to_scale(p[each], "fraction") for each in (rule, plain))
        lower = lower_in_pairs(odds, own, of)
        told += [lower, median_above(p[rule] - p[plain], -SLIGHTLY, of)]
    n = len(arrived)
    return [
        Claim(
            "ascent_reaches",
            "Gradient ascent finds images at 99.99 % confidence for every class (section 3.8).",
            answer(bool(arrived.all()) if whole else None),
            f"Without regularisation {arrived.mean():.0%} of the images reach it"
            + (f", after a median of {steps:.0f} steps." if arrived.any() else "."),
            Strength(1, n, "one image that does not"),
        ),
        Claim(
            "regularised_less_confident",
            "Regularised images are slightly less confident, by less than 10 points (section 3.8).",
            answer(all_of(told) if whole else None),
            ", ".join(f"{rule} {np.median(p[rule]):.6f}" for rule in (plain, *regularised)) + ".",
            Strength(
                len(regularised), n, "a setting that is more confident, or loses more, at 5 %,"
            ),
        ),
    ]


def _images(found: Mapping[str, Ascent], starts: int, classes: int) -> Figure:
    """A row for each rule, the first start of each class."""
    rows = [ascended.images[::starts] for ascended in found.values()]
    return figures.grid(
        np.stack(rows),
        row_labels=list(found),
        column_labels=[str(label) for label in range(classes)],
    )


def curves(found: Mapping[str, np.ndarray]) -> Figure:
    """Confidence (n, steps + 1) over steps: median and quartiles of all images of each rule."""
    figure, axes = figures.sheet(1, 1, width=4.6, height=2.8)
    ax = axes[0, 0]
    for rule, confidences in found.items():
        p = np.clip(confidences, 1e-12, 1 - 1e-8)
        low, median, high = np.quantile(np.log(p / (1 - p)), (0.25, 0.5, 0.75), axis=0)
        figures.curve(ax, np.arange(1, len(median) + 1), median, low, high, label=rule)
    ax.set_xscale("log")
    drawing.confidence_axis(ax, (-6, 19))
    ax.set_xlabel("step")
    ax.set_ylabel("confidence")
    figures.legend(ax, loc="upper left")
    return figure
