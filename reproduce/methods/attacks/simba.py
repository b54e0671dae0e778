"""Attacks that may ask for scores, and see nothing else.

SimBA (Guo et al. 2019, "Simple black-box adversarial attacks", algorithm 1): take the vectors of
an orthonormal basis in random order; keep a step of +e or -e along each if it lowers the
probability of the true label. Low frequencies of the cosine transform come first, as in the
paper's SimBA-DCT. The label-only counterpart is `minimal.hop_skip_jump`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.fft import idctn
from scipy.special import softmax

from reproduce.methods.attacks.attack import Adversarial, Attack, proposed
from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import slot_logits

Probabilities = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class SimBA(Attack):
    """The search by scores. seed, step, queries, frequencies: see `by_scores`."""

    seed: int = 0
    step: float = 0.3
    queries: int = 600
    frequencies: int = 14

    name: ClassVar[str] = "SimBA"
    objective: ClassVar[str] = "probability of the label, within a number of questions"
    wants: ClassVar[str] = "labels"

    def find(self, classify: Classifier, images: np.ndarray, wanted: np.ndarray) -> Adversarial:
        def probabilities(some: np.ndarray) -> np.ndarray:
            return softmax(slot_logits(classify, some).astype(np.float64), axis=1)

        return by_scores(probabilities, images, wanted, **self.parameters)


def by_scores(
    probabilities: Probabilities,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    seed: int,
    step: float = 0.3,
    queries: int = 600,
    frequencies: int = 14,
) -> Adversarial:
    """Lowers the true label's probability, direction by direction, until the label changes.

    Args:
        probabilities: float32 (m, height, width, channels) -> (m, classes).
        images: float32 (n, height, width, 1) in [0, 1]; labels: (n,).
        step: Euclidean length of one step, e.
        queries: at most, for each image.
        frequencies: of the cosine basis along each side, from the lowest; no more than a side has.

    Returns:
        `images` as the search left them, also where it failed; `evaluations`: questions until
        the label changed, all of them where it did not.
    """
    rng = np.random.default_rng(seed)
    n, height, width, _ = images.shape
    along = min(frequencies, height, width)
    basis = np.stack([cosine(k, height, width) for k in range(along**2)])
    rows = np.arange(n)
    present = images.astype(np.float32).copy()
    first = probabilities(present)
    score, fooled = first[rows, labels], first.argmax(axis=1) != labels
    asked = np.ones(n, int)
    order = np.stack([rng.permutation(len(basis)) for _ in range(n)])
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
    found = proposed(images, present, evaluations=np.where(fooled, asked, queries))
    return found._replace(failed=~fooled)


def cosine(index: int, height: int, width: int) -> np.ndarray:
    """Vector number `index` of the cosine basis, low frequencies first: (height, width, 1)."""
    shell = int(np.sqrt(index))  # the frequencies (u, v) whose larger one is `shell`
    rest = index - shell**2
    u, v = (rest, shell) if rest <= shell else (shell, rest - shell - 1)
    spectrum = np.zeros((height, width))
    spectrum[u, v] = 1
    return idctn(spectrum, norm="ortho")[..., None]
