"""Section 5: adversarial examples are said to be of extremely low probability and yet dense.

"Dense": one is found near every test image. "Of low probability": noise of the same size does not
find one. Both are counted here; the comparison with the rational numbers is the paper's.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from reproduce.experiments import Context
from reproduce.experiments.szegedy.attacks import Attacked, attack_network, draw
from reproduce.methods.attacks.attack import Attack
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Claim, Strength, answer
from reproduce.runtime.progress import stage
from reproduce.training import logits

SIZES = (1, 2, 4)  # times the image's own smallest adversarial distortion


def density(
    context: Context,
    *,
    networks: Mapping[str, partial[Any]],
    images: int,
    draws: int,
    attack: Attack,
) -> Artefact:
    """How often noise as large as an adversarial change changes the label, image by image.

    Args:
        networks: beside the run's own.
        images: test images attacked for each network.
        draws: of noise, for each image and size.
    """
    cells = Cells("szegedy", "density")
    context = context.with_networks(networks)
    names = list(context.networks)
    sample = draw(context.dataset.test, images, context.seed)
    with stage("noise as large as adversarial changes", len(names)) as advance:
        for name in names:
            attacked = attack_network(context, name, sample, attack, context.seed)
            found = int((~attacked.found.failed).sum())
            cells.rate(name, "has an adversarial example", found, len(sample.labels))
            for size in SIZES:
                changed = _changed_by_noise(context, attacked, size, draws)
                cells.rate(name, f"changed by noise, size {size}", changed, found * draws)
            advance(1, note=name)
    everywhere = [cells.value(name, "has an adversarial example") for name in names]
    by_noise = {name: cells.value(name, "changed by noise, size 1") for name in names}
    return Artefact(
        title="Section 5: adversarial examples are everywhere, and noise does not find them",
        caption=(
            f"{len(sample.labels)} test images, {draws} draws of Gaussian noise for each. size 1: "
            "the noise is scaled to exactly the distortion of the image's own adversarial example; "
            "2 and 4: twice and four times that. changed: the label is another than without noise."
        ),
        cells=cells.list,
        claims=[
            Claim(
                id="low probability, yet dense",
                sentence="Adversarial examples have extremely low probability (here: less than 1 % "
                "of the noise of the same size changes a label), and yet are found near virtually "
                "every test case.",
                verdict=answer(min(everywhere) > 0.99 and max(by_noise.values()) < 0.01),
                evidence=f"found near {100 * min(everywhere):.1f} % of the images or more; noise "
                "of the same size changes the label in "
                + ", ".join(f"{100 * rate:.2g} % ({name})" for name, rate in by_noise.items())
                + " of the draws.",
                strength=Strength(len(names), len(sample.labels)),
            )
        ],
        notes=[
            "Adversarial examples have a random target here, so that another label than the target "
            "may be nearer; images that are misclassified or doubtful to begin with account for "
            "much of what noise changes."
        ],
        departures=["The paper states this as a possible explanation, without an experiment."],
    )


def _changed_by_noise(context: Context, attacked: Attacked, size: int, draws: int) -> int:
    kept = ~attacked.found.failed
    return int(
        context.cached(
            partial(
                changed_by_noise,
                attacked.network,
                attacked.examples.images[kept],
                size * attacked.found.distortion[kept],
                draws=draws,
                seed=context.seed,
            )
        )
    )


def changed_by_noise(
    network: Any, images: np.ndarray, spreads: np.ndarray, *, draws: int, seed: int
) -> int:
    """How many noisy images get another label than their original.

    Args:
        spreads: (n,), the exact root mean square of each image's noise.
    """
    rng = np.random.default_rng([seed, 6])
    labels = logits(network, images).argmax(axis=1)
    changed = 0
    for image, label, spread in zip(images, labels, spreads, strict=True):
        noise = rng.normal(size=(draws, *image.shape))
        noise *= spread / np.sqrt(np.mean(noise**2, axis=(1, 2, 3), keepdims=True))
        noisy = (image + noise).astype(np.float32)
        changed += int((logits(network, noisy).argmax(axis=1) != label).sum())
    return changed
