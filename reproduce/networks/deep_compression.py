"""Networks pruned and quantised by Deep Compression (Han, Mao & Dally 2016), as its authors gave
them away: AlexNet in 8.9 MB, SqueezeNet in 0.7 MB.

A .net file is little-endian and has no marks of its own; which layers it holds, and their shapes,
is known from the network. First the number of stored weights of each layer, uint32. Then for each

    codebook   2^bits float32; bits is 8 for a convolution, 4 for a fully connected layer
    biases     float32
    codes      bits each, the low half of a byte first
    gaps       4 bits each, the low half first: position minus one from the last stored weight

Weights that are not named are zero. Where a gap is longer than four bits can say, entries of code
0, the weight zero, bridge it. Positions count in Caffe's order: output, input / group, row, column.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

GAP_BITS = 4


def layers(
    content: bytes, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Weights and biases of each layer, float32, weights in the shapes given.

    Args:
        shapes: of the weights in Caffe's order, by layer, in the order of the network; four
            numbers for a convolution, two for a fully connected layer.
    """
    counts = np.frombuffer(content, "<u4", len(shapes))
    at = counts.nbytes
    found = {}
    for count, (name, shape) in zip(counts.tolist(), shapes.items(), strict=True):
        bits = 8 if len(shape) == 4 else 4
        codebook = np.frombuffer(content, "<f4", 1 << bits, at)
        at += codebook.nbytes
        biases = np.frombuffer(content, "<f4", shape[0], at)
        at += biases.nbytes
        codes, at = _read(content, at, count, bits)
        gaps, at = _read(content, at, count, GAP_BITS)
        positions = np.cumsum(gaps.astype(np.int64) + 1) - 1
        weights = np.zeros(int(np.prod(shape)), np.float32)
        weights[positions] = codebook[codes]
        found[name] = weights.reshape(shape), biases
    if at != len(content):
        raise ValueError(f"{len(content) - at} of {len(content)} bytes belong to no layer")
    return found


def _read(content: bytes, at: int, count: int, bits: int) -> tuple[np.ndarray, int]:
    """`count` numbers of 4 or 8 bits, and where they end."""
    size = -(-count * bits // 8)
    stored = np.frombuffer(content, np.uint8, size, at)
    if bits == 4:
        stored = np.stack([stored & 15, stored >> 4], axis=1).ravel()[:count]
    return stored, at + size
