"""How much a layer can stretch a perturbation: operator norms of dense and convolutional layers.

Szegedy et al. 2014, section 4.3. A rectified layer max(0, Wx + b) has Lipschitz constant at most
||W||, the largest singular value. For a convolution with stride Delta they take the largest norm
over the frequencies xi of a D x C Delta^2 matrix A(xi) that holds the kernel's Fourier transform at
the Delta^2 input frequencies which the stride folds onto xi.

    theirs   here
    C, D     kernel (height, width, C, D), Keras's order
    Delta    stride
    A(xi)    block

Two slips in the printed formula, both found by comparison with the singular values of explicit
matrices. The exponent divides by N^2 where the stated range of xi asks for N. The factor before the
transform is printed as Delta^-2, but the norm comes out with Delta^-1, so that a strided layer's
printed bound is too small by a factor of Delta.

Frequencies are taken on a torus which the zero-padded image fits into without wrapping round. Then
the true layer is a part of the circular one (some inputs zero, some outputs dropped), and the
circular norm is a bound on the true one. On a torus of the image's own size it need not be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh

Array = NDArray[np.floating]
Padding = Literal["same", "valid"]


def dense_norm(kernel: Array) -> float:
    """Largest singular value of a matrix."""
    return float(np.linalg.norm(kernel.astype(np.float64), 2))


def circular_norm(
    kernel: Array,
    torus: tuple[int, int],
    stride: int = 1,
    *,
    groups: int = 1,
) -> float:
    """Operator norm of a strided convolution on a torus, block by block.

    Args:
        kernel: (height, width, C / groups, D).
        torus: height and width, multiples of the stride.
    """
    if any(side % stride for side in torus):
        raise ValueError(f"a torus {torus} does not close with stride {stride}")
    parts = np.split(kernel.astype(np.float64), groups, axis=3)
    return max(_largest_block_norm(part, torus, stride) for part in parts)


def _largest_block_norm(kernel: Array, torus: tuple[int, int], stride: int) -> float:
    """One row of frequencies at a time: all blocks at once take a gigabyte for SqueezeNet."""
    wrapped = np.zeros((min(kernel.shape[0], torus[0]), torus[1], *kernel.shape[2:]))
    for row, column in np.ndindex(kernel.shape[:2]):
        wrapped[row % torus[0], column % torus[1]] += kernel[row, column]
    across = np.fft.fft(wrapped, axis=1)
    rows, columns = (side // stride for side in torus)
    inputs, outputs = kernel.shape[2:]
    largest = 0.0
    for row in range(rows // 2 + 1):  # the rest are complex conjugates
        # Input frequency xi + l * (torus / stride), for l in {0 .. stride - 1}^2, folds onto xi.
        down = np.outer(row + rows * np.arange(stride), np.arange(len(across))) / torus[0]
        transform = np.tensordot(np.exp(-2j * np.pi * down), across, axes=1)
        folded = transform.reshape(stride, stride, columns, inputs, outputs)
        blocks = folded.transpose(2, 4, 0, 1, 3).reshape(columns, outputs, -1) / stride
        if blocks.shape[1] > blocks.shape[2]:
            blocks = blocks.conj().swapaxes(1, 2)
        squares = np.linalg.eigvalsh(blocks @ blocks.conj().swapaxes(1, 2))
        largest = max(largest, float(squares.max()))
    return math.sqrt(largest)


def enclosing_torus(
    image: tuple[int, int], kernel: tuple[int, int], stride: int, padding: Padding
) -> tuple[int, int]:
    """The smallest torus on which no window of the zero-padded image wraps round."""

    def side(size: int, window: int) -> int:
        positions = -(-size // stride) if padding == "same" else (size - window) // stride + 1
        reach = max((positions - 1) * stride + window, size)
        return -(-reach // stride) * stride

    return side(image[0], kernel[0]), side(image[1], kernel[1])


def zero_padded_norm(
    kernel: Array,
    image: tuple[int, int],
    stride: int = 1,
    padding: Padding = "same",
    *,
    groups: int = 1,
) -> float:
    """Operator norm of the true layer, with zeros around the image."""
    norms = []
    for part in np.split(kernel.astype(np.float64), groups, axis=3):

        def convolve(images: tf.Tensor, weights: Array = part) -> tf.Tensor:
            return tf.nn.conv2d(images, weights, strides=stride, padding=padding.upper())

        norms.append(operator_norm(convolve, (*image, kernel.shape[2])))
    return max(norms)


def operator_norm(linear: Callable[[tf.Tensor], tf.Tensor], shape: tuple[int, ...]) -> float:
    """Largest singular value of a linear map of arrays, by power iteration with memory (Lanczos).

    The transpose comes from automatic differentiation, so `linear` may be any linear layer.

    Args:
        linear: float64 (1, *shape) -> float64 (1, ...).
    """

    @tf.function
    def square(vector: tf.Tensor) -> tf.Tensor:
        images = tf.reshape(vector, (1, *shape))
        with tf.GradientTape() as tape:
            tape.watch(images)
            half = tf.reduce_sum(linear(images) ** 2) / 2
        return tf.reshape(tape.gradient(half, images), [-1])

    size = int(np.prod(shape))
    start = np.random.default_rng(0).normal(size=size)
    operator = LinearOperator(
        (size, size), matvec=lambda vector: square(tf.constant(vector)).numpy(), dtype=np.float64
    )
    if size < 4:  # too small for Lanczos
        matrix = np.stack([operator.matvec(basis) for basis in np.eye(size)])
        return float(np.sqrt(np.linalg.eigvalsh(matrix)[-1]))
    largest = eigsh(
        operator, k=1, which="LA", v0=start, tol=1e-7, ncv=40, return_eigenvectors=False
    )
    return float(np.sqrt(max(largest[0], 0)))
