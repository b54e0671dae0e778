"""What the ImageNet halves of both papers share: the network, the photographs, its accuracy."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import keras
import numpy as np

from reproduce.data import Examples
from reproduce.errors import NotAvailable, UserError
from reproduce.experiments import Setting
from reproduce.imagenet.photographs import sized
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Claim
from reproduce.training import logits

BATCH = 32  # images at once: of 227 x 227 they take 20 MB, and a network's maps 50 times that


class Known(NamedTuple):
    """Share of right answers on 1,000 training photographs, in the middle crop."""

    top1: float
    top5: float


# Measured apart from this code, when the files were made, on 1,000 photographs: the 501 of
# sample_256 and 499 more. Published for the 50,000 validation photographs: AlexNet (Caffe)
# 57.1 / 80.2, SqueezeNet 57.5 / 80.3, Tiny Darknet 58.7 / 81.7.
KNOWN = {"SqueezeNet": Known(0.623, 0.834), "Tiny Darknet": Known(0.654, 0.866)}
KNOWN_PHOTOGRAPHS = 1000
SAMPLE_DIGEST = "6c741553fcde4bb05e6d1e94b4d8e4d834971365ae953769aab7475fbe6f3b34"


def the_network(setting: Setting) -> tuple[str, keras.Model]:
    """The run's network and what it is called; images (n, side, side, 3) -> logits."""
    if len(setting.networks) != 1:
        raise UserError(f"one network a run is expected, got {', '.join(setting.networks)}.")
    (name,) = setting.networks
    network = setting.network(name)
    if len(network.input_shape) != 4 or network.input_shape[3] != 3:
        raise UserError(
            f"{name} takes {network.input_shape[1:]}: a network of photographs is expected."
        )
    return name, network


def photographs(setting: Setting, network: keras.Model) -> Examples:
    """The photographs as the network takes them.

    Raises:
        NotAvailable: where there are none, with what to get and where to put it.
    """
    if not setting.dataset.names and not setting.dataset.missing:
        raise UserError(
            f"dataset={setting.dataset.name} holds no photographs: dataset=photographs."
        )
    if setting.dataset.classes != network.output_shape[1]:
        raise UserError(
            f"the network knows {network.output_shape[1]} classes, and the photographs are of "
            f"{setting.dataset.classes}."
        )
    return sized(setting.dataset, network.input_shape[1]).test


def class_names(setting: Setting) -> tuple[str, ...]:
    """What the classes are called.

    Raises:
        NotAvailable: where no list of them is at hand.
    """
    if not setting.dataset.names:
        raise NotAvailable(setting.dataset.missing or "the classes have no names.")
    return setting.dataset.names


def answers(setting: Setting, network: keras.Model) -> np.ndarray:
    """Logits of the photographs, float32 (n, classes), computed once and kept."""
    images = photographs(setting, network).images
    call = partial(logits, network, images, batch=BATCH)
    found: np.ndarray = setting.cached(call, title=f"looking at {len(images)} photographs")
    return found


def networks(setting: Setting, *, paper: str) -> Artefact:
    """The network's errors on the photographs at hand.

    Args:
        paper: szegedy or nguyen.
    """
    cells = Cells(paper, "networks")
    name, network = the_network(setting)
    examples = photographs(setting, network)
    total = len(examples.labels)
    order = np.argsort(-answers(setting, network), axis=1, kind="stable")[:, :5]
    hits = order == examples.labels[:, None]
    right = int(hits[:, 0].sum()), int(hits.any(axis=1).sum())
    cells.rate(name, "top-1 error", total - right[0], total)
    cells.rate(name, "top-5 error", total - right[1], total)
    cells.number(name, "side", network.input_shape[1], "count")
    cells.number(name, "parameters", network.count_params(), "count")
    return Artefact(
        title="The network and the photographs",
        caption=f"Errors on {total} photographs, their middle {network.input_shape[1]} pixels.",
        cells=cells.list,
        claims=_loaded_right(setting, name, right, total),
        notes=[
            "The photographs that come with the project's data are probably training images of "
            "ILSVRC 2012: errors on them check that network and photographs are read rightly, and "
            "are below what a network's authors publish for the validation set."
        ],
        departures=[
            "The papers' network is AlexNet; networks=alexnet takes it where its weights are at "
            "hand."
        ]
        * (name != "AlexNet"),
    )


def _loaded_right(setting: Setting, name: str, right: tuple[int, int], total: int) -> list[Claim]:
    """Whether the errors are those that others measured with the same files."""
    if name not in KNOWN or setting.dataset.digest != SAMPLE_DIGEST:
        return []
    gaps = [hit / total - known for hit, known in zip(right, KNOWN[name], strict=True)]
    # 501 of the 1,000 photographs: the standard error of a part drawn without replacement.
    drawn = (1 / total - 1 / KNOWN_PHOTOGRAPHS) * KNOWN_PHOTOGRAPHS / (KNOWN_PHOTOGRAPHS - 1)
    allowed = [1.96 * math.sqrt(share * (1 - share) * drawn) for share in KNOWN[name]]
    return [
        Claim(
            id="read rightly",
            sentence="Network and photographs are read as they were when the files were made.",
            holds=all(abs(gap) <= most for gap, most in zip(gaps, allowed, strict=True)),
            evidence="; ".join(
                f"top-{k} {100 * hit / total:.1f} %, elsewhere {100 * known:.1f} % on "
                f"{KNOWN_PHOTOGRAPHS:,} photographs of which these {total} are a part "
                f"(sampling allows {100 * most:.1f} points)"
                for k, hit, known, most in zip((1, 5), right, KNOWN[name], allowed, strict=True)
            )
            + ".",
        )
    ]
