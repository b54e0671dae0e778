"""The article's claims in our words, and the four verdicts.

Numbered in the article's order. E: tested here; D: checked against the papers; O: an opinion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from reproduce.report.results import Claim, ClaimVerdict, answer

SENTENCES = {
    "1": "An image can be changed imperceptibly so that a trained network misclassifies it.",
    "2": "Random combinations of hidden units mean as much as the units themselves.",
    "2b": "That is so in the last hidden layer, of which the article speaks.",
    "3": "The change has to be a chosen one: a random change of the same size does no harm.",
    "4": "The effect contradicts local smoothness: the changed image is far nearer to its "
    "original than any image of another class.",
    "5": "Whoever wants to fool a model needs access to it.",
    "6": "Nearly all machine learning methods can be fooled by chosen examples.",
    "7": "Logistic regression on thousands of features: one feature pushed far enough flips the "
    "label, the others untouched.",
    "8": "If a feature's weight is high, a small shift of it flips the label.",
    "9": "In a decision tree, a single binary feature can send an example to the wrong leaf.",
    "9b": "The split that decides is the last one before the leaf.",
    "10": "Images differ from other data in that a pixel's value is bounded.",
    "11": "With many features and many degrees of freedom, adversarial examples are easy to make.",
    "12": "Simple, well understood models are no more robust than neural networks.",
    "13": "Networks classify evolved images that mean nothing with high confidence.",
    "13b": "Fooling images are made by gradient ascent.",
    "14": "Fooling images are to be expected: real images fill a tiny part of the space, and "
    "nothing constrains a model in the rest.",
    "15": "Every linear classifier is certain about points far from its boundary and from all "
    "data.",
    "16": "Virtually every method can be fooled in the same way.",
    "17": "Words in random order, or other words, get the same inferred topics as a document.",
    "18": "Convolutional networks see differently from people although they err as rarely.",
    "19": "The press exaggerated the findings.",
    "20": "Algorithms that withstand chosen examples would help all of machine learning.",
    "21": "A spammer can ask a filter, but cannot optimise against it.",
}
# What the article says inexactly about the two papers.
CORRECTIONS = [
    'The article calls the finding about units the "main" one. Szegedy et al. give their two '
    "properties equal weight, and support the first by pictures alone.",
    'The article says that fooling images were "constrained only not to look like anything". '
    "Nguyen et al. impose no such constraint: that nobody recognises them is an outcome, and some "
    "of their CPPN images can be recognised (their Figure 3).",
    "The article says that fooling images are made by gradient ascent. Two of the three methods "
    "of Nguyen et al., and most of their results, are evolutionary; gradient ascent is the third.",
    "The article says that an attacker needs access to the model. Szegedy et al. show in their "
    "Tables 2 and 4 that examples made for one network fool others.",
]


def claim(number: str, verdict: ClaimVerdict, evidence: str) -> Claim:
    """The claim with its verdict."""
    return Claim(f"claim {number}", SENTENCES[number], verdict, evidence, any_data=True)


def over_models(
    number: str,
    values: Mapping[str, float] | Mapping[str, tuple[float, ...]],
    meets: Callable[..., bool],
    asked: str,
    form: Callable[..., str] = "{:.3g}".format,
) -> Claim:
    """A claim about every model: holds for all, with exceptions for at most half, or is refuted.

    Args:
        values: what `meets` and `form` take, a number or several, for each model; models with a
            NaN among them are left out.
        asked: what is asked of each model, in words.
    """
    known = {name: np.atleast_1d(value).tolist() for name, value in values.items()}
    known = {name: numbers for name, numbers in known.items() if not np.isnan(numbers).any()}
    if not known:
        return claim(number, "cannot be told", f"no model has a number ({asked}).")
    failing = {name: numbers for name, numbers in known.items() if not meets(*numbers)}
    if not failing:
        low, high = form(*min(known.values())), form(*max(known.values()))
        return claim(number, "holds", f"{asked}: all {len(known)}, {low} to {high}.")
    exceptions = ", ".join(f"{name} ({form(*numbers)})" for name, numbers in failing.items())
    verdict: ClaimVerdict = "holds with exceptions" if 2 * len(failing) <= len(known) else "refuted"
    return claim(
        number,
        verdict,
        f"{asked}: {len(known) - len(failing)} of {len(known)}; not {exceptions}.",
    )


def decided(number: str, true: bool | None, evidence: str) -> Claim:
    """A claim with one number behind it; None where there is none."""
    return claim(number, answer(true), evidence)
