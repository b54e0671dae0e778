"""Figures 4 and 5 over the generations: a slider over the archive of one run."""

from __future__ import annotations

from collections.abc import Mapping

from reproduce.experiments import Context
from reproduce.experiments.fitting import Preset
from reproduce.experiments.nguyen.runs import evolve_cached
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.map_elites import Evolution
from reproduce.report.cells import Cells
from reproduce.report.explorer import Snapshots, evolution_page
from reproduce.report.results import Artefact

RUN = 0  # the first, chosen before any was seen


def explorer(
    context: Context, *, presets: Mapping[str, Preset], runs: int, generations: int
) -> Artefact:
    """A page with the champions of the first run of each encoding, generation by generation.

    Args:
        presets: name of a row -> encoding.
    """
    cells = Cells("nguyen", "explorer")
    shown: dict[str, Snapshots] = {}
    for name, preset in presets.items():
        shown[name] = _snapshots(evolve_cached(context, preset, runs, generations))
        last = shown[name].confidence[-1]
        for label, p in enumerate(last.tolist()):
            cells.number(name, str(label), p, "fraction")
    return Artefact(
        title="Figures 4 and 5 over the generations",
        caption=(
            "The first run of each encoding, to look into: the champion of each class and LeNet's "
            "confidence in it, in some of the generations. The table has the last of them."
        ),
        cells=cells.list,
        files={
            "evolution.html": evolution_page(
                "Images that LeNet comes to be sure of",
                f"Champions of each class, evolved on {context.dataset.name}'s LeNet. Move the "
                "slider, or play.",
                shown,
            )
        },
    )


def _snapshots(found: Evolution) -> Snapshots:
    generations = list(found.snapshot_generations[: found.snapshots.shape[1]])
    return Snapshots(
        generations, found.snapshots[RUN], confidence(found.log_odds[RUN, generations])
    )
