import gzip
import hashlib
import http.server
import threading

import numpy as np
import pytest

from reproduce import data
from reproduce.data import download, idx
from reproduce.data.examples import IDX_FILES
from reproduce.runtime.errors import NotAvailable, UserError


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A machine without data sets and without a network."""
    monkeypatch.delenv("REPRODUCE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(idx, "KERAS_FILES", "http://127.0.0.1:9/")
    monkeypatch.setattr(idx, "DEBIAN_FASHION_MNIST", tmp_path / "debian")


@pytest.fixture
def tiny(monkeypatch):
    """A data set of 12 and 6 images that passes for MNIST."""
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (12, 28, 28), np.uint8),
        "y_train": rng.integers(0, 10, 12).astype(np.uint8),
        "x_test": rng.integers(0, 256, (6, 28, 28), np.uint8),
        "y_test": rng.integers(0, 10, 6).astype(np.uint8),
    }
    monkeypatch.setitem(idx.DIGESTS, "mnist", data.digest(arrays))
    return arrays


def write_idx(folder, arrays):
    folder.mkdir(parents=True)
    for key, name in IDX_FILES.items():
        array = arrays[key]
        head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
        (folder / name).write_bytes(gzip.compress(head + array.tobytes()))


def test_the_digest_is_sha256_over_names_shapes_and_bytes(tiny):
    text = b"".join(
        f"{name}{tiny[name].shape}".encode() + tiny[name].tobytes() for name in IDX_FILES
    )
    assert data.digest(tiny) == hashlib.sha256(text).hexdigest()


def test_npz_and_idx_files_hold_the_same_data_set(tiny, tmp_path):
    np.savez(tmp_path / "some.npz", **tiny)
    write_idx(tmp_path / "idx", tiny)
    from_npz, from_idx = data.mnist(str(tmp_path / "some.npz")), data.mnist(str(tmp_path / "idx"))
    assert from_npz.digest == from_idx.digest
    np.testing.assert_array_equal(from_npz.train.images, from_idx.train.images)
    np.testing.assert_array_equal(from_npz.test.images[..., 0] * 255, tiny["x_test"])
    np.testing.assert_array_equal(from_idx.train.labels, tiny["y_train"])


def test_reproduce_data_comes_before_keras_cache(tiny, tmp_path, nowhere, monkeypatch):
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    np.savez(tmp_path / "keras" / "datasets" / "mnist.npz", **tiny)
    assert data.mnist().source == "Keras's cache"
    write_idx(tmp_path / "own" / "mnist", tiny)
    monkeypatch.setenv("REPRODUCE_DATA", str(tmp_path / "own"))
    assert data.mnist().source == "REPRODUCE_DATA"


def test_a_file_with_other_pixels_is_refused_by_name(tiny, tmp_path):
    tiny["x_train"][3, 4, 5] ^= 1
    np.savez(tmp_path / "foreign.npz", **tiny)
    with pytest.raises(UserError, match=r"foreign\.npz is not mnist"):
        data.mnist(str(tmp_path / "foreign.npz"))


@pytest.mark.parametrize("keep", [10, 200, -30])
def test_a_truncated_file_is_refused_by_name(tiny, tmp_path, keep):
    path = tmp_path / "cut.npz"
    np.savez(path, **tiny)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"cut\.npz cannot be read as mnist"):
        data.mnist(str(path))


def test_a_truncated_idx_file_is_refused_by_name(tiny, tmp_path):
    write_idx(tmp_path / "idx", tiny)
    path = tmp_path / "idx" / IDX_FILES["x_train"]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="cannot be read as mnist"):
        data.mnist(str(tmp_path / "idx"))


def test_without_mnist_the_fall_back_is_announced_or_refused(nowhere):
    with pytest.warns(UserWarning, match="Going on with mnist_5k"):
        found = data.mnist()
    assert (found.name, found.instead_of) == ("mnist_5k", "mnist")
    with pytest.raises(NotAvailable, match="neither in REPRODUCE_DATA"):
        data.mnist(strict=True)
    with pytest.raises(NotAvailable, match="holds no mnist"):
        data.mnist(path="does/not/exist")


def test_mnist_5k_is_stratified_and_disjoint(mnist_5k):
    assert (np.bincount(mnist_5k.train.labels) == 400).all()
    assert (np.bincount(mnist_5k.test.labels) == 100).all()
    train = {image.tobytes() for image in mnist_5k.train.images}
    assert not train & {image.tobytes() for image in mnist_5k.test.images}
    assert mnist_5k.train.images.dtype == np.float32
    assert (mnist_5k.train.images.min(), mnist_5k.train.images.max()) == (0, 1)


def test_mnist_5k_is_part_of_mnist(mnist_5k, full_mnist):
    whole = {im.tobytes() for part in (full_mnist.train, full_mnist.test) for im in part.images}
    assert all(image.tobytes() in whole for image in mnist_5k.train.images)


def test_halves_are_disjoint_and_complete(mnist_5k):
    for seed in (None, 1):
        first, last = data.halves(mnist_5k.train, seed)
        together = np.concatenate([first.images, last.images]).sum(axis=(1, 2, 3))
        assert len(first.labels) == len(last.labels) == 2000
        np.testing.assert_array_equal(
            np.sort(together), np.sort(mnist_5k.train.images.sum(axis=(1, 2, 3)))
        )
    in_order = data.halves(mnist_5k.train)[0]
    np.testing.assert_array_equal(in_order.labels, mnist_5k.train.labels[:2000])


class _CutOff(http.server.BaseHTTPRequestHandler):
    """Promises 100 bytes; /whole keeps the promise and /cut does not."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"x" * (100 if self.path == "/whole" else 40))

    def log_message(self, *_):
        pass


def test_a_download_is_whole_or_absent(tmp_path):
    server = http.server.HTTPServer(("127.0.0.1", 0), _CutOff)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        right = download.Wanted("a", "", sha256=hashlib.sha256(b"x" * 100).hexdigest())
        assert "40 bytes read" in download.fetch(f"{address}/cut", tmp_path / "a", right)
        other = download.Wanted("a", "", sha256="00")
        assert "not the one expected" in download.fetch(f"{address}/whole", tmp_path / "a", other)
        assert list(tmp_path.iterdir()) == []
        assert download.fetch(f"{address}/whole", tmp_path / "a", right) is None
        assert [file.name for file in tmp_path.iterdir()] == ["a"]
    finally:
        server.shutdown()
        server.server_close()


def test_few_examples_are_among_more(mnist_5k):
    few, more = (data.subsample(mnist_5k, n, seed=1).train for n in (200, 900))
    assert [len(part.labels) for part in (few, more)] == [200, 900]
    everything = {i.tobytes() for i in mnist_5k.train.images}
    assert {i.tobytes() for i in few.images} < {i.tobytes() for i in more.images} < everything
    assert (
        data.subsample(mnist_5k, None, seed=1) is data.subsample(mnist_5k, 4000, seed=1) is mnist_5k
    )
    with pytest.raises(UserError, match="has 4000 training images, not 4001"):
        data.subsample(mnist_5k, 4001, seed=1)
