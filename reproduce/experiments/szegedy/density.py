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
from reproduce.experiments.szegedy.attacks import Attacked, attack_network, draw, towards
from reproduce.methods.attacks.attack import Attack
from reproduce.report import printing
from reproduce.report.cells import Cells
from reproduce.report.comparisons import all_of, beyond, more_than, opposite, refuting
from reproduce.report.intervals import LEVEL, t_quantile
from reproduce.report.results import Artefact, Cell, Claim, Strength, answer
from reproduce.runtime.progress import stage
from reproduce.training import logits

RARE = 0.01  # of the draws, for "extremely low probability"; ours
VIRTUALLY = 0.95  # of the images, for "virtually every"; ours
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
    found: dict[str, int] = {}
    by_noise: dict[str, Cell] = {}
    with stage("noise as large as adversarial changes", len(names)) as advance:
        for name in names:
            attacked = attack_network(context, name, sample, attack, context.seed)
            found[name] = int((~attacked.found.failed).sum())
            cells.rate(name, "has an adversarial example", found[name], len(sample.labels))
            for size in SIZES:
                column = f"changed by noise, size {size}"
                if not found[name]:
                    cells.rate(name, column, 0, 0)
                    continue
                changed = _changed_by_noise(context, attacked, size, draws)
                tried = np.full(len(changed), draws)
                cell = cells.grouped_rate(name, column, changed, tried)
                if size == 1:
                    by_noise[name] = cell
            advance(1, note=name)
    return Artefact(
        title="Section 5: adversarial examples are everywhere, and noise does not find them",
        caption=(
            f"{len(sample.labels)} test images, {draws} draws of Gaussian noise for each. size 1: "
            "the noise is scaled to exactly the distortion of the image's own adversarial example; "
            "2 and 4: twice and four times that. changed: the label is another than without noise; "
            "the interval is over images, whose draws hang together."
        ),
        cells=cells.list,
        claims=[_claim(found, by_noise, len(sample.labels))],
        notes=[_note(attack)],
        departures=["The paper states this as a possible explanation, without an experiment."],
    )


def _note(attack: Attack) -> str:
    if attack.wants == "targets":
        return (
            "Adversarial examples have a random target here, so that another label than the target "
            "may be nearer; images that are misclassified or doubtful to begin with account for "
            "much of what noise changes."
        )
    return (
        f"Attacked {towards(attack)}: an image that is misclassified to begin with is its own "
        "adversarial example, and noise of its size is none; doubtful ones account for much of "
        "what noise changes."
    )


def _claim(found: Mapping[str, int], by_noise: Mapping[str, Cell], images: int) -> Claim:
    """Both halves of the sentence, on every network; noise by its interval over images."""
    of = 2 * len(found)
    near = {name: more_than(count, images, VIRTUALLY, of) for name, count in found.items()}
    rare = {name: _rare(each, of) for name, each in by_noise.items()}
    return Claim(
        id="low probability, yet dense",
        sentence=f"Adversarial examples have extremely low probability (here: less than {RARE:.0%} "
        "of the noise of the same size changes a label), and yet are found near virtually every "
        f"test case (here: more than {VIRTUALLY:.0%}).",
        verdict=answer(all_of([*near.values(), *rare.values()])),
        evidence=f"found near {min(found.values(), default=0)} of {images} images or more; noise "
        "of the same size changes the label in "
        + ", ".join(
            f"{printing.value(cell)} % ({printing.interval(cell)}, {name})"
            for name, cell in by_noise.items()
        )
        + " of the draws.",
        strength=Strength(
            len(found), images,
            f"a network whose interval, at 5 % / {of}, lies above {RARE:.0%}, or "
            f"{refuting(images, VIRTUALLY, of)} images with an adversarial example,",
        ),
    )  # fmt: skip


def _rare(cell: Cell, of: int) -> bool | None:
    """Whether a share of draws is below RARE: yes by its interval of 95 %, no at 5 % / `of`.

    Args:
        cell: with a t interval over images (`Cells.grouped_rate`).
        of: tests any one of which refutes.
    """
    told = opposite(beyond((cell.low, cell.high), RARE))
    if told is not False:
        return told
    value, low, images = cell.value, cell.low, cell.n
    if value is None or low is None or images is None:
        return None
    wider = t_quantile(images - 1, LEVEL / of) / t_quantile(images - 1)
    return False if value - wider * (value - low) > RARE else None


def _changed_by_noise(context: Context, attacked: Attacked, size: int, draws: int) -> np.ndarray:
    kept = ~attacked.found.failed
    changed: np.ndarray = context.cached(
        partial(
            changed_by_noise,
            attacked.network,
            attacked.examples.images[kept],
            size * attacked.found.distortion[kept],
            draws=draws,
            seed=context.seed,
        )
    )
    return changed


def changed_by_noise(
    network: Any, images: np.ndarray, spreads: np.ndarray, *, draws: int, seed: int
) -> np.ndarray:
    """How many noisy copies of each image get another label than their original, int64 (n,).

    Args:
        spreads: (n,), the exact root mean square of each image's noise.
    """
    rng = np.random.default_rng([seed, 6])
    labels = logits(network, images).argmax(axis=1)
    changed = np.zeros(len(images), np.int64)
    for i, (image, label, spread) in enumerate(zip(images, labels, spreads, strict=True)):
        noise = rng.normal(size=(draws, *image.shape))
        noise *= spread / np.sqrt(np.mean(noise**2, axis=(1, 2, 3), keepdims=True))
        noisy = (image + noise).astype(np.float32)
        changed[i] = (logits(network, noisy).argmax(axis=1) != label).sum()
    return changed
