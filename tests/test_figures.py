"""Figures: images keep every pixel."""

from __future__ import annotations

import numpy as np
from PIL import Image

from reproduce.report import figures
from reproduce.report.gallery import gallery


def test_every_pixel_becomes_a_square_of_its_own_grey(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 7, 28, 28, 1)) / 255
    labels = {"row_labels": ["FC10(1)", "b", "c"], "column_labels": list("1234567")}
    figures.save(figures.grid(images, title="digits", **labels), tmp_path, "digits")
    drawn = np.asarray(Image.open(tmp_path / "digits.png").convert("L"))
    mosaic = np.round(255 * figures.mosaic(images)[..., 0]).astype(np.uint8)
    scale = 6  # 6.5 inches at 200 dpi over 7 * 29 - 1 pixels, an even number
    wanted = mosaic.repeat(scale, axis=0).repeat(scale, axis=1)
    assert (drawn[-wanted.shape[0] :, -wanted.shape[1] :] == wanted).all()
    assert (tmp_path / "digits.pdf").read_bytes()[:5] == b"%PDF-"


def test_a_failed_image_stays_white():
    images = np.stack([np.zeros((4, 4, 3)), np.full((4, 4, 3), np.nan)])[None]
    assert (figures.mosaic(images)[:, 5:] == 1).all()


def test_lines_can_be_told_apart_in_grey():
    figure, axes = figures.sheet()
    for index in range(5):
        figures.curve(axes[0, 0], np.arange(3), np.arange(3) + index, label=str(index))
    lines = axes[0, 0].lines
    assert len({line.get_linestyle() for line in lines}) >= 4
    assert len({line.get_marker() for line in lines}) == 5
    figures.legend(axes[0, 0])
    assert figure.axes


def test_only_images_that_white_paper_would_swallow_are_framed():
    black, white = np.zeros((4, 4, 3)), np.ones((4, 4, 3))
    images = np.stack([black, white, np.full((4, 4, 3), np.nan)])[None]
    (ax,) = figures.grid(images).axes
    (frame,) = ax.patches
    assert (frame.get_x(), frame.get_width()) == (4.5, 4)  # after four pixels and a gap


def test_captions_are_legible_and_stay_over_their_pictures():
    pictures = [np.zeros((8, 8, 3))] * 8
    drawn = gallery(pictures, ["a name of many letters, too many\n99.99 %"] * 8, columns=8)
    for ax in drawn.axes:
        assert ax.title.get_fontsize() >= 7
        *name, sure = ax.get_title().splitlines()
        assert sure == "99.99 %"
        assert len(name) == 2
        assert name[-1].endswith("…")
    drawn.canvas.draw()
    for ax in drawn.axes:
        title, place = ax.title.get_window_extent(), ax.get_window_extent()
        assert title.width <= 1.1 * place.width
