"""Figure 7: adversarial images beside noise that harms less and is far larger."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from reproduce.data.examples import Examples
from reproduce.experiments import Context
from reproduce.experiments.szegedy.attacks import attack_network, draw, errors
from reproduce.methods.attacks import adversarial, transfer
from reproduce.methods.attacks.attack import Attack
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact

ROWS, PAIRS = 6, 3  # of each panel; odd columns original, even columns distorted
PANELS = {"FC10(1e-4)": "a", "FC200-200-10": "b"}  # a linear softmax model, and the 200-200-10
NOISE = 1.0  # standard deviation of panel c

Panel = tuple[str, np.ndarray, np.ndarray]  # its title, originals, distorted images


def figure7(context: Context, *, images: int, attack: Attack, rule: str = "random") -> Artefact:
    """Panels a, b: adversarial for two networks; c: noise of standard deviation 1.

    Args:
        images: attacked and made noisy for the accuracies; a panel shows the first of them.
        rule: by which they are chosen (`draw`).
    """
    cells = Cells("szegedy", "figure7")
    sample = draw(context.dataset.train, images, context.seed, rule)
    noisy = transfer.gaussian_noise(sample.images, NOISE, seed=context.seed)
    total = len(sample.labels)
    panels: list[Panel] = []
    for name in context.networks:
        if name in PANELS:
            run = attack_network(context, name, sample, attack, context.seed)
            kept = ~run.found.failed
            correct = int(kept.sum()) - errors(run.network, run.distorted)
            cells.rate(name, "accuracy", correct, int(kept.sum()))
            cells.pooled_rms(name, "stddev", run.found.distortion)
            spread = adversarial.pooled(run.found.distortion)
            told = "n/a" if np.isnan(spread) else f"{spread:.3f}"
            title = f"({PANELS[name]}) adversarial for {name}\nstddev {told}"
            panels.append((title, sample.images[kept], run.distorted.images))
        correct = total - errors(context.network(name), Examples(noisy, sample.labels))
        cells.rate(name, "accuracy on noise", correct, total)
    panels.append((f"(c) Gaussian noise\nstddev {NOISE:g}", sample.images, noisy))
    return Artefact(
        title="Figure 7: adversarial images beside noise",
        caption=(
            f"Odd columns: originals, {total} training images in all; even columns: distorted. "
            "accuracy, stddev: on the images that are adversarial for the row's network; accuracy "
            "on noise: on Gaussian noise of standard deviation 1 added to the same images. The "
            "paper does not say which network reads 51 % of its noise images, so that number "
            "stands beside each."
        ),
        cells=cells.list,
        figures={"figure7": _draw(panels)},
        departures=[
            "Which linear model panel a was made for is not said; FC10(1e-4) has the distortion "
            "that the panel is said to have.",
            "The noise is clipped to [0, 1] for the eye and not for the network.",
        ],
    )


def _draw(panels: list[Panel]) -> Figure:
    figure, axes = figures.sheet(1, len(panels), width=2.4, height=2.75)
    for ax, (title, originals, distorted) in zip(axes[0], panels, strict=True):
        rows = max(1, min(ROWS, len(originals) // PAIRS))
        shown = np.full((rows * PAIRS, 2, *originals.shape[1:]), np.nan, np.float32)
        pairs = np.stack([originals, np.clip(distorted, 0, 1)], axis=1)[: len(shown)]
        shown[: len(pairs)] = pairs  # a place without a pair stays white
        figures.crisp(ax, figures.mosaic(shown.reshape(rows, 2 * PAIRS, *originals.shape[1:])))
        ax.set_title(title, fontsize=7)
    return figure
