"""What three outputs of a CPPN mean: hue, lightness, saturation.

The paper says HSV; the authors' code fills an 8-bit HLS image of OpenCV, whose hue runs from 0
to 180 while the outputs run to 255, so that the circle of hues is gone round 1.4 times.
"""

from __future__ import annotations

import numpy as np

HUES = 180  # of OpenCV's 8-bit HLS, for the whole circle


def _chroma() -> np.ndarray:
    """float32 (3, 256): how far red, green, blue of a hue lie below (or above) the lightness.

    The channel with offset n in (0, 8, 4) lies at max(-1, min(k - 3, 9 - k, 1)), where k is
    n plus the hue in twelfths of the circle, modulo 12.
    """
    k = (np.array([[0], [8], [4]]) + np.arange(256) * 12 / HUES) % 12
    return np.maximum(-1, np.minimum(np.minimum(k - 3, 9 - k), 1)).astype(np.float32)


CHROMA = _chroma()


def rgb(
    hue: np.ndarray, lightness: np.ndarray, saturation: np.ndarray, out: np.ndarray | None = None
) -> np.ndarray:
    """Three planes, the integer parts of numbers in [0, 255] -> uint8 (3, ...) red, green, blue.

    Args:
        out: where they go, if given.
    """
    light = np.floor(lightness).astype(np.float32, copy=False)
    reach = np.minimum(light, 255 - light)
    reach = reach * np.floor(saturation).astype(np.float32, copy=False) * np.float32(1 / 255)
    light += np.float32(0.5)  # to the nearest
    index = hue.astype(np.int32).astype(np.intp)  # in two steps, each of which is vectorised
    if out is None:
        out = np.empty((3, *np.broadcast_shapes(hue.shape, reach.shape)), np.uint8)
    for plane, chroma in zip(out, CHROMA, strict=True):
        plane[...] = (light - chroma.take(index, mode="wrap") * reach).astype(np.uint8)
    return out
