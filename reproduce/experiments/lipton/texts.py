"""Texts as the experiments use them: two classes, a split, words as numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from reproduce.data.corpora import Corpus
from reproduce.experiments import Context

WORD = re.compile(r"[a-zA-Z][a-zA-Z]+")


class Split(NamedTuple):
    """Documents in two classes: True is the heading with the most texts."""

    train: list[str]
    train_labels: np.ndarray
    test: list[str]
    test_labels: np.ndarray


_known: dict[str, Corpus] = {}


def collected(context: Context, corpus: partial[Any]) -> tuple[Corpus, str]:
    """The texts, read once a process, and the digest under which `known` finds them again.

    What is measured on them is kept under the digest: the same call may give other texts
    elsewhere, and thousands of documents have no place in a recipe.
    """
    found: Corpus = context.store.remembered(corpus)
    digest = found.digest
    _known[digest] = found
    return found, digest


def known(digest: str) -> Corpus:
    """Texts that `collected` has read in this process."""
    return _known[digest]


def departures(corpus: Corpus) -> list[str]:
    """That the texts are others than those that were to be taken."""
    if corpus.stands_in_for:
        return [f"Texts: {corpus.name}, in the place of {corpus.stands_in_for}."]
    return []


def wanted_heading(labels: Sequence[str]) -> str:
    """The heading with the most texts."""
    return Counter(labels).most_common(1)[0][0]


def question(corpus: Corpus) -> str:
    """What the two-class models decide."""
    return f"is a text from {wanted_heading(corpus.labels)}"


def split(corpus: Corpus, seed: int, most: int = 6000) -> Split:
    """Three quarters to learn from, a quarter to test, shuffled; `most` documents at most."""
    order = np.random.default_rng([seed, 5]).permutation(len(corpus.texts))[:most]
    heading = wanted_heading(corpus.labels)
    answers = np.array([corpus.labels[i] == heading for i in order])
    cut = 3 * len(order) // 4
    shuffled = [corpus.texts[i] for i in order]
    return Split(shuffled[:cut], answers[:cut], shuffled[cut:], answers[cut:])


def words(text: str) -> list[str]:
    """Lower-case words of two letters or more, in their order."""
    return [word.lower() for word in WORD.findall(text)]
