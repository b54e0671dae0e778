"""A picture file as a viewer shows it, or an error that names the file.

A viewer turns a picture upright, lays what is transparent on white, scales any bit depth to the
screen's eight bits, and shows the first of several frames. Colour profiles are not applied.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

from reproduce.runtime.errors import UserError

MOST_PIXELS = 89_478_485  # Pillow's own bound: a quarter of a gigabyte as RGB
# Pillow hands the first two to other programs, and only recognises the others.
NOT_READ = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}
WHITE_IS_ZERO = 0  # TIFF's PhotometricInterpretation
BITS, PHOTOMETRIC = TiffImagePlugin.BITSPERSAMPLE, TiffImagePlugin.PHOTOMETRIC_INTERPRETATION
TURNED = {  # EXIF's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Image.init()
FORMATS = tuple(sorted(set(Image.OPEN) - NOT_READ))
SUFFIXES = frozenset(
    suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS
)


class Picture(NamedTuple):
    """pixels: of mode L where the file has no colour, else RGB; frames: in the file."""

    pixels: Image.Image
    frames: int


def read(file: Path) -> Picture:
    """The picture in a file.

    Raises:
        UserError: for what is no picture, damaged, larger than MOST_PIXELS, or of numbers whose
            black and white are unknown.
    """
    # By a stream: an uncompressed TIFF opened by name is mapped into memory and loses its turn.
    with (
        _refused_by_name(file),
        file.open("rb") as stream,
        Image.open(stream, formats=FORMATS) as opened,
    ):
        if opened.width * opened.height > MOST_PIXELS:
            raise UserError(
                f"{file} has {opened.width} x {opened.height} pixels: at most {MOST_PIXELS:,} are "
                "read. Scale it down."
            )
        opened.load()
        pixels = _eight_bits(file, opened)
        # A phone's MPO has a preview or a depth map beside the photograph.
        frames = 1 if opened.format == "MPO" else getattr(opened, "n_frames", 1)
        return Picture(_upright(opened, pixels), frames)


@contextlib.contextmanager
def _refused_by_name(file: Path) -> Iterator[None]:
    """Turns whatever Pillow raises for a damaged file into a UserError."""
    try:
        if file.stat().st_size == 0:
            raise UserError(f"{file} is empty: a picture is expected.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes and metadata, which are checked here
            yield
    except UserError:
        raise
    except UnidentifiedImageError as unknown:
        raise UserError(
            f"{file} cannot be read as a picture: its content is of no kind that is read."
        ) from unknown
    except Exception as broken:  # Pillow's readers raise nearly every kind for a damaged file
        raise UserError(f"{file} cannot be read as a picture ({broken}).") from broken


def _upright(opened: Image.Image, pixels: Image.Image) -> Image.Image:
    """Turned and mirrored as the file's EXIF orientation says."""
    if opened.format == "TIFF":  # Pillow has done so
        return pixels
    try:
        orientation = opened.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # viewers show a picture with damaged metadata as it lies
        return pixels
    return pixels.transpose(TURNED[orientation]) if orientation in TURNED else pixels


def _eight_bits(file: Path, opened: Image.Image) -> Image.Image:
    """Mode L or RGB, on white."""
    if opened.mode.startswith("I;16") or (opened.mode == "I" and opened.format in ("PNG", "PPM")):
        return _from_whole_numbers(opened)
    if opened.mode == "I":
        raise UserError(
            f"{file} holds whole numbers of 32 bits, whose white is unknown: save it with 8 or "
            "16 bits."
        )
    if opened.mode == "F":
        return _from_floats(file, opened)
    grey = opened.mode in ("1", "L", "LA", "La")
    if opened.has_transparency_data:
        if opened.mode == "La":
            opened = opened.convert("LA")
        on_white = Image.new("RGBA", opened.size, "white")
        on_white.alpha_composite(opened.convert("RGBA"))
        colour = on_white.convert("RGB")
    else:
        colour = opened.convert("L" if grey else "RGB")
    if opened.mode in ("P", "PA"):  # a palette of greys alone
        bands = np.asarray(colour)
        grey = bool((bands == bands[..., :1]).all())
    return colour.convert("L") if grey else colour


def _from_whole_numbers(opened: Image.Image) -> Image.Image:
    """Grey of up to 16 bits."""
    values = np.asarray(opened.convert("I"))
    tags: Any = getattr(opened, "tag_v2", {})
    white = 2 ** int(tags.get(BITS, (16,))[0]) - 1
    pixels = np.rint(np.clip(values / white, 0, 1) * 255).astype(np.uint8)
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        pixels = 255 - pixels
    transparent = opened.info.get("transparency")
    if transparent is not None:
        pixels = np.where(values == transparent, np.uint8(255), pixels)
    return Image.fromarray(pixels)


def _from_floats(file: Path, opened: Image.Image) -> Image.Image:
    """Grey numbers with a point, in [0, 1]."""
    values = np.asarray(opened)
    if not (values.min() >= 0 and values.max() <= 1):
        raise UserError(
            f"{file} holds numbers from {values.min():g} to {values.max():g}: [0, 1] is expected."
        )
    return Image.fromarray(np.uint8(np.rint(values * 255)))
