"""The article's claims in our words, and the four verdicts.

Numbered in the article's order. E: tested here; D: checked against the papers; O: an opinion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from reproduce.report.comparisons import over_cases
from reproduce.report.results import Claim, ClaimVerdict, Strength, answer

SENTENCES = {
    "1": "An image can be changed imperceptibly so that a trained network misclassifies it.",
    "2": "Random combinations of hidden units mean as much as the units themselves.",
    "2b": "That is so in the last hidden layer, of which the article speaks.",
    "3": "The change has to be a chosen one: a random change of the same size does no harm.",
    "4": "The effect contradicts local smoothness: the changed image is far nearer to its "
    "original than any image of another class.",
    "5": "Whoever wants to fool a model needs access to it.",
    "6": "Nearly all machine learning methods can be fooled by chosen examples.",
    "6b": "That is so on tables of measurements too, not on images alone.",
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
    "17": "Other words get the same inferred topics as a document.",
    "17b": "So do a document's own words in random order.",
    "18": "Convolutional networks see differently from people although they err as rarely.",
    "19": "The press exaggerated the findings.",
    "20": "Algorithms that withstand chosen examples would help all of machine learning.",
    "21": "A spammer can ask a filter, but cannot optimise against it.",
}
# What follows from how the models are built, and so tests the code: a linear model's unbounded
# feature, the order of words that a bag of words does not see.
CHECKS = ("7", "17b")
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


def claim(number: str, verdict: ClaimVerdict, evidence: str, strength: Strength) -> Claim:
    """The claim with its verdict."""
    return Claim(
        f"claim {number}", SENTENCES[number], verdict, evidence, strength,
        check=number in CHECKS, any_data=True,
    )  # fmt: skip


def missing(number: str, evidence: str) -> Claim:
    """A claim without a number behind it."""
    return claim(number, "cannot be told", evidence, Strength(0, None, "some numbers"))


def over_models(
    number: str,
    told: Mapping[str, bool | None],
    values: Mapping[str, float] | Mapping[str, tuple[float, ...]],
    asked: str,
    form: Callable[..., str] = "{:.3g}".format,
    images: int | None = None,
) -> Claim:
    """A claim about every model, by `over_cases`: with exceptions it holds for more than half.

    Args:
        told: of each model, whether it does what is asked; None where its interval does not tell.
        values: what `form` takes, a number or several, for each model; a model with NaN among
            them cannot be told.
        asked: what is asked of each model, in words.
        images: behind each model's numbers, at the least.
    """
    numbers = {name: np.atleast_1d(values[name]).tolist() for name in told}
    lacking = [name for name, each in numbers.items() if np.isnan(each).any()]
    answers = {name: None if name in lacking else yes for name, yes in told.items()}
    if not set(answers) - set(lacking):
        return missing(number, f"no model has a number ({asked}).")

    def named(which: bool | None) -> str:
        return ", ".join(
            f"{name} ({'no number' if name in lacking else form(*numbers[name])})"
            for name, yes in answers.items()
            if yes is which
        )

    verdict = over_cases(answers.values())
    n = len(answers)
    if verdict == "holds":
        low, high = form(*min(numbers.values())), form(*max(numbers.values()))
        evidence = f"{asked}: all {n}, {low} to {high}."
    else:
        evidence = f"{asked}: {list(answers.values()).count(True)} of {n}"
        evidence += f"; not {named(False)}" if False in answers.values() else ""
        evidence += f"; not told: {named(None)}" if None in answers.values() else ""
        evidence += "."
    strength = Strength(n, images, f"{-(-n // 2)} of {n} that do not")
    return claim(number, verdict, evidence, strength)


def decided(number: str, true: bool | None, evidence: str, strength: Strength) -> Claim:
    """A claim with one answer behind it; None where it cannot be told."""
    return claim(number, answer(true), evidence, strength)
