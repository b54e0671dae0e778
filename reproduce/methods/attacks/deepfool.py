"""DeepFool (Moosavi-Dezfooli et al. 2016, algorithm 2): to the nearest hyperplane, again and again.

Each step goes where another label would begin if the network were linear. The label is looked at
beyond the boundary, by `overshoot`, and pixels are kept in [0, 1]; the paper does neither. A step
is longer than the algorithm's by `FURTHER`, as in its authors' code: where the box takes the
overshoot away, an image would come to lie on the boundary and take every step that is left.

    theirs   here
    f_k      lead: logit of the label less that of class k
    w'_k     slopes: gradient of minus the lead
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from reproduce.methods.attacks.attack import Adversarial, Attack, proposed
from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import inference

FURTHER = 1e-4  # by euclidean length


@dataclass(frozen=True)
class DeepFool(Attack):
    """steps: at most, for an image; overshoot: fraction of the change that is added to it."""

    steps: int = 50
    overshoot: float = 0.02

    name: ClassVar[str] = "DeepFool"
    objective: ClassVar[str] = "euclidean distance"
    wants: ClassVar[str] = "labels"

    def find(self, classify: Classifier, images: np.ndarray, wanted: np.ndarray) -> Adversarial:
        forward = inference(classify)

        @tf.function(input_signature=[tf.TensorSpec((None, *images.shape[1:]), tf.float32)])
        def linearised(points: Any) -> tuple[Any, Any]:
            with tf.GradientTape() as tape:
                tape.watch(points)
                scores = forward(points)
            return scores, tape.batch_jacobian(scores, points)

        waiting, changed, total = np.arange(len(images)), images.copy(), np.zeros_like(images)
        for _ in range(self.steps):
            scores, slopes = (part.numpy() for part in linearised(tf.constant(changed[waiting])))
            keeps = scores.argmax(axis=1) == wanted[waiting]
            waiting, scores, slopes = waiting[keeps], scores[keeps], slopes[keeps]
            if not waiting.size:
                break
            rows, labels = np.arange(len(waiting)), wanted[waiting]
            slopes = slopes.reshape(*scores.shape, -1)
            slopes = slopes - slopes[rows, labels][:, None]
            lead = scores[rows, labels][:, None] - scores
            squares = np.maximum((slopes**2).sum(axis=2), 1e-12)
            lead[rows, labels] = np.inf
            rival = (lead / np.sqrt(squares)).argmin(axis=1)
            slope, norm = slopes[rows, rival], np.sqrt(squares[rows, rival])
            step = ((lead[rows, rival] / norm + FURTHER) / norm)[:, None] * slope
            total[waiting] += step.reshape(-1, *images.shape[1:])
            changed[waiting] = np.clip(
                images[waiting] + (1 + self.overshoot) * total[waiting], 0, 1
            )
        return proposed(images, changed)
