"""Topic models: claim 17. Shuffled words, and other words, with the same inferred topics."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from reproduce.experiments import Context
from reproduce.experiments.lipton import texts
from reproduce.experiments.lipton.medians import median
from reproduce.experiments.lipton.rules import meaning as rules
from reproduce.methods.text import topics as lda
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact

SHORTEST = 50  # words of the vocabulary that a document tried has at least


class Mixtures(NamedTuple):
    """What inference makes of the documents tried.

    variation: name -> float64 (documents,), total variation from the document's own mixture.
    perplexity: name -> of the words in their order, under pairs learnt from the other documents.
    largest: float64 (documents,), the largest topic's share.
    examples: name -> the beginning of one text.
    """

    variation: dict[str, np.ndarray]
    perplexity: dict[str, float]
    largest: np.ndarray
    examples: dict[str, str]


def topics(
    context: Context, *, corpus: partial[Any], count: int, vocabulary: int, documents: int
) -> Artefact:
    """LDA on real texts.

    Args:
        count: of the topics; vocabulary: words; documents: held-out ones tried.
    """
    collection, digest = texts.collected(context, corpus)
    found: Mixtures = context.cached(
        partial(mixtures, digest, count, vocabulary, documents, context.seed)
    )
    cells = Cells("lipton", "topics")
    for name, variation in found.variation.items():
        median(cells, name, "total_variation", variation, "fraction")
        cells.mean(name, "mean_variation", variation, "fraction")
        cells.number(name, "ninth_decile", float(np.quantile(variation, 0.9)), "fraction")
    for name, value in found.perplexity.items():
        cells.number(name, "perplexity", value, "words")
    figure, axes = figures.sheet(width=4.4, height=2.8)
    figures.distribution(axes[0, 0], list(found.variation.values()), list(found.variation))
    axes[0, 0].set(
        xlabel="total variation from the document's mixture", ylabel="share of documents"
    )
    figures.legend(axes[0, 0], loc="center")
    return Artefact(
        title="Other words, same topics",
        caption=(
            f"{collection.name}; LDA with {count} topics, {vocabulary} words, "
            f"{len(found.largest)} held-out documents, whose largest topic has a share of "
            f"{np.median(found.largest):.2f} in the median. inference twice: the same document "
            "from two random starts; shuffled words: its words in random order; other words: drawn "
            "from its mixture, none of its own; matched: those exchanged one by one while that "
            "helps; another document: what a difference is. perplexity: of the order of the words."
        ),
        cells=cells.list,
        claims=[rules.same_topics(cells), rules.same_words(cells)],
        figures={"topics": figure},
        notes=[f"{name}: “{text} …”" for name, text in found.examples.items()],
        departures=texts.departures(collection),
    )


def mixtures(digest: str, count: int, vocabulary: int, tried: int, seed: int) -> Mixtures:
    """Learns topics from most documents and infers the mixtures of some others."""
    from sklearn.decomposition import LatentDirichletAllocation
    from sklearn.feature_extraction.text import CountVectorizer

    documents = texts.known(digest).texts
    stream = np.random.default_rng([seed, 17])
    order = stream.permutation(len(documents))[:5000]
    cut = round(0.85 * len(order))
    train, rest = ([documents[i] for i in part] for part in (order[:cut], order[cut:]))
    vectoriser = CountVectorizer(
        max_features=vocabulary, stop_words="english", tokenizer=texts.words, token_pattern=None
    )
    learnt = LatentDirichletAllocation(
        count, learning_method="online", batch_size=256, max_iter=8, random_state=seed
    ).fit(vectoriser.fit_transform(train))
    beta = learnt.components_ / learnt.components_.sum(axis=1, keepdims=True)
    known = vectoriser.vocabulary_
    sequences = [_indices(text, known) for text in rest]
    chosen = [i for i, s in enumerate(sequences) if len(s) >= SHORTEST][:tried]
    sequences = [sequences[i] for i in chosen]
    counts = np.stack([np.bincount(s, minlength=len(known)) for s in sequences])
    alpha = 1 / count
    infer = partial(lda.mixtures, beta, alpha=alpha)
    own = infer(counts)
    shuffled_texts = [" ".join(stream.permutation(texts.words(rest[i])).tolist()) for i in chosen]
    shuffled = vectoriser.transform(shuffled_texts).toarray()
    drawn = lda.sampled(beta, own, counts, stream)
    matched = lda.matched(beta, own, counts, stream, alpha=alpha)
    variation = {
        "inference twice": lda.total_variation(
            infer(counts, stream=stream), infer(counts, stream=stream)
        ),
        "shuffled words": lda.total_variation(infer(shuffled), own),
        "other words": lda.total_variation(infer(drawn.counts), own),
        "other words, matched": lda.total_variation(infer(matched.counts), own),
        "another document": lda.total_variation(np.roll(own, 1, axis=0), own),
    }
    mixed = [_indices(text, known) for text in shuffled_texts]
    pairs = [_indices(text, known) for text in train]
    orders = {
        "the document": sequences, "shuffled words": mixed, "other words": drawn.sequences,
        "other words, matched": matched.sequences,
    }  # fmt: skip
    perplexity = {name: lda.perplexity(pairs, some, len(known)) for name, some in orders.items()}
    spelling = vectoriser.get_feature_names_out()
    examples = {
        name: " ".join(spelling[some[0][:14]])
        for name, some in orders.items()
        if name != "other words"
    }
    return Mixtures(variation, perplexity, own.max(axis=1), examples)


def _indices(text: str, known: dict[str, int]) -> np.ndarray:
    """A text's words as numbers, those outside the vocabulary left out."""
    return np.array([known[word] for word in texts.words(text) if word in known], int)
