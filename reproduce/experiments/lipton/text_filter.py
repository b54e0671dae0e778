"""A text filter, evaded by those who may only ask it: claim 21."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from reproduce.experiments import Context
from reproduce.experiments.lipton import texts
from reproduce.experiments.lipton.rules import defence as rules
from reproduce.methods.text import evasion
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact


class Asked(NamedTuple):
    """A filter and those who asked it.

    wrong: how many of the `tested` test texts it classifies wrongly.
    passed: bool (n,); first, questions: int (n,); added: int (n,), words beside the message.
    length: int (n,), words of the messages.
    """

    wrong: int
    tested: int
    passed: np.ndarray
    first: np.ndarray
    questions: np.ndarray
    added: np.ndarray
    length: np.ndarray


def text_filter(
    context: Context, *, corpus: partial[Any], documents: int, questions: int
) -> Artefact:
    """A text filter evaded by asking it: words of ordinary texts are appended to a message.

    Args:
        documents: blocked messages tried; questions: at most, for each.
    """
    collection, digest = texts.collected(context, corpus)
    cells = Cells("lipton", "text_filter")
    figure, axes = figures.sheet(width=4.2, height=2.8)
    for kind in ("naive Bayes", "logistic regression"):
        one: Asked = context.cached(
            partial(asked, digest, kind, documents, questions, context.seed)
        )
        n = len(one.passed)
        cells.rate(kind, "test_error", one.wrong, one.tested)
        cells.rate(kind, "evaded", int(one.passed.sum()), n)
        past = one.passed
        for name, values in {"questions": one.first, "added_words": one.added,
                             "message_words": one.length}.items():  # fmt: skip
            cells.number(kind, name, float(np.median(values[past])) if past.any() else np.nan,
                         "count", int(past.sum()))  # fmt: skip
        order = np.sort(one.first[past])
        figures.curve(axes[0, 0], order, np.arange(1, len(order) + 1) / n, label=kind)
    axes[0, 0].set(xlabel="questions", ylabel="share of messages past the filter", ylim=(0, 1.02))
    axes[0, 0].set_xlim(left=0)
    figures.legend(axes[0, 0])
    return Artefact(
        title="A text filter, asked",
        caption=(
            f"{collection.name}. The filter blocks what it takes for a text from "
            f"{texts.wanted_heading(collection.labels)}; the message stays whole, words of other "
            f"texts are appended. At most {questions} questions a message. questions: median until "
            "past; added_words: median after as many as possible were taken away again."
        ),
        cells=cells.list,
        claims=[rules.spammer(cells)],
        figures={"text_filter": figure},
        departures=texts.departures(collection),
    )


def asked(digest: str, kind: str, tried: int, questions: int, seed: int) -> Asked:
    """Fits a filter and lets an attacker ask it."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    split = texts.split(texts.known(digest), seed)
    steps: dict[str, list[Any]] = {
        "naive Bayes": [CountVectorizer(max_features=20_000), MultinomialNB()],
        "logistic regression": [TfidfVectorizer(max_features=20_000), LogisticRegression(C=10.0)],
    }
    filter_ = make_pipeline(*steps[kind]).fit(split.train, split.train_labels)
    blocks = filter_.predict(split.test)
    messages = [split.test[i] for i in np.flatnonzero(blocks & split.test_labels)[:tried]]
    ordinary = [split.test[i] for i in np.flatnonzero(~blocks & ~split.test_labels)]
    stream = np.random.default_rng([seed, 21])
    found = []
    for message in messages:
        own = " ".join(ordinary[i] for i in stream.integers(len(ordinary), size=10))
        words = stream.permutation(texts.words(own)).tolist()
        found.append(evasion.good_words(filter_.predict, message, words, questions=questions))
    return Asked(
        int((blocks != split.test_labels).sum()),
        len(blocks),
        np.array([one.passed for one in found], bool),
        np.array([one.first for one in found], int),
        np.array([one.questions for one in found], int),
        np.array([one.added for one in found], int),
        np.array([len(message.split()) for message in messages], int),
    )
