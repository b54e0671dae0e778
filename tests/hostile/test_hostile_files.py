"""MNIST's files, downloads, lists of photographs and texts: damaged, foreign, or out of bounds."""

import gzip
import http.server
import json
import os
import threading
import warnings
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from reproduce.data import corpora, download, examples, idx, imagenet_classes, photographs
from reproduce.runtime.errors import NotAvailable

RNG = np.random.default_rng(0)
TINY = {
    "x_train": RNG.integers(0, 256, (12, 28, 28), np.uint8),
    "y_train": RNG.integers(0, 10, 12).astype(np.uint8),
    "x_test": RNG.integers(0, 256, (6, 28, 28), np.uint8),
    "y_test": RNG.integers(0, 10, 6).astype(np.uint8),
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No data set, no network, and a small one that passes for MNIST."""
    monkeypatch.delenv("REPRODUCE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(idx, "KERAS_FILES", "http://127.0.0.1:9/")
    monkeypatch.setattr(idx, "DEBIAN_FASHION_MNIST", tmp_path / "debian")
    monkeypatch.setitem(idx.DIGESTS, "mnist", examples.digest(TINY))
    monkeypatch.setitem(idx.DIGESTS, "fashion_mnist", examples.digest(TINY))


def unpacked(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


def write_idx(folder, **other):
    folder.mkdir(parents=True, exist_ok=True)
    for key, name in examples.IDX_FILES.items():
        (folder / name).write_bytes(other.get(key, gzip.compress(unpacked(TINY[key]))))


def write_npz(file, **other):
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **(TINY | other))
    return file


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


@pytest.fixture
def listed(monkeypatch, tmp_path):
    """A class list of three."""
    names = {"0": ["n00000001", "tench"], "1": ["n00000002", "crane"], "2": ["n00000003", "crane"]}
    (tmp_path / "list.json").write_text(json.dumps(names))
    monkeypatch.setattr(imagenet_classes, "COUNT", 3)
    monkeypatch.setattr(imagenet_classes, "find", lambda _: tmp_path / "list.json")
    imagenet_classes.class_list.cache_clear()
    yield
    imagenet_classes.class_list.cache_clear()


def picture(file, size=(30, 40), colour=(255, 0, 0)):
    file.parent.mkdir(exist_ok=True, parents=True)
    Image.new("RGB", size, colour).save(file)
    return file


LISTS = {
    "outside": (b"file,label\n../secret.png,tench\n", "lies outside"),
    "outside and back": (b"file,label\n../../x/../secret.png,tench\n", "lies outside"),
    "absolute": (b"file,label\n/etc/hostname,tench\n", "lies outside"),
    "a link that leads outside": (b"file,label\nlink.png,tench\n", "lies outside"),
    "a link that leads round": (b"file,label\nround.png,tench\n", "no file|outside"),
    "a folder": (b"file,label\n.,tench\n", "there is no file"),
    "a folder with pictures": (b"file,label\nfolder,tench\n", "there is no file"),
    "a missing file": (b"file,label\nb.png,tench\n", "line 2: there is no file b.png"),
    "twice": (b"file,label\na.png,tench\na.png,tench\n", "line 3: a.png stands there twice"),
    "twice otherwise": (b"file,label\na.png,tench\n./a.png,tench\n", "twice"),
    "no label": (b"file,label\na.png\n", "line 2: a file and a label are expected"),
    "no file": (b"file,label\n,tench\n", "line 2: a file and a label are expected"),
    "an unknown label": (b"file,label\na.png,unicorn\n", "line 2: 'unicorn' names none"),
    "an ambiguous label": (b"file,label\na.png,crane\n", "names none, or not one"),
    "a negative class": (b"file,class_index\na.png,-1\n", "names none"),
    "a class too high": (b"file,class_index\na.png,3\n", "names none"),
    "a superscript": ("file,class_index\na.png,\u00b2\n".encode(), "names none"),
    "a class with a point": (b"file,class_index\na.png,1.0\n", "names none"),
    "empty": (b"", "no lines"),
    "a head alone": (b"file,label\n", "no lines"),
    "other columns": (b"picture,label\na.png,tench\n", "It has picture, label"),
    "semicolons": (b"file;label\na.png;tench\n", "separated by commas"),
    "no text": (b"\xff\xfe\x00\x01", "cannot be read as CSV"),
    "a zero byte": (b"file,label\na\0.png,tench\n", "no file|cannot be read|there is no"),
    "an open quote": (b'file,label\n"a.png,tench\n', "cannot be read as CSV"),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_photographs_that_cannot_be_meant(name, listed, tmp_path, refused):
    folder = tmp_path / "photographs"
    secret = picture(tmp_path / "secret.png")
    picture(folder / "a.png")
    (folder / "folder").mkdir()
    (folder / "link.png").symlink_to(secret)
    (folder / "round.png").symlink_to(folder / "round.png")
    content, line = LISTS[name]
    (folder / "labels.csv").write_bytes(content)
    refused(rf"labels\.csv.*({line})", lambda: photographs.photographs(str(folder)))


@pytest.mark.parametrize(
    "content",
    [
        b"file,label\na.png,tench\n", b"\xef\xbb\xbffile,label\r\na.png,tench\r\n",
        b"file,label\n./a.png , tench \n", b'"file","synset"\n"a.png","n00000001"\n',
        b"x,file,class_index,label\n1,a.png,0,unicorn\n",
    ],
    ids=["plain", "of Excel", "blanks", "quotes", "more columns"],
)  # fmt: skip
def test_lists_that_can_be_meant(content, listed, tmp_path):
    picture(tmp_path / "p" / "a.png")
    (tmp_path / "p" / "labels.csv").write_bytes(content)
    assert photographs.photographs(str(tmp_path / "p")).test.labels.tolist() == [0]


def test_the_splits_of_a_folder_of_photographs_are_no_classes(listed, tmp_path, capsys):
    for split in ("train", "val"):
        for at, name in enumerate(("n00000001", "n00000003")):
            colour = (255, 100 * at, 0 if split == "val" else 9)
            picture(tmp_path / "p" / split / name / "a.JPEG", colour=colour)
    picture(tmp_path / "p" / "val" / "__MACOSX" / "a.png")
    found = photographs.photographs(str(tmp_path / "p"))
    assert found.test.labels.tolist() == [0, 2]
    told = capsys.readouterr().out.replace("\n", "")
    assert "2 photographs of 2 of 3 classes" in told
    assert "from its val/ alone" in told
    assert "skipped 1 __MACOSX/" in told


FOLDERS = {
    "no folders": (["a.png"], "neither folders nor labels.csv"),
    "hidden folders alone": ([".x/a.png"], "neither folders nor labels.csv"),
    "an empty class": (["tench/a.png", "n00000003/notes.txt"], "no pictures in its folders n0"),
    "a mistyped synset": (["n00000001/a.png", "n00000009/a.png"], "n00000009 name no class"),
    "a damaged picture": (["tench/a.txt.png"], "cannot be read as a picture"),
    "a line": (["tench/line.png"], "no photograph"),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_folders_of_photographs_that_cannot_be_meant(name, listed, tmp_path, refused):
    files, line = FOLDERS[name]
    for file in files:
        picture(
            tmp_path / "p" / file.replace(".txt", ".png"), (1, 500) if "line" in file else (9, 9)
        )
        if ".txt" in file:
            (tmp_path / "p" / file.replace(".txt", ".png")).unlink()
            (tmp_path / "p" / file).write_text("nothing")
    refused(line, lambda: photographs.photographs(str(tmp_path / "p")))


@pytest.mark.parametrize("most", [0, -1, "all", 2.5, True])
def test_a_number_of_photographs_that_is_none(most, refused):
    refused("dataset.most", lambda: photographs.photographs(most=most))


@pytest.mark.parametrize(("side", "whole"), [(96, True), (160, True), (223, True), (224, False),
                                             (227, False), (256, True), (299, True)])  # fmt: skip
def test_small_networks_see_the_whole_and_others_what_they_saw_in_training(side, whole):
    """A photograph with a frame of 8 pixels: cut to 224 or 227 it has none left."""
    image = np.zeros((1, 256, 256, 3), np.float32)
    image[:, 8:-8, 8:-8] = 1
    shown = examples.read_only(image, np.zeros(1, np.int64))
    dataset = examples.Dataset("p", "p", "0", shown, shown, 2, names=("a", "b"))
    found = photographs.sized(dataset, side).test.images
    assert found.shape == (1, side, side, 3)
    assert found.dtype == np.float32
    assert bool(found[0, 0, 0, 0] == 0) is whole
    if side == 96:  # as any other program scales it
        as_bytes = Image.fromarray(np.uint8(image[0] * 255)).resize(
            (96, 96), Image.Resampling.BICUBIC
        )
        np.testing.assert_array_equal(found[0], np.asarray(as_bytes, np.float32) / np.float32(255))


@pytest.mark.parametrize(
    ("right", "total", "classes", "told"),
    [(0, 501, 1000, True), (2, 501, 1000, True), (5, 501, 1000, False), (311, 501, 1000, False),
     (55, 500, 10, True), (90, 500, 10, False), (0, 0, 10, False)],
)  # fmt: skip
def test_an_error_at_chance_level_is_told(right, total, classes, told):
    line = photographs.at_chance(right, total, classes)
    assert bool(line) is told
    assert not told or "another order" in line


TEXTS = {
    "a line of text": (b"hello\n", "line 1"),
    "no label": (b'{"text": "a"}\n', "line 1"),
    "a list": (b"[1, 2]\n", "line 1"),
    "null": (b'{"text": null, "label": "a"}\n', "text is NoneType"),
    "deep": (b"[" * 100_000, "line 1"),
    "no text": (b"\xff\xfe\x00", "UTF-8"),
    "empty": (b"", "under two headings"),
    "too short": (b'{"text": "a b", "label": "a"}\n', "got 0 under 0"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_that_cannot_be_meant(name, tmp_path, refused):
    content, line = TEXTS[name]
    (tmp_path / "a.jsonl").write_bytes(content)
    refused(rf"a\.jsonl.*{line}", lambda: corpora.texts(tmp_path / "a.jsonl"))


def test_hidden_folders_of_texts_are_no_headings(tmp_path, refused):
    for heading in ("a", "b", ".ipynb_checkpoints", "__MACOSX"):
        (tmp_path / "t" / heading).mkdir(parents=True)
        (tmp_path / "t" / heading / "1.txt").write_text(f"{heading} " * 40)
    assert set(corpora.texts(tmp_path / "t").labels) == {"a", "b"}
    (tmp_path / "t" / "a" / "2.txt").write_bytes(b"\xff\xfe\x00")
    refused(r"2\.txt cannot be read as text", lambda: corpora.texts(tmp_path / "t"))
