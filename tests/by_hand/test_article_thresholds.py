"""Each of the article's rules a little on either side of its threshold, intervals narrow."""

import pytest
from test_lipton_rules import CONV, FULL, compared, everywhere, fooled, table, words

from reproduce.experiments.lipton.rules import defence, inputs, meaning, models

OTHERS = "other words, matched"


def changed(success, distortion):
    return {row: {"changed": success, "distortion": distortion} for row in (FULL, CONV)}


def pixel(bounded):
    return {"28 x 28": {"one_pixel_unbounded": 1.0, "one_pixel_bounded": bounded, "box_ratio": 1.2}}


def blind(fooled, white=0.8):
    return {"with the model": {"fooled": white}, "scores only": {"fooled": fooled}}


def trained(after, before=0.8):
    return {
        FULL: {"test_error": 0.02, "error": before},
        f"{FULL}, trained adversarially": {"test_error": 0.02, "error": after},
    }


def linear(confidence, gaps):
    return {
        "training images": {"distance_in_gaps": 2.0},
        "linear SVM": {"confidence": confidence, "distance_in_gaps": gaps},
    }


def nearest(simple):
    return {"linear SVM": {"distance": simple}, FULL: {"distance": 1.0}, CONV: {"distance": 2.0}}


def hidden(low, high, units=0.8):
    return {"A, last hidden": compared(low, high, units)}


def directions_like_units(cells):
    return meaning.directions_like_units(cells, ["A, last hidden"])


EDGES = [  # rule, numbers that just hold, numbers that just do not
    (models.imperceptible, changed(0.51, 0.099), changed(0.49, 0.099)),
    (models.imperceptible, changed(0.51, 0.099), changed(0.51, 0.101)),
    (models.not_random, everywhere("noise_changes", 0.19), everywhere("noise_changes", 0.21)),
    (models.against_smoothness, everywhere("within_half", 0.81), everywhere("within_half", 0.79)),
    (models.all_susceptible, everywhere("of_separation", 0.49), everywhere("of_separation", 0.51)),
    (models.simple_no_better, nearest(1.9), nearest(2.1)),  # the more robust network's is 2
    (models.evolved_certainty, everywhere("median_confidence", 0.99992),
     everywhere("median_confidence", 0.99988)),
    (models.every_method_fooled, fooled(0.991, 9.1), fooled(0.989, 9.1)),
    (models.every_method_fooled, fooled(0.991, 9.1), fooled(0.991, 8.9)),
    (inputs.small_shift, everywhere("top_shift_near", 0.49), everywhere("top_shift_near", 0.51)),
    (inputs.one_bit, everywhere("one_bit", 0.51), everywhere("one_bit", 0.49)),
    (inputs.last_split, everywhere("at_last_split", 0.51), everywhere("at_last_split", 0.49)),
    (inputs.bounded_pixels, pixel(0.49), pixel(0.51)),
    (inputs.easier_in_many_dimensions, {"a": {"slope_linf": -0.26}}, {"a": {"slope_linf": -0.24}}),
    (inputs.unconstrained_space, {FULL: {"normal > 0.9": 0.51}}, {FULL: {"normal > 0.9": 0.49}}),
    (inputs.far_and_certain, linear(0.991, 2.1), linear(0.989, 2.1)),
    (inputs.far_and_certain, linear(0.991, 2.1), linear(0.991, 1.9)),
    (meaning.same_topics, words(OTHERS, 0.049), words(OTHERS, 0.051)),
    (meaning.same_topics, words(OTHERS, 0.0, 301), words(OTHERS, 0.0, 299)),
    (directions_like_units, hidden(-0.049, 0.049), hidden(0.051, 0.06)),
    (directions_like_units, hidden(-0.01, 0.01, 0.51), hidden(-0.01, 0.01, 0.49)),
    (defence.needs_access, blind(0.30), blind(0.50)),  # of 100; half of the attack's is 0.4
    (defence.spammer, {"f": {"evaded": 0.49, "questions": 9}},
     {"f": {"evaded": 0.51, "questions": 9}}),
    (defence.robust_training, trained(0.39), trained(0.41)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "inside", "outside"), EDGES, ids=lambda case: getattr(case, "__name__", "")
)
def test_the_threshold_is_where_it_is_said_to_be(rule, inside, outside):
    assert rule(table(inside)).verdict == "holds"
    assert rule(table(outside)).verdict == "refuted"


def test_a_claim_rests_on_the_fewest_images_of_a_model():
    cells = table(everywhere("noise_changes", 0.01))
    cells.list[1] = cells.list[1]._replace(n=7)
    assert models.not_random(cells).strength[:2] == (3, 7)


def test_the_luckiest_of_seven_attacks_does_not_refute():
    """16 of 22 beside a half: p = .026, which one of seven attacks comes to by chance in 17 %."""
    rows = {"with the model": {"fooled": 1.0}} | {f"blind {i}": {"fooled": 0.0} for i in range(6)}
    cells = table(rows)
    cells.rate("lucky", "fooled", 16, 22)
    assert defence.needs_access(cells).verdict == "cannot be told"
    alone = table({"with the model": {"fooled": 1.0}})
    alone.rate("lucky", "fooled", 16, 22)
    assert defence.needs_access(alone).verdict == "refuted"
