"""Figure 5: photographs that become an ostrich, and how little it takes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from reproduce.data.examples import Examples
from reproduce.data.imagenet_classes import ClassList
from reproduce.experiments import Context
from reproduce.experiments.imagenet import BATCH, class_names, the_network
from reproduce.experiments.szegedy.imagenet.attacks import attacked, towards
from reproduce.methods.attacks import adversarial
from reproduce.methods.attacks.attack import Adversarial, Attack
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Claim, Strength, answer
from reproduce.runtime.errors import NotAvailable, UserError
from reproduce.training import logits

OSTRICH = "ostrich"  # Struthio camelus
GREY = 128 / 255  # what no difference is shown as
MAGNIFIED = (10, 20, 50, 100, 200, 500)  # times that a difference is shown, the paper's first
VISIBLE = 0.25  # what one pixel in a hundred differs by, or more, where it is magnified
ROWS, TRIPLES = 3, 2  # of the figure: panels (a) and (b) with three rows each
# A saved image is rounded to bytes; the smallest of these factors on r that outlives it is sought.
PUSHES = (1.0, 1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2.0, 3.0, 5.0)


class Rounded(NamedTuple):
    """The images as 8-bit files hold them.

    survives: bool (n,), whether an image still is its target after rounding, as it was found.
    factor: float64 (n,), the smallest of PUSHES on r with which it is; NaN where none is enough.
    images: float32 (n, side, side, 3), whole bytes / 255, pushed by that factor; NaN where none.
    """

    survives: np.ndarray
    factor: np.ndarray
    images: np.ndarray


def figure5(
    context: Context,
    *,
    images: int,
    random_images: int,
    attack: Attack,
    tight: Attack,
    tight_images: int,
    target: str | int = OSTRICH,
) -> Artefact:
    """Correctly classified photographs under attack, towards an ostrich and towards any class.

    Args:
        images: attacked with the one target; the first are shown.
        random_images: the first of them, attacked with random targets.
        attack: one that wants targets.
        tight: the same with a sharper loss, which ends nearer to the boundary.
        tight_images: the first of the images and of the random ones, attacked by `tight` as well.
        target: a class by name or number.
    """
    name, network = the_network(context)
    names = class_names(context)
    wanted = _class(names, target)
    sample, both = towards(context, network, wanted, images, random_images)
    asked = dict(zip((names[wanted], "random target"), both, strict=True))
    found = {row: attacked(context, network, *each, attack) for row, each in asked.items()}
    first = slice(tight_images)
    sharp = {
        row: attacked(context, network, photos[first], targets[first], tight)
        for row, (photos, targets) in asked.items()
    }
    cells = Cells("szegedy", "figure5")
    for row, each in found.items():
        tried, reached = len(each.targets), int((~each.failed).sum())
        cells.rate(row, "success", reached, tried)
        cells.pooled_rms(row, "distortion", each.distortion)
        cells.mean(row, "mean of images", each.distortion, "rms")
        cells.number(row, "largest change, median", _largest_change(sample, each), "fraction")
        cells.pooled_rms(row, "tight", sharp[row].distortion)
        ratio = _pooled(sharp[row].distortion, each.distortion[first])
        cells.number(row, "tight / distortion", ratio, "ratio")
    saved = _rounded(network, sample.images, found[names[wanted]])
    _add_rounded(cells, f"{names[wanted]}, saved as PNG", sample, saved)
    return Artefact(
        title=f"Figure 5: photographs that {name} takes for an ostrich"
        if names[wanted] == OSTRICH
        else f"Figure 5: photographs that {name} takes for {names[wanted]}",
        caption=(
            f"{len(sample.labels)} photographs drawn among those that {name} classifies "
            f"correctly, at {sample.images.shape[1]} x {sample.images.shape[1]} pixels. "
            "distortion: root mean square over images and pixels, with pixels in [0, 1]; mean of "
            "images: the mean of each image's own. The paper's number is an average over 64 "
            f"images of AlexNet. tight: of the first {len(sharp[names[wanted]].targets)}, by "
            f"{tight}; tight / distortion: on these images alone. saved as PNG: after rounding to "
            "bytes; success, of the images as found, which lie on the boundary itself; pushed: of "
            "images whose change is enlarged by the smallest factor in "
            f"{', '.join(f'{push:g}' for push in PUSHES)} that outlives the rounding. In the "
            "figure: the photograph, the change around a middle grey, so many times magnified that "
            "it is seen (the paper: ten times), the changed image."
        ),
        cells=cells.list,
        claims=_claims(names[wanted], found, saved),
        figures={"figure5": _draw(sample, found[names[wanted]], names, wanted)},
        notes=[
            "The distortion is per pixel and channel. On the boundary a network's answer is a "
            "tie, and a rounding to bytes decides it."
        ],
        departures=[
            *[f"The paper's network is AlexNet, here it is {name}."] * (name != "AlexNet"),
            "The photographs at hand are probably training photographs of the network; the paper "
            "does not say which ones it shows.",
            "c|r|^2 in the place of c|r|: where c is found for each image the two have the same "
            "minimisers.",
        ],
    )


def _class(names: tuple[str, ...], target: str | int) -> int:
    """The number of a class that is named, or numbered."""
    try:
        return ClassList((), names).label(str(target))
    except UserError as unknown:
        known = ", ".join(names[:5]) + ", …" * (len(names) > 5)
        raise NotAvailable(
            f"{unknown} artefacts.figure5.target= takes the name or the number of one: {known}"
        ) from unknown


def _rounded(network: Any, originals: np.ndarray, found: Adversarial) -> Rounded:
    """What is left of the images after they were saved with eight bits a channel."""
    factor = np.full(len(originals), np.nan)
    images = np.full_like(originals, np.nan)
    survives = np.zeros(len(originals), bool)
    open_ = ~found.failed
    for push in PUSHES:
        rows = np.flatnonzero(open_)
        if not len(rows):
            break
        pushed = originals[rows] + np.float32(push) * (found.images[rows] - originals[rows])
        pushed = np.round(np.clip(pushed, 0, 1) * 255) / np.float32(255)
        reached = logits(network, pushed, BATCH).argmax(axis=1) == found.targets[rows]
        if push == 1:
            survives[rows] = reached
        factor[rows[reached]] = push
        images[rows[reached]] = pushed[reached]
        open_[rows[reached]] = False
    return Rounded(survives, factor, images)


def _add_rounded(cells: Cells, row: str, sample: Examples, saved: Rounded) -> None:
    total = len(saved.survives)
    cells.rate(row, "success", int(saved.survives.sum()), total)
    kept = np.isfinite(saved.factor)
    cells.rate(f"{row}, pushed", "success", int(kept.sum()), total)
    distortion = adversarial.distortion(sample.images, saved.images)  # NaN where none survives
    cells.pooled_rms(f"{row}, pushed", "distortion", distortion)
    cells.mean(f"{row}, pushed", "mean of images", distortion, "rms")
    factor = float(np.nanmedian(saved.factor)) if kept.any() else np.nan
    cells.number(f"{row}, pushed", "factor, median", factor, "ratio")


def _pooled(sharp: np.ndarray, plain: np.ndarray) -> float:
    """The ratio of two root mean squares over the images that both attacks found."""
    both = np.isfinite(sharp) & np.isfinite(plain)
    if not both.any():
        return float("nan")
    return float(np.sqrt(np.mean(sharp[both] ** 2) / np.mean(plain[both] ** 2)))


def _largest_change(sample: Examples, found: Adversarial) -> float:
    """Of any pixel, the median over images."""
    kept = ~found.failed
    if not kept.any():
        return float("nan")
    originals = sample.images[: len(kept)]
    return float(np.median(np.abs(found.images - originals)[kept].max(axis=(1, 2, 3))))


def _claims(target: str, found: dict[str, Adversarial], saved: Rounded) -> list[Claim]:
    each = found[target]
    count = len(each.targets)
    anywhere = found["random target"]
    survive, pushed = int(saved.survives.sum()), int(np.isfinite(saved.factor).sum())
    return [
        Claim(
            id=f"all become {target}",
            sentence=f"Every altered photograph is taken for {target}.",
            verdict=answer(not each.failed.any()),
            evidence=f"{count - int(each.failed.sum())} of {count}.",
            strength=Strength(1, count, "one attack that fails"),
        ),
        Claim(
            id="for every image",
            sentence="For every sample an adversarial example was found, whatever the target.",
            verdict=answer(not (each.failed.any() or anywhere.failed.any())),
            evidence=f"{count - int(each.failed.sum())} of {count} with target {target}, "
            f"{len(anywhere.targets) - int(anywhere.failed.sum())} of {len(anywhere.targets)} with "
            "random targets.",
            strength=Strength(1, count, "one attack that fails"),
        ),
        Claim(
            id="an adversarial image can be saved",
            sentence="An adversarial image can be saved with eight bits a channel and stay one "
            "(not in the paper).",
            verdict=answer(None if each.failed.all() else pushed == count - int(each.failed.sum())),
            evidence=f"{survive} of {count} as found, on the boundary; {pushed} with their change "
            f"enlarged by at most {np.nanmax(saved.factor):g}."
            if pushed
            else "none.",
            strength=Strength(
                1, count, f"one image that no push of at most {PUSHES[-1]:g} carries through"
            ),
        ),
    ]


def magnification(changes: np.ndarray) -> int:
    """How many times differences, of pixels in [0, 1], are shown, so that they are seen."""
    seen = float(np.nanquantile(np.abs(changes), 0.99)) if changes.size else 1.0
    return next((times for times in MAGNIFIED if times * seen >= VISIBLE), MAGNIFIED[-1])


def _draw(sample: Examples, found: Adversarial, names: tuple[str, ...], wanted: int) -> Figure:
    """Photograph, magnified difference, changed image; three rows in each of two panels."""
    kept = np.flatnonzero(~found.failed)[: ROWS * TRIPLES]
    panels = max(1, -(-len(kept) // ROWS))
    rows = min(ROWS, max(1, len(kept)))
    originals, changed = sample.images[kept], found.images[kept]
    times = magnification(changed - originals)
    change = np.clip(times * (changed - originals) + GREY, 0, 1)
    shown = np.full((panels * rows, 3, *sample.images.shape[1:]), np.nan, np.float32)
    shown[: len(kept)] = np.stack([originals, change, changed], axis=1)
    mosaic = np.concatenate(np.split(shown, panels), axis=1)
    labels = [names[label] for label in sample.labels[kept]]
    titles = ["\n".join(labels[row::rows]) for row in range(rows)]  # each row's photographs
    columns = ["photograph", f"change × {times}", names[wanted]] * panels
    return figures.grid(mosaic, row_labels=titles, column_labels=columns, enlarged=False)
