"""Figure 13 and the twenty classes of the supplement: gradient ascent under the authors' rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from matplotlib.figure import Figure

from reproduce.data import imagenet_classes as ilsvrc
from reproduce.data.examples import to_unit
from reproduce.experiments import Context
from reproduce.experiments.imagenet import the_network
from reproduce.experiments.nguyen import ascents
from reproduce.experiments.nguyen.imagenet.ascent import (
    Climbed,
    climb_cached,
    mean_image,
    without_mean,
)
from reproduce.methods.ascent import THRESHOLDS
from reproduce.methods.evolution.archive import confidence
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.figures import png
from reproduce.report.gallery import gallery
from reproduce.report.printing import certainty
from reproduce.report.results import Artefact, Claim, Strength, answer
from reproduce.runtime.errors import NotAvailable

SURE = THRESHOLDS[-1]
COLUMNS = 5
# Figure 13, row by row; then the further classes that the authors' code runs for the supplement.
SHOWN = {
    "Tibetan terrier": 200, "golden retriever": 207, "Brittany spaniel": 215, "Arctic fox": 279,
    "gorilla": 366, "chimpanzee": 367, "eel": 390, "backpack": 414, "bikini": 445,
    "cliff dwelling": 500, "photocopier": 713, "screen": 782, "soccer ball": 805,
    "stopwatch": 826, "Windsor tie": 906,
}  # fmt: skip
FURTHER = {
    "confectionery": 509, "greenhouse": 580, "mask": 643, "missile": 657, "parking meter": 704,
}  # fmt: skip
ANOTHER_NETWORK = (
    "{} instead of the authors' CaffeNet; the start is ImageNet's mean colour, not its mean image."
)


def figure13(context: Context, *, classes: int, steps_share: float = 1.0) -> Artefact:
    """Fifteen classes without regularisation, until the network is 99.99 % sure.

    Args:
        classes: of the fifteen, from the first on.
        steps_share: of the rule's 500 steps, for a quick look.
    """
    name, network = _of_ilsvrc(context)
    labels = dict(list(SHOWN.items())[:classes])
    found = climb_cached(
        context, network, list(labels.values()), rule="none", together=COLUMNS,
        steps_share=steps_share, until=SURE,
    )  # fmt: skip
    p = confidence(found.log_odds)
    cells = Cells("nguyen", "figure13")
    climbed = on_the_way(found)
    ascents.row(cells, "gradient ascent", climbed, found.reached)
    cells.number("gradient ascent", "as bytes", np.median(p), "fraction", n=len(p))
    for label, of_class, as_bytes, reached in zip(
        labels, climbed, p, found.reached[:, -1], strict=True
    ):
        cells.number(label, "median_confidence", of_class, "fraction", n=1)
        cells.number(label, "as bytes", as_bytes, "fraction", n=1)
        cells.number(label, f"steps to {SURE:g}", reached if reached >= 0 else np.nan, "count")
    arrived = int((found.reached[:, -1] >= 0).sum())
    return Artefact(
        title="Figure 13: gradient ascent to fifteen classes",
        caption=(
            f"{len(labels)} images, from the mean colour plus noise to {SURE:.2%} or for "
            f"{found.confidence.shape[1] - 1} steps. median_confidence: of the last images as "
            "they were climbed to; as bytes: rounded for a file, which takes them below the mark "
            "that they stopped at; "
            "reached: on the way; the figure shows the difference from the mean."
        ),
        cells=cells.list,
        claims=[
            Claim(
                "ascent_to_photograph_classes",
                "Gradient ascent finds images of 99.99 % confidence for ImageNet classes "
                "(section 3.8, figure 13).",
                answer(arrived == len(labels) if steps_share >= 1 else None),
                f"{arrived} of {len(labels)} classes reach it; the least confident image as bytes "
                f"has {certainty(p.min())}.",
                Strength(1, len(labels), "one class that does not"),
            )
        ],
        figures={"figure13": sheet(found.images, mean_image(network), list(labels), p)},
        files=_files("none", found, labels, starts=1),
        departures=[
            ANOTHER_NETWORK.format(name),
            *_fewer(len(labels), len(SHOWN), "classes"),
            *_fewer(found.confidence.shape[1] - 1, 500, "steps"),
        ],
    )


def on_the_way(found: Climbed) -> np.ndarray:
    """The confidence of the last images before they were rounded to bytes, float64 (n,)."""
    steps = found.confidence.shape[1]
    last = steps - 1 - np.isfinite(found.confidence[:, ::-1]).argmax(axis=1)
    return np.asarray(found.confidence[np.arange(len(last)), last])


def twenty_classes(
    context: Context,
    *,
    rules: Sequence[str],
    classes: int,
    starts: int,
    steps_share: float = 1.0,
) -> Artefact:
    """The supplement's images: twenty classes under each of the authors' settings.

    Args:
        rules: by name; the first is the one without regularisation.
        classes: of the twenty, spread over them.
        starts: noise images for each class; the authors' code has five.
        steps_share: of each rule's own steps.
    """
    name, network = _of_ilsvrc(context)
    twenty = list((SHOWN | FURTHER).items())
    chosen = np.linspace(0, len(twenty) - 1, min(classes, len(twenty))).round().astype(int)
    labels = dict(twenty[i] for i in chosen)
    mean = mean_image(network)
    cells = Cells("nguyen", "twenty_classes")
    found: dict[str, Climbed] = {}
    for rule in rules:
        found[rule] = climb_cached(
            context, network, list(labels.values()), rule=rule, together=COLUMNS, starts=starts,
            steps_share=steps_share,
        )  # fmt: skip
        ascents.row(cells, rule, confidence(found[rule].log_odds), found[rule].reached)
        images = to_unit(found[rule].images)
        cells.number(rule, "contrast", ascents.contrast(images, mean), "rms")
    return Artefact(
        title="Gradient ascent with and without regularisation (supplement)",
        caption=(
            f"{len(labels)} classes, {starts} starts each. median_confidence: of the last images, "
            "as bytes; reached: at some step; steps: the median over those; contrast: root mean "
            "square difference from the mean colour."
        ),
        cells=cells.list,
        claims=ascents.claims(
            {rule: confidence(each.log_odds) for rule, each in found.items()},
            {rule: each.reached for rule, each in found.items()},
            whole=steps_share >= 1,
        ),
        figures={
            "twenty-classes": _by_rule(found, mean, labels, starts),
            "twenty-classes-curves": ascents.curves(
                {rule: each.confidence for rule, each in found.items()}
            ),
        },
        files={
            path: content
            for rule, each in found.items()
            for path, content in _files(rule, each, labels, starts).items()
        },
        notes=_much_lower(cells, rules, name),
        departures=[
            ANOTHER_NETWORK.format(name),
            *_fewer(len(labels), len(SHOWN | FURTHER), "classes"),
            *_fewer(starts, 5, "starts for each class"),
            *[f"{steps_share:.0%} of each rule's own steps."] * (steps_share < 1),
        ],
    )


def _much_lower(cells: Cells, rules: Sequence[str], name: str) -> list[str]:
    """Where "slightly less confident" is not what came out."""
    plain, *regularised = (cells.value(rule, "median_confidence") for rule in rules)
    lowest = min(regularised, default=plain)
    if lowest > plain - 0.1:
        return []
    return [
        f"The paper calls regularised images slightly less confident; {name} is {certainty(plain)} "
        f"sure without regularisation and down to {certainty(lowest)} with it, at the median."
    ]


def _of_ilsvrc(context: Context) -> tuple[str, keras.Model]:
    """The network, if its classes are those of ILSVRC 2012."""
    name, network = the_network(context)
    if network.output_shape[1] != ilsvrc.COUNT:
        raise NotAvailable(
            f"the classes are some of ILSVRC 2012's {ilsvrc.COUNT}, and {name} knows "
            f"{network.output_shape[1]} of its own: a network of ImageNet is needed (networks=)."
        )
    return name, network


def _fewer(ours: int, theirs: int, what: str) -> list[str]:
    return [f"{ours} {what} instead of {theirs}."] * (ours < theirs)


def _files(rule: str, found: Climbed, labels: Mapping[str, int], starts: int) -> dict[str, bytes]:
    """Every image as a PNG file by itself, named by rule, class, start and confidence."""
    classes = np.repeat(list(labels.values()), starts)
    p = confidence(found.log_odds)
    return {
        f"ascent/{rule}-class{label}-start{i % starts}-{p[i]:.8f}.png": png(image)
        for i, (label, image) in enumerate(zip(classes, found.images, strict=True))
    }


def sheet(
    images: np.ndarray,
    mean: np.ndarray,
    labels: Sequence[str],
    p: np.ndarray,
    columns: int = COLUMNS,
) -> Figure:
    """The paper's layout: rows of five, the mean subtracted, class and confidence above each."""
    captions = [f"{label}\n{certainty(of)}" for label, of in zip(labels, p, strict=True)]
    return gallery(list(without_mean(images, mean)), captions, columns=columns)


def _by_rule(
    found: Mapping[str, Climbed], mean: np.ndarray, labels: Mapping[str, int], starts: int
) -> Figure:
    """A row for each rule, the first start of each class; ten classes at the most."""
    chosen = list(labels)[:: max(1, len(labels) // 10)][:10]
    columns = [list(labels).index(label) * starts for label in chosen]
    rows = [without_mean(each.images[columns], mean) for each in found.values()]
    return figures.grid(np.stack(rows), row_labels=list(found), column_labels=chosen)
