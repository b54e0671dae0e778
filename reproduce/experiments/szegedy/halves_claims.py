"""What Table 4 is said to show, and by which tests.

Of several splits the tests are paired over splits, which share the attacked images; of one they
are over the images, and the error under noise, on the whole test set, is taken for known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from reproduce.experiments.szegedy.tables_claims import known_mean, lower, strength
from reproduce.report.comparisons import all_of, lower_in_pairs, more_than
from reproduce.report.results import Claim, answer, resting_on

TWICE = 2.0  # the harm of noise; ours, for "far more"


def across_sets(
    mistaken: Mapping[tuple[str, str], np.ndarray],
    half: Mapping[str, int],
    noises: Sequence[str],
    amplified: Mapping[str, str],
) -> list[Claim]:
    """Section 4.2: other training sets too are fooled, more than by noise, but less.

    Args:
        mistaken: (made for, fed to) -> (splits, images), 1 where it errs, NaN where there is none.
        half: network -> the half it learns from.
        noises: the rows of noise as large as the changes, and as large as the amplified ones.
        amplified: name of a network -> of its amplified row.
    """
    pairs = [(row, column) for row in half for column in half if row != column]
    same = [pair for pair in pairs if half[pair[0]] == half[pair[1]]]
    other = [pair for pair in pairs if half[pair[0]] != half[pair[1]]]
    quiet, loud = noises
    large = {(a, b): mistaken[amplified[a], b] for a, b in pairs}
    least = min(large, key=lambda pair: float(known_mean(large[pair])))
    shown = {pair: float(known_mean(mistaken[pair])) for pair in pairs}
    means = [float(np.mean([shown[pair] for pair in some])) for some in (same, other)]
    first = mistaken[pairs[0]]
    claims = [
        Claim(
            id="hard for another training set",
            sentence="Images distorted for a network stay hard for networks trained on other "
            "images, harder than noise of the same size.",
            verdict=answer(
                all_of(
                    _harder(mistaken[a, b], mistaken[quiet, b], 1.0, len(other)) for a, b in other
                )
            ),
            evidence=f"error {_per_cent(shown[pair] for pair in other)} across training sets, "
            f"{_per_cent(known_mean(mistaken[quiet, b]) for b in half)} under noise of 0.06; "
            f"{_test(first)}.",
            strength=strength({"": first}, "a pair that is less hard than noise, at 5 %,"),
        ),
        Claim(
            id="lower effect across training sets",
            sentence="The effect across training sets is lower than across architectures "
            "trained on one set.",
            verdict=answer(
                lower(*(np.mean([mistaken[p] for p in some], axis=0) for some in (other, same)))
            ),
            evidence=f"error {_per_cent(shown[pair] for pair in same)} (mean "
            f"{100 * means[0]:.1f} %) on the same half, {_per_cent(shown[pair] for pair in other)} "
            f"(mean {100 * means[1]:.1f} %) on the other; paired t test, 5 %.",
            strength=strength({"": first}, "a higher mean across training sets, at 5 %,"),
        ),
        Claim(
            id="amplified distortions fool across training sets",
            sentence="Amplified to 0.1, the distortions fool networks with other training sets "
            "and architectures far more than noise of 0.1 does: at least twice.",
            verdict=answer(
                all_of(
                    _harder(each, mistaken[loud, b], TWICE, len(large))
                    for (_, b), each in large.items()
                )
            ),
            evidence=f"error {_per_cent(map(known_mean, large.values()))}, the least from "
            f"{least[0]} to {least[1]}; "
            f"{_per_cent(known_mean(mistaken[loud, b]) for b in half)} under noise of 0.1; "
            f"{_test(first)}.",
            strength=strength({"": first}, "a pair below twice the harm of noise, at 5 %,"),
        ),
    ]
    return [resting_on(claim, *(mistaken[pair] for pair in pairs)) for claim in claims]


def _harder(wrong: np.ndarray, noisy: np.ndarray, times: float, of: int) -> bool | None:
    """Whether a network errs more than so many times as often as under noise."""
    if len(wrong) > 1:
        return lower_in_pairs(times * known_mean(noisy, axis=1), known_mean(wrong, axis=1), of)
    known = wrong[np.isfinite(wrong)]
    limit = min(1.0, times * float(known_mean(noisy)))
    return more_than(int(known.sum()), len(known), limit, of)


def _test(wrong: np.ndarray) -> str:
    return "binomial tests, 5 %" if len(wrong) == 1 else "paired t tests over splits, 5 %"


def _per_cent(values: Iterable[float | np.ndarray]) -> str:
    numbers = [100 * float(value) for value in values]
    return f"{min(numbers):.1f} to {max(numbers):.1f} %"
