"""What the ImageNet halves of both papers share: the network, the photographs, its accuracy."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import keras
import numpy as np
from rich.markup import escape

from reproduce.data.examples import Examples
from reproduce.data.photographs import seen, sized
from reproduce.experiments import Context
from reproduce.networks.input_format import at_chance
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Claim, Strength, answer
from reproduce.runtime.errors import NotAvailable, UserError
from reproduce.runtime.progress import say
from reproduce.training import logits

BATCH = 16  # images at once: of 227 x 227 they take 10 MB, and a network's maps 50 times that


class Known(NamedTuple):
    """Photographs that a network labels rightly, first and among its first five."""

    top1: int
    top5: int


# Counted apart from this code: Keras's own loading and `predict`, the photograph cut to the
# network's size in one step, where `photographs` cuts it to a square first; the two cuts differ by
# a pixel where a side is odd. On 1,000 photographs of which these are a part, by whoever made the
# files: 62.3 / 83.4 and 65.4 / 86.6 %. Published for the 50,000 validation photographs: AlexNet
# (Caffe) 57.1 / 80.2, SqueezeNet 57.5 / 80.3, Tiny Darknet 58.7 / 81.7.
KNOWN = {"SqueezeNet": Known(311, 409), "Tiny Darknet": Known(322, 427)}
ALLOWED = 0.01  # of the share of right answers
SAMPLE_DIGEST = "6c741553fcde4bb05e6d1e94b4d8e4d834971365ae953769aab7475fbe6f3b34"


def the_network(context: Context) -> tuple[str, keras.Model]:
    """The run's network and what it is called; images (n, side, side, 3) -> logits."""
    if len(context.networks) != 1:
        raise UserError(f"one network a run is expected, got {', '.join(context.networks)}.")
    (name,) = context.networks
    network = context.network(name)
    if len(network.input_shape) != 4 or network.input_shape[3] != 3:
        raise UserError(
            f"{name} takes {network.input_shape[1:]}: a network of photographs is expected."
        )
    return name, network


def photographs(context: Context, network: keras.Model) -> Examples:
    """The photographs as the network takes them.

    Raises:
        NotAvailable: where there are none, with what to get and where to put it.
    """
    if not context.dataset.names and not context.dataset.missing:
        raise UserError(
            f"dataset={context.dataset.name} holds no photographs: dataset=photographs."
        )
    if context.dataset.classes != network.output_shape[1]:
        raise UserError(
            f"the network knows {network.output_shape[1]} classes, and the photographs are of "
            f"{context.dataset.classes}."
        )
    return sized(context.dataset, network.input_shape[1]).test


def class_names(context: Context) -> tuple[str, ...]:
    """What the classes are called.

    Raises:
        NotAvailable: where no list of them is at hand.
    """
    if not context.dataset.names:
        raise NotAvailable(context.dataset.missing or "the classes have no names.")
    return context.dataset.names


def answers(context: Context, network: keras.Model) -> np.ndarray:
    """Logits of the photographs, float32 (n, classes), computed once and kept."""
    images = photographs(context, network).images
    call = partial(logits, network, images, batch=BATCH)
    found: np.ndarray = context.cached(call, title=f"looking at {len(images)} photographs")
    return found


def networks(context: Context, *, paper: str) -> Artefact:
    """The network's errors on the photographs at hand.

    Args:
        paper: szegedy or nguyen.
    """
    cells = Cells(paper, "networks")
    name, network = the_network(context)
    examples = photographs(context, network)
    total = len(examples.labels)
    order = np.argsort(-answers(context, network), axis=1, kind="stable")[:, :5]
    hits = order == examples.labels[:, None]
    right = int(hits[:, 0].sum()), int(hits.any(axis=1).sum())
    cells.rate(name, "top-1 error", total - right[0], total)
    cells.rate(name, "top-5 error", total - right[1], total)
    guessed = at_chance(right[0], total, network.output_shape[1])
    if guessed:
        say(f"[yellow]{escape(f'{name}: {guessed}')}[/]")
    cells.number(name, "side", network.input_shape[1], "count")
    cells.number(name, "parameters", network.count_params(), "count")
    return Artefact(
        title="The network and the photographs",
        caption=f"Errors on {total} photographs, {seen(network.input_shape[1])}.",
        cells=cells.list,
        claims=_loaded_right(context, name, right, total),
        notes=[
            "The photographs that come with the project's data are probably training images of "
            "ILSVRC 2012: errors on them check that network and photographs are read rightly, and "
            "are below what a network's authors publish for the validation set.",
            *filter(None, [guessed]),
        ],
        departures=[
            "The papers' network is AlexNet; networks=alexnet takes it where its weights are at "
            "hand."
        ]
        * (name != "AlexNet"),
    )


def _loaded_right(context: Context, name: str, right: tuple[int, int], total: int) -> list[Claim]:
    """Whether the errors are those that another program counts with the same files."""
    if name not in KNOWN or context.dataset.digest != SAMPLE_DIGEST:
        return []
    return [
        Claim(
            id="read rightly",
            sentence="Network and photographs are read as another program reads them: its share "
            "of right answers is within a point.",
            verdict=answer(
                all(
                    abs(hit - known) <= ALLOWED * total
                    for hit, known in zip(right, KNOWN[name], strict=True)
                )
            ),
            evidence="; ".join(
                f"top-{k} {100 * hit / total:.1f} %, elsewhere {100 * known / total:.1f} %"
                for k, hit, known in zip((1, 5), right, KNOWN[name], strict=True)
            )
            + f", of the same {total} photographs.",
            strength=Strength(1, total, "a share that is more than a point off"),
            check=True,
        )
    ]
