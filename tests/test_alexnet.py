"""AlexNet and SqueezeNet from Caffe: shapes, layer by layer, and the Deep Compression files."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from reproduce.networks import architectures, deep_compression, imagenet
from reproduce.runtime.errors import UserError

has_data = pytest.mark.skipif(
    "REPRODUCE_DATA" not in os.environ, reason="needs imagenet/models of REPRODUCE_DATA"
)


@pytest.fixture(scope="module")
def alexnet():
    return architectures.alexnet()


def test_alexnets_layers_are_the_published_ones(alexnet):
    """Krizhevsky et al. 2012, Figure 2, as Caffe has it: sizes of maps, weights, parameters."""
    names = ("conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5", "fc6")
    maps = {name: alexnet.get_layer(name).output.shape[1:] for name in names}
    assert maps == {
        "conv1": (55, 55, 96), "pool1": (27, 27, 96), "conv2": (27, 27, 256),
        "pool2": (13, 13, 256), "conv3": (13, 13, 384), "conv4": (13, 13, 384),
        "conv5": (13, 13, 256), "pool5": (6, 6, 256), "fc6": (4096,),
    }  # fmt: skip
    assert architectures.caffe_shapes(alexnet) == {
        "conv1": (96, 3, 11, 11), "conv2": (256, 48, 5, 5), "conv3": (384, 256, 3, 3),
        "conv4": (384, 192, 3, 3), "conv5": (256, 192, 3, 3), "fc6": (4096, 9216),
        "fc7": (4096, 4096), "fc8": (1000, 4096),
    }  # fmt: skip
    assert alexnet.count_params() == 60_965_224


def convolved(maps, kernel, bias, stride=1, pad=0, groups=1):
    """Caffe's convolution in NumPy: maps (channels, height, width), kernel (out, in, row, col)."""
    maps = np.pad(maps, ((0, 0), (pad, pad), (pad, pad)))
    parts = []
    for part, weights in zip(np.split(maps, groups), np.split(kernel, groups), strict=True):
        windows = sliding_window_view(part, kernel.shape[2:], axis=(1, 2))
        windows = windows[:, ::stride, ::stride]
        parts.append(np.tensordot(weights, windows, axes=([1, 2, 3], [0, 3, 4])))
    return np.concatenate(parts) + bias[:, None, None]


def normalized(maps):
    """Caffe's LRN, channel by channel."""
    squares = maps**2
    around = [squares[max(0, c - 2) : c + 3].sum(axis=0) for c in range(len(maps))]
    return maps / (1 + 1e-4 / 5 * np.array(around)) ** 0.75


def pooled(maps):
    return sliding_window_view(maps, (3, 3), axis=(1, 2))[:, ::2, ::2].max(axis=(3, 4))


def test_alexnet_forward_layer_by_layer_against_numpy(alexnet, rng):
    """Random weights in Caffe's order, a random image; every layer's maps agree."""
    weights = {
        name: (
            (rng.normal(size=shape) * (2 / np.prod(shape[1:])) ** 0.5).astype(np.float32),
            rng.normal(size=shape[0]).astype(np.float32),
        )
        for name, shape in architectures.caffe_shapes(alexnet).items()
    }
    architectures.put_in(alexnet, weights)
    image = rng.random((227, 227, 3), np.float32)
    relu = lambda maps: np.maximum(maps, 0)  # noqa: E731
    blue_green_red = image[..., ::-1].transpose(2, 0, 1) * 255.0
    expected, x = {}, blue_green_red - np.array([104, 117, 123])[:, None, None]
    expected["conv1"] = x = relu(convolved(x, *weights["conv1"], stride=4))
    expected["pool1"] = x = pooled(normalized(x))
    expected["conv2"] = x = relu(convolved(x, *weights["conv2"], pad=2, groups=2))
    expected["pool2"] = x = pooled(normalized(x))
    expected["conv3"] = x = relu(convolved(x, *weights["conv3"], pad=1))
    expected["conv4"] = x = relu(convolved(x, *weights["conv4"], pad=1, groups=2))
    expected["conv5"] = x = relu(convolved(x, *weights["conv5"], pad=1, groups=2))
    expected["pool5"] = x = pooled(x)
    x = x.ravel()
    for name in ("fc6", "fc7", "fc8"):
        kernel, bias = weights[name]
        x = kernel @ x + bias
        expected[name] = x = x if name == "fc8" else relu(x)
    layers = [alexnet.get_layer(name).output for name in expected]
    found = keras.Model(alexnet.inputs[0], layers)(image[None])
    for (name, wanted), maps in zip(expected.items(), found, strict=True):
        maps = np.asarray(maps)[0]
        maps = maps.transpose(2, 0, 1) if maps.ndim == 3 else maps
        np.testing.assert_allclose(maps, wanted, atol=2e-4 * np.abs(wanted).max(), err_msg=name)


def test_normalisation_against_numpy_where_it_matters(rng):
    """Maps so large that the sum over neighbours outweighs the 1."""
    maps = rng.normal(size=(1, 3, 3, 8)).astype(np.float32) * 500
    found = architectures.local_response_normalization(keras.ops.convert_to_tensor(maps))
    expected = normalized(maps[0].transpose(2, 0, 1)).transpose(1, 2, 0)
    np.testing.assert_allclose(found[0], expected, rtol=1e-4)


def compressed(layers):
    """A .net file of the (codebook, biases, codes) of each layer; code 0 is not stored."""

    def halves(values):
        values = [*values, *[0] * (len(values) % 2)]
        return bytes(a | b << 4 for a, b in zip(values[::2], values[1::2], strict=True))

    counts, body = [], b""
    for codebook, biases, codes, bits in layers:
        stored, last = [], -1
        for position in np.flatnonzero(codes):
            while position - last > 16:  # a bridge
                stored.append((0, 15))
                last += 16
            stored.append((codes[position], position - last - 1))
            last = position
        named, gaps = zip(*stored, strict=True)
        counts.append(len(stored))
        body += codebook.tobytes() + biases.tobytes()
        body += bytes(named) if bits == 8 else halves(named)
        body += halves(gaps)
    return np.array(counts, "<u4").tobytes() + body


def test_a_compressed_file_is_read_back(rng):
    """Convolution with 8 bits, fully connected with 4; most weights zero, gaps beyond 4 bits."""
    shapes = {"conv": (5, 3, 3, 3), "fc": (7, 33)}
    stored, expected = [], {}
    for (name, shape), bits in zip(shapes.items(), (8, 4), strict=True):
        codebook = rng.normal(size=1 << bits).astype("<f4")
        codebook[0] = 0
        codes = rng.integers(1, 1 << bits, np.prod(shape)) * (rng.random(np.prod(shape)) < 0.06)
        biases = rng.normal(size=shape[0]).astype("<f4")
        stored.append((codebook, biases, codes, bits))
        expected[name] = (codebook[codes].reshape(shape), biases)
    content = compressed(stored)
    found = deep_compression.layers(content, shapes)
    for name, pair in expected.items():
        for array, wanted in zip(found[name], pair, strict=True):
            np.testing.assert_array_equal(array, wanted)
    with pytest.raises(ValueError, match=r"1 of .* bytes belong to no layer"):
        deep_compression.layers(content + b"x", shapes)


def test_another_file_is_no_alexnet(tmp_path):
    (tmp_path / "cut.net").write_bytes(b"1234" * 100)
    with pytest.raises(UserError, match="is not squeezenet as"):
        imagenet.squeezenet(str(tmp_path / "cut.net"))


@has_data
def test_squeezenets_file_against_an_independent_reading(rng):
    """Weights and answers of the two conversions that come with the file."""
    folder = Path(os.environ["REPRODUCE_DATA"], "imagenet", "models")
    shapes = architectures.caffe_shapes(architectures.squeezenet())
    content = (folder / "compressed_SqueezeNet.net").read_bytes()
    weights = deep_compression.layers(content, shapes)
    with np.load(folder / "squeezenet_v1.0_deepcompression.npz") as other:
        names = {
            name.replace("/", "_").replace("_kernel", "").replace("_bias", "") for name in other
        }
        assert names == set(weights)
        for file_name in other:
            name, _, kind = file_name.rpartition("/")
            kernel, bias = weights[name.replace("/", "_")]
            mine = bias if kind == "bias" else kernel.transpose(2, 3, 1, 0)
            np.testing.assert_array_equal(mine, other[file_name])
    images = rng.random((2, 227, 227, 3), np.float32)
    other = keras.models.load_model(folder / "squeezenet_v1.0_imagenet.keras")(images * 255)
    np.testing.assert_allclose(imagenet.squeezenet()(images), other, rtol=1e-3, atol=1e-3)
