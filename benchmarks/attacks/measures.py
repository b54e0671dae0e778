"""How good an attack is, beside the best that any attack found; no TensorFlow.

AttackBench (Cina et al. 2025): the envelope is, for each image, the smallest distance that any
attack found at any budget. An attack's robustness curve is the share of images that it has not
changed within a distance; with D the largest distance of the envelope,

    optimality = 1 - (A - A*) / (D - A*)

where A is the area below the attack's curve from 0 to D, and A* that of the envelope. Where all
images are labelled rightly at first, A is the mean over images of min(distance, D), so the areas
are exact here; AttackBench's own code takes them by the trapezoid rule between distances. With one
image, or where the envelope has one distance alone, A = A* = D: there is no optimality, it is NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Lengths = np.ndarray  # float64 (n,), infinite where an attack failed


def lengths(distances: Sequence[float | None]) -> Lengths:
    return np.array([np.inf if each is None else each for each in distances], np.float64)


def envelope(found: Iterable[Lengths], images: int) -> Lengths:
    """The smallest distance of each image; attacks may have seen the first images alone."""
    best = np.full(images, np.inf)
    for each in found:
        best[: len(each)] = np.minimum(best[: len(each)], each)
    return best


def median_ratio(found: Lengths, best: Lengths) -> float:
    """The median over images of distance over best; infinite where half the images failed.

    NaN where nobody changed any image.
    """
    solved = np.isfinite(best[: len(found)])  # by somebody
    if not solved.any():
        return float("nan")
    return float(np.median(found[solved] / best[: len(found)][solved]))


def optimality(found: Lengths, best: Lengths) -> float:
    """See above: 1 for the envelope, 0 for an attack that changes no image within D.

    NaN where the distances of the envelope do not differ, or nobody changed any image.
    """
    solved = np.isfinite(best[: len(found)])
    if not solved.any():
        return float("nan")
    found, best = found[solved], best[: len(found)][solved]
    largest = float(best.max())
    if largest == best.min():
        return float("nan")
    area, least = np.minimum(found, largest).mean(), best.mean()
    return float(1 - (area - least) / (largest - least))


def failures(found: Lengths) -> float:
    """Share of images."""
    return float((~np.isfinite(found)).mean())


class Standing:
    """One network and one kind of aim: its pieces, each beside the envelope."""

    def __init__(self, pieces: Sequence[dict[str, Any]], images: int, exact: str) -> None:
        self.pieces = [piece for piece in pieces if piece["attack"] != exact]
        self.exact = any(piece["attack"] == exact for piece in pieces)
        self.found = [lengths(piece["distances"]) for piece in self.pieces]
        self.best = envelope((lengths(piece["distances"]) for piece in pieces), images)
        self.ratio = [median_ratio(each, self.best) for each in self.found]
        self.optimality = [optimality(each, self.best) for each in self.found]
        self.failures = [failures(each) for each in self.found]

    def attacks(self) -> list[str]:
        return list(dict.fromkeys(piece["attack"] for piece in self.pieces))

    def budgets(self) -> list[int]:
        return sorted({piece["budget"] for piece in self.pieces})

    def nearest(self, budget: int) -> int | None:
        """The number of the piece with the highest optimality; None where there is none.

        A slow attack has the first few images alone. It takes the place of one with more where on
        these few none is as near.
        """
        there = [i for i, piece in enumerate(self.pieces) if piece["budget"] == budget]
        first = None
        for images in sorted({len(self.found[i]) for i in there}, reverse=True):
            over = {
                i: optimality(self.found[i][:images], self.best[:images])
                for i in there
                if len(self.found[i]) >= images
            }
            over = {i: value for i, value in over.items() if np.isfinite(value)}
            top = max(over, key=lambda i: (over[i], len(self.found[i])), default=None)
            if top is not None and (first is None or len(self.found[top]) == images):
                first = top
        return first

    def at(self, attack: str, budget: int) -> int | None:
        """The number of a piece, None where it was not run."""
        for number, piece in enumerate(self.pieces):
            if piece["attack"] == attack and piece["budget"] == budget:
                return number
        return None
