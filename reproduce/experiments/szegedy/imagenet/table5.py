"""Table 5: the upper bound of every layer with weights, in both conventions of the stride."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from reproduce.experiments import Context
from reproduce.experiments.imagenet import the_network
from reproduce.methods.bounds import lipschitz, weighted
from reproduce.methods.bounds.lipschitz import LayerBound
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Claim, Strength, answer
from reproduce.runtime.errors import NotAvailable
from reproduce.runtime.progress import stage

# Table 5's names of the layers that Caffe calls fc6, fc7, fc8.
THEIRS = {"fc6": "fc1", "fc7": "fc2", "fc8": "fc3"}


def table5(context: Context) -> Artefact:
    """The operator norms of the network's convolutions and fully connected layers."""
    name, network = the_network(context)
    layers = weighted.weighted_layers(network)
    if not layers:
        raise NotAvailable(
            f"{name} shows no convolution or fully connected layer of its own: it has to be a "
            "graph of layers (networks.ten_crops=false)."
        )
    cells = Cells("szegedy", "table5")
    found: list[LayerBound] = []
    left = weighted.uncounted(network)
    with stage("upper bounds of the layers", len(layers)) as advance:
        for index in range(len(layers)):
            bound: LayerBound = context.cached(partial(bound_of, network, index))
            found.append(bound)
            row = _row(name, bound)
            cells.number(row, "upper_bound", bound.printed, "norm")
            cells.number(row, "upper bound, stride put right", bound.circular, "norm")
            cells.number(row, "norm", bound.norm, "norm")
            advance(1, note=bound.layer)
    return Artefact(
        title=f"Table 5: upper bounds of the layers of {name}",
        caption=(
            "upper_bound: largest singular value over all frequencies by the paper's formula, with "
            "its factor Delta^-2 for a stride of Delta; stride put right: with Delta^-1. The two "
            "are the same for stride 1. norm: of the layer as it is, with zeros around the image, "
            "where the two differ. The size has inputs first, as the paper has it, of each group."
        ),
        cells=cells.list,
        claims=_claims(name, found),
        notes=[
            "A batch normalisation that follows a convolution at once is multiplied into it; any "
            "other has a row of its own. Separable, transposed and dilated convolutions, and those "
            "of two different strides, have a norm and no bound by the paper's formula.",
            *[f"Not counted, of other kinds: {', '.join(left)}."] * bool(left),
            "The paper prints no product; a product over these layers bounds a network only where "
            "they follow one another.",
        ],
        departures=[f"The paper's Table 5 is AlexNet's; this one is {name}'s."]
        * (name != "AlexNet"),
    )


def bound_of(network: Any, index: int) -> LayerBound:
    """The bound of one of the network's layers."""
    return lipschitz.separate_bound(*weighted.weighted_layers(network)[index])


def _row(name: str, bound: LayerBound) -> str:
    if name == "AlexNet":
        return THEIRS.get(bound.layer, bound.layer)
    row = f"{name} {bound.layer} ({bound.size})"
    return row if bound.stride in (None, 1) else f"{row}, stride {bound.stride}"


def _claims(name: str, found: list[LayerBound]) -> list[Claim]:
    first = found[0]
    strided = [
        bound
        for bound in found
        if math.isfinite(bound.norm + bound.circular) and (bound.stride or 1) > 1
    ]
    claims = [
        Claim(
            id="instability from the first layer on",
            sentence="Instability can appear as soon as in the first convolutional layer: its "
            "bound exceeds 1.",
            verdict=answer(first.upper > 1),
            evidence=f"{name}'s first layer: {first.upper:.3g}"
            + (
                f", {first.printed:.3g} by the printed formula."
                if math.isfinite(first.printed) and first.stride != 1
                else "."
            ),
            strength=Strength(1, None, "a bound of at most 1"),
        )
    ]
    if strided:
        wrong = [bound for bound in strided if bound.printed < bound.norm * (1 - 1e-6)]
        right = all(bound.circular >= bound.norm * (1 - 1e-6) for bound in strided)
        claims.append(
            Claim(
                id="the printed formula bounds a strided layer",
                sentence="The formula as printed is an upper bound of a layer with a stride.",
                verdict=answer(not wrong),
                evidence="; ".join(
                    f"{bound.layer}: norm {bound.norm:.4g}, as printed {bound.printed:.4g}, stride "
                    f"put right {bound.circular:.4g}"
                    for bound in strided
                )
                + (". With the stride put right it is one." if right else "."),
                strength=Strength(len(strided), None, "one layer whose norm is larger"),
            )
        )
    largest = max(found, key=lambda bound: bound.upper)
    typical = float(np.median([bound.upper for bound in found]))
    claims.append(
        Claim(
            id="every layer can stretch",
            sentence="Every layer's bound exceeds 1, so that nothing excludes that a small "
            "perturbation grows from layer to layer.",
            verdict=answer(all(bound.upper > 1 for bound in found)),
            evidence=f"median {typical:.3g}, largest {largest.upper:.3g} ({largest.layer}), "
            f"smallest {min(bound.upper for bound in found):.3g}.",
            strength=Strength(len(found), None, "one layer with a bound of at most 1"),
        )
    )
    return claims
