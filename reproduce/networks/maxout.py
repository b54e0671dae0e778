"""Maxout networks (Goodfellow et al. 2013): a unit is the largest of several linear functions.

Only Keras's own layers: a dense layer of pieces x units, and the maximum over the pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

Shape = tuple[int, int, int]


def maxout(
    input_shape: Shape,
    classes: int = 10,
    *,
    units: Sequence[int] = (240, 240),
    pieces: int = 5,
    dropout: Sequence[float] = (0.2, 0.5, 0.5),
    seed: int,
) -> keras.Model:
    """Hidden layers of maxout units, dropout before each layer, logits.

    Args:
        input_shape: height, width, channels.
        units: of each hidden layer.
        pieces: linear functions a unit takes the maximum of.
        dropout: fraction of the input, then of each hidden layer, left out while training.
        seed: of the initial weights (Glorot uniform) and of the dropout.
    """
    seeds = iter(int(word) for word in np.random.SeedSequence(seed).generate_state(16))
    images = keras.Input(input_shape, name="images")
    x = keras.layers.Flatten(name="pixels")(images)
    for layer, rate in enumerate(dropout, start=1):
        if rate:
            x = keras.layers.Dropout(rate, seed=next(seeds), name=f"dropout{layer}")(x)
        last = layer == len(units) + 1
        x = keras.layers.Dense(
            classes if last else pieces * units[layer - 1],
            kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
            name="logits" if last else f"pieces{layer}",
        )(x)
        if not last:
            x = keras.layers.Reshape((pieces, units[layer - 1]), name=f"by_piece{layer}")(x)
            x = keras.layers.GlobalMaxPooling1D(name=f"hidden{layer}")(x)
    return keras.Model(images, x, name="maxout")
