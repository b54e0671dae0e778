"""Does transfer between two networks depend on how far each has been trained?

Table 4 has one asymmetry that a difference in width does not explain: images made for FC100-100-10
fool FC123-456-10 in 26.2 % of cases, the other way round in 6.25 %. Here both are stopped at
several lengths, on one path each, and fed with each other's adversarial images.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

from reproduce import training
from reproduce.data.examples import Examples, halves
from reproduce.experiments import Context
from reproduce.experiments.szegedy.attacks import Attacked, attack_examples, draw, errors
from reproduce.methods.attacks.attack import Attack
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact
from reproduce.runtime.errors import NotAvailable
from reproduce.runtime.files import dispensable
from reproduce.runtime.progress import stage

NETWORKS = ("FC100-100-10", "FC123-456-10")
PUBLISHED = {NETWORKS: 0.262, NETWORKS[::-1]: 0.0625}  # Table 4: made for, fed to
At = tuple[str, int]  # a network, and the iterations after which it was stopped


def training_length(
    context: Context,
    *,
    networks: Mapping[str, training.Recipe],
    lengths: Sequence[int],
    splits: int,
    images: int,
    attack: Attack,
) -> Artefact:
    """Error of each network at each length on the images made for each at each length.

    Args:
        networks: those of Table 3, trained by full-batch L-BFGS alone.
        lengths: iterations, from the shortest to the longest.
        splits: ways to halve the training images, as in Tables 3 and 4.
        images: test images attacked for each network at each length.
    """
    cells = Cells("szegedy", "training_length")
    places: list[At] = [(name, length) for name in NETWORKS for length in lengths]
    wrong: dict[tuple[At, At], list[int]] = {}
    test: dict[At, list[int]] = {}
    changes: dict[At, list[np.ndarray]] = {}
    sample = draw(context.dataset.test, images, context.seed)
    with stage("lengths of training", total=splits * len(places)) as advance:
        for number, seed in enumerate(context.seeds(splits)):
            half = halves(context.dataset.train, seed=seed if number else None)[0]
            runs: dict[At, Attacked] = {}
            for name in NETWORKS:
                stops = partial(at_lengths, networks[name], lengths=lengths)
                call = context.training(stops, half, seed)
                stopped = context.cached(
                    call, "checkpoints", f"training {name}, split {number + 1}"
                )
                for length, network in zip(lengths, stopped, strict=True):
                    runs[name, length] = attack_examples(context, network, sample, attack, seed)
                    advance(1, note=f"{name} after {length}")
            for place, run in runs.items():
                test.setdefault(place, []).append(errors(run.network, context.dataset.test))
                changes.setdefault(place, []).append(run.found.distortion)
                for other, judge in runs.items():
                    count = errors(judge.network, run.distorted)
                    wrong.setdefault((place, other), []).append(count)
    total = [len(sample.labels)] * splits
    rates = {pair: np.divide(counts, total) for pair, counts in wrong.items()}
    for place in places:
        n = [len(context.dataset.test.labels)] * splits
        cells.rate_over_runs(_label(place), "test_error", test[place], n)
        cells.pooled_over_runs(_label(place), "distortion", changes[place])
        for other in places:
            cells.rate_over_runs(_label(place), _label(other), wrong[place, other], total)
    return Artefact(
        title="Transfer against the length of the training",
        caption=(
            f"Networks of Table 3 on one half of the training images, stopped after so many "
            f"iterations of L-BFGS. Rows: what {images} test images were distorted for; columns: "
            f"the network that they are fed to. Means over {splits} "
            f"{'splits' if splits > 1 else 'split'}."
        ),
        cells=cells.list,
        figures={"training_length": draw_rates(rates, lengths)},
        notes=_notes(rates, lengths),
    )


def at_lengths(
    recipe: training.Recipe,
    *,
    lengths: Sequence[int],
    examples: Examples,
    seed: int,
    classes: int | None = None,
    checkpoints: Path | None = None,
) -> list[keras.Model]:
    """One training, looked at on its way: the network after each of these numbers of iterations.

    Args:
        recipe: with the one phase `training.lbfgs`; lengths: ascending. Where
            they are multiples of `limited_memory.EVERY`, each goes on from the one before.
        checkpoints: a folder, in which each length has its own: a training goes on from whatever
            it finds there, also from beyond its end.
    """
    if recipe.methods != [training.lbfgs]:
        raise NotAvailable("lengths of training need a recipe of full-batch L-BFGS alone.")
    networks, before = [], None
    for length in lengths:
        folder = checkpoints and checkpoints / str(length)
        if folder and before:
            _begin_at(folder, before)
        trained = replace(recipe, phases=[partial(recipe.phases[0], iterations=length)])(
            examples=examples, seed=seed, classes=classes, checkpoints=folder
        )
        networks.append(trained)
        before = folder
    return networks


def _begin_at(folder: Path, before: Path) -> None:
    """The checkpoints of a shorter training, for a longer one that has none."""
    if before.exists() and not folder.exists():
        aside = folder.with_name("aside")
        with dispensable("a checkpoint"):
            shutil.rmtree(aside, ignore_errors=True)
            shutil.copytree(before, aside)
            aside.rename(folder)


def draw_rates(rates: Mapping[tuple[At, At], np.ndarray], lengths: Sequence[int]) -> Figure:
    """A panel for each direction: error against the length of the network that is fooled."""
    figure, axes = figures.sheet(1, 2)
    for ax, (made_for, fed_to) in zip(axes[0], (NETWORKS, NETWORKS[::-1]), strict=True):
        for length in lengths:
            values = np.array([rates[(made_for, length), (fed_to, other)] for other in lengths])
            figures.curve(
                ax, np.array(lengths), 100 * values.mean(axis=1), label=f"made for {length}"
            )
        ax.axhline(100 * PUBLISHED[made_for, fed_to], color="0.5", linewidth=0.8, label="published")
        ax.set_title(f"{made_for} to {fed_to}", fontsize=8)
        ax.set_xlabel(f"iterations of {fed_to}")
        ax.set_ylim(bottom=0)
    axes[0, 0].set_ylabel("error (%)")
    figures.legend(axes[0, 0], loc="lower right", ncols=2)
    return figure


def _notes(rates: Mapping[tuple[At, At], np.ndarray], lengths: Sequence[int]) -> list[str]:
    """Whether any pair of lengths gives the published rates, and whose length matters."""
    told = []
    for made_for, fed_to in (NETWORKS, NETWORKS[::-1]):
        table = np.array(
            [[rates[(made_for, a), (fed_to, b)].mean() for b in lengths] for a in lengths]
        )
        shortest, longest = f"after {lengths[0]} iterations", f"after {lengths[-1]}"
        makers, fooled = 100 * table.mean(axis=1), 100 * table.mean(axis=0)
        told.append(
            f"{made_for} to {fed_to}: {100 * table.min():.1f} to {100 * table.max():.1f} % over "
            f"all pairs of lengths, published {100 * PUBLISHED[made_for, fed_to]:.3g} %. By the "
            f"length of the network that the images are made for: {makers[0]:.1f} % {shortest}, "
            f"{makers[-1]:.1f} % {longest}; by that of the network fooled: {fooled[0]:.1f} % "
            f"{shortest}, {fooled[-1]:.1f} % {longest}."
        )
    return told


def _label(place: At) -> str:
    return f"{place[0]} after {place[1]}"
