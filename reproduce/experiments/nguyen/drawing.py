"""What the figures of evolution have in common: curves over generations, and an animation."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.map_elites import Evolution
from reproduce.report import figures

SCALE = 3  # pixels of the animation for a pixel
# Of the animation's frames, by mode; noise in 256 greys makes a file three times as large.
COLOURS = {"L": 32, "RGB": 256}
MARKS = (  # of confidence, for wide axes and for narrow ones
    (0.0001, 0.01, 0.5, 0.99, 0.9999, 0.999999, 0.99999999),
    (0.0001, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999),
)
FRAME, LAST_FRAME = 220, 2500  # milliseconds


def curves(found: Mapping[str, Evolution]) -> Figure:
    """Log-odds over generations: the median with quartiles, and the worst class, a panel each."""
    figure, axes = figures.sheet(1, len(found), width=2.6, height=2.6)
    odds = {name: evolution.log_odds for name, evolution in found.items()}
    top = max(np.quantile(values[:, -1], 0.75) for values in odds.values()) + 1
    for ax, (name, values) in zip(axes[0], odds.items(), strict=True):
        over_generations(ax, values, (-5, top))
        ax.set_title(name, fontsize=8)
    axes[0, 0].set_ylabel("confidence")
    figures.legend(figure, handles=axes[0, 0].lines[:2], loc="outside lower center", ncols=2)
    return figure


def over_generations(ax: Axes, log_odds: np.ndarray, ends: tuple[float, float]) -> None:
    """One panel; log_odds float64 (runs, generations + 1, classes), ends as `confidence_axis`."""
    x = np.arange(log_odds.shape[1])
    low, median, high = np.quantile(log_odds, (0.25, 0.5, 0.75), axis=(0, 2))
    figures.curve(ax, x, median, low, high, label="median, quartiles", index=0)
    figures.curve(ax, x, log_odds.min(axis=(0, 2)), label="worst class of all runs", index=1)
    confidence_axis(ax, ends)
    ax.axhline(np.log(9999), color="0.6", linewidth=0.6, linestyle=":")
    ax.set_xlabel("generation")


def confidence_axis(ax: Axes, ends: tuple[float, float] | None = None) -> None:
    """Ticks of an axis of log-odds, labelled by confidence.

    Args:
        ends: of the axis, in log-odds; None puts them around what is drawn.
    """
    low, high = ends or ax.get_ylim()
    for marks in MARKS:
        ticks = {np.log(p / (1 - p)): f"{p:.8g}" for p in marks}
        inside = {odds: label for odds, label in ticks.items() if low <= odds <= high}
        if len(inside) > 2:
            break
    ax.set_yticks([*inside], [*inside.values()])
    ax.set_ylim(low, high)


def animation(found: Evolution, run: int = 0) -> bytes:
    """A GIF of one archive filling up: every digit's elite and its confidence."""
    history = confidence(found.log_odds[run])
    frames = [
        _frame(images, history[generation], generation)
        for generation, images in zip(found.snapshot_generations, found.snapshots[run], strict=True)
    ]
    file = io.BytesIO()
    frames = [frame.quantize(COLOURS[frame.mode]) for frame in frames]
    frames[0].save(
        file, "gif", save_all=True, append_images=frames[1:], loop=0, optimize=True,
        duration=[FRAME] * (len(frames) - 1) + [LAST_FRAME],
    )  # fmt: skip
    return file.getvalue()


def _frame(images: np.ndarray, p: np.ndarray, generation: int) -> Image.Image:
    """Two rows of elites with class and confidence under each."""
    columns = (len(images) + 1) // 2
    side, gap, text = images.shape[1] * SCALE, 12, 20
    width = columns * (side + gap) + gap
    grey = images.shape[-1] == 1
    height = 2 * (side + text + gap) + 30
    frame = Image.new("L" if grey else "RGB", (width, height), "white")
    pen = ImageDraw.Draw(frame)
    title, small = ImageFont.load_default(size=14), ImageFont.load_default(size=11)
    pen.text((gap, 6), f"generation {generation}", fill=0, font=title)
    for label, image in enumerate(images):
        left = gap + (label % columns) * (side + gap)
        top = 30 + (label // columns) * (side + text + gap)
        picture = Image.fromarray(image[..., 0] if grey else image)
        frame.paste(picture.resize((side, side), Image.Resampling.NEAREST), (left, top))
        certainty = np.floor(1e6 * p[label]) / 1e6  # never rounded up to 1
        pen.text((left, top + side + 3), f"{label}   {certainty:.6f}", fill=0, font=small)
    return frame
