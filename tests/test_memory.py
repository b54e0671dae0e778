"""Memory that was freed goes back to the system, and large results are computed in parts."""

import gc
import subprocess
import sys
import tracemalloc
import weakref
from functools import partial

import numpy as np
import pytest

from reproduce.data.examples import Examples, halves
from reproduce.experiments.lipton import protocol
from reproduce.experiments.szegedy.halves import sides_of
from reproduce.networks.classical import prototypes
from reproduce.runtime import memory
from reproduce.runtime.store import Store

# Bytes in blocks that the C library has from the system one by one: `hblkhd` of malloc.h's
# mallinfo2, the fifth of ten numbers.
MAPPED = """
import ctypes, sys
try:
    mallinfo2 = ctypes.CDLL(None).mallinfo2
except AttributeError:
    raise SystemExit(77)
mallinfo2.restype = type("Info", (ctypes.Structure,), {
    "_fields_": [(name, ctypes.c_size_t) for name in "abcdefghij"]
})
mapped = lambda: mallinfo2().e
"""
TENSORS = (
    MAPPED
    + """
from reproduce.runtime import cores, memory
cores.start_tensorflow(0, None)
memory.give_back(int(sys.argv[1]))
import tensorflow as tf
tf.zeros([100]) + 1
before = mapped()
large = tf.zeros([5_000_000]) + 1  # 20 MB
asked = mapped() - before
del large
print(asked, mapped() - before)
"""
)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="as the C library of Linux does")
@pytest.mark.parametrize(("image", "one_by_one"), [(28 * 28, True), (224 * 224 * 3, False)])
def test_a_large_tensor_goes_back_at_once_but_on_photographs(image, one_by_one):
    """There the next one takes its place: asking anew took half of an attack's time."""
    words = [sys.executable, "-c", TENSORS, str(image)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("the C library does not tell")
    assert done.returncode == 0, done.stderr
    asked, left = map(int, done.stdout.split()[-2:])
    assert (asked >= 20_000_000) == one_by_one
    assert left < 1_000_000


class Ring:
    """Something that only looking for rings frees, as graphs of TensorFlow."""

    def __init__(self):
        self.itself = self


left: list[weakref.ref] = []


def leaves_a_ring(number):
    left.append(weakref.ref(Ring()))
    return number


def test_what_a_kept_call_leaves_behind_is_freed_at_its_end(tmp_path):
    gc.disable()
    memory.pass_over_imports()  # as a run does at its start
    try:
        Store(tmp_path).cached(partial(leaves_a_ring, 3))
        assert left.pop()() is None
    finally:
        gc.unfreeze()
        gc.enable()


@pytest.fixture
def many():
    """50 images, and 5,000 training images; distances take 2 MB all at once."""
    stream = np.random.default_rng(0)
    images = stream.random((50, 4, 4, 1), dtype=np.float32)
    training = stream.random((5000, 4, 4, 1), dtype=np.float32)
    return images, stream.integers(10, size=50), Examples(training, np.arange(5000) % 10)


def peak(call):
    """What a call gives, and the bytes that its arrays took at most."""
    tracemalloc.start()
    try:
        found = call()
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("together", [100, 700])
def test_distances_to_many_images_are_measured_a_few_at_a_time(many, monkeypatch, together):
    monkeypatch.setattr(protocol, "TOGETHER", together)
    images, labels, training = many
    difference = images[:, None].astype(float) - training.images[None]
    apart = np.sqrt((difference**2).sum(axis=(2, 3, 4)))
    nearest, bytes_taken = peak(lambda: protocol.to_training(images, training))
    np.testing.assert_allclose(nearest, apart.min(axis=1), rtol=1e-9)
    assert bytes_taken < 2e6
    apart[labels[:, None] == training.labels[None]] = np.inf
    others, bytes_taken = peak(lambda: protocol.class_separation(images, labels, training))
    np.testing.assert_allclose(others, apart.min(axis=1), rtol=1e-9)
    assert bytes_taken < 2e6


def test_radial_units_learn_the_same_from_parts_of_the_images(many, monkeypatch):
    images, _, training = many
    whole = prototypes.rbf_network(training, 0, units=3)
    monkeypatch.setattr(prototypes, "TOGETHER", 700)
    parts = prototypes.rbf_network(training, 0, units=3)
    np.testing.assert_allclose(parts.logits(images), whole.logits(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("count", [10, 11])
def test_the_first_and_the_last_half_are_no_copies(many, count, seed):
    images, labels = (part[:count] for part in many[2])
    for side, copy in zip(
        sides_of(Examples(images, labels), seed),
        halves(Examples(images, labels), seed),
        strict=True,
    ):
        np.testing.assert_array_equal(side.images, copy.images)
        np.testing.assert_array_equal(side.labels, copy.labels)
        assert np.shares_memory(side.images, images) == (seed is None)
