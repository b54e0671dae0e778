"""Topics, evasion and corpora."""

import json

import numpy as np
import pytest

from reproduce.data import corpora
from reproduce.methods.text import evasion, topics
from reproduce.runtime.errors import UserError


@pytest.fixture
def distinct(rng):
    """Three topics over 30 words that hardly overlap."""
    beta = np.full((3, 30), 0.002)
    for k in range(3):
        beta[k, 10 * k : 10 * k + 10] += rng.random(10)
    return beta / beta.sum(axis=1, keepdims=True)


def test_inference_finds_the_mixture_documents_were_drawn_from(distinct, rng):
    wanted = rng.dirichlet([0.5] * 3, 20)
    counts = np.stack([rng.multinomial(800, theta @ distinct) for theta in wanted])
    found = topics.mixtures(distinct, counts, alpha=0.3)
    assert topics.total_variation(found, wanted).max() < 0.1


def test_inference_is_scikit_learns(rng):
    from sklearn.decomposition import LatentDirichletAllocation

    counts = rng.poisson(1.0, (40, 25))
    learnt = LatentDirichletAllocation(
        3, random_state=0, mean_change_tol=1e-6, max_doc_update_iter=500
    ).fit(counts)
    # scikit-learn's transform uses exp(E[log beta]); give ours the same matrix
    theirs = learnt.transform(counts)
    found = topics.mixtures(
        learnt.exp_dirichlet_component_, counts, alpha=learnt.doc_topic_prior_, iterations=500
    )
    assert topics.total_variation(found, theirs).max() < 0.02


def test_other_words_are_others_and_matching_brings_them_nearer(distinct, rng):
    counts = np.stack(
        [rng.multinomial(60, theta @ distinct) for theta in rng.dirichlet([0.5] * 3, 8)]
    )
    counts[:, 25:] = 0  # some words are left to be drawn
    counts[:, 15:18] = counts[:, 3:6] = 0
    own = topics.mixtures(distinct, counts, alpha=0.3)
    drawn = topics.sampled(distinct, own, counts, np.random.default_rng(1))
    matched = topics.matched(distinct, own, counts, np.random.default_rng(1), alpha=0.3)
    for some in (drawn, matched):
        assert (some.counts[counts > 0] == 0).all()
        np.testing.assert_array_equal(some.counts.sum(axis=1), counts.sum(axis=1))

    def apart(some):
        found = topics.mixtures(distinct, some.counts, alpha=0.3)
        return np.median(topics.total_variation(found, own))

    assert apart(matched) <= apart(drawn)
    assert apart(matched) < 0.05


def test_shuffling_raises_perplexity_and_keeps_the_words(rng):
    text = np.tile(np.arange(10), 200)
    assert topics.perplexity([text], [text[:50]], 10) < 2
    assert topics.perplexity([text], [rng.permutation(text)[:500]], 10) > 5


def filter_of(bad, good):
    """Blocks a text with more bad words than good ones."""
    return lambda some: np.array(
        [sum(w in bad for w in t.split()) > sum(w in good for w in t.split()) for t in some]
    )


def test_evasion_adds_as_few_words_as_the_filter_needs():
    blocked = filter_of({"buy", "now", "cheap"}, {"meeting", "report", "agenda"})
    ordinary = ["the", "of", "meeting", "a", "report", "agenda", "on"] * 5
    found = evasion.good_words(blocked, "buy cheap now", ordinary)
    assert found.passed
    assert not blocked([found.text])[0]
    assert found.text.startswith("buy cheap now")
    assert found.added == 3
    assert found.first <= found.questions <= 300


def test_evasion_gives_up_where_no_word_helps():
    found = evasion.good_words(
        lambda some: np.ones(len(some), bool), "buy", ["a", "b"], questions=9
    )
    assert not found.passed
    assert found.questions <= 9


def test_texts_from_a_folder_and_from_json_lines_agree(tmp_path):
    texts = {("ham", "one"): "peace " * 40, ("spam", "two"): "buy " * 40}
    lines = []
    for (label, name), text in texts.items():
        (tmp_path / "folder" / label).mkdir(parents=True)
        (tmp_path / "folder" / label / f"{name}.txt").write_text(text)
        lines.append(json.dumps({"text": text, "label": label}))
    (tmp_path / "texts.jsonl").write_text("\n".join(lines))
    one, other = corpora.texts(tmp_path / "folder"), corpora.texts(tmp_path / "texts.jsonl")
    assert (one.texts, one.labels) == (other.texts, other.labels)
    assert one.digest == other.digest


@pytest.mark.parametrize(
    ("content", "words"), [("{", "line 1"), ('{"text": "a b"}', "label"), ("", "two headings")]
)
def test_a_wrong_file_of_texts_is_told_in_one_line(tmp_path, content, words):
    place = tmp_path / "texts.jsonl"
    place.write_text(content)
    with pytest.raises(UserError, match=words):
        corpora.texts(place)


def test_documentation_of_a_package_leaves_out_private_names_and_examples(tmp_path, monkeypatch):
    long = "word " * 40
    for package in ("first", "second"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(
            f'def seen():\n    """{package} {long}\n\n    >>> hidden()\n    """\n'
            f'def _unseen():\n    """secret {long}"""\n'
        )
    monkeypatch.syspath_prepend(tmp_path)
    found = corpora.docstrings(["first", "second"])
    assert found.labels == ["first", "second"]
    assert not any("hidden" in text or "secret" in text for text in found.texts)
