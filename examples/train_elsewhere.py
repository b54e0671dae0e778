"""A network that is not ours, trained in another way, and put through our experiments by options.

    python -m examples.train_elsewhere elsewhere.keras
    python run.py experiment=szegedy networks=keras networks.path=elsewhere.keras dataset=mnist_5k

Keras's own fit, ReLU, dropout, Adam; pixels in [-1, 1] and probabilities out. The run says what
it found out about both, and which options say otherwise.
"""

import sys

import keras

from reproduce.data import mnist_5k

digits = mnist_5k()
keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Flatten(),
        keras.layers.Dense(128, "relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, "softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(2 * digits.train.images - 1, digits.train.labels, batch_size=64, epochs=3, verbose=2)
model.evaluate(2 * digits.test.images - 1, digits.test.labels, verbose=2)
model.save(sys.argv[1])
