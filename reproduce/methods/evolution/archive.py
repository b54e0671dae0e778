"""The archive of MAP-Elites: one niche for each class, and in it the best genome so far.

Nguyen et al. 2015, section 2.2 and figure 2: each child is tried on every class and takes over
each niche where its confidence is strictly higher. Confidence is kept as log-odds: in single
precision a softmax is exactly 1 once 1 - p < 3e-8, and a strict ">" would then never hold again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit

from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import say


class Archive(NamedTuple):
    """The best genome found so far for each class.

    genomes: one for each class, of any kind; None while the niche is empty.
    images: uint8 (classes, height, width, channels), the genomes as they were scored.
    log_odds: float64 (classes,), log p / (1 - p) of each elite for its class; -inf while empty.
    born: int64 (classes,), the generation each elite is from; -1 while empty.
    """

    genomes: list[Any]
    images: np.ndarray
    log_odds: np.ndarray
    born: np.ndarray


def empty(classes: int, shape: tuple[int, int, int]) -> Archive:
    """An archive without elites, for images of (height, width, channels)."""
    return Archive(
        genomes=[None] * classes,
        images=np.zeros((classes, *shape), np.uint8),
        log_odds=np.full(classes, -np.inf),
        born=np.full(classes, -1),
    )


def insert(
    archive: Archive, genomes: Any, images: np.ndarray, log_odds: np.ndarray, generation: int = 0
) -> Archive:
    """Gives each class its best genome among the elite and the children.

    The elites are those that one child after the other would leave.

    Args:
        genomes: n children, a list or an array with one in each row.
        images: uint8 (n, height, width, channels).
        log_odds: float64 (n, classes); classes beyond the archive's have no niche. What is no
            number, NaN or plus infinity, wins no niche.
        generation: the children's.
    """
    classes = len(archive.genomes)
    log_odds = numbers(log_odds[:, :classes])
    archive = archive._replace(log_odds=numbers(archive.log_odds))
    challenger = log_odds.argmax(axis=0)
    challenge = log_odds[challenger, np.arange(classes)]
    wins = challenge > archive.log_odds  # a tie keeps the older elite
    now = archive.images.copy()
    now[wins] = images[challenger[wins]]
    # A row of an array is copied, or it would keep the whole generation in memory.
    winners = {child: genomes[child] for child in set(challenger[wins].tolist())}
    winners = {
        child: genome.copy() if isinstance(genome, np.ndarray) else genome
        for child, genome in winners.items()
    }
    return Archive(
        genomes=[
            winners[child] if won else elite
            for elite, child, won in zip(archive.genomes, challenger.tolist(), wins, strict=True)
        ],
        images=now,
        log_odds=np.where(wins, challenge, archive.log_odds),
        born=np.where(wins, generation, archive.born),
    )


def numbers(scores: np.ndarray) -> np.ndarray:
    """The scores, with minus infinity where one is NaN or plus infinity; says how many those are.

    NaN would hide every other child of its class, and plus infinity would never be beaten.
    """
    broken = np.isnan(scores) | np.isposinf(scores)
    if not broken.any():
        return scores
    say(f"{broken.sum()} of {scores.size} scores are NaN or infinite and win no niche")
    return np.where(broken, -np.inf, scores)


def log_odds(logits: np.ndarray) -> np.ndarray:
    """log p / (1 - p) of the softmax, exact where p rounds to 1.

    Args:
        logits: (n, classes), at least two classes.

    Returns:
        float64 (n, classes): z_c - log(sum of exp z_k over the other classes k).

    Raises:
        UserError: where they are not finite.
    """
    logits = np.asarray(logits, np.float64)
    broken = int((~np.isfinite(logits).all(axis=1)).sum())
    if broken:
        raise UserError(
            "finite logits are expected: the network gave NaN or infinity for "
            f"{broken} of {len(logits)} images."
        )
    rows = np.arange(len(logits))
    top = logits.argmax(axis=1)
    shifted = logits - logits[rows, top, None]
    weights = np.exp(shifted)
    # For the top class, the sum without it; for any other, the total less a smaller part.
    others = weights.sum(axis=1, keepdims=True) - weights
    weights[rows, top] = 0
    others[rows, top] = weights.sum(axis=1)
    with np.errstate(divide="ignore"):
        odds = shifted - np.log(others)
    certain = others[rows, top] == 0  # by more than 700: the runner-up alone counts
    if certain.any():
        runner_up = np.partition(logits[certain], -2, axis=1)[:, -2]
        odds[rows[certain], top[certain]] = logits[certain, top[certain]] - runner_up
    return odds


def confidence(log_odds: np.ndarray) -> np.ndarray:
    """p from log p / (1 - p), float64 in [0, 1]."""
    return expit(log_odds)
