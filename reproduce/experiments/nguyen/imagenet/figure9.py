"""Figure 9: related classes get similar images in a run, and other ones in another run."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy import stats

from reproduce.data.imagenet_classes import COUNT
from reproduce.experiments import Context
from reproduce.experiments.imagenet import the_network
from reproduce.experiments.nguyen.imagenet.figures1_8 import sheet, thumbnail
from reproduce.experiments.nguyen.imagenet.figures6_7 import departures
from reproduce.experiments.nguyen.imagenet.runs import Elite, Search
from reproduce.experiments.nguyen.runs import final_confidence
from reproduce.methods.evolution.map_elites import Evolution
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Claim, answer
from reproduce.runtime.errors import NotAvailable

# Figure 9's classes, in the order of ILSVRC 2012.
LIZARDS = {"agama": 42, "frilled lizard": 43, "green lizard": 46}
TOY_DOGS = {"Japanese spaniel": 152, "Pekinese": 154, "Blenheim spaniel": 156}
RUNS = 2
PAIRS = 2000  # of unrelated images, drawn


def figure9(context: Context, *, search: Search) -> Artefact:
    """Three lizards and three toy dogs of the first two runs."""
    of_ilsvrc(context)
    found = search.evolve_cached(context)
    p = final_confidence(found)[:RUNS]
    cells = Cells("nguyen", "figure9")
    elites = []
    for run, of_run in enumerate(p):
        for name, label in (LIZARDS | TOY_DOGS).items():
            cells.number(f"run {run + 1}", name, of_run[label], "fraction", n=1)
            image = found.archives[run].images[label]
            elites.append(Elite(run, label, float(of_run[label]), image))
    return Artefact(
        title="Figure 9: related classes in two runs",
        caption="Confidence of the elite of each class; a row of the figure is a run.",
        cells=cells.list,
        claims=_claims(found),
        figures={"figure9": sheet(context, elites, columns=len(LIZARDS | TOY_DOGS))},
        departures=departures(context, {"CPPN": found}),
    )


def of_ilsvrc(context: Context) -> None:
    """Figures 9 and 10 name classes.

    Raises:
        NotAvailable: for a network of other classes.
    """
    name, network = the_network(context)
    if network.output_shape[1] != COUNT:
        raise NotAvailable(
            f"{name} has {network.output_shape[1]} classes: one of ILSVRC 2012's {COUNT} is wanted."
        )


def _claims(found: Evolution) -> list[Claim]:
    points = np.stack(
        [
            [thumbnail(image).ravel() for image in archive.images]
            for archive in found.archives[:RUNS]
        ]
    )
    classes = points.shape[1]

    def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Root mean square between thumbnails, in [0, 1]."""
        return np.sqrt(np.mean((a - b) ** 2, axis=-1))

    related = [pair for group in (LIZARDS, TOY_DOGS) for pair in combinations(group.values(), 2)]
    first, second = np.array(related).T
    same_run = apart(points[:, first], points[:, second]).ravel()
    drawn = np.random.default_rng(0).integers(classes, size=(2, PAIRS))
    drawn = drawn[:, drawn[0] != drawn[1]]
    unrelated = apart(points[:, drawn[0]], points[:, drawn[1]]).ravel()
    test = stats.mannwhitneyu(same_run, unrelated, alternative="less")
    claims = [
        Claim(
            "related_alike",
            "Within a run, evolution produces similar images for related classes (section 3.2, "
            "figure 9).",
            answer(True if test.pvalue < 0.05 else None),
            f"Root mean square between thumbnails: {same_run.mean():.3f} over the pairs of "
            f"lizards and of toy dogs, {unrelated.mean():.3f} over any two classes; Mann-Whitney "
            f"p = {test.pvalue:.2g}.",
        )
    ]
    if len(points) == RUNS:
        labels = [*LIZARDS.values(), *TOY_DOGS.values()]
        other_run = apart(points[0, labels], points[1, labels])
        claims.append(
            Claim(
                "runs_differ",
                "Different runs produce different images for the same class (section 3.2, "
                "figure 9).",
                answer(bool(other_run.mean() > same_run.mean())),
                f"The six classes lie {other_run.mean():.3f} apart between the runs, and "
                f"{same_run.mean():.3f} from their relatives within a run.",
            )
        )
    return claims
