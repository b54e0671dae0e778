"""Downloads: what is cut, empty, a page or another file never stays."""

import gc
import gzip
import http.server
import os
import socket
import threading
import warnings
from typing import ClassVar

import pytest
from tiny_mnist import TINY, elsewhere, unpacked, write_idx, write_npz  # noqa: F401

from reproduce.data import download, examples, idx
from reproduce.runtime.errors import NotAvailable


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `pages`; a page may promise more than it gives."""

    pages: ClassVar[dict] = {}

    def do_GET(self):
        if self.path not in self.pages:
            self.send_error(404)
            return
        content, promised = self.pages[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(promised))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve(monkeypatch):
    """serve({path: content}) -> address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def pages(contents):
        Server.pages = {
            path: each if isinstance(each, tuple) else (each, len(each))
            for path, each in contents.items()
        }
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(idx, "KERAS_FILES", address)
        return address

    yield pages
    server.shutdown()
    server.server_close()


def whole_npz(tmp_path):
    return write_npz(tmp_path / "whole.npz").read_bytes()


@pytest.mark.parametrize("served", ["HTML", "empty", "cut", "promised", "nothing", "another"])
def test_a_wrong_download_never_stays(served, tmp_path, serve):
    whole = whole_npz(tmp_path)
    other = write_npz(tmp_path / "other.npz", y_test=TINY["y_test"][::-1]).read_bytes()
    serve(
        {
            "HTML": {"/mnist.npz": b"<!DOCTYPE html><html>Sign in</html>"},
            "empty": {"/mnist.npz": b""},
            "cut": {"/mnist.npz": whole[:-50]},
            "promised": {"/mnist.npz": (whole[:-50], len(whole))},
            "nothing": {},
            "another": {"/mnist.npz": other},
        }[served]
    )
    with pytest.warns(UserWarning, match="a download failed .*Going on with mnist_5k"):
        assert idx.mnist().instead_of == "mnist"
    assert list((tmp_path / "keras" / "datasets").iterdir()) == []


def test_a_right_download_is_kept_and_heals_a_damaged_cache(tmp_path, serve):
    whole = whole_npz(tmp_path)
    serve({"/mnist.npz": whole})
    cached = tmp_path / "keras" / "datasets" / "mnist.npz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(whole[:100])
    with pytest.warns(UserWarning, match="passed over"):
        assert idx.mnist().source == "download"
    assert cached.read_bytes() == whole
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert idx.mnist().source == "Keras's cache"


def test_four_files_come_together_or_not_at_all(tmp_path, serve):
    write_idx(tmp_path / "files")
    pages = {
        f"/{name}": (tmp_path / "files" / name).read_bytes()
        for name in os.listdir(tmp_path / "files")
    }
    last = f"/{examples.IDX_FILES['y_test']}"
    folder = tmp_path / "keras" / "datasets" / "fashion-mnist"
    for wrong in (b"<html>", b"", gzip.compress(unpacked(TINY["y_test"][::-1]))):
        serve(pages | {last: wrong})
        with pytest.raises(NotAvailable, match="a download failed"):
            idx.fashion_mnist()
        assert list(folder.iterdir()) == []
    serve(pages)
    assert idx.fashion_mnist().source == "download"
    assert {f"/{file.name}" for file in folder.iterdir()} == set(pages)


@pytest.mark.parametrize("served", ["HTML", "promised", "nothing"])
def test_a_file_known_by_its_git_blob_is_checked_before_it_stays(served, tmp_path, serve):
    address = serve(
        {"HTML": {"/a": b"<html>"}, "promised": {"/a": (b"hel", 5)}, "nothing": {}}[served]
    )
    wanted = download.Wanted(
        "a", "x", f"{address}a", git_blob="b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"
    )
    with pytest.raises(NotAvailable, match="a download failed"):
        download.find(wanted)
    assert list((tmp_path / "keras" / "models").iterdir()) == []
    serve({"/a": b"hello"})
    assert download.find(wanted).read_bytes() == b"hello"


def test_a_folder_in_the_place_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRODUCE_DATA", str(tmp_path))
    (tmp_path / "x" / "a").mkdir(parents=True)
    with pytest.raises(NotAvailable, match="Put the file"):
        download.find(download.Wanted("a", "x", sha256="0"))


def test_a_download_that_cannot_be_kept_is_used_all_the_same(tmp_path, serve, monkeypatch):
    serve({"/mnist.npz": whole_npz(tmp_path)})
    (tmp_path / "FILE").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "FILE"))
    assert idx.mnist().source == "download"


def test_a_server_that_never_answers_is_given_up(tmp_path, monkeypatch):
    """It returns at all, and the thread that waits for it ends by itself."""
    monkeypatch.setattr(download, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(idx, "KERAS_FILES", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        with pytest.raises(NotAvailable, match=r"no answer|timed out"):
            idx.mnist(strict=True)
        for thread in threading.enumerate():
            if "retrieve" in thread.name:
                thread.join(5)
    gc.collect()


@pytest.mark.parametrize("count", [0, -1, 13, 1.5, "all", True])
def test_a_number_of_training_images_that_is_none(count, tmp_path, refused):
    dataset = idx.mnist(str(write_npz(tmp_path / "a.npz")))
    refused("has 12 training images", lambda: examples.subsample(dataset, count, seed=0))


def test_a_missing_file_names_no_folder_of_one_machine(tmp_path, monkeypatch):
    """The reason is kept among the results."""
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.delenv("REPRODUCE_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(NotAvailable, match=r"nor in ~/\.keras/models\. Put") as caught:
        download.find(download.Wanted("a", "x", sha256="0"))
    assert str(tmp_path) not in str(caught.value)
