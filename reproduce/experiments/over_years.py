"""Have networks become harder to fool? What fools one network of photographs, in one row.

A sweep over networks makes a row for each (conf/sweep/networks.yaml). Not in the papers, whose
networks are of 2012; the measures are theirs.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from reproduce.data.download import find
from reproduce.data.fooling_images import ARCHIVE
from reproduce.data.imagenet_classes import ClassList
from reproduce.experiments import Context
from reproduce.experiments.imagenet import answers, class_names, photographs, the_network
from reproduce.experiments.nguyen.imagenet.ascent_all import RULE, SURE, climb_to
from reproduce.experiments.nguyen.imagenet.authors_images import FOOLED, seen_cached
from reproduce.experiments.nguyen.imagenet.runs import Search, evaluations
from reproduce.experiments.nguyen.runs import final_confidence
from reproduce.experiments.szegedy.imagenet.attacks import attacked, towards
from reproduce.experiments.szegedy.imagenet.figure5 import OSTRICH
from reproduce.methods.attacks.attack import Attack
from reproduce.methods.evolution.archive import confidence
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact
from reproduce.runtime.errors import NotAvailable

# When a network was published: the year of its paper, or of its weights where there is none.
YEARS = {
    "AlexNet": 2012,
    "VGG16": 2014, "VGG19": 2014,
    "InceptionV3": 2015, "ResNet50": 2015, "ResNet101": 2015, "ResNet152": 2015,
    "SqueezeNet": 2016, "Tiny Darknet": 2016, "ResNet50V2": 2016, "ResNet101V2": 2016,
    "ResNet152V2": 2016, "Xception": 2016, "InceptionResNetV2": 2016, "DenseNet121": 2016,
    "DenseNet169": 2016, "DenseNet201": 2016,
    "MobileNet": 2017, "NASNetMobile": 2017, "NASNetLarge": 2017,
    "MobileNetV2": 2018,
    "MobileNetV3Small": 2019, "MobileNetV3Large": 2019,
    **{f"EfficientNetB{size}": 2019 for size in range(8)},
    **{f"EfficientNetV2{size}": 2021 for size in ("B0", "B1", "B2", "B3", "S", "M", "L")},
    **{f"ConvNeXt{size}": 2022 for size in ("Tiny", "Small", "Base", "Large", "XLarge")},
}  # fmt: skip


def how_easily_fooled(
    context: Context,
    *,
    images: int,
    random_images: int,
    attack: Attack,
    tight: Attack,
    tight_images: int,
    classes: int,
    search: Search,
    archive: str | None = None,
) -> Artefact:
    """One network under both papers' methods: changed photographs, climbed and evolved images.

    Args:
        images: photographs attacked towards an ostrich, as in Szegedy et al.'s Figure 5.
        random_images: the first of them, attacked with random targets.
        attack: one that wants targets; tight: the same with a sharper loss, on the first
            `tight_images` of both.
        classes: that gradient ascent climbs to (Nguyen et al., section 3.8).
        search: the evolution (section 3.2).
        archive: a file in the form of the authors' published images; theirs, if at hand.
    """
    name, network = the_network(context)
    cells = Cells("nguyen", "how_easily_fooled")
    cells.number(name, "year", YEARS.get(name, np.nan), "year")
    cells.number(name, "parameters", network.count_params(), "count")
    labels = photographs(context, network).labels
    wrong = answers(context, network).argmax(axis=1) != labels
    cells.rate(name, "top-1 error", int(wrong.sum()), len(labels))
    _add_attacks(cells, context, network, images, random_images, [attack, tight], tight_images)
    _add_ascent(cells, context, network, classes)
    found = search.evolve_cached(context)
    p = final_confidence(found)
    cells.number(name, "evolved: median confidence", np.median(p), "fraction")
    cells.rate(name, "evolved: at 99 %", int((p >= 0.99).sum()), p.size, same_images=False)
    missing = _add_authors_images(cells, context, network, archive)
    return Artefact(
        title="How easily a network is fooled",
        caption=(
            f"ostrich, random: root mean square change, pixels in [0, 1], of {images} and "
            f"{random_images} rightly classified photographs; tight: of the first {tight_images}, "
            f"by {tight}. ascent: to {classes} classes by the rule {RULE}, share that reaches "
            f"{SURE:.2%} and median steps of those. evolved: CPPN images, {len(p)} runs of "
            f"{int(evaluations(found)[-1]):,} images, by class and run. authors' images: median "
            "confidence of the published images, and the share that the network is sure of by "
            f"more than {FOOLED:.0%}."
        ),
        cells=cells.list,
        notes=[*missing],
        departures=["Not in the papers: their networks are of 2012."],
    )


def _add_attacks(
    cells: Cells,
    context: Context,
    network: keras.Model,
    images: int,
    random_images: int,
    attacks: list[Attack],
    tight_images: int,
) -> None:
    """Smallest changes of photographs, as Figure 5 has them."""
    name, _ = the_network(context)
    ostrich = ClassList((), class_names(context)).label(OSTRICH)
    _, both = towards(context, network, ostrich, images, random_images)
    plain, tight = attacks
    for column, (photos, targets) in zip(("ostrich", "random"), both, strict=True):
        found = attacked(context, network, photos, targets, plain)
        cells.pooled_rms(name, column, found.distortion)
        first = slice(tight_images)
        sharp = attacked(context, network, photos[first], targets[first], tight)
        cells.pooled_rms(name, f"{column}, tight", sharp.distortion)


def _add_ascent(cells: Cells, context: Context, network: keras.Model, classes: int) -> None:
    """How many classes are climbed to, and in how many steps."""
    name, _ = the_network(context)
    _, climbed = climb_to(context, network, classes)
    steps = climbed.reached[:, -1]
    cells.rate(name, "ascent: arrived", int((steps >= 0).sum()), len(steps), same_images=False)
    arrived = steps[steps >= 0]
    cells.number(name, "ascent: median steps", np.median(arrived) if len(arrived) else np.nan,
                 "count")  # fmt: skip
    cells.number(name, "ascent: median confidence", np.median(confidence(climbed.log_odds)),
                 "fraction")  # fmt: skip


def _add_authors_images(
    cells: Cells, context: Context, network: keras.Model, archive: str | None
) -> list[str]:
    """What the network says of the published images; why not, where they are not at hand."""
    name, _ = the_network(context)
    try:
        shown = seen_cached(context, network, Path(archive) if archive else find(ARCHIVE))
    except NotAvailable as why:
        for column, unit in (("median confidence", "fraction"), ("fooled", "fraction")):
            cells.number(name, f"authors' images: {column}", np.nan, unit)
        return [f"The authors' images: not run. {why}"]
    median = float(np.median(shown.confidence))
    cells.number(name, "authors' images: median confidence", median, "fraction")
    fooled = int((shown.confidence >= FOOLED).sum())
    cells.rate(name, "authors' images: fooled", fooled, len(shown.confidence))
    return []
