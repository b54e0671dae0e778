"""Figure 7: adversarial images beside noise that harms less and is far larger."""

from __future__ import annotations

from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from reproduce.data import Examples
from reproduce.experiments import Setting
from reproduce.experiments.szegedy.attacks import attack_network, draw
from reproduce.methods import adversarial, transfer
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact
from reproduce.training import wrong

ROWS, PAIRS = 6, 3  # of each panel; odd columns original, even columns distorted
PANELS = {"a": "FC10(1e-4)", "b": "FC200-200-10"}  # the linear softmax model, and the 200-200-10
NOISE = 1.0  # standard deviation of panel c


def figure7(setting: Setting, *, images: int, attack: partial[Any]) -> Artefact:
    """Panels a, b: adversarial for two networks; c: noise of standard deviation 1.

    Args:
        images: attacked and made noisy for the accuracies; a panel shows the first of them.
    """
    cells = Cells("szegedy", "figure7")
    sample = draw(setting.dataset.train, images, setting.seed)
    noise = transfer.noisy(sample, NOISE, seed=setting.seed)
    panels: list[tuple[str, Examples]] = []
    for panel, name in PANELS.items():
        if name not in setting.networks:
            continue
        run = attack_network(setting, name, sample, attack, setting.seed)
        errors = int(wrong(run.network, run.distorted).sum())
        total = len(run.distorted.labels)
        cells.rate(f"{panel}: adversarial for {name}", "accuracy", total - errors, total)
        cells.pooled_rms(f"{panel}: adversarial for {name}", "stddev", run.found.distortion)
        spread = adversarial.pooled(run.found.distortion)
        panels.append((f"({panel}) for {name}, stddev {spread:.3f}", run.distorted))
    for name in setting.networks:
        errors = int(wrong(setting.network(name), noise).sum())
        correct = len(noise.labels) - errors
        cells.rate(f"c: noise, seen by {name}", "accuracy", correct, len(noise.labels))
    panels.append((f"(c) Gaussian noise, stddev {NOISE:g}", noise))
    return Artefact(
        title="Figure 7: adversarial images beside noise",
        caption=(
            "Odd columns: originals; even columns: distorted. The accuracy on the noise images "
            f"({len(noise.labels)} training images, noise not clipped before it is classified) is "
            "given for every network, since the paper does not say whose its 51 % is."
        ),
        cells=cells.list,
        claims=[],
        figures={"figure7": _draw(sample.images, panels)},
        notes=[],
        departures=[
            "Which linear network panel a was made for is not said; FC10(1e-4) has the distortion "
            "that the panel is said to have."
        ],
    )


def _draw(originals: np.ndarray, panels: list[tuple[str, Examples]]) -> plt.Figure:
    figure, axes = plt.subplots(1, len(panels), figsize=(3.2 * len(panels), 3.6))
    for place, (title, distorted) in zip(np.atleast_1d(axes), panels, strict=True):
        shown = np.empty((ROWS * PAIRS, 2, *originals.shape[1:]), np.float32)
        shown[:, 0] = originals[: ROWS * PAIRS]
        shown[:, 1] = np.clip(distorted.images[: ROWS * PAIRS], 0, 1)
        figures.grid(place, shown.reshape(-1, *originals.shape[1:]), columns=2 * PAIRS)
        place.set_title(title)
    return figure
