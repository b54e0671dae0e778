"""Attacks without the model: claims 5 and 21."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from reproduce import data
from reproduce.data import Examples, frozen
from reproduce.experiments import Setting
from reproduce.experiments.lipton import protocol, texts, zoo
from reproduce.experiments.lipton.rules import defence as rules
from reproduce.methods import evasion, fgsm, queries
from reproduce.methods.smallest import between, decision
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact
from reproduce.training import logits

EDITION = 1
SIZE = 0.1  # root mean square per pixel that no attack exceeds
STEPS = 20  # of the gradient attacks
OTHER_WIDTH = 150  # of the attacker's network, who does not know the architecture


def access(
    setting: Setting,
    *,
    network: str,
    images: int,
    queried: list[int],
    score_queries: int,
    search: Mapping[str, Any],
) -> Artefact:
    """A network attacked by those who have it, and by those who have not.

    Args:
        network: attacked; trained on one half of the training images.
        images: test images attacked.
        queried: how many of its labels a substitute is trained on.
        score_queries: questions for scores an image; search: options of the search by labels.
    """
    mine, others = data.halves(setting.dataset.train, setting.seed)
    target = setting.network(network, examples=mine)
    sample = zoo.draw(setting.dataset.test, images, setting.seed)
    right = logits(target, sample.images).argmax(axis=1) == sample.labels
    sample = Examples(sample.images[right], sample.labels[right])
    cells = Cells("goodfellow", "access")
    n = len(sample.labels)

    def fooled_by(made_for: Any) -> int:
        changed = fgsm.iterated(
            made_for, sample.images, sample.labels, epsilon=SIZE, steps=STEPS, euclidean=True
        )
        return int((logits(target, changed).argmax(axis=1) != sample.labels).sum())

    white = cells.rate("with the model", "fooled", fooled_by(target), n)
    call = setting.networks[network]
    wider = partial(call.keywords["network"], units=[OTHER_WIDTH, OTHER_WIDTH])
    train = partial(call, network=wider, seed=setting.seeds(2)[1])
    elsewhere = setting.cached(partial(train, examples=others))
    blind = cells.rate("substitute, other data", "fooled", fooled_by(elsewhere), n)
    curve: dict[int, float] = {}
    for count in queried:
        some = others.images[:count]
        answers = logits(target, some).argmax(axis=1).astype(np.int64)
        asked_for = partial(train, examples=frozen(some.copy(), answers), classes=10)
        row = f"substitute, {len(some)} labels asked"
        fooled = cells.rate(row, "fooled", fooled_by(setting.cached(asked_for)), n)
        curve[len(some)] = float(fooled.value or 0)
        cells.number(row, "questions", len(some), "count")
    scores, labels = _searches(setting, target, sample, others, score_queries, search)
    reach = SIZE * np.sqrt(sample.images[0].size)
    for row, (asked, distance) in {"scores only": scores, "labels only": labels}.items():
        final = distance[-1] <= reach
        cells.rate(row, "fooled", int(final.sum()), n)
        cells.number(row, "questions", float(asked[-1]), "count")
    return Artefact(
        title="Attacks with and without the model",
        caption=(
            f"{n} test images that {network}, trained on half of the data, classifies correctly. "
            f"No attack changes an image by more than {SIZE:g} root mean square per pixel; those "
            f"along a gradient take {STEPS} steps. fooled: share whose label changes. Substitutes "
            "are networks of another width, trained on the other half, with true labels or with "
            "those that the attacked network gives when asked; questions: asked in all for a "
            "substitute, else at most for each image."
        ),
        cells=cells.list,
        claims=[rules.needs_access(cells)],
        figures={
            "access": _figure(
                curve,
                scores,
                labels,
                float(reach),
                {
                    "with the model": float(white.value or 0),
                    "substitute, other data": float(blind.value or 0),
                },
            )
        },
    )


Trace = tuple[np.ndarray, np.ndarray]  # questions (looks,), distance reached (looks, n)


def _searches(
    setting: Setting,
    target: Any,
    sample: Examples,
    pool: Examples,
    score_queries: int,
    search: Mapping[str, Any],
) -> tuple[Trace, Trace]:
    by_scores = setting.cached(
        partial(searched_by_scores, target, sample, score_queries, setting.seed)
    )
    few = Examples(pool.images[:1000], pool.labels[:1000])
    by_labels = setting.cached(
        partial(searched_by_labels, target, sample, few, setting.seed, dict(search))
    )
    return by_scores, by_labels


def searched_by_scores(target: Any, sample: Examples, most: int, seed: int) -> Trace:
    """Where the search by scores stands after each question that fooled somebody."""
    found = queries.by_scores(
        lambda x: zoo.softmax(logits(target, x)), sample.images, sample.labels,
        seed=seed, queries=most,
    )  # fmt: skip
    distance = np.where(found.fooled, between(sample.images, found.images), np.inf)
    looks = np.unique(np.append(found.queries[found.fooled], most))
    reached = np.where(found.queries[None] <= looks[:, None], distance[None], np.inf)
    return looks, reached


def searched_by_labels(
    target: Any, sample: Examples, pool: Examples, seed: int, search: Mapping[str, Any]
) -> Trace:
    """Where the search by labels stands at each of its looks."""

    def predict(x: np.ndarray) -> np.ndarray:
        return logits(target, x).argmax(axis=1)

    starts = protocol.nearest_others(predict, sample.images, sample.labels, pool.images)
    walk = decision.nearest(predict, sample.images, starts, seed=seed, **search)
    return walk.queries, walk.distance


def _figure(
    curve: dict[int, float], scores: Trace, labels: Trace, reach: float, unasked: dict[str, float]
) -> Figure:
    """Success against questions; lines across for attacks that ask none."""
    figure, axes = figures.sheet(width=4.2, height=3.2)
    place = axes[0, 0]
    figures.curve(place, np.array(list(curve)), np.array(list(curve.values())),
                  label="substitute on labels (questions in all)")  # fmt: skip
    for name, (asked, distance) in {"scores only": scores, "labels only": labels}.items():
        figures.curve(place, asked, (distance <= reach).mean(axis=1), label=f"{name} (an image)")
    place.set(xscale="log", xlabel="questions", ylabel="share fooled", ylim=(0, 1.05))
    first, last = place.get_xlim()
    for name, share in unasked.items():
        place.axhline(share, color="0.6", linewidth=0.8, zorder=0)
        place.annotate(name, (first, share), (2, -2), textcoords="offset points", va="top",
                       fontsize=6.5, color="0.4")  # fmt: skip
    place.set_xlim(first, last)
    figures.legend(figure, loc="outside upper center", ncols=1)
    return figure


class Asked(NamedTuple):
    """A filter and those who asked it.

    error: on test texts; kept_out: texts it blocks that were tried.
    passed: bool (n,); first, questions: int (n,); added: int (n,), words beside the message.
    length: int (n,), words of the messages.
    """

    error: float
    passed: np.ndarray
    first: np.ndarray
    questions: np.ndarray
    added: np.ndarray
    length: np.ndarray


def text_filter(
    setting: Setting, *, corpus: partial[Any], documents: int, questions: int
) -> Artefact:
    """A text filter evaded by asking it: words of ordinary texts are appended to a message.

    Args:
        documents: blocked messages tried; questions: at most, for each.
    """
    collection, digest = texts.collected(setting, corpus)
    cells = Cells("goodfellow", "text_filter")
    figure, axes = figures.sheet(width=4.2, height=2.8)
    for kind in ("naive Bayes", "logistic regression"):
        one: Asked = setting.cached(
            partial(asked, digest, kind, documents, questions, setting.seed)
        )
        n = len(one.passed)
        cells.number(kind, "test_error", one.error, "fraction")
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
        float((blocks != split.test_labels).mean()),
        np.array([one.passed for one in found], bool),
        np.array([one.first for one in found], int),
        np.array([one.questions for one in found], int),
        np.array([one.added for one in found], int),
        np.array([len(message.split()) for message in messages], int),
    )
