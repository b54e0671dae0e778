"""Figures 1 and 8: fooling images side by side, which ones by a written rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from reproduce.data.examples import to_unit
from reproduce.experiments import Context
from reproduce.experiments.nguyen.imagenet.figures6_7 import PUBLISHED_WORK, departures
from reproduce.experiments.nguyen.imagenet.runs import Elite, Search, distinct, evaluations
from reproduce.report.cells import Cells
from reproduce.report.gallery import gallery
from reproduce.report.printing import certainty
from reproduce.report.results import Artefact, Claim, Strength, answer

COLUMNS = 8
SHORT = " The paper tried 4 and 2 million images a run; with fewer it cannot be told."
LEAST = 0.99  # an image of the gallery, where there are enough of them
FIGURE1_LEAST = 0.996  # "at least 99.6 %", Figure 1
THUMBNAIL = 16  # pixels on a side, at which images are compared


def figure1(context: Context, *, direct: Search, cppn: Search) -> Artefact:
    """The best sixteen: two rows of directly encoded images, two of CPPNs.

    Each row holds the classes that the network is surest of, an image only once.
    """
    found = {"direct": direct.evolve_cached(context), "CPPN": cppn.evolve_cached(context)}
    cells = Cells("nguyen", "figure1")
    best: dict[str, list[Elite]] = {}
    for name, evolution in found.items():
        best[name] = distinct(evolution)[:COLUMNS]
        p = np.array([elite.confidence for elite in best[name]])
        cells.number(name, "mean_confidence", p.mean(), "fraction", n=len(p))
        cells.number(name, "least", p.min(), "fraction", n=len(p))
        cells.rate(name, "at_99.6", int((p >= FIGURE1_LEAST).sum()), len(p))
    whole = all(evaluations(found[name])[-1] >= images for name, images in PUBLISHED_WORK.items())
    shown = [elite for each in best.values() for elite in each]
    return Artefact(
        title="Figure 1: unrecognisable images that the network is sure of",
        caption=(
            "For each encoding the eight different images of which the network is surest. "
            "at_99.6: the share of them at 99.6 % or more, as all sixteen of the paper's."
        ),
        cells=cells.list,
        claims=[_claim({name: each[-1].confidence for name, each in best.items()}, whole)],
        figures={"figure1": sheet(context, shown, columns=COLUMNS // 2)},
        departures=departures(context, found),
    )


def _claim(least: Mapping[str, float], whole: bool) -> Claim:
    """All sixteen at 99.6 %; more images tried may only raise the least of them.

    Args:
        least: encoding -> confidence of the eighth best; whole: whether the runs tried as many
            images as the paper's.
    """
    return Claim(
        "figure1_sure",
        "Images of both encodings are labelled with at least 99.6 % confidence (figure 1).",
        answer(min(least.values()) >= FIGURE1_LEAST if whole else None),
        "; ".join(f"{name}: the eighth best has {certainty(p)}" for name, p in least.items())
        + "."
        + SHORT * (not whole),
        Strength(len(least), COLUMNS * len(least), "one of the images below 99.6 %"),
    )


def figure8(context: Context, *, searches: Mapping[str, Search], rows: int = 5) -> Artefact:
    """CPPN images chosen for their variety: forty, as in the paper.

    Args:
        searches: the first one is the reproduction.
    """
    found = {name: search.evolve_cached(context) for name, search in searches.items()}
    cells = Cells("nguyen", "figure8")
    drawn: dict[str, Figure] = {}
    for name, evolution in found.items():
        elites = distinct(evolution)
        sure = [elite for elite in elites if elite.confidence >= LEAST]
        pool = sure if len(sure) >= 2 * rows * COLUMNS else elites[: 2 * rows * COLUMNS]
        chosen = [pool[i] for i in various([elite.image for elite in pool], rows * COLUMNS)]
        p = np.array([elite.confidence for elite in chosen])
        cells.mean(name, "mean_confidence", p, "fraction")
        cells.number(name, "least", p.min(), "fraction", n=len(p))
        cells.number(name, "chosen_from", len(pool), "count")
        key = "figure8" if not drawn else f"figure8-{len(drawn) + 1}"
        drawn[key] = sheet(context, chosen, columns=COLUMNS)
    return Artefact(
        title="Figure 8: the variety of CPPN images",
        caption=(
            "Chosen by rule: of the different elites at 99 % or more (of the 80 surest where there "
            "are fewer) the surest first, then again and again the one that lies farthest from all "
            f"chosen, by the root mean square over {THUMBNAIL} x {THUMBNAIL} mean colours."
        ),
        cells=cells.list,
        figures=drawn,
        departures=[
            "The paper's forty were chosen by hand.",
            *departures(context, found),
        ],
    )


def various(images: Sequence[np.ndarray], n: int) -> list[int]:
    """Farthest-point order: the first, then the one farthest from all before, n in all."""
    points = np.stack([thumbnail(image).ravel() for image in images])
    chosen = [0]
    distance = np.linalg.norm(points - points[0], axis=1)
    while len(chosen) < min(n, len(points)):
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return chosen


def thumbnail(image: np.ndarray) -> np.ndarray:
    """float64 (squares, squares, 3) in [0, 1]: mean colours, of THUMBNAIL squares on a side."""
    edges = np.linspace(0, len(image), min(THUMBNAIL, len(image)) + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(image.astype(float), edges, axis=0), edges, axis=1)
    sizes = np.diff([*edges, len(image)])
    return sums / (255 * sizes[:, None, None] * sizes[None, :, None])


def sheet(context: Context, elites: Sequence[Elite], columns: int) -> Figure:
    """Rows of images, each under its class and confidence."""
    return gallery(
        [to_unit(elite.image) for elite in elites],
        [caption(context, elite.label, elite.confidence) for elite in elites],
        columns=columns,
    )


def caption(context: Context, label: int, p: float) -> str:
    """The class and the confidence, never rounded up."""
    return f"{class_name(context, label)}\n{certainty(p)}"


def class_name(context: Context, label: int) -> str:
    """What a class is called, where a list of names is at hand; else its number."""
    names = context.dataset.names
    return names[label] if label < len(names) else f"class {label}"
