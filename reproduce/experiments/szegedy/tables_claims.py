"""What Tables 1 and 2 are said to show, and by which tests.

Of one run the tests are over the attacked images, which are the same for all networks; of several
over the runs, each with its own weights, images and targets. All arrays are (runs, images), NaN
where the attack found nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from reproduce.report.comparisons import (
    all_of,
    fewer_than,
    lower_in_pairs,
    mean_above,
    mean_below,
)
from reproduce.report.results import Claim, Strength, answer, resting_on

LINEAR = ["FC10(1e-4)", "FC10(1e-2)", "FC10(1)"]  # by weight decay
AUTOENCODER = "AE400-10"
FAR_LESS = 1 / 5  # of the harm of an adversarial change; ours


def everything_has_one(failed: Mapping[str, np.ndarray]) -> Claim:
    """Section 4: for every network and every sample, an adversarial example was found.

    Args:
        failed: network -> bool (runs, images).
    """
    lost, total = (sum(int(count(each)) for each in failed.values()) for count in (np.sum, np.size))
    return Claim(
        id="every image has an adversarial example",
        sentence="For every network and every image studied, an adversarial example is found.",
        verdict=answer(lost == 0 if total else None),
        evidence=f"{total - lost} of {total} attacks on {len(failed)} networks succeeded.",
        strength=strength(failed, "one attack that fails"),
    )


def decay_raises_distortion(distortion: Mapping[str, np.ndarray]) -> list[Claim]:
    """Table 1: the more weight decay, the larger the smallest distortion (paired t tests)."""
    if not set(LINEAR) <= set(distortion):
        return []
    steps = pairwise(LINEAR)
    pooled = {row: _rms(distortion[row]) for row in LINEAR}
    claim = Claim(
        id="weight decay raises the distortion",
        sentence="The larger the weight decay of a linear network, the larger the smallest "
        "distortion.",
        verdict=answer(all_of(lower(distortion[a], distortion[b], of=2) for a, b in steps)),
        evidence=", ".join(f"{row} {value:.3f}" for row, value in pooled.items())
        + f"; paired t tests over {_over(distortion)}, 5 %.",
        strength=strength(distortion, "a step at which it falls, at 5 %,"),
    )
    return [resting_on(claim, *(distortion[row] for row in LINEAR))]


def most_resilient(mistaken: Mapping[tuple[str, str], np.ndarray], noise: str) -> list[Claim]:
    """Section 4.2: other networks' examples fool the autoencoder least, yet it is not immune.

    Args:
        mistaken: (made for, fed to) -> 1 where it errs; noise: the row of noise of 0.1.
    """
    names = list(dict.fromkeys(name for _, name in mistaken))
    if AUTOENCODER not in names or len(names) < 2:
        return []
    suffered = {
        name: np.mean([mistaken[row, name] for row in names if row != name], axis=0)
        for name in names
    }
    own = suffered[AUTOENCODER]
    of = len(names)  # the other networks, and noise
    told = [lower(own, suffered[name], of) for name in names if name != AUTOENCODER]
    claim = Claim(
        id="the autoencoder is the most resilient",
        sentence="Other networks' examples fool the autoencoder least, and yet they fool it, "
        "more than noise of 0.1 does.",
        verdict=answer(all_of([*told, lower(mistaken[noise, AUTOENCODER], own, of)])),
        evidence="mean error on the other networks' examples: "
        + ", ".join(f"{name} {100 * known_mean(v):.1f} %" for name, v in suffered.items())
        + f"; under noise of 0.1 {100 * known_mean(mistaken[noise, AUTOENCODER]):.1f} %; "
        f"paired t tests over {_over(suffered)}, 5 %.",
        strength=strength(
            suffered, "a network that is fooled less, or noise that fools it more, at 5 %,"
        ),
    )
    return [resting_on(claim, *suffered.values())]


def noise_is_milder(
    mistaken: Mapping[tuple[str, str], np.ndarray],
    distortion: Mapping[str, np.ndarray],
    noise: str,
    size: float,
) -> Claim:
    """Table 2: noise does less than a fifth of the harm of an adversarial change no larger.

    Networks whose adversarial changes are larger than the noise, at 5 %, are left out.

    Args:
        distortion: network -> of its own examples; size: standard deviation of the noise.
    """
    smaller = {
        name: each
        for name, each in distortion.items()
        if mean_above(_cases(each**2), size**2) is not True
    }
    told, lines = [], []
    for name, each in smaller.items():
        harm, own = mistaken[noise, name], float(known_mean(mistaken[name, name]))
        limit = FAR_LESS * own
        if len(harm) == 1:
            hits, n = int(np.nansum(harm)), int(np.isfinite(harm).sum())
            told.append(fewer_than(hits, n, limit, of=len(smaller)))
        else:
            told.append(mean_below(_cases(harm), limit, of=len(smaller)))
        lines.append(
            f"{name}: {100 * known_mean(harm):.1f} % by noise, {100 * own:.1f} % by a change of "
            f"{_rms(each):.3f}"
        )
    claim = Claim(
        id="noise does less harm",
        sentence="Gaussian noise of standard deviation 0.1 does far less harm, less than a fifth, "
        "than an adversarial change that is no larger.",
        verdict=answer(all_of(told)),
        evidence="; ".join(lines) + "." if lines else "every network's changes are larger.",
        strength=strength(
            smaller or distortion,
            "a network on which noise does more than a fifth of the harm, at 5 %,",
        ),
    )
    return resting_on(claim, *distortion.values())


def strength(cases: Mapping[str, np.ndarray], refuted_by: str) -> Strength:
    """Runs and images of arrays (runs, images)."""
    runs, images = next(iter(cases.values())).shape
    return Strength(runs, images, refuted_by)


def _cases(values: np.ndarray) -> np.ndarray:
    """What a test goes over: the images of one run, or the means of several."""
    one = values[0] if len(values) == 1 else known_mean(values, axis=1)
    return np.asarray(one[np.isfinite(one)])


def lower(first: np.ndarray, second: np.ndarray, of: int = 1) -> bool | None:
    """`lower_in_pairs` over images, or over runs."""
    known = np.isfinite(first) & np.isfinite(second)
    one, other = (_cases(np.where(known, each, np.nan)) for each in (first, second))
    return lower_in_pairs(one, other, of)


def _over(cases: Mapping[str, np.ndarray]) -> str:
    return "images" if len(next(iter(cases.values()))) == 1 else "runs"


def known_mean(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """The mean of what is no NaN; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(known_mean(values**2)))


def spread_out(wrong: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """float64 (images,): 1 where an example errs, 0 where not, NaN where there is none.

    Args:
        wrong: bool, of the examples that there are; kept: bool (images,), which those are.
    """
    found = np.full(len(kept), np.nan)
    found[kept] = wrong
    return found


def stacked(runs: Sequence[np.ndarray]) -> np.ndarray:
    """(runs, images)."""
    return np.stack([np.asarray(run, float) for run in runs])
