"""What a model that others trained expects of its pixels, and whether it gives logits.

Found out on training images: by the labels' likelihood under the usual ranges of pixels, and by
whether the answers are positive and sum to 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import logsumexp

from reproduce.data import Examples

SAMPLE = 500  # training images,
SAMPLE_PIXELS = 10_000_000  # and fewer where they are large
# What models expect of a pixel x in [0, 1]: x * scale + offset.
RANGES = {"[0, 1]": (1.0, 0.0), "[-1, 1]": (2.0, -1.0), "[0, 255]": (255.0, 0.0)}


def pixels(model: Any, inner: tuple[int, ...], examples: Examples) -> tuple[float, float, str]:
    """Scale and offset under which the labels of some training images are likeliest.

    Args:
        inner: shape of the model's input, of one image.

    Returns:
        scale, offset, and a sentence that says how they were found.
    """
    sample = _sample(examples)
    labels = sample.labels
    answers = {name: _answers(model, inner, sample, *pair) for name, pair in RANGES.items()}
    best = min(answers, key=lambda name: _surprise(answers[name], labels))  # the first of equals
    rates = ", ".join(
        f"{name} {100 * np.mean(given.argmax(axis=1) != labels):.1f} %"
        for name, given in answers.items()
    )
    said = f"takes pixels in {best} (errors on {len(labels)} training images: {rates})"
    return *RANGES[best], said


def outputs(
    model: Any, inner: tuple[int, ...], examples: Examples, scale: float, offset: float
) -> tuple[str, str]:
    """By its answers, "logits" or "probabilities", and the same in words."""
    odds = _are_odds(_answers(model, inner, _sample(examples), scale, offset))
    kind = "probabilities" if odds else "logits"
    return kind, f"gives {kind}"


def _sample(examples: Examples) -> Examples:
    """Some of all classes, as photographs are sorted by class."""
    wanted = min(SAMPLE, max(1, SAMPLE_PIXELS // examples.images[0].size))
    step = max(1, len(examples.labels) // wanted)
    return Examples(*(array[::step][:wanted] for array in examples))


def _answers(
    model: Any, inner: tuple[int, ...], sample: Examples, scale: float, offset: float
) -> np.ndarray:
    images = sample.images.reshape(-1, *inner)
    return np.asarray(model(images * np.float32(scale) + np.float32(offset), training=False))


def _surprise(answers: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy."""
    if _are_odds(answers):
        logs = np.log(np.maximum(answers, np.finfo(np.float32).tiny))
    else:
        logs = answers - logsumexp(answers, axis=1, keepdims=True)
    return -float(logs[np.arange(len(labels)), labels].mean())


def _are_odds(answers: np.ndarray) -> bool:
    return bool(answers.min() >= 0 and np.allclose(answers.sum(axis=1), 1, atol=1e-3))
