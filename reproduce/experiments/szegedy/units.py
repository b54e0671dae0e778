"""Section 3: what excites a unit, what excites a random direction, and whether one can tell.

Figures 1 and 2 show a few of each. The paper judges by eye; `units` counts: are the images of a
row of one digit, and are they alike to another network?
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from reproduce.data import Examples
from reproduce.experiments import Setting
from reproduce.methods import directions
from reproduce.methods.equivalence import Comparison, compare, verdicts
from reproduce.progress import stage
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Claim
from reproduce.training.evaluation import outputs

EDITION = 1
ROW = 10  # images, as in Figures 1 and 2
PANELS = "abcd"
# How large a difference between units and directions still counts as none. Written down before
# the comparison was run: half an image of the ten for purity; for entropy what half an image does
# to an otherwise pure row (0.469 bits for a whole one), rounded down; a twentieth for the cosine.
MARGINS = {"purity": 0.05, "entropy": 0.2, "similarity": 0.05}
UNITS = {"purity": "fraction", "entropy": "bits", "similarity": "cosine"}
FAMILIES = ("units", "random", "basis", "PCA")
RIVALS = FAMILIES[1:]
UNTRAINED = "FC100-100-10"
CONTROLS = ("pixels", "untrained", "random sets")


class Coherence(NamedTuple):
    """How alike the images of each row are: three numbers a row, (rows,) each."""

    purity: NDArray[np.floating]
    entropy: NDArray[np.floating]
    similarity: NDArray[np.floating]


def figure1(setting: Setting, *, networks: Mapping[str, partial[Any]], network: str) -> Artefact:
    """The images that excite single units most."""
    return _rows_of_images(setting.having(networks), network, "figure1", "single units", "unit")


def figure2(setting: Setting, *, networks: Mapping[str, partial[Any]], network: str) -> Artefact:
    """The images that excite random directions most."""
    return _rows_of_images(
        setting.having(networks), network, "figure2", "random directions", "direction"
    )


def _rows_of_images(
    setting: Setting, network: str, name: str, what: str, singular: str
) -> Artefact:
    model = setting.network(network)
    layer = hidden_layers(model)[-1]
    images = setting.dataset.test.images
    activations = _activations(model, layer, images)
    rng = np.random.default_rng([setting.seed, 3])
    if name == "figure1":
        alive = np.flatnonzero(activations.std(axis=0) > 0)  # a dead unit prefers no image
        chosen = np.sort(rng.choice(alive, size=len(PANELS), replace=False))
        vectors = directions.natural_basis(activations.shape[1])[chosen]
        titles = [f"({panel}) unit {unit}" for panel, unit in zip(PANELS, chosen, strict=True)]
    else:
        vectors = directions.gaussian(activations.shape[1], len(PANELS), rng)
        titles = [f"({panel}) random direction {n + 1}" for n, panel in enumerate(PANELS)]
    rows = directions.most_exciting(activations, vectors, ROW)
    figure = _panels(images[rows], titles)
    return Artefact(
        title=f"Figure {name[-1]}: the images that excite {what} most",
        caption=(
            f"The {ROW} of {len(images):,} test images with the largest activation, for four "
            f"{what} of the last hidden layer of {network}, the most exciting first. Each "
            f"{singular} was drawn at random and not picked."
        ),
        figures={name: figure},
        departures=[
            "The paper says nothing of its convolutional network, nor which layer it shows: here "
            f"the last hidden layer of {network}.",
            *(["Random directions are uniform on the sphere; the paper does not say which "
               "distribution it used."] if name == "figure2" else []),
        ],
    )  # fmt: skip


def _panels(rows: NDArray[np.floating], titles: Sequence[str]) -> Figure:
    """Two by two rows of images as in the paper, a pixel two device pixels wide.

    Args:
        rows: (4, images, height, width, channels).
    """
    pictures = [figures.mosaic(row[None]) for row in rows]
    height, width = (2 * side for side in pictures[0].shape[:2])
    gap, title = 40, 34  # device pixels
    wide, high = 2 * width + gap, 2 * (height + title)
    figure = Figure(figsize=(wide / figures.DPI, high / figures.DPI), dpi=figures.DPI)
    for panel, (picture, text) in enumerate(zip(pictures, titles, strict=True)):
        left, above = (panel % 2) * (width + gap), (panel // 2) * (height + title) + title
        place = (left / wide, 1 - (above + height) / high, width / wide, height / high)
        axes = figure.add_axes(place)
        figures.crisp(axes, picture)
        axes.set_title(text, fontsize=8, pad=2)
    return figure


def units(
    setting: Setting,
    *,
    networks: Mapping[str, partial[Any]],
    judges: Sequence[str],
    rows: int,
) -> Artefact:
    """The coherence of the rows of every hidden layer, and an equivalence test for each.

    Args:
        networks: studied beside the run's own, those without a hidden layer apart.
        judges: networks whose last hidden layer says how alike two images are: the first that is
            not under study itself.
        rows: units and directions of each kind at most; a larger layer's are drawn at random.
    """
    cells = Cells("szegedy", "units")
    setting = setting.having(networks)
    found: dict[str, dict[str, Coherence]] = {}
    with stage("units and directions", total=len(setting.networks) + 1) as advance:
        for name in setting.networks:
            network = setting.network(name)
            judge = next(each for each in [*judges, *setting.networks] if each != name)
            for layer in hidden_layers(network):
                found[f"{name} {layer}"] = _measure(setting, network, layer, judge, rows)
            advance(1, note=name)
        found |= _controls(setting, judges[0], rows)
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
        claims=_claims(trained, found["random sets"]["random"]),
        figures={"units": _draw(found)},
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


def hidden_layers(network: keras.Model) -> list[str]:
    """Names of the layers with weights but the last; where pooling follows, of the pooling."""
    names: list[str] = []
    for layer in network.layers[:-1]:
        if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D):
            names.append(layer.name)
        elif isinstance(layer, keras.layers.MaxPooling2D) and names:
            names[-1] = layer.name
    return names


def coherence(
    network: keras.Model | None,
    layer: str | None,
    judge: keras.Model,
    images: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    rows: int,
    seed: int,
) -> dict[str, Coherence]:
    """The coherence of the rows of one layer, for each family of directions.

    Args:
        network, layer: None for pixel space.
        judge: the network whose last hidden layer similarity is measured in.
    """
    rng = np.random.default_rng([seed, 4])
    activations = (
        images.reshape(len(images), -1)
        if network is None or layer is None
        else _activations(network, layer, images)
    )
    features = _activations(judge, hidden_layers(judge)[-1], images)
    vectors = dict(zip(FAMILIES, _families(activations, rows, rng), strict=True))
    return {
        family: _coherence(directions.most_exciting(activations, each, ROW), labels, features)
        for family, each in vectors.items()
    }


def blind_coherence(
    judge: keras.Model,
    images: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    rows: int,
    seed: int,
) -> dict[str, Coherence]:
    """The coherence of images drawn at random."""
    drawn = directions.random_sets(len(images), rows, ROW, np.random.default_rng([seed, 5]))
    features = _activations(judge, hidden_layers(judge)[-1], images)
    return {"random": _coherence(drawn, labels, features)}


def _families(
    activations: NDArray[np.floating], rows: int, rng: np.random.Generator
) -> Iterator[NDArray[np.floating]]:
    """Directions of each family, at most `rows` of them."""
    width = activations.shape[1]
    alive = np.flatnonzero(activations.std(axis=0) > 0)
    chosen = np.sort(rng.choice(alive, size=min(rows, len(alive)), replace=False))
    yield directions.natural_basis(width)[chosen]
    yield directions.gaussian(width, rows, rng)
    yield directions.orthonormal(width, rng, vectors=min(rows, width))
    yield directions.principal(activations, most=math.ceil(rows / 2))


def _coherence(
    rows: directions.Rows, labels: NDArray[np.integer], features: NDArray[np.floating]
) -> Coherence:
    return Coherence(
        purity=directions.purity(labels, rows),
        entropy=directions.entropy(labels, rows),
        similarity=directions.similarity(features, rows),
    )


def _activations(network: keras.Model, layer: str, images: NDArray[np.floating]) -> Any:
    """float32 (n, units); feature maps are flattened."""
    part = keras.Model(network.inputs[0], network.get_layer(layer).output)
    return outputs(part, images).reshape(len(images), -1)


def _measure(
    setting: Setting, network: Any, layer: str | None, judge: str, rows: int
) -> dict[str, Coherence]:
    images, labels = setting.dataset.test
    call = partial(coherence, network, layer, setting.network(judge), images, labels)
    title = f"rows of {layer or 'pixels'}"
    kept: dict[str, Coherence] = setting.cached(
        partial(call, rows=rows, seed=setting.seed), title=title
    )
    return kept


def _controls(setting: Setting, judge: str, rows: int) -> dict[str, dict[str, Coherence]]:
    """Pixel space, an untrained network, and images drawn at random."""
    test: Examples = setting.dataset.test
    found = {"pixels": _measure(setting, None, None, judge, rows)}
    if UNTRAINED in setting.networks:
        untrained = setting.networks[UNTRAINED].keywords["network"](
            input_shape=test.images.shape[1:], classes=setting.dataset.classes, seed=setting.seed
        )
        for layer in hidden_layers(untrained):
            row = f"untrained {UNTRAINED} {layer}"
            found[row] = _measure(setting, untrained, layer, judge, rows)
    blind = partial(blind_coherence, setting.network(judge), *test, rows=rows, seed=setting.seed)
    found["random sets"] = setting.cached(blind)
    return found


def _claims(layers: dict[str, dict[str, Coherence]], blind: Coherence) -> list[Claim]:
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
    claims = []
    for row in layers:
        each = {measure: words[row, "random", measure] for measure in MARGINS}
        claims.append(
            Claim(
                id=f"no distinction in {row}",
                sentence=f"In {row}, single units are no more coherent than random directions, "
                "and no less.",
                holds=_holds(list(each.values())),
                evidence="units minus directions, with 90 % intervals: "
                + "; ".join(
                    _in_words(measure, comparisons[row, "random", measure], word)
                    for measure, word in each.items()
                )
                + ".",
            )
        )
    alike = [claim.holds for claim in claims]
    purer = [row for row in layers if words[row, "random", "purity"] == "less"]
    claims.append(
        Claim(
            id="no distinction between units and directions",
            sentence="There is no distinction between individual units and random linear "
            "combinations of them.",
            holds=False if False in alike else None if None in alike else True,
            evidence=f"Equivalent in {alike.count(True)} of {len(layers)} hidden layers, different "
            f"in {alike.count(False)}"
            + (f"; random directions are the purer ones in {', '.join(purer)}" if purer else "")
            + ".",
        )
    )
    purities = {row: float(each["random"].purity.mean()) for row, each in layers.items()}
    lowest = min(purities, key=purities.__getitem__)
    claims.append(
        Claim(
            id="random directions are coherent too",
            sentence="The images that excite a random direction have something in common as well.",
            holds=bool(purities[lowest] > blind.purity.mean() + MARGINS["purity"]),
            evidence=f"purity {purities[lowest]:.2f} in the least coherent layer ({lowest}), "
            f"{blind.purity.mean():.2f} for images drawn at random.",
        )
    )
    return claims


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


def _draw(found: dict[str, dict[str, Coherence]]) -> Figure:
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
