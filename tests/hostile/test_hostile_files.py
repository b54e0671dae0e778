"""MNIST's files and downloads: damaged, foreign, or out of bounds."""

import gzip

import numpy as np
import pytest
from tiny_mnist import TINY, elsewhere, unpacked, write_idx, write_npz  # noqa: F401

from reproduce.data import download, examples, idx


@pytest.mark.parametrize(
    "convert",
    [np.int64, np.float64, np.float16, ">u2", np.asfortranarray],
    ids=["integers", "doubles", "half", "big-endian", "Fortran"],
)
def test_a_converted_file_with_the_right_pixels_is_accepted(convert, tmp_path):
    change = convert if callable(convert) and not isinstance(convert, type) else None
    x = change(TINY["x_train"]) if change else TINY["x_train"].astype(convert)
    found = idx.mnist(str(write_npz(tmp_path / "a.npz", x_train=x)))
    np.testing.assert_array_equal(
        found.train.images[..., 0], np.float32(TINY["x_train"]) / np.float32(255)
    )


def test_unpacked_files_under_the_packed_names_are_accepted(tmp_path):
    write_idx(tmp_path / "a", **{key: unpacked(array) for key, array in TINY.items()})
    assert idx.mnist(str(tmp_path / "a")).digest == examples.digest(TINY)


@pytest.mark.parametrize(
    ("key", "array", "line"),
    [
        ("x_train", TINY["x_train"] / 255, "other things than bytes"),
        ("x_train", TINY["x_train"].astype(int) + 256, "other things than bytes"),
        ("x_train", np.full((12, 28, 28), np.nan), "other things than bytes"),
        ("x_train", np.full((12, 28, 28), "a"), "other things than bytes"),
        ("x_train", np.array([None]), "Python objects"),
        ("x_train", TINY["x_train"][1:], "is not mnist"),
        ("x_train", 255 - TINY["x_train"], "is not mnist"),
        ("x_train", TINY["x_train"][..., None], "is not mnist"),
        ("y_train", TINY["y_train"][::-1], "is not mnist"),
        ("y_train", np.eye(10)[TINY["y_train"]], "is not mnist"),
        ("y_test", np.float32(0), "is not mnist"),
    ],
    ids=[
        "unit", "shifted", "NaN", "text", "objects", "fewer", "inverted", "channels", "turned",
        "one-hot", "number",
    ],
)  # fmt: skip
def test_other_content_is_refused(key, array, line, tmp_path, refused):
    file = write_npz(tmp_path / "a.npz", **{key: array})
    refused(rf"a\.npz.*{line}", lambda: idx.mnist(str(file)))


RIGHT = gzip.compress(unpacked(TINY["x_train"]))
DAMAGED = {
    "empty": b"", "one byte": b"\x1f", "text": b"hello", "HTML": b"<html>", "cut": RIGHT[:-20],
    "cut early": RIGHT[:9], "changed": RIGHT[:200] + bytes(20) + RIGHT[220:],
    "empty inside": gzip.compress(b""), "no shape": gzip.compress(b"\0\0\x08\x03\0"),
    "cut inside": gzip.compress(unpacked(TINY["x_train"])[:-1]),
    "a huge shape": gzip.compress(b"\0\0\x08\x03" + b"\x7f\xff\xff\xff" * 3),
    "a negative shape": gzip.compress(b"\0\0\x08\x03" + b"\xff\xff\xff\xf0" * 3),
    "a bomb": gzip.compress(bytes(60_000_000)),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_idx_file_is_refused(name, tmp_path, refused):
    write_idx(tmp_path / "a", x_train=DAMAGED[name])
    refused("cannot be read as mnist|is not mnist", lambda: idx.mnist(str(tmp_path / "a")))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY", b"PK\x03\x04" + bytes(60)])
def test_a_file_that_is_no_npz_is_refused(content, tmp_path, refused):
    (tmp_path / "a.npz").write_bytes(content)
    refused(r"a\.npz cannot be read as mnist", lambda: idx.mnist(str(tmp_path / "a.npz")))


@pytest.mark.parametrize("path", ["nowhere", ".", "x" * 5000])
def test_a_path_without_mnist_is_refused(path, tmp_path, refused, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused("holds no mnist", lambda: idx.mnist(path))


def test_a_damaged_file_of_keras_stays_and_is_passed_over(tmp_path):
    cached = tmp_path / "keras" / "datasets" / "mnist.npz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"<html>")
    with pytest.warns(UserWarning, match="passed over|Going on with mnist_5k"):
        assert idx.mnist().instead_of == "mnist"
    assert cached.read_bytes() == b"<html>"


def test_a_damaged_file_of_ones_own_is_refused(tmp_path, refused, monkeypatch):
    monkeypatch.setenv("REPRODUCE_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "mnist.npz").write_bytes(b"<html>")
    refused("cannot be read as mnist", idx.mnist)


@pytest.mark.parametrize("named", ["", "/no/such/folder", "FILE"])
def test_reproduce_data_that_is_no_folder_is_told(named, tmp_path, refused, monkeypatch):
    (tmp_path / "FILE").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REPRODUCE_DATA", named)
    told = "is not set" if not named else f"{named}: no folder"
    refused(told, lambda: idx.mnist(strict=True))


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null", "FILE"])
def test_an_unwritable_home_falls_back_all_the_same(home, tmp_path, monkeypatch):
    (tmp_path / "FILE").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "FILE") if home == "FILE" else home)
    with pytest.warns(UserWarning, match="Going on with mnist_5k"):
        assert idx.mnist().name == "mnist_5k"


def test_without_a_home_the_temporary_folder_serves(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", "/no/such/home")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert download.keras_home() == tmp_path / ".keras"
