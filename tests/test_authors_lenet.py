"""Nguyen et al.'s own LeNet, and Caffe's file format."""

import struct

import numpy as np
import pytest

from reproduce import training
from reproduce.data import download
from reproduce.networks import caffe, lenet_authors
from reproduce.runtime.errors import NotAvailable, UserError


def field(number, content):
    """A field of a protocol buffer: a number, or bytes."""

    def varint(value):
        return bytes([value & 127 | 128]) + varint(value >> 7) if value > 127 else bytes([value])

    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def test_caffes_blobs_are_read_back():
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(4, 3, 2, 2)), rng.normal(size=(1, 1, 1, 200))

    def blob(array):
        sizes = b"".join(field(n, size) for n, size in enumerate(array.shape, start=1))
        return field(6, sizes + field(5, struct.pack(f"<{array.size}f", *array.ravel())))

    layer = field(2, b"data") + field(4, b"conv") + blob(kernel) + field(5, 4) + blob(bias)
    found = caffe.layers(field(1, b"net") + field(2, layer) + field(2, field(4, b"relu")))
    assert list(found) == ["conv", "relu"]
    np.testing.assert_array_equal(found["conv"][0], kernel.astype(np.float32))
    np.testing.assert_array_equal(found["conv"][1], bias.astype(np.float32).ravel())


def test_authors_lenet_errs_as_often_as_it_should(full_mnist):
    """0.82 % as Caffe's weights give it in an independent conversion, on 10,000 images."""
    model = lenet_authors.load()
    assert training.error_rate(model, full_mnist.test) == pytest.approx(0.0082, abs=1e-6)


def test_authors_lenet_that_is_nowhere_or_damaged(monkeypatch, tmp_path):
    monkeypatch.delenv("REPRODUCE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(download, "fetch", lambda *_: "no network")
    with pytest.raises(NotAvailable, match=r"no network\)\. Put https"):
        lenet_authors.load()
    (tmp_path / "cut.caffemodel").write_bytes(field(2, field(4, b"conv1"))[:-2])
    with pytest.raises(UserError, match="is not the authors' LeNet"):
        lenet_authors.load(str(tmp_path / "cut.caffemodel"))
