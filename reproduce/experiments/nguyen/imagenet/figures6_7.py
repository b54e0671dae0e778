"""Figures 6 and 7: how sure the network becomes, class by class and generation by generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullFormatter

from reproduce.data.imagenet_classes import COUNT
from reproduce.experiments import Context
from reproduce.experiments.imagenet import the_network
from reproduce.experiments.nguyen.drawing import confidence_axis
from reproduce.experiments.nguyen.imagenet.runs import Search, evaluations, files, rescored
from reproduce.experiments.nguyen.runs import (
    LOG_ODDS,
    SETTLED,
    final_confidence,
    sure_in_the_median,
)
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.map_elites import Evolution
from reproduce.networks.ten_crops import views
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.comparisons import extreme, opposite
from reproduce.report.intervals import from_scale, to_scale
from reproduce.report.printing import certainty
from reproduce.report.published import Published, lookup
from reproduce.report.results import Artefact, Claim, Strength, answer

DOGS_AND_CATS = (157, 286)  # Nguyen et al. 2015, section 3.2: the classes as the paper counts them
SURE = 0.99
# Images that a run of the paper tried: 20,000 generations of 200, and 5,000 of 400.
PUBLISHED_WORK = {"direct": 4_000_000, "CPPN": 2_000_000}
READ_OFF = (1000, 2000, 3000, 4000, 5000)  # generations of Figure 12, of 400 images each
SO_FAR = ", so far"
CAPTION = (
    "{runs} runs. median_confidence: over classes and runs, at the end; "
    "mean_confidence: likewise; classes_at_99: classes whose median over the runs is 99 % or more; "
    "evaluations: images a run tried, ten crops each in the paper. "
    "The heat map shows the median over the runs, white 0 and black 1."
)


def figure6(context: Context, *, searches: Mapping[str, Search]) -> Artefact:
    """Direct encoding.

    Args:
        searches: name of a row -> the evolution; the first one is the reproduction.
    """
    found = {name: search.evolve_cached(context) for name, search in searches.items()}
    cells = _table("figure6", found, PUBLISHED_WORK["direct"])
    name, first = next(iter(found.items()))
    return _artefact(
        context, "figure6", "Figure 6: directly encoded images on an ImageNet network", found,
        cells, [_hard(name, first)], [LOG_ODDS], PUBLISHED_WORK["direct"],
    )  # fmt: skip


def _hard(name: str, found: Evolution) -> Claim:
    """Runs' medians below 99 %, after as many images as the paper's; above, it is easy at once."""
    tried = int(evaluations(found)[-1])
    sure = sure_in_the_median(found.log_odds[:, -1], SURE)
    return Claim(
        "direct_is_hard",
        "Directly encoded images fool the network for few ImageNet classes: a median "
        "confidence of 21.59 % after 20,000 generations (section 3.2); here: below 99 %.",
        answer(opposite(sure) if sure or tried >= PUBLISHED_WORK["direct"] else None),
        f"{name}: median {certainty(float(np.median(final_confidence(found))))} after {tried:,} "
        "images; the paper's 20,000 generations are 4 million.",
        Strength(len(found.archives), None, "runs with medians above 99 %, at 5 %,"),
    )


def figure7(context: Context, *, searches: Mapping[str, Search]) -> Artefact:
    """CPPN encoding, likewise; beside the published curve at equal numbers of images."""
    found = {name: search.evolve_cached(context) for name, search in searches.items()}
    cells = _table("figure7", found, PUBLISHED_WORK["CPPN"])
    _equal_evaluations(cells, found)
    return _artefact(
        context, "figure7", "Figure 7: CPPN images on an ImageNet network", found, cells,
        [_dogs_and_cats(name, each) for name, each in found.items()],
        [SETTLED, LOG_ODDS], PUBLISHED_WORK["CPPN"],
    )  # fmt: skip


def _table(artefact: str, found: Mapping[str, Evolution], work: int) -> Cells:
    """Numbers of less work than the paper's stand in columns of their own, and are not compared."""
    cells = Cells("nguyen", artefact)
    for row, evolution in found.items():
        p = final_confidence(evolution)
        so_far = "" if evaluations(evolution)[-1] >= work else SO_FAR
        cells.median(row, f"median_confidence{so_far}", p, "fraction")
        cells.number(row, "mean_confidence", p.mean(), "fraction", n=p.size)
        cells.number(row, f"classes_at_99{so_far}", (np.median(p, axis=0) >= SURE).sum(), "count")
        cells.number(row, "evaluations", evaluations(evolution)[-1], "count")
    return cells


def _equal_evaluations(cells: Cells, found: Mapping[str, Evolution]) -> None:
    """Our medians where a run has tried as many images as the paper's after so many generations."""
    read_off = Cells("nguyen", "figure12")
    for name, evolution in found.items():
        median = np.median(confidence(evolution.log_odds), axis=(0, 2))
        for generation, images in zip(READ_OFF, _published_curve()[0], strict=True):
            if evaluations(evolution)[-1] >= images:
                reached = int(np.searchsorted(evaluations(evolution), images))
                row = "ImageNet median" if name == next(iter(found)) else f"{name}, at as many"
                read_off.number(row, f"{generation}", median[reached], "fraction")
    cells.list += read_off.list


def _published_curve() -> tuple[np.ndarray, np.ndarray]:
    """Images tried and median confidence as read off Figure 12."""
    found: list[Published | None] = [
        lookup("nguyen", "figure12", "ImageNet median", f"{generation}") for generation in READ_OFF
    ]
    values = [each.value for each in found if each]
    return 400 * np.array(READ_OFF), np.array(values)


def _artefact(
    context: Context,
    name: str,
    title: str,
    found: Mapping[str, Evolution],
    cells: Cells,
    claims: list[Claim],
    further: Sequence[str],
    work: int,
) -> Artefact:
    saved = {key: files(f"{name}/{slug(key)}", each) for key, each in found.items()}
    off = max(rescored(context, each, saved[key]) for key, each in found.items())
    runs = ", ".join(f"{len(each.archives)} ({key})" for key, each in found.items())
    count = sum(map(len, saved.values()))
    return Artefact(
        title=title,
        caption=CAPTION.format(runs=runs),
        cells=cells.list,
        claims=claims,
        figures={
            **{
                name if key == next(iter(found)) else f"{name}-{slug(key)}": _heat_map(each)
                for key, each in found.items()
            },
            f"{name}-curves": _curves(found, published=name == "figure7"),
        },
        files={path: file for of_search in saved.values() for path, file in of_search.items()},
        notes=[
            *[_not_the_same_work(name, work)] * any(SO_FAR in cell.column for cell in cells.list),
            f"{count} elites of at least 50 % are kept as PNG files by themselves; scored again "
            f"from the files, none is off its reported confidence by more than {off:.1e}.",
        ],
        departures=[*departures(context, found), *further],
    )


def _not_the_same_work(artefact: str, work: int) -> str:
    row = next(name for name, images in PUBLISHED_WORK.items() if images == work)
    published = lookup("nguyen", artefact, row, "median_confidence")
    return (
        "So far: after fewer images than a run of the paper tried"
        + (f", whose median is {100 * published.value:.2f} % after {work:,}" if published else "")
        + ". That is not the same work, and no number is compared."
    )


def departures(context: Context, found: Mapping[str, Evolution]) -> list[str]:
    """Where evolution differs from the paper's, one sentence each."""
    name, network = the_network(context)
    sentences = []
    if name != "AlexNet":
        sentences.append(f"{name} instead of the paper's AlexNet.")
    if views(network) == 1:
        side = network.input_shape[1]
        sentences.append(
            f"One view of {side} x {side} pixels instead of ten crops of 256 x 256 "
            "(networks.<name>.ten_crops=true takes those)."
        )
    for key, evolution in found.items():
        sentences.append(f"{key}: {evaluations(evolution)[-1]:,} images a run.")
    return sentences


def _dogs_and_cats(name: str, found: Evolution) -> Claim:
    """Section 3.2, of Figure 7: a band of low confidence, classes 157 to 286.

    Its median beside those of all bands as wide, as far round the circle of classes as there are:
    classes of a run share ancestors, and neighbours are related, in every band alike.
    """
    per_class = np.median(found.log_odds[:, -1], axis=0)
    first, last = DOGS_AND_CATS[0] - 1, DOGS_AND_CATS[1]
    classes, width = len(per_class), last - first
    claim = Claim(
        f"dogs_and_cats_{slug(name)}",
        "Evolution struggles most with dogs and cats, classes 157 to 286 (section 3.2).",
        "cannot be told",
        "The network has other classes.",
        Strength(len(found.archives), None, "a band among the highest 5 % of all as wide"),
    )
    if classes != COUNT:
        return claim
    round_ = np.concatenate([per_class, per_class[: width - 1]])
    bands = np.median(np.lib.stride_tricks.sliding_window_view(round_, width), axis=1)
    outside = np.delete(per_class, np.s_[first:last])
    return claim._replace(
        verdict=answer(extreme(float(bands[first]), bands)),
        evidence=f"{name}: median {certainty(_probability(bands[first]))} inside the band and "
        f"{certainty(_probability(np.median(outside)))} outside; of all {classes} bands as wide, "
        f"{(bands < bands[first]).mean():.1%} are lower.",
    )


def _probability(log_odds: float) -> float:
    return float(from_scale(log_odds, "fraction"))


def _heat_map(found: Evolution) -> Figure:
    """The papers' axes: class across, a whole number of dots each, and generation upwards."""
    values = np.median(confidence(found.log_odds), axis=0)
    classes = values.shape[1]
    dots = classes * max(1, 1000 // classes)
    left, right, wide, high = 110, 160, 110 + dots + 160, 600
    with rc_context(figures.STYLE):
        figure = Figure(figsize=(wide / figures.DPI, high / figures.DPI), dpi=figures.DPI)
        ax = figure.add_axes((left / wide, 0.18, dots / wide, 0.7))
        shown = figures.heatmap(ax, values, low=0, high=1)
        ax.invert_yaxis()
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("class")
        ax.set_ylabel("generation")
        bar = figure.add_axes(((left + dots + right / 8) / wide, 0.18, right / 8 / wide, 0.7))
        figure.colorbar(shown, cax=bar, label="median confidence")
    if classes == COUNT:
        first, last = DOGS_AND_CATS
        ends, middle = (first - 1.5, last - 0.5), (first + last) / 2 - 1
        ax.plot(ends, (1.02, 1.02), color="black", linewidth=1.5, clip_on=False,
                transform=ax.get_xaxis_transform())  # fmt: skip
        ax.text(middle, 1.04, "dogs and cats", ha="center", va="bottom", fontsize=7,
                transform=ax.get_xaxis_transform())  # fmt: skip
    return figure


def _curves(found: Mapping[str, Evolution], published: bool) -> Figure:
    """Median over classes and runs, with quartiles, against the images tried."""
    figure, axes = figures.sheet(1, 1, width=4.6, height=2.8)
    ax = axes[0, 0]
    for name, evolution in found.items():
        low, median, high = np.quantile(evolution.log_odds, (0.25, 0.5, 0.75), axis=(0, 2))
        figures.curve(ax, evaluations(evolution), median, low, high, label=name)
    if published:  # the colour of the first, the authors' encoding
        images, read_off = _published_curve()
        ax.plot(images, to_scale(read_off, "fraction"), "D", markersize=4,
                markerfacecolor="white", markeredgecolor=figures.COLOURS[0],
                label="published, read off Figure 12")  # fmt: skip
    confidence_axis(ax)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("images tried by a run")
    ax.set_ylabel("confidence: median, quartiles")
    figures.legend(ax, loc="upper left")
    return figure


def slug(name: str) -> str:
    """As part of a file's name or of a claim's."""
    return "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
