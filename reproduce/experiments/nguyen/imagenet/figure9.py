"""Figure 9: related classes get similar images in a run, and other ones in another run."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from reproduce.data.imagenet_classes import COUNT
from reproduce.experiments import Context
from reproduce.experiments.imagenet import the_network
from reproduce.experiments.nguyen.imagenet.figures1_8 import sheet, thumbnail
from reproduce.experiments.nguyen.imagenet.figures6_7 import departures
from reproduce.experiments.nguyen.imagenet.runs import Elite, Search
from reproduce.experiments.nguyen.runs import final_confidence
from reproduce.methods.evolution.map_elites import Evolution
from reproduce.report.cells import Cells
from reproduce.report.comparisons import extreme, lower_in_pairs
from reproduce.report.results import Artefact, Claim, Strength, answer
from reproduce.runtime.errors import NotAvailable

# Figure 9's classes, in the order of ILSVRC 2012.
LIZARDS = {"agama": 42, "frilled lizard": 43, "green lizard": 46}
TOY_DOGS = {"Japanese spaniel": 152, "Pekinese": 154, "Blenheim spaniel": 156}
RUNS = 2
DRAWN = 1000  # pairs of groups of any classes, beside the related ones


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
    groups = np.array([list(LIZARDS.values()), list(TOY_DOGS.values())])
    rng = np.random.default_rng(0)
    drawn = np.stack([_other_classes(rng, points.shape[1], groups) for _ in range(DRAWN)])
    own, chance = _apart(points, groups), _apart(points, drawn)
    runs = len(points)
    claims = [
        Claim(
            "related_alike",
            "Within a run, evolution produces similar images for related classes (section 3.2, "
            "figure 9).",
            answer(extreme(float(own.mean()), chance.mean(axis=-1))),
            f"Root mean square between thumbnails: {own.mean():.3f} over the pairs of "
            f"lizards and of toy dogs, {chance.mean():.3f} over two groups of any classes; "
            f"{(chance.mean(axis=-1) <= own.mean()).mean():.0%} of {DRAWN} such draws are as near.",
            Strength(runs, groups.size, "a mean among the highest 5 % of the draws"),
        )
    ]
    if runs == RUNS:
        other_run = np.sqrt(np.mean((points[0] - points[1]) ** 2, axis=-1))[groups.ravel()]
        relatives = np.concatenate([_to_relatives(points, group) for group in groups])
        claims.append(
            Claim(
                "runs_differ",
                "Different runs produce different images for the same class (section 3.2, "
                "figure 9): they lie farther apart than relatives within a run.",
                answer(lower_in_pairs(relatives, other_run)),
                f"The six classes lie {other_run.mean():.3f} apart between the runs, and "
                f"{relatives.mean():.3f} from their relatives within a run; paired t test over the "
                "classes, 5 %.",
                Strength(runs, groups.size, "six that lie nearer, at 5 %,"),
            )
        )
    return claims


def _apart(points: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Root mean square between the images of a group's classes, mean over pairs and runs.

    Args:
        points: (runs, classes, values) in [0, 1]; groups: int (..., groups, classes in each).

    Returns:
        float64 (..., groups).
    """
    pairs = combinations(range(groups.shape[-1]), 2)
    each = [
        np.sqrt(np.mean((points[:, groups[..., a]] - points[:, groups[..., b]]) ** 2, axis=-1))
        for a, b in pairs
    ]
    return np.asarray(np.mean(each, axis=(0, 1)))


def _to_relatives(points: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The mean distance of each class's images from the others' of its group, (classes,)."""
    return np.array(
        [
            np.mean([_apart(points, np.array([label, other])) for other in group if other != label])
            for label in group
        ]
    )


def _other_classes(rng: np.random.Generator, classes: int, groups: np.ndarray) -> np.ndarray:
    """As many groups of as many classes, drawn without replacement."""
    return rng.permutation(classes)[: groups.size].reshape(groups.shape)
