"""Topic mixtures of documents, and other words with the same mixture.

Latent Dirichlet allocation (Blei, Ng & Jordan 2003) with given topics: a document is its counts
of words, and its mixture theta the mean of a Dirichlet distribution found by variational
inference (their equations 6 and 7, words of one kind taken together):

    phi_wk ~ beta_kw exp(digamma(gamma_k)),    gamma_k = alpha_k + sum_w n_w phi_wk

    theirs   here
    beta     topics     (topics, words), rows sum to one
    gamma    weights    (documents, topics)
    theta    mixture    (documents, topics), gamma over its sum
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import digamma


class Matched(NamedTuple):
    """Documents in other words.

    counts: int64 (documents, words); none of a document's own words is used.
    sequences: the words in the order in which they were drawn, a list of indices a document.
    """

    counts: np.ndarray
    sequences: list[np.ndarray]


def mixtures(
    topics: np.ndarray,
    counts: np.ndarray,
    *,
    alpha: float,
    stream: np.random.Generator | None = None,
    start: np.ndarray | None = None,
    iterations: int = 100,
) -> np.ndarray:
    """The inferred mixture of each document, float64 (documents, topics).

    Args:
        counts: (documents, words).
        alpha: of the symmetric Dirichlet prior.
        stream: draws a random start, as one run of inference does; by default all topics start
            alike, which makes the result a function of the counts.
        start: mixtures to start from, instead.
    """
    counts = np.asarray(counts, np.float64)
    total = counts.sum(axis=1, keepdims=True)
    shape = (len(counts), len(topics))
    if start is not None:
        weights = alpha + start * total
    elif stream is not None:
        weights = stream.gamma(100.0, 0.01, shape)
    else:
        weights = np.ones(shape)
    for _ in range(iterations):
        tilt = np.exp(digamma(weights) - digamma(weights.sum(axis=1, keepdims=True)))
        after = alpha + tilt * ((counts / (tilt @ topics + 1e-100)) @ topics.T)
        settled = np.abs(after - weights).mean() < 1e-4
        weights = after
        if settled:
            break
    return weights / weights.sum(axis=1, keepdims=True)


def total_variation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Half the sum of absolute differences, in [0, 1], for each row."""
    return np.abs(one - other).sum(axis=1) / 2


def sampled(
    topics: np.ndarray, wanted: np.ndarray, counts: np.ndarray, stream: np.random.Generator
) -> Matched:
    """As many words as each document has, drawn from its mixture, none of them its own.

    Args:
        wanted: the mixtures; counts: of the documents whose words are ruled out.
    """
    chances = np.where(counts > 0, 0, wanted @ topics)
    chances /= chances.sum(axis=1, keepdims=True)
    lengths = np.asarray(counts.sum(axis=1), int)
    words = topics.shape[1]
    sequences = [
        stream.choice(words, size=length, p=chance)
        for length, chance in zip(lengths, chances, strict=True)
    ]
    return Matched(_counted(sequences, words), sequences)


def matched(
    topics: np.ndarray,
    wanted: np.ndarray,
    counts: np.ndarray,
    stream: np.random.Generator,
    *,
    alpha: float,
    rounds: int = 40,
    proposals: int = 8,
) -> Matched:
    """`sampled`, then words exchanged one by one while that brings the mixture nearer.

    Args:
        rounds: in each, every document tries `proposals` exchanges of one word for another of
            the vocabulary, and keeps the best if it helps.
    """
    state = sampled(topics, wanted, counts, stream)
    current, sequences = state.counts.copy(), [s.copy() for s in state.sequences]
    present = mixtures(topics, current, alpha=alpha)
    reached = total_variation(present, wanted)
    n, words = current.shape
    rows = np.repeat(np.arange(n), proposals)
    for _ in range(rounds):
        # words of topics that are still too weak are tried more often
        lacking = np.maximum(wanted - present, 0) + 0.02 * wanted
        chances = np.where(counts > 0, 0, lacking @ topics)
        chances = np.cumsum(chances / chances.sum(axis=1, keepdims=True), axis=1)
        draws = stream.random((n, proposals))
        fresh = np.array([np.searchsorted(c, d) for c, d in zip(chances, draws, strict=True)])
        fresh = np.minimum(fresh, words - 1)
        places = np.stack([stream.integers(len(s), size=proposals) for s in sequences])
        leaving = np.stack([s[p] for s, p in zip(sequences, places, strict=True)])
        tried = np.repeat(current, proposals, axis=0)
        np.add.at(tried, (np.arange(len(rows)), leaving.ravel()), -1)
        np.add.at(tried, (np.arange(len(rows)), fresh.ravel()), 1)
        found = mixtures(topics, tried, alpha=alpha, start=present[rows], iterations=6)
        distances = total_variation(found, wanted[rows]).reshape(n, proposals)
        best = distances.argmin(axis=1)
        # a warm start may settle elsewhere than inference from the beginning, which counts
        chosen = tried[np.arange(n) * proposals + best]
        after = mixtures(topics, chosen, alpha=alpha)
        apart = total_variation(after, wanted)
        for i in np.flatnonzero(apart < reached):
            current[i], present[i], reached[i] = chosen[i], after[i], apart[i]
            sequences[i][places[i, best[i]]] = fresh[i, best[i]]
    return Matched(current, sequences)


def perplexity(
    learnt: list[np.ndarray], sequences: list[np.ndarray], words: int, weight: float = 0.7
) -> float:
    """How much pairs of neighbouring words surprise a reader of `learnt`.

    A bigram model interpolated with single words (Jelinek & Mercer); the lower, the more a text
    reads like the others. Shuffling a text keeps its single words and breaks its pairs.

    Args:
        learnt, sequences: word indices in their order.
        weight: of the pairs.
    """
    singles = np.bincount(np.concatenate(learnt), minlength=words) + 1.0
    firsts = np.bincount(np.concatenate([s[:-1] for s in learnt]), minlength=words)
    codes = np.concatenate([s[:-1].astype(np.int64) * words + s[1:] for s in learnt])
    pairs, times = np.unique(codes, return_counts=True)
    surprise, total = 0.0, 0
    for sequence in sequences:
        code = sequence[:-1].astype(np.int64) * words + sequence[1:]
        place = np.minimum(np.searchsorted(pairs, code), len(pairs) - 1)
        times_seen = np.where(pairs[place] == code, times[place], 0)
        follows = times_seen / np.maximum(firsts[sequence[:-1]], 1)
        single = singles[sequence[1:]] / singles.sum()
        surprise -= np.log(weight * follows + (1 - weight) * single).sum()
        total += len(code)
    return float(np.exp(surprise / max(total, 1)))


def _counted(sequences: list[np.ndarray], words: int) -> np.ndarray:
    return np.stack([np.bincount(s, minlength=words) for s in sequences]).astype(np.int64)
