"""Section 3: what excites a unit, what excites a random direction, and whether one can tell.

The paper judges Figures 1 and 2 by eye; here their rows of images are counted (`coherence`), and
units and directions of each layer compared by an equivalence test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy import stats

from reproduce.data.examples import Examples
from reproduce.experiments import Context
from reproduce.methods.units.coherence import FAMILIES, ROW, Coherence, blind_coherence, coherence
from reproduce.methods.units.equivalence import Comparison, compare, verdicts
from reproduce.networks.forward import hidden_layers
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.comparisons import all_of, beyond
from reproduce.report.intervals import LEVEL
from reproduce.report.results import Artefact, Claim, ClaimVerdict, Strength, answer, resting_on
from reproduce.runtime.progress import stage
from reproduce.training import Recipe

# How large a difference between units and directions still counts as none. Written down before
# the comparison was run: half an image of the ten for purity; for entropy what half an image does
# to an otherwise pure row (0.469 bits for a whole one), rounded down; a twentieth for the cosine.
MARGINS = {"purity": 0.05, "entropy": 0.2, "similarity": 0.05}
UNITS = {"purity": "fraction", "entropy": "bits", "similarity": "cosine"}
RIVALS = FAMILIES[1:]
UNTRAINED = "FC100-100-10"
CONTROLS = ("pixels", "untrained", "random sets")


def units(
    context: Context,
    *,
    networks: Mapping[str, partial[Any]],
    judges: Sequence[str],
    rows: int,
) -> Artefact:
    """The coherence of the rows of every hidden layer, and an equivalence test for each.

    Args:
        networks: studied beside the run's own, those without a hidden layer apart.
        judges: networks whose last hidden layer says how alike two images are: the first of the
            run's that is not under study itself.
        rows: units and directions of each kind at most; a larger layer's are drawn at random.
    """
    cells = Cells("szegedy", "units")
    context = context.with_networks(networks)
    judges = [name for name in judges if name in context.networks]
    found: dict[str, dict[str, Coherence]] = {}
    with stage("units and directions", total=len(context.networks) + 1) as advance:
        for name in context.networks:
            network = context.network(name)
            judge = next(each for each in [*judges, *context.networks] if each != name)
            for layer in hidden_layers(network):
                found[f"{name} {layer}"] = _measure(context, network, layer, judge, rows)
            advance(1, note=name)
        found |= _controls(context, judges[0], rows)
        advance(1, note="controls")
    for measure in MARGINS:
        for row, families in found.items():
            for family, each in families.items():
                cells.mean(f"{measure}: {row}", family, getattr(each, measure), UNITS[measure])
    trained = {row: each for row, each in found.items() if not row.startswith(CONTROLS)}
    return Artefact(
        title="Units and directions: how alike are the images of one row?",
        caption=(
            f"For each hidden layer, the {ROW} test images with the largest activation along "
            "single units, Gaussian random directions (random), the vectors of one random "
            "orthonormal basis (basis) and principal directions of both signs (PCA): share of the "
            "commonest digit (purity, %), entropy of the digits (bits), and mean cosine between "
            "the images in the last hidden layer of another network (similarity). Controls: the "
            "same in pixel space and in an untrained network, and sets of images drawn at random."
        ),
        cells=cells.list,
        claims=claims(trained, found["random sets"]["random"]),
        figures={"units": draw(found)},
        notes=[
            "Equivalent: two one-sided Welch tests rule out, at 5 % after Holm's correction for "
            f"all {len(trained) * len(MARGINS) * len(RIVALS)} comparisons, a difference of "
            + ", ".join(f"{margin:g} ({measure})" for measure, margin in MARGINS.items())
            + " or more; these margins were set before the comparison was run.",
            "The rows of one layer share images, so its units are not quite independent samples, "
            "as the tests take them to be.",
        ],
        departures=["The paper gives pictures and no numbers for this comparison."],
    )


def _measure(
    context: Context, network: Any, layer: str | None, judge: str, rows: int
) -> dict[str, Coherence]:
    images, labels = context.dataset.test
    call = partial(coherence, network, layer, context.network(judge), images, labels)
    title = f"rows of {layer or 'pixels'}"
    kept: dict[str, Coherence] = context.cached(
        partial(call, rows=rows, seed=context.seed), title=title
    )
    return kept


def _controls(context: Context, judge: str, rows: int) -> dict[str, dict[str, Coherence]]:
    """Pixel space, an untrained network, and images drawn at random."""
    test: Examples = context.dataset.test
    found = {"pixels": _measure(context, None, None, judge, rows)}
    recipe = context.networks.get(UNTRAINED)
    if isinstance(recipe, Recipe):
        untrained: Any = recipe.network(
            input_shape=test.images.shape[1:], classes=context.dataset.classes, seed=context.seed
        )
        for layer in hidden_layers(untrained):
            row = f"untrained {UNTRAINED} {layer}"
            found[row] = _measure(context, untrained, layer, judge, rows)
    blind = partial(blind_coherence, context.network(judge), *test, rows=rows, seed=context.seed)
    found["random sets"] = context.cached(blind)
    return found


def claims(layers: dict[str, dict[str, Coherence]], blind: Coherence) -> list[Claim]:
    """A verdict for each layer, one over all, and that directions are coherent at all."""
    keys = [(row, rival, measure) for row in layers for rival in RIVALS for measure in MARGINS]
    comparisons = {
        (row, rival, measure): compare(
            getattr(layers[row]["units"], measure), getattr(layers[row][rival], measure), margin
        )
        for row, rival, measure in keys
        for margin in [MARGINS[measure]]
    }
    words = dict(zip(keys, verdicts(list(comparisons.values())), strict=True))
    told = []
    for row in layers:
        each = {measure: words[row, "random", measure] for measure in MARGINS}
        told.append(
            Claim(
                id=f"no distinction in {row}",
                sentence=f"In {row}, single units are no more coherent than random directions, "
                "and no less.",
                verdict=answer(_holds(list(each.values()))),
                evidence="units minus directions, with 90 % intervals: "
                + "; ".join(
                    _in_words(measure, comparisons[row, "random", measure], word)
                    for measure, word in each.items()
                )
                + ".",
                strength=Strength(
                    1,
                    len(layers[row]["units"].purity),
                    "a measure whose difference is told from none, and not shown to be within its "
                    "margin,",
                ),
            )
        )
        told[-1] = resting_on(
            told[-1], *(getattr(layers[row][family], measure)
                        for family in ("units", "random") for measure in MARGINS),
        )  # fmt: skip
    alike: list[ClaimVerdict] = [claim.verdict for claim in told]
    purer = [row for row in layers if words[row, "random", "purity"] == "less"]
    told.append(
        Claim(
            id="no distinction between units and directions",
            sentence="There is no distinction between individual units and random linear "
            "combinations of them.",
            verdict=next(
                (word for word in ("refuted", "cannot be told") if word in alike), "holds"
            ),
            evidence=f"Equivalent in {alike.count('holds')} of {len(layers)} hidden layers, "
            f"different in {alike.count('refuted')}"
            + (f"; random directions are the purer ones in {', '.join(purer)}" if purer else "")
            + ".",
            strength=Strength(
                len(layers),
                min(len(each["units"].purity) for each in layers.values()),
                "one layer in which they differ",
            ),
        )
    )
    purities = {row: float(each["random"].purity.mean()) for row, each in layers.items()}
    lowest = min(purities, key=purities.__getitem__)
    above = [_purer(each["random"].purity, blind.purity, len(layers)) for each in layers.values()]
    told.append(
        Claim(
            id="random directions are coherent too",
            sentence="The images that excite a random direction have something in common as well.",
            verdict=answer(all_of(above)),
            evidence=f"purity {purities[lowest]:.2f} in the least coherent layer ({lowest}), "
            f"{blind.purity.mean():.2f} for images drawn at random; by the 90 % interval of the "
            f"difference, beyond {MARGINS['purity']:g} in every layer.",
            strength=Strength(
                len(layers),
                len(blind.purity),
                f"a layer whose difference is below the margin at 5 % / {len(layers)}",
            ),
        )
    )
    return told


def _purer(rows: np.ndarray, blind: np.ndarray, of: int) -> bool | None:
    """Whether by more than the margin: Welch's t test, one-sided, yes at 5 %, no at 5 % / `of`."""
    margin = MARGINS["purity"]
    told = beyond(compare(rows, blind, margin)[1:3], margin)
    if told is not False or not np.ptp(rows) + np.ptp(blind):
        return told
    p = stats.ttest_ind(rows, blind + margin, equal_var=False, alternative="less").pvalue
    return False if p < LEVEL / of else None


def _holds(words: Sequence[str]) -> bool | None:
    if all(word == "equivalent" for word in words):
        return True
    return False if {"more", "less"} & set(words) else None


def _in_words(measure: str, comparison: Comparison, word: str) -> str:
    what = {"more": "higher for units", "less": "lower for units"}.get(word, word)
    interval = f"{comparison.low:+.3f} to {comparison.high:+.3f}"
    return f"{measure} {comparison.difference:+.3f} ({interval}), {what}"


STYLES = {
    "units": ("o", "black", "black"),
    "random": ("D", "white", "#D55E00"),
    "basis": ("s", "white", "#0072B2"),
    "PCA": ("^", "#E69F00", "#E69F00"),
}


def draw(found: dict[str, dict[str, Coherence]]) -> Figure:
    """One panel a measure, one line a layer: median, quartiles, fifth and ninety-fifth per cent."""
    figure, axes = figures.sheet(1, len(MARGINS), width=2.4, height=0.4 * len(found) + 0.9)
    for axis, measure in zip(axes[0], MARGINS, strict=True):
        for place, families in enumerate(found.values()):
            for family, each in families.items():
                step = (FAMILIES.index(family) - 1.5) * 0.18
                _draw_spread(axis, getattr(each, measure), place + step, family)
        axis.set_ylim(len(found) - 0.4, -0.6)
        axis.set_xlabel(f"{measure} ({UNITS[measure]})", fontsize=8)
        axis.set_yticks(
            range(len(found)), list(found) if measure == "purity" else [""] * len(found)
        )
        axis.tick_params(axis="y", length=0)
        for place in range(1, len(found)):
            axis.axhline(place - 0.5, color="0.85", linewidth=0.5, zorder=0)
    handles = [
        Line2D(
            [], [], marker=marker, color=edge, markerfacecolor=face, markersize=3.5, label=family
        )
        for family, (marker, face, edge) in STYLES.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(STYLES), fontsize=7,
                  frameon=False)  # fmt: skip
    return figure


def _draw_spread(axis: Axes, values: NDArray[np.floating], place: float, family: str) -> None:
    marker, face, edge = STYLES[family]
    low, first, median, third, high = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])
    axis.plot([low, high], [place, place], color=edge, linewidth=0.6)
    axis.plot([first, third], [place, place], color=edge, linewidth=2.2, solid_capstyle="butt")
    axis.plot(median, place, marker, color=edge, markerfacecolor=face, markersize=3.5)
