"""Each claim's rule can come out either way, and follows from the numbers alone."""

import numpy as np
import pytest

from reproduce.data import Examples
from reproduce.experiments import Context
from reproduce.experiments.lipton import claims, overview, protocol, zoo
from reproduce.experiments.lipton.rules import defence, inputs, meaning, models
from reproduce.methods.attacks import fgsm
from reproduce.methods.attacks.minimal.hop_skip_jump import nearest_others
from reproduce.networks import models as networks
from reproduce.report.cells import Cells
from reproduce.runtime.errors import NotAvailable
from reproduce.training import adversarial, logits

CONV, FULL = "convolutional network", "fully connected network"


def table(numbers):
    """Cells from {row: {column: number}}; a pair is a number with its interval."""
    cells = Cells("lipton", "made up")
    for row, columns in numbers.items():
        for column, value in columns.items():
            value, *interval = value if isinstance(value, tuple) else (value,)
            cells.number(row, column, value, "fraction")
            if interval:
                cells.list[-1] = cells.list[-1]._replace(low=interval[0], high=interval[1])
    return cells


def everywhere(column, value, rows=("softmax regression", FULL, CONV)):
    return {row: {column: value} for row in rows}


def fooled(confidence, distance):
    rows = ("softmax regression", FULL, CONV)
    row = {"fooling_confidence": confidence, "fooling_distance": distance}
    return {models.TEST_IMAGES: {"fooling_distance": 9.0}} | dict.fromkeys(rows, row)


def compared(low, high, units=0.8, shuffled=0.3):
    """A row of the table of units; its margin is 0.05."""
    return {
        "units": units, "random": units - (low + high) / 2, "shuffled": shuffled,
        "difference": ((low + high) / 2, low, high), "margin": 0.05,
    }  # fmt: skip


ALIKE, APART = compared(-0.02, 0.02), compared(0.08, 0.12)
CASES = [  # rule, numbers under which it holds, numbers under which it is refuted
    (
        models.imperceptible,
        {FULL: {"changed": 1.0, "distortion": 0.05}, CONV: {"changed": 0.99, "distortion": 0.09}},
        {FULL: {"changed": 0.5, "distortion": 0.05}, CONV: {"changed": 1.0, "distortion": 0.2}},
    ),
    (models.not_random, everywhere("noise_changes", 0.01), everywhere("noise_changes", 0.1)),
    (models.against_smoothness, everywhere("within_half", 1.0), everywhere("within_half", 0.9)),
    (models.all_susceptible, everywhere("of_separation", 0.2), everywhere("of_separation", 0.8)),
    (
        models.simple_no_better,
        {"linear SVM": {"distance": 0.6}, FULL: {"distance": 1.0}, CONV: {"distance": 2.0}},
        {"linear SVM": {"distance": 2.1}, FULL: {"distance": 1.0}, CONV: {"distance": 2.0}},
    ),
    (
        models.evolved_certainty,
        everywhere("median_confidence", 0.99999),
        everywhere("median_confidence", 0.999),
    ),
    (
        models.every_method_fooled,
        fooled(confidence=0.995, distance=14.0),
        fooled(confidence=0.9, distance=14.0),
    ),
    (
        models.every_method_fooled,
        fooled(confidence=0.995, distance=14.0),
        fooled(confidence=0.995, distance=6.0),  # digits
    ),
    (
        inputs.one_feature,
        {"l2": {"flips_unbounded": 1.0, "flips_bounded": 0.3}},
        {"l2": {"flips_unbounded": 0.9, "flips_bounded": 0.3}},
    ),
    (inputs.small_shift, everywhere("top_shift_near", 0.2), everywhere("top_shift_near", 3.0)),
    (inputs.one_bit, everywhere("one_bit", 0.7), everywhere("one_bit", 0.4)),
    (inputs.last_split, everywhere("at_last_split", 0.6), everywhere("at_last_split", 0.1)),
    (
        inputs.bounded_pixels,
        {"28 x 28": {"one_pixel_unbounded": 1.0, "one_pixel_bounded": 0.1, "box_ratio": 1.2}},
        {"28 x 28": {"one_pixel_unbounded": 1.0, "one_pixel_bounded": 0.9, "box_ratio": 1.2}},
    ),
    (
        inputs.easier_in_many_dimensions,
        {"softmax": {"slope_linf": (-0.6, -0.7, -0.5)}},
        {"softmax": {"slope_linf": (-0.1, -0.2, 0.0)}},
    ),
    (
        inputs.unconstrained_space,
        {FULL: {"uniform > 0.9": 0.1, "normal > 0.9": 0.8}},
        {FULL: {"uniform > 0.9": 0.1, "normal > 0.9": 0.2}},
    ),
    (
        inputs.far_and_certain,
        {
            "training images": {"distance_in_gaps": 2.0},
            "linear SVM": {"confidence": 1.0, "distance_in_gaps": 3.0},
        },
        {
            "training images": {"distance_in_gaps": 2.0},
            "linear SVM": {"confidence": 1.0, "distance_in_gaps": 1.5},
        },
    ),
    (
        meaning.same_topics,
        {
            "inference twice": {"total_variation": 0.03},
            "shuffled words": {"total_variation": 0.0, "perplexity": 900},
            "other words, matched": {"total_variation": 0.04, "perplexity": 900},
            "the document": {"perplexity": 150},
        },
        {
            "inference twice": {"total_variation": 0.03},
            "shuffled words": {"total_variation": 0.0, "perplexity": 200},  # makes sense
            "other words, matched": {"total_variation": 0.3, "perplexity": 900},
            "the document": {"perplexity": 150},
        },
    ),
    (
        defence.needs_access,
        {"with the model": {"fooled": 1.0}, "scores only": {"fooled": 0.2}},
        {"with the model": {"fooled": 1.0}, "scores only": {"fooled": 0.7}},
    ),
    (
        defence.spammer,
        {"naive Bayes": {"evaded": 0.1, "questions": 300}},
        {"naive Bayes": {"evaded": 0.9, "questions": 20}},
    ),
    (
        defence.robust_training,
        {
            FULL: {"test_error": 0.02, "error": 0.9},
            f"{FULL}, trained adversarially": {"test_error": 0.01, "error": 0.2},
        },
        {
            FULL: {"test_error": 0.02, "error": 0.9},
            f"{FULL}, trained adversarially": {"test_error": 0.2, "error": 0.8},
        },
    ),
    (meaning.directions_like_units, {"A, last hidden": ALIKE}, {"A, last hidden": APART}),
    (
        meaning.directions_like_units,
        {"A, last hidden": ALIKE},
        {"A, last hidden": compared(-0.02, 0.02, units=0.4)},  # alike, but no better than chance
    ),
    (
        meaning.in_the_last_layer,
        {"A, last hidden": ALIKE, "A, first hidden": APART},
        {"A, last hidden": APART, "A, first hidden": ALIKE},
    ),
]


@pytest.mark.parametrize(
    ("rule", "true", "false"), CASES, ids=lambda case: getattr(case, "__name__", "")
)
def test_a_rule_comes_out_either_way(rule, true, false):
    holds, refuted = rule(table(true)), rule(table(false))
    assert holds.verdict == "holds"
    assert refuted.verdict == "refuted"
    assert holds.id == refuted.id
    assert any(character.isdigit() for character in refuted.evidence)


@pytest.mark.parametrize("rule", [case[0] for case in CASES], ids=lambda rule: rule.__name__)
def test_without_numbers_a_rule_cannot_tell(rule):
    assert rule(table({})).verdict == "cannot be told"


def test_every_testable_claim_has_a_rule_and_every_rule_a_sentence():
    judged = {rule(table(true)).id.removeprefix("claim ") for rule, true, _ in CASES}
    assert judged == set(claims.SENTENCES) - {"13b", "18", "19"}


def test_a_digit_is_no_fooling_image():
    """Models that are sure of digits alone are the exceptions to claim 16."""
    table_ = fooled(confidence=0.999, distance=14.0)
    table_["RBF network"] = {"fooling_confidence": 1.0, "fooling_distance": 7.0}
    found = models.every_method_fooled(table(table_))
    assert found.verdict == "holds with exceptions"
    assert "not RBF network (100.0% at 7.0)" in found.evidence


def test_an_interval_that_is_too_wide_tells_nothing():
    undecided = table({"A, last hidden": compared(-0.01, 0.09)})
    assert meaning.directions_like_units(undecided).verdict == "cannot be told"


def test_a_slope_that_may_be_zero_is_none():
    steep = {"slope_linf": (-0.6, -1.3, 0.1)}
    assert inputs.easier_in_many_dimensions(table({"softmax": steep})).verdict == "refuted"


def test_adversarial_training_may_fail_for_all_but_the_network():
    trained = "{}, trained adversarially"
    rows = {
        FULL: {"test_error": 0.02, "error": 0.9},
        trained.format(FULL): {"test_error": 0.02, "error": 0.1},
        "softmax": {"test_error": 0.08, "error": 1.0},
        trained.format("softmax"): {"test_error": 0.2, "error": 0.9},
    }
    found = defence.robust_training(table(rows))
    assert found.verdict == "holds with exceptions"


def test_half_of_the_models_may_be_exceptions():
    values = {"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.0}
    found = claims.over_models("6", values, lambda value: value > 0.5, "large")
    assert found.verdict == "holds with exceptions"
    assert "c (0)" in found.evidence
    values["b"] = 0.0
    assert claims.over_models("6", values, lambda value: value > 0.5, "large").verdict == "refuted"


def test_bands_of_clean_errors_widen_from_the_full_set_to_the_small_one():
    for name, (low, high, small_low, small_high) in zoo.KNOWN.items():
        assert zoo.known_band(name, 60_000) == pytest.approx((low, high))
        assert zoo.known_band(name, 4_000) == pytest.approx((small_low, small_high))
        middle = zoo.known_band(name, 15_000)
        assert low <= middle[0] <= small_low
        assert high <= middle[1] <= small_high


def test_a_search_starts_from_another_label_and_never_from_none(rng):
    pool = rng.random((30, 2, 2, 1)).astype(np.float32)
    answers = np.array([0, 1, -1] * 10)
    starts = nearest_others(lambda some: answers, pool[:6], answers[:6].clip(0), pool)
    for start, label in zip(starts, answers[:6].clip(0), strict=True):
        found = answers[np.flatnonzero((pool == start).all(axis=(1, 2, 3)))[0]]
        assert found not in (label, -1)


def test_separation_is_the_distance_to_the_nearest_other_class(rng):
    train = Examples(rng.random((40, 2, 2, 1)).astype(np.float32), np.arange(40) % 3)
    images, labels = rng.random((5, 2, 2, 1)).astype(np.float32), np.array([0, 1, 2, 0, 1])
    found = protocol.class_separation(images, labels, train)
    for image, label, distance in zip(images, labels, found, strict=True):
        others = train.images[train.labels != label]
        assert distance == pytest.approx(np.sqrt(((others - image) ** 2).sum((1, 2, 3)).min()))


def test_adversarial_training_withstands_what_ordinary_training_does_not(mnist_5k):
    """On two digits, Goodfellow et al.'s 3 against 7."""
    chosen = np.isin(mnist_5k.train.labels, (3, 7))
    images = mnist_5k.train.images[chosen]
    examples = Examples(images, (mnist_5k.train.labels[chosen] == 7).astype(np.int64))
    errors = []
    for alpha in (1.0, 0.5):
        network = networks.dense((28, 28, 1), [40], 2, seed=0, activation="relu")
        adversarial.adversarial(
            network, examples, np.random.default_rng(0), epochs=8, batch=40,
            rate=lambda done: 0.1 + 0 * done, epsilon=0.1, alpha=alpha,
        )  # fmt: skip
        changed = fgsm.fast(network, examples.images, examples.labels, epsilon=0.1)
        errors.append((logits(network, changed).argmax(axis=1) != examples.labels).mean())
    assert errors[1] < 0.5 * errors[0]


def test_the_claims_page_names_verdict_and_table():
    spam = claims.claim("21", "refuted", "all got past.")._replace(artefact="text_filter")
    found = overview.claims(Context(None, {}, 0, None, claims=(spam,)))
    lines = [note for note in found.notes if note.startswith("21.")]
    assert len(lines) == 1
    assert "Refuted: all got past. (table text_filter)" in lines[0]
    assert "6. " + claims.SENTENCES["6"] + " — Not run." in found.notes
    assert sum(note.startswith("Correction:") for note in found.notes) == len(claims.CORRECTIONS)
    assert {cell.row: cell.value for cell in found.cells} == {
        "holds": 0, "holds with exceptions": 0, "refuted": 2, "cannot be told": 2,
    }  # fmt: skip
    assert list(found.figures) == ["claims"]


def test_the_claims_page_of_no_tables_is_not_made():
    with pytest.raises(NotAvailable, match="has none of them"):
        overview.claims(Context(None, {}, 0, None))
