"""A sparse autoencoder, trained without labels (Szegedy et al. 2014, the network AE400-10).

The paper says that there is one, "with sigmoid activations", and that its first layer was frozen
once the filters looked good; how it becomes sparse is open. This one is Ng's (CS294A, 2011: KL
sparsity, weight decay) with a linear decoder and noise on the input (Vincent et al. 2008).

    rho     the activation aimed at, one in ten
    usage   the units' mean activation, running
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from reproduce.data.examples import Examples
from reproduce.training.descent import descend
from reproduce.training.objective import Weights
from reproduce.training.schedules import Schedule

FORGETTING = 0.1  # weight of a batch in the running mean of the activations


def sparse_autoencoder(
    model: keras.Model,
    examples: Examples,
    rng: np.random.Generator,
    effort: float = 1.0,
    *,
    epochs: int,
    batch: int,
    rate: Schedule,
    momentum: float = 0.9,
    noise: float,
    rho: float,
    sparsity: float,
    decay: float,
    compiled: bool = True,
) -> None:
    """Trains the first hidden layer to give its input back through a decoder that is then dropped.

    Loss: half the squared error to the clean image, and sparsity * KL(rho, usage) for each unit.

    Args:
        rng: of the decoder's start, the shuffles and the noise.
        effort: a factor on the epochs.
        rate: learning rate over the whole training.
        noise: standard deviation of the Gaussian noise on the input.
        decay: lambda for encoder and decoder; biases are free.
    """
    hidden = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    encoder, bias = hidden.get_weights()
    inputs, units = encoder.shape
    limit = np.sqrt(6 / (inputs + units))  # Glorot uniform, as the encoder's start
    decoder = rng.uniform(-limit, limit, (units, inputs)).astype(np.float32)
    bias = np.full_like(bias, np.log(rho / (1 - rho)))
    images = tf.constant(examples.images.reshape(-1, inputs))

    def loss(weights: Weights, others: Weights, chosen: tf.Tensor, numbers: tf.Tensor) -> Any:
        encoder, bias, decoder, offset = weights
        clean = tf.gather(images, chosen)
        code = tf.sigmoid(tf.matmul(clean + noise * numbers, encoder) + bias)
        error = tf.reduce_sum((tf.matmul(code, decoder) + offset - clean) ** 2, axis=1) / 2
        mean = tf.reduce_mean(code, axis=0)
        usage = (1 - FORGETTING) * others[0] + FORGETTING * tf.stop_gradient(mean)
        slope = (1 - rho) / (1 - usage) - rho / usage  # of KL(rho, usage)
        return tf.reduce_mean(error) + sparsity * tf.reduce_sum(slope * mean), [usage]

    weights, _ = descend(
        loss,
        [tf.constant(array) for array in (encoder, bias, decoder, np.zeros(inputs, np.float32))],
        [tf.fill([units], np.float32(rho))],
        n=len(examples.labels),
        rng=rng,
        epochs=max(1, round(effort * epochs)),
        batch=batch,
        rate=rate,
        momentum=momentum,
        lambdas=[decay, 0.0, decay, 0.0],
        noise=(inputs,),
        compiled=compiled,
    )
    hidden.set_weights([weights[0].numpy(), weights[1].numpy()])
