"""Sheets of pictures, each under its own caption."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from reproduce.report import figures

WIDTH = 6.5  # inches, of a page between its margins
SIZE = 7  # points of a caption
LETTER = 0.56 * SIZE / 72  # inches, the mean width of one
LINE = 1.25 * SIZE / 72  # inches, its height
GAP = 0.06  # inches between pictures
LINES = 2  # of a line of a caption that is too long


def gallery(
    pictures: Sequence[np.ndarray],
    captions: Sequence[str],
    *,
    columns: int,
    row_labels: Sequence[str] = (),
    width: float = WIDTH,
) -> Figure:
    """Rows of pictures, as they are, with their captions above them.

    Args:
        pictures: float (height, width, 1 or 3) in [0, 1], row by row.
        captions: of each, in lines; a line wider than its picture is wrapped, and cut after LINES.
        row_labels: left of the first picture of each row.
        width: of all, in inches.
    """
    lines_left = [line for label in row_labels for line in label.splitlines()]
    left = LETTER * max(map(len, lines_left)) + GAP if lines_left else 0.0
    side = (width - left) / columns - GAP
    wrapped = [_wrapped(each, max(8, int(side / LETTER))) for each in captions]
    above = LINE * max((each.count("\n") + 1 for each in wrapped if each), default=0) + GAP
    rows = -(-len(pictures) // columns)
    height = rows * (side + above)
    with rc_context(figures.STYLE):
        figure = Figure(figsize=(width, height))
    for i, (picture, caption) in enumerate(zip(pictures, wrapped, strict=True)):
        row, column = divmod(i, columns)
        x = left + column * (side + GAP)
        y = height - (row + 1) * (side + above)
        ax = figure.add_axes((x / width, y / height, side / width, side / height))
        figures.crisp(ax, picture)
        ax.set_title(caption, fontsize=SIZE, pad=2)
        if not column and row < len(row_labels):
            figure.text((x - GAP) / width, (y + side / 2) / height, row_labels[row],
                        ha="right", va="center", fontsize=SIZE)  # fmt: skip
    return figure


def _wrapped(caption: str, letters: int) -> str:
    """Lines of so many letters; of a longer one its first, with three dots after the last."""
    kept: list[str] = []
    for line in caption.splitlines():
        parts = textwrap.wrap(line, letters) or [""]
        if len(parts) > LINES:
            parts = [*parts[: LINES - 1], parts[LINES - 1][: letters - 1] + "…"]
        kept += parts
    return "\n".join(kept)
