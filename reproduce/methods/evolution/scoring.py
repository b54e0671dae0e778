"""A large network's forward pass, as fast as a processor has it.

A network's variables are folded into its graph as constants, so that TensorFlow fuses
normalisation, bias and activation into the convolutions (Tiny Darknet: 1.2 to 1.3 times the
images a second); images go in as bytes, in batches of one shape. `bfloat16` computes with eight
bits of mantissa where a processor has instructions for it (AVX-512 BF16, AMX: twice as fast
again) and in single precision elsewhere. Its log-odds are off by some hundredths: good enough to
tell which children are worth a proper look.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

# Public by use: TensorFlow's own guides import it from here, and no shorter name is exported.
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from reproduce.data.examples import to_unit
from reproduce.methods.evolution.archive import log_odds
from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import batched, finite, inference

BFLOAT16 = "auto_mixed_precision_onednn_bfloat16"  # a pass of TensorFlow's graph optimiser
# uint8 images (n, height, width, channels) -> log-odds float64 (n, classes)
Score = Callable[[np.ndarray], np.ndarray]


def scorer(classify: Classifier, batch: int) -> Score:
    """Log-odds by the network as it is.

    Always the same batch shape, filled up with black images, so that an image's score does not
    depend on how many others it is scored with.
    """
    forward = tf.function(inference(classify))

    def score(images: np.ndarray) -> np.ndarray:
        def of_bytes(part: tf.Tensor) -> tf.Tensor:
            return forward(tf.constant(to_unit(part.numpy())))

        return log_odds(finite(batched(of_bytes, images, batch)))

    return score


def frozen(classify: Classifier, batch: int) -> Score:
    """uint8 images (n, height, width, channels) -> log-odds float64 (n, classes).

    In single precision. An image's score does not depend on the images beside it.
    """
    graphs: dict[tuple[int, ...], Any] = {}

    def score(images: np.ndarray) -> np.ndarray:
        shape = (batch, *images.shape[1:])
        if shape not in graphs:
            graphs[shape] = _constant(classify, shape)
        graph = graphs[shape]
        return log_odds(finite(batched(lambda part: graph(part)[0], images, batch)))

    return score


def bfloat16(classify: Classifier, batch: int) -> Score:
    """The same, roughly and faster: for screening."""
    exact = frozen(classify, batch)

    def score(images: np.ndarray) -> np.ndarray:
        with _mixed_precision():
            return exact(images)

    return score


def _constant(classify: Classifier, shape: tuple[int, ...]) -> Any:
    """The network as a graph without variables: bytes of one batch shape -> [logits]."""

    def forward(images: tf.Tensor) -> tf.Tensor:
        return inference(classify)(tf.cast(images, tf.float32) / 255)

    traced = tf.function(forward, autograph=False)
    return convert_variables_to_constants_v2(
        traced.get_concrete_function(tf.TensorSpec(shape, tf.uint8))
    )


@contextlib.contextmanager
def _mixed_precision() -> Iterator[None]:
    """While it lasts, graphs that are run for the first time are rewritten for bfloat16."""
    before = tf.config.optimizer.get_experimental_options().get(BFLOAT16, False)
    tf.config.optimizer.set_experimental_options({BFLOAT16: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({BFLOAT16: before})
