"""The smallest change that alters a label, for models of any kind.

    linear        the optimum, in closed form or by quadratic programming
    trees         the optimum, from the boxes of the leaves
    neighbours    the optimum for one nearest neighbour, from the cells of the points
    decision      a search that sees nothing but labels, for everything else
    single        one feature alone, one bit alone

Where there is a gradient, `methods.adversarial.nearest` serves. Each takes arrays and functions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Change(NamedTuple):
    """What was found for each image.

    images: float32, the changed images, of the originals' shape; NaN where nothing was found.
    distance: float64 (n,), Euclidean; infinite where nothing was found.
    proven: bool (n,), whether nothing nearer exists.
    """

    images: np.ndarray
    distance: np.ndarray
    proven: np.ndarray


def between(images: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Euclidean distance of each image from its changed version, float64 (n,)."""
    difference = changed.reshape(len(changed), -1).astype(np.float64) - images.reshape(
        len(images), -1
    )
    distance = np.sqrt((difference**2).sum(axis=1))
    return np.where(np.isfinite(distance), distance, np.inf)
