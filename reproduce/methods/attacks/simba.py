"""Attacks that may ask for scores, and see nothing else.

SimBA (Guo et al. 2019, "Simple black-box adversarial attacks", algorithm 1): take the vectors of
an orthonormal basis in random order; keep a step of +e or -e along each if it lowers the
probability of the true label. Low frequencies of the cosine transform come first, as in the
paper's SimBA-DCT. The label-only counterpart is `smallest.decision`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.fft import idctn

Probabilities = Callable[[np.ndarray], np.ndarray]


class Attempt(NamedTuple):
    """What a search by scores left.

    images: float32, the images as the search left them.
    fooled: bool (n,), whether the label changed within the budget.
    queries: int (n,), questions until the label changed; the budget where it did not.
    """

    images: np.ndarray
    fooled: np.ndarray
    queries: np.ndarray


def by_scores(
    probabilities: Probabilities,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    seed: int,
    step: float = 0.3,
    queries: int = 600,
    frequencies: int = 14,
) -> Attempt:
    """Lowers the true label's probability, direction by direction, until the label changes.

    Args:
        probabilities: float32 (m, height, width, channels) -> (m, classes).
        images: float32 (n, height, width, 1) in [0, 1]; labels: (n,).
        step: Euclidean length of one step, e.
        queries: at most, for each image.
        frequencies: of the cosine basis along each side, from the lowest.
    """
    stream = np.random.default_rng(seed)
    n, height, width, _ = images.shape
    basis = np.stack([cosine(k, height, width) for k in range(frequencies**2)])
    rows = np.arange(n)
    present = images.astype(np.float32).copy()
    first = probabilities(present)
    score, fooled = first[rows, labels], first.argmax(axis=1) != labels
    asked = np.ones(n, int)
    order = np.stack([stream.permutation(len(basis)) for _ in range(n)])
    for turn in range(order.shape[1]):
        if (fooled | (asked >= queries)).all():
            break
        direction = step * basis[order[:, turn]].astype(np.float32)
        waiting = ~fooled & (asked < queries)
        for sign in (1, -1):
            tried = np.clip(present + sign * direction, 0, 1)
            answer = probabilities(tried)
            asked += waiting
            better = waiting & (answer[rows, labels] < score)
            present[better] = tried[better]
            score = np.where(better, answer[rows, labels], score)
            fooled |= better & (answer.argmax(axis=1) != labels)
            waiting &= ~better & (asked < queries)
    return Attempt(present, fooled, np.where(fooled, asked, queries))


def cosine(index: int, height: int, width: int) -> np.ndarray:
    """Vector number `index` of the cosine basis, low frequencies first: (height, width, 1)."""
    shell = int(np.sqrt(index))  # the frequencies (u, v) whose larger one is `shell`
    rest = index - shell**2
    u, v = (rest, shell) if rest <= shell else (shell, rest - shell - 1)
    spectrum = np.zeros((height, width))
    spectrum[u, v] = 1
    return idctn(spectrum, norm="ortho")[..., None]
