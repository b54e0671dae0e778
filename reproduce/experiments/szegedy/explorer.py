"""Table 2 as pictures that a reader can look into: any network, any image, seen by all."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from reproduce.data.examples import Examples
from reproduce.experiments import Context
from reproduce.experiments.szegedy.attacks import attack_network, draw
from reproduce.methods.attacks.attack import Attack
from reproduce.report.cells import Cells
from reproduce.report.explorer import Changed, attack_page
from reproduce.report.results import Artefact
from reproduce.training import logits


def explorer(
    context: Context, *, images: int, shown: int, attack: Attack, rule: str = "random"
) -> Artefact:
    """A page with the first of Table 2's images, and what every network says of each.

    Args:
        images: attacked, as for Table 2; shown: the first of them, on the page.
        rule: by which they are chosen (`draw`).
    """
    sample = draw(context.dataset.train, images, context.seed, rule)
    some = Examples(sample.images[:shown], sample.labels[:shown])
    runs = {
        name: attack_network(context, name, sample, attack, context.seed)
        for name in context.networks
    }
    networks = {name: run.network for name, run in runs.items()}
    cells = Cells("szegedy", "explorer")
    made_for = {}
    for name, run in runs.items():
        found = run.found
        kept = ~found.failed[:shown]
        after = {
            judge: _probabilities(network, found.images[:shown], kept)
            for judge, network in networks.items()
        }
        for judge, p in after.items():
            wrong = p[kept].argmax(axis=1) != some.labels[kept]
            cells.rate(name, judge, int(wrong.sum()), int(kept.sum()))
        cells.pooled_rms(name, "distortion", found.distortion[:shown])
        made_for[name] = Changed(
            found.images[:shown], found.targets[:shown], found.distortion[:shown], after
        )
    every = np.ones(len(some.labels), bool)
    title = "Adversarial digits, seen by every network"
    caption = (
        f"{len(some.labels)} of Table 2's {context.dataset.name} images. Choose the network that "
        "they are made for, and an image: with the smallest change found, and as the other "
        "networks see it."
    )
    page = attack_page(
        title,
        caption,
        some.images,
        some.labels,
        {name: _probabilities(network, some.images, every) for name, network in networks.items()},
        made_for,
    )
    return Artefact(
        title="Table 2 as pictures: one image, every network",
        caption=(
            "The first of Table 2's images, to look into. Rows are what they were made for, "
            "columns what they are fed to: the share that gets a wrong label. distortion: root "
            "mean square over these images and pixels."
        ),
        cells=cells.list,
        files={"explorer.html": page},
    )


def _probabilities(network: object, images: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """float64 (n, classes); NaN for images that there are not."""
    scores = logits(network, images[kept])
    p = np.full((len(images), scores.shape[1]), np.nan)
    p[kept] = softmax(np.asarray(scores, np.float64), axis=1)
    return p
