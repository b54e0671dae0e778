"""Figures for papers: readable in grey, without serifs, images crisp.

A figure function draws on the `Axes` it is handed and takes arrays. `mosaic` and `grid` build the
papers' sheets of digits: every pixel becomes a square of whole device pixels, never interpolated.

    figure = figures.grid(images, row_labels=["made for FC10(1)", ...])
    figure, axes = figures.sheet(1, 2)
    figures.curve(axes[0, 0], generations, median, low, high, label="direct")
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

DPI = 200
# Okabe & Ito's colours, ordered so that their greys differ; each also has its own dash and marker.
COLOURS = ("#000000", "#D55E00", "#0072B2", "#E69F00", "#009E73", "#56B4E9", "#CC79A7")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
MARKERS = "osD^vPX"
PALE = 0.9  # brightness of an edge that cannot be told from white paper
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "pdf.fonttype": 42,
    "savefig.facecolor": "white",
}


def sheet(
    rows: int = 1, columns: int = 1, *, width: float = 3.3, height: float = 2.4
) -> tuple[Figure, np.ndarray]:
    """A figure of rows x columns panels, each `width` x `height` inches.

    Returns:
        the figure, and its Axes (rows, columns).
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
    return figure, axes


def mosaic(images: np.ndarray, gap: int = 1) -> np.ndarray:
    """One picture out of rows of images, with white lines `gap` pixels wide between them.

    Args:
        images: (rows, columns, height, width, 1 or 3) in [0, 1]; an image of NaN stays white.

    Returns:
        float32 (height, width, 3).
    """
    rows, columns, height, width, channels = images.shape
    assert channels in (1, 3), images.shape
    picture = np.ones(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, 3), dtype=np.float32
    )
    for i in range(rows):
        for j in range(columns):
            top, left = i * (height + gap), j * (width + gap)
            picture[top : top + height, left : left + width] = np.nan_to_num(images[i, j], nan=1.0)
    return np.clip(picture, 0.0, 1.0)


def grid(
    images: np.ndarray,
    *,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    title: str = "",
    width: float = 6.5,
    enlarged: bool = True,
) -> Figure:
    """Rows of images on one sheet, as the papers show them.

    Args:
        images: (rows, columns, height, width, channels) in [0, 1].
        width: of the images together, in inches; taken as near as whole pixels allow.
        enlarged: False shows each pixel once, for photographs, and their width is what it is.
    """
    picture = mosaic(images)
    high, wide, _ = picture.shape
    # An even number of device pixels for each pixel: a page shows figures at half their size.
    scale = 2 * max(1, round(width * DPI / wide / 2)) if enlarged else 1
    longest = max((len(line) for label in row_labels for line in label.splitlines()), default=0)
    left = _even(0.062 * longest + 0.1 * bool(longest))
    top = _even(0.2 * bool(column_labels) + 0.26 * bool(title))
    full_width, full_height = left + scale * wide, top + scale * high
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(full_width / DPI, full_height / DPI), dpi=DPI)
        place = (left / full_width, 0.0, scale * wide / full_width, scale * high / full_height)
        ax = figure.add_axes(place)
        _pixels(ax, picture)
        rows, columns, *size = images.shape
        for i, j in np.ndindex(rows, columns):
            _frame(ax, images[i, j], i * (size[0] + 1), j * (size[1] + 1))
        for i, label in enumerate(row_labels):
            middle = 1 - (i + 0.5) / rows
            ax.text(-8 / (scale * wide), middle, label, transform=ax.transAxes,
                      ha="right", va="center", fontsize=7)  # fmt: skip
        for j, label in enumerate(column_labels):
            middle = (j + 0.5) / columns
            ax.text(middle, 1 + 8 / (scale * high), label, transform=ax.transAxes,
                      ha="center", va="bottom", fontsize=7)  # fmt: skip
        if title:
            figure.text(left / full_width, 1 - 8 / full_height, title, va="top", fontsize=8)
    return figure


def _even(inches: float) -> int:
    """Device pixels, an even number of them."""
    return 2 * math.ceil(inches * DPI / 2)


def crisp(ax: Axes, picture: np.ndarray) -> None:
    """Shows pixels as squares, without ticks; a picture with a pale edge gets a thin frame."""
    _pixels(ax, picture)
    _frame(ax, picture, 0, 0)


def _pixels(ax: Axes, picture: np.ndarray) -> None:
    ax.imshow(np.clip(picture, 0.0, 1.0), interpolation="nearest", cmap="gray", vmin=0, vmax=1,
                aspect="equal")  # fmt: skip
    ax.set_axis_off()


def _frame(ax: Axes, image: np.ndarray, top: int, left: int) -> None:
    """A thin frame around an image that white paper would run into; none around others.

    Args:
        image: (height, width, channels) in [0, 1], drawn with its corner at `top` and `left`.
    """
    edges = (image[0], image[-1], image[:, 0], image[:, -1])
    if max(float(edge.mean()) for edge in edges) > PALE:
        high, wide = image.shape[:2]
        ax.add_patch(Rectangle((left - 0.5, top - 0.5), wide, high, fill=False,
                               edgecolor="0.6", linewidth=0.4, clip_on=False))  # fmt: skip


def curve(
    ax: Axes,
    x: np.ndarray,
    y: np.ndarray,
    low: np.ndarray | None = None,
    high: np.ndarray | None = None,
    label: str = "",
    index: int | None = None,
) -> None:
    """A line with its band; each has its own colour, dash and marker, so it can be told in grey.

    Args:
        index: which of the styles; the next one if not given.
    """
    if index is None:
        index = len(ax.lines)
    style = index % len(COLOURS)
    marked = MARKERS[style] if len(x) <= 25 else None
    ax.plot(x, y, color=COLOURS[style], linestyle=DASHES[style], marker=marked, markersize=3,
              label=label or None)  # fmt: skip
    if low is not None and high is not None:
        ax.fill_between(x, low, high, color=COLOURS[style], alpha=0.15, linewidth=0)


def legend(of: Axes | Figure, **place: Any) -> None:
    """A legend without a frame, in the style's size."""
    of.legend(fontsize=STYLE["legend.fontsize"], frameon=False, **place)


def distribution(ax: Axes, samples: Sequence[np.ndarray], labels: Sequence[str]) -> None:
    """The empirical distribution function of each sample."""
    for index, (sample, label) in enumerate(zip(samples, labels, strict=True)):
        ordered = np.sort(np.asarray(sample, dtype=float)[np.isfinite(sample)])
        share = np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
        ax.step(ordered, share, where="post", color=COLOURS[index % len(COLOURS)],
                  linestyle=DASHES[index % len(DASHES)], label=label)  # fmt: skip
    ax.set_ylim(0, 1)
    ax.set_ylabel("share of images")
    legend(ax)


def heatmap(
    ax: Axes,
    values: np.ndarray,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A matrix in one hue that prints well in grey, with each number where there is room.

    Args:
        low, high: what white and black stand for; the extremes if not given.
    """
    shown = ax.imshow(values, cmap="Greys", interpolation="nearest", aspect="auto",
                        vmin=low, vmax=high)  # fmt: skip
    if row_labels:
        ax.set_yticks(range(len(row_labels)), row_labels)
    if column_labels:
        ax.set_xticks(range(len(column_labels)), column_labels, rotation=30, ha="right")
    if max(values.shape) <= 12:
        middle = sum(shown.get_clim()) * 0.55
        for (i, j), value in np.ndenumerate(values):
            ax.text(j, i, f"{value:.3g}", ha="center", va="center", fontsize=7,
                      color="white" if value > middle else "black")  # fmt: skip
    return shown


def save(figure: Figure, folder: Path, name: str) -> None:
    """<name>.png at 200 dpi and <name>.pdf."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for ending, metadata in (("png", {"Software": None}), ("pdf", {"CreationDate": None})):
            aside = folder / f".{name}.{ending}"
            figure.savefig(aside, dpi=DPI, format=ending, metadata=metadata)
            aside.replace(folder / f"{name}.{ending}")


def png(image: np.ndarray) -> bytes:
    """One uint8 image (height, width, 1 or 3) as a PNG file."""
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    file = io.BytesIO()
    picture.save(file, "png")
    return file.getvalue()


def pixels(file: bytes) -> np.ndarray:
    """uint8 (height, width, 1 or 3) out of a PNG file."""
    array = np.asarray(Image.open(io.BytesIO(file)))
    return array[..., None] if array.ndim == 2 else array
