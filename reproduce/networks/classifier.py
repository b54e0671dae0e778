"""What an attack, an evolution or a bound asks of a network."""

from collections.abc import Callable
from typing import Any

# Images float32 (n, height, width, channels) in [0, 1] -> logits float32 (n, classes).
# TensorFlow tensors, so that a method may ask for gradients; a Keras model is one.
Classifier = Callable[[Any], Any]
