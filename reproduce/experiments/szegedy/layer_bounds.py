"""Section 4.3 on the MNIST networks: what each layer can stretch, and what their product excludes.

Table 5 lists AlexNet's layers. The MNIST networks are small enough to go further: to the smallest
distortion that the product of the bounds leaves possible, beside the smallest that was found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from reproduce.experiments import Context
from reproduce.experiments.szegedy.at_once import Wanted, attack_all
from reproduce.experiments.szegedy.attacks import Attacked, draw, towards
from reproduce.methods.attacks.attack import Attack
from reproduce.methods.bounds import lipschitz
from reproduce.methods.bounds.lipschitz import LayerBound
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.comparisons import median_above, over_cases
from reproduce.report.results import Artefact, Claim, Strength, answer
from reproduce.runtime.progress import stage
from reproduce.training import logits

LOOSE = 2.0  # times as far as permitted; ours, for "much farther"


def layer_norms(context: Context, *, networks: Mapping[str, partial[Any]]) -> Artefact:
    """Table 5's numbers for the MNIST networks, layer by layer.

    Args:
        networks: beside the run's own.
    """
    context = context.with_networks(networks)
    cells = Cells("szegedy", "layer_norms")
    found = {name: _bounds(context, name) for name in context.networks}
    for name, layers in found.items():
        for layer in layers:
            row = f"{name} {layer.layer} ({layer.size})" if layer.size else f"{name} {layer.layer}"
            if layer.stride is not None:
                row += f", stride {layer.stride}"
            cells.number(row, "norm", layer.norm, "norm")
            cells.number(row, "bound by Fourier blocks", layer.circular, "norm")
            cells.number(row, "as printed", layer.printed, "norm")
            cells.number(row, "largest slope", layer.slope, "norm")
            cells.number(row, "Lipschitz constant", layer.constant, "norm")
    first = {name: layers[0].norm * layers[0].slope for name, layers in found.items()}
    return Artefact(
        title="Operator norms of the MNIST networks' layers (as in Table 5)",
        caption=(
            "norm: largest singular value of the layer as it is, zeros around the image; bound by "
            "Fourier blocks: the paper's, on a torus that the padded image fits into; as printed: "
            "with the factor Delta^-2 of the paper's formula instead of Delta^-1, the same for "
            "stride 1. largest slope: of the activation, 1/4 for a sigmoid. Lipschitz constant: "
            "norm times slope, from above."
        ),
        cells=cells.list,
        claims=[_unstable(first)],
        notes=[
            "The printed exponent divides by N^2 where the stated range of frequencies asks for "
            "N; N is used in both columns.",
        ],
        departures=[
            "The paper bounds rectified layers; most networks here have sigmoids, whose slope is "
            "at most 1/4, and that is taken into account."
        ],
    )


def network_bounds(
    context: Context,
    *,
    networks: Mapping[str, partial[Any]],
    images: int,
    attack: Attack,
) -> Artefact:
    """The distortion that the product over the layers permits, beside the one that was found.

    Args:
        networks: beside the run's own.
        images: training images attacked for each network.
    """
    cells = Cells("szegedy", "network_bounds")
    context = context.with_networks(networks)
    names = list(context.networks)
    sample = draw(context.dataset.train, images, context.seed)
    permitted: dict[str, np.ndarray] = {}
    found: dict[str, np.ndarray] = {}
    with stage(f"attacking {len(names)} networks", len(names)) as advance:
        wanted = [Wanted(name, sample, context.seed) for name in names]
        for name, attacked in zip(names, attack_all(context, wanted, attack), strict=True):
            layers = _bounds(context, name)
            product, sharper = permitted_by(attacked, layers)
            distortion = attacked.found.distortion
            cells.number(name, "product of the constants", lipschitz.lipschitz(layers), "norm")
            cells.mean(name, "permitted by the product", product, "rms")
            cells.mean(name, "permitted, last layer exact", sharper, "rms")
            cells.mean(name, "found", distortion, "rms")
            ratio = _median(looseness(distortion, sharper))
            cells.number(name, "found / permitted, median", ratio, "ratio")
            cells.number(name, "violations", violations(distortion, sharper), "count", images)
            permitted[name], found[name] = sharper, distortion
            advance(1, note=name)
    broken = sum(violations(found[name], permitted[name]) for name in names)
    tried = sum(int(np.isfinite(each).sum()) for each in found.values())
    return Artefact(
        title="What the layers' bounds exclude: permitted and found distortions",
        caption=(
            f"Means over {len(sample.labels)} training images, {towards(attack)}, root mean square "
            f"per pixel. permitted by the product: {_bound(attack)}, "
            "L the product of the layers' Lipschitz constants; last layer exact: with the distance "
            "between the two labels' weights in place of sqrt(2) times the last layer's norm. "
            "found: by the attack. violations: found below permitted."
        ),
        cells=cells.list,
        claims=[
            Claim(
                id="no adversarial example below the bound",
                sentence="Small bounds exclude adversarial examples: none is nearer than the "
                "bounds permit.",
                verdict=answer(broken == 0),
                evidence=f"{broken} of {tried} adversarial examples on {len(names)} networks "
                "violate their bound.",
                strength=Strength(len(names), len(sample.labels), "one example below its bound"),
                check=True,
            ),
            _prove_nothing(found, permitted),
        ],
        figures={"network_bounds": _draw(permitted, found)},
        notes=_left_out(found, permitted),
    )


def _unstable(first: Mapping[str, float]) -> Claim:
    """In more than half of the networks: one of ten would be an odd one."""
    return Claim(
        id="instability from the first layer on",
        sentence="Instability can appear as soon as in the first layer: its constant exceeds 1.",
        verdict=over_cases(bound > 1 for bound in first.values()),
        evidence="first layer: "
        + ", ".join(f"{name} {bound:.3g}" for name, bound in first.items())
        + ".",
        strength=Strength(len(first), None, "a constant of at most 1 in half of the networks"),
    )


def _prove_nothing(found: Mapping[str, np.ndarray], permitted: Mapping[str, np.ndarray]) -> Claim:
    """Sign tests over images, in more than half of the networks."""
    loose = {name: looseness(found[name], permitted[name]) for name in found}
    return Claim(
        id="large bounds prove nothing",
        sentence="Large bounds do not say that adversarial examples exist: the nearest found lie "
        "much farther away, more than twice as far, than the bounds permit.",
        verdict=over_cases(median_above(ratios, LOOSE) for ratios in loose.values()),
        evidence="found over permitted, median: "
        + ", ".join(f"{name} {_median(ratios):.3g}" for name, ratios in loose.items())
        + ".",
        strength=Strength(
            len(loose),
            min(map(len, loose.values())),
            "half of the networks with a median below 2 by the sign test at 5 %",
        ),
    )


def permitted_by(attacked: Attacked, layers: Sequence[LayerBound]) -> tuple[np.ndarray, np.ndarray]:
    """The smallest distortions (n,): by the paper's product, and with an exact last layer."""
    originals = attacked.examples.images
    answers = logits(attacked.network, originals)
    targets, pixels = attacked.found.targets, int(np.prod(originals.shape[1:]))
    product = math.sqrt(2) * lipschitz.lipschitz(layers)
    sharper = lipschitz.difference_constants(attacked.network, layers)
    return (
        lipschitz.permitted_distortion(answers, targets, product, pixels),
        lipschitz.permitted_distortion(answers, targets, sharper, pixels),
    )


def _bound(attack: Attack) -> str:
    if attack.wants == "targets":
        return "(z_label - z_target) / (sqrt(2) L)"
    return "(z_before - z_after) / (sqrt(2) L), with the answers before and after the attack"


def looseness(found: np.ndarray, permitted: np.ndarray) -> np.ndarray:
    """Found over permitted, of the images (n,) that need a change at all."""
    some = ~_mislabelled(found, permitted)
    return np.asarray(found[some] / permitted[some])


def _mislabelled(found: np.ndarray, permitted: np.ndarray) -> np.ndarray:
    """Which ones have another answer than their label unchanged, bool (n,)."""
    return np.isfinite(found) & (permitted == 0)


def _left_out(found: Mapping[str, np.ndarray], permitted: Mapping[str, np.ndarray]) -> list[str]:
    counts = {name: int(_mislabelled(found[name], permitted[name]).sum()) for name in found}
    told = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return [f"Mislabelled as they are, and not in found / permitted: {told}."] if told else []


def _median(ratios: np.ndarray) -> float:
    """Of those that are known; NaN where none is."""
    return float(np.nanmedian(ratios)) if np.isfinite(ratios).any() else math.nan


def violations(found: np.ndarray, permitted: np.ndarray) -> int:
    """How many were found nearer than permitted; a linear network comes within rounding of it."""
    return int((found < permitted * (1 - 1e-4)).sum())


def _bounds(context: Context, name: str) -> list[LayerBound]:
    kept: list[LayerBound] = context.cached(partial(lipschitz.layer_bounds, context.network(name)))
    return kept


def _draw(permitted: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> Figure:
    """One point an image, permitted across and found upwards; no point lies under the diagonal."""
    columns = min(4, len(permitted))
    rows = math.ceil(len(permitted) / columns)
    figure, axes = figures.sheet(rows, columns, width=1.7, height=1.75)
    low = min(each[each > 0].min() for each in permitted.values())
    high = max(np.nanmax(each) for each in found.values())
    for axis, name in zip(axes.flat, permitted, strict=False):
        axis.plot([low, high], [low, high], color="0.6", linewidth=0.8)
        axis.plot(permitted[name], found[name], "o", color="black", markersize=1.5, alpha=0.5,
                  markeredgewidth=0)  # fmt: skip
        axis.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
        axis.set_title(name, fontsize=7)
    for axis in axes.flat[len(permitted) :]:
        axis.set_axis_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("found (RMS)", fontsize=7)
    for axis in axes[-1]:
        axis.set_xlabel("permitted (RMS)", fontsize=7)
    return figure
