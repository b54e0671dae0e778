"""Section 4.2: does training on adversarial examples lower the test error?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from reproduce.experiments import Context
from reproduce.experiments.szegedy.at_once import Wanted, attack_all
from reproduce.experiments.szegedy.attacks import draw, wrong_on
from reproduce.methods.attacks.attack import Attack
from reproduce.report.cells import Cells
from reproduce.report.comparisons import all_of, lower_in_pairs, lower_on_images
from reproduce.report.results import Artefact, Claim, Strength, answer, resting_on
from reproduce.runtime.errors import NotAvailable
from reproduce.runtime.progress import stage


def adversarial_training(
    context: Context,
    *,
    networks: Mapping[str, partial[Any]],
    rows: Mapping[str, str],
    seeds: int,
    images: int,
    attack: Attack,
) -> Artefact:
    """100-100-10 with weight decay, with dropout, and with pools of adversarial examples.

    Args:
        networks: beside the run's own.
        rows: row of the table -> network.
        seeds: trainings of each.
        images: training images attacked afterwards for each network.

    Raises:
        NotAvailable: where two classes leave the pools no target for an image that is mislabelled.
    """
    if context.dataset.classes < 3:
        raise NotAvailable(
            "pools of adversarial examples need a target that is neither an image's label nor the "
            f"network's answer: 3 classes or more, and there are {context.dataset.classes}."
        )
    cells = Cells("szegedy", "adversarial_training")
    context = context.with_networks(networks)
    mistaken: dict[str, np.ndarray] = {}
    needed: dict[str, np.ndarray] = {}
    samples = {seed: draw(context.dataset.train, images, seed) for seed in context.seeds(seeds)}
    wanted = [Wanted(name, samples[seed], seed) for name in rows.values() for seed in samples]
    with stage("adversarial training"):
        found = iter(attack_all(context, wanted, attack))
        for row in rows:
            runs = [next(found) for _ in samples]
            for column, examples in (
                ("train_error", context.dataset.train),
                ("test_error", context.dataset.test),
            ):
                total = len(examples.labels)
                wrong = np.stack([wrong_on(run.network, examples) for run in runs])
                counts = [int(each.sum()) for each in wrong]
                cells.rate_over_runs(row, column, counts, [total] * seeds)
                if column == "test_error":
                    mistaken[row] = wrong
            distortions = [run.found.distortion for run in runs]
            cells.pooled_over_runs(row, "distortion", distortions)
            needed[row] = np.stack(distortions)
            failed = sum(int(run.found.failed.sum()) for run in runs)
            cells.number(row, "attacks failed", failed, "count", images * seeds)
    return Artefact(
        title="Adversarial training of 100-100-10",
        caption=(
            f"Means over {seeds} training run{'s' * (seeds > 1)}. input pool: adversarial examples "
            "of the images alone; adversarial: of every layer's outputs, in turn, used to train "
            "the layers above; gradient steps: one step of length 1 along the gradient of every "
            "image, made anew in every batch, no pools. distortion: what the attack needs "
            "afterwards, on "
            f"{images} training images a run."
        ),
        cells=cells.list,
        claims=_claims(mistaken, needed),
        departures=[
            "Size of the pools, how fast they are replaced, their weight beside the training set "
            "and the length of the training are not given in the paper; ours stand in "
            "conf/networks/szegedy_adversarial.yaml and were chosen on the last 10,000 training "
            "images. The training with pools begins where descent under weight decay ended; begun "
            "where L-BFGS has ended it undoes that (full MNIST, test error: 2.15 %).",
            "Pools are refreshed by the attack with the nearest wrong label as its target, and a "
            "change of more than 0.036 is cut short: without a limit the changes grow with the "
            "network's resistance, until the images are no longer of the digit they stand for "
            "(full MNIST, held-out error: 1.87 % for the input's pool, 1.66 % with the limit).",
        ],
    )


def _claims(wrong: Mapping[str, np.ndarray], distortion: Mapping[str, np.ndarray]) -> list[Claim]:
    """Below weight decay alone and below dropout; the layers' pools and not the input's alone.

    One seed: McNemar's test on the test images, the paired t test over the attacked images.
    Several: the paired t test over seeds. No difference that can be told tells nothing.

    Args:
        wrong: row -> bool (seeds, test images), which ones its networks get wrong.
        distortion: row -> (seeds, attacked images).
    """

    def lower(first: str, second: str, of: int = 1) -> bool | None:
        a, b = wrong[first], wrong[second]
        if len(a) == 1:
            return lower_on_images(a[0], b[0], of)
        return lower_in_pairs(a.mean(axis=1), b.mean(axis=1), of)

    seeds, images = wrong["adversarial"].shape
    test = "McNemar's test on the test images" if seeds == 1 else "paired t test over seeds"
    text = {row: f"{row} {100 * values.mean():.2f} %" for row, values in wrong.items()}
    before, after = (
        each[0] if len(each) == 1 else np.nanmean(each, axis=1)
        for each in (distortion["weight decay"], distortion["adversarial"])
    )
    kept = np.isfinite(before) & np.isfinite(after)
    higher = "a higher error with it, at 5 %,"
    strength = Strength(seeds, images, higher)
    return [
        Claim(
            id="adversarial training lowers the test error",
            sentence="Training with adversarial examples of every layer lowers the test error "
            "below that of weight decay alone and of dropout.",
            verdict=answer(
                all_of(lower("adversarial", other, of=2) for other in ("weight decay", "dropout"))
            ),
            evidence=f"{', '.join(text.values())} (published: 1.6 with weight decay, about 1.3 "
            f"with dropout, below 1.2 with adversarial examples); {test}, 5 %.",
            strength=strength,
        ),
        Claim(
            id="higher layers' examples are the useful ones",
            sentence="Adversarial examples of the hidden layers help more than those of the input "
            "alone.",
            verdict=answer(lower("adversarial", "input pool")),
            evidence=f"{text['adversarial']}, {text['input pool']}; {test}, 5 %.",
            strength=strength,
        ),
        resting_on(
            Claim(
                id="adversarial training raises the distortion",
                sentence="After adversarial training the nearest adversarial examples are farther "
                "away (not in the paper).",
                verdict=answer(lower_in_pairs(before[kept], after[kept])),
                evidence=f"{before[kept].mean():.3f} before, {after[kept].mean():.3f} after; "
                f"paired t test over {'images' if seeds == 1 else 'seeds'}, 5 %.",
                strength=Strength(
                    seeds, distortion["adversarial"].shape[1], "a smaller distortion, at 5 %,"
                ),
            ),
            distortion["weight decay"],
            distortion["adversarial"],
        ),
    ]
