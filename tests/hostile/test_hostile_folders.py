"""Folders of pictures: what is a class, what is a split, what is nobody's; and what is said."""

import os
import re

import numpy as np
import pytest
from PIL import Image

from reproduce.data import folders


def build(place, tree):
    """tree: "a/1 2 3" writes a/1.png, a/2.png, a/3.png; other names are files of text."""
    for line in tree:
        folder, _, names = line.partition("/ ")
        (place / folder).mkdir(parents=True, exist_ok=True)
        for name in names.split():
            file = place / folder / (name if "." in name else f"{name}.png")
            if file.suffix in (".png", ".JPG", ".bmp"):
                shade = sum(map(ord, f"{folder}{name}")) % 256
                Image.fromarray(np.full((4, 5), shade, np.uint8)).save(file)
            else:
                file.write_text("nothing")


TWO = ["cat/ 1 2 3 4 5", "dog/ 1 2 3 4 5"]
SPLIT = ["train/cat/ 1 2 3", "train/dog/ 4 5", "test/cat/ 6", "test/dog/ 7 8"]
# the tree, options -> classes, training and test images, a pattern of the report
READ = {
    "two classes": (TWO, {}, (2, 8, 2), "8 \\+ 2 images of 4 x 5 x 1.*0 cat 4\\+1, 1 dog 4\\+1"),
    "train and test": (SPLIT, {}, (2, 5, 3), "0 cat 3\\+1, 1 dog 2\\+2"),
    "training and testing": (
        [each.replace("train/", "Training/").replace("test/", "TESTING/") for each in SPLIT],
        {}, (2, 5, 3), "0 cat 3\\+1",
    ),
    "train and val": (
        [each.replace("test/", "val/") for each in SPLIT], {}, (2, 5, 3), "val/ is the test part"
    ),
    "train and validation": (
        [each.replace("test/", "validation/") for each in SPLIT], {}, (2, 5, 3), "validation/ is"
    ),
    "train, val and test": (
        [*SPLIT, "val/cat/ 1"], {}, (2, 5, 3), "skipped 1 val/, as there is test/"
    ),
    "train alone": (
        ["train/cat/ 1 2 3 4 5", "train/dog/ 1 2 3 4 5"], {}, (2, 8, 2), "8 \\+ 2 images"
    ),
    "a folder beside the splits": ([*SPLIT, "extra/cat/ 1"], {}, (2, 5, 3), "1 extra/ beside"),
    "train is a class": (["bus/ 1 2 3", "train/ 1 2 3"], {}, (2, 4, 2), "1 train 2\\+1"),
    "test part without one class": (SPLIT[:3], {}, (2, 5, 1), "1 dog 2\\+0"),
    "empty test class": ([*SPLIT[:3], "test/dog/"], {}, (2, 5, 1), "1 dog 2\\+0"),
    "notebook checkpoints": (
        [*TWO, ".ipynb_checkpoints/ 1 2"], {}, (2, 8, 2), "skipped 1 .ipynb_checkpoints/"
    ),
    "checkpoints inside a class": (
        [*TWO, "cat/.ipynb_checkpoints/ 9"], {}, (2, 8, 2), "skipped 1 .ipynb_checkpoints/"
    ),
    "__MACOSX": ([*TWO, "__MACOSX/cat/ ._1.png"], {}, (2, 8, 2), "skipped 1 __MACOSX/"),
    "__MACOSX in a split": ([*SPLIT, "train/__MACOSX/ 1"], {}, (2, 5, 3), "__MACOSX/"),
    "a hidden folder in the test part": ([*SPLIT, "test/.git/ 1"], {}, (2, 5, 3), "1 .git/"),
    "resource forks": ([*TWO, "cat/ ._1.png"], {}, (2, 8, 2), "1 hidden files"),
    "Thumbs.db": ([*TWO, "cat/ Thumbs.db", "dog/ notes.txt"], {}, (2, 8, 2), "1 files .txt"),
    "a file beside the classes": ([*TWO, "./ readme.md"], {}, (2, 8, 2), "of 2 classes"),
    "capitals": (["cat/ 1.JPG 2.JPG 3.JPG", "dog/ 1.bmp 2 3"], {}, (2, 4, 2), "2 classes"),
    "folders in a class": (["cat/a/ 1 2", "cat/b/ 3", "dog/ 4 5 6"], {}, (2, 4, 2), "0 cat 2"),
    "numbers are in the order of text": (
        ["10/ 1 2 3", "2/ 1 2 3"], {}, (2, 4, 2), "0 10 2\\+1, 1 2 2\\+1"
    ),
    "blanks, signs and markup": (
        ["a [red]b=1,2/ 1 2 3", "[b]ü/ 1 2 3"], {}, (2, 4, 2), "\\[b\\]ü 2"
    ),
    "a size": (TWO, {"size": [8, 9]}, (2, 8, 2), "10 of another size scaled to 8 x 9"),
    "three channels": (TWO, {"grey": False}, (2, 8, 2), "4 x 5 x 3"),
    "a large share keeps an image of each class": (TWO, {"test_share": 0.99}, (2, 2, 8), "2 \\+ 8"),
}  # fmt: skip
# the tree, options -> the line
REFUSED = {
    "nothing": (["./"], {}, "holds 0 folders"),
    "one class": (["cat/ 1 2"], {}, "holds 1 folders"),
    "a folder too high": (["mine/cat/ 1", "mine/dog/ 2"], {}, "Perhaps .*mine is meant, with cat"),
    "only hidden folders": ([".a/ 1", ".b/ 1"], {}, "holds 0 folders"),
    "an empty class": ([*TWO, "bird/"], {}, "no pictures in its folders bird"),
    "a class of text": ([*TWO, "notes/ a.txt"], {}, "no pictures in its folders notes"),
    "an empty class of the training part": ([*SPLIT, "train/ape/"], {}, "in its folders ape"),
    "another class in the test part": ([*SPLIT, "test/emu/ 1"], {}, "emu, which cat, dog"),
    "other capitals in the test part": ([*SPLIT, "test/Cat/ 1"], {}, "Cat, which"),
    "no training part": (["val/cat/ 1", "test/cat/ 1"], {}, "and no train"),
    "test alone": (["test/cat/ 1", "test/dog/ 1"], {}, "test, and no train"),
    "splits without classes": (["train/ 1 2", "test/ 3"], {}, "train holds no folders"),
    "one split without classes": ([*SPLIT[:2], "test/ 3"], {}, "test holds no folders"),
    "two of one split": ([*SPLIT, "training/cat/ 1"], {}, "train and training: which one"),
    "no test pictures": ([*SPLIT[:2], "test/cat/", "test/dog/"], {}, "test holds no pictures"),
    "too few": (["cat/ 1", "dog/ 1"], {}, "too few to set a share of 0.2"),
    "a picture of text": ([*TWO, "cat/ x.gif"], {}, "x.gif cannot be read as a picture"),
    "size 0": (TWO, {"size": 0}, "dataset.size .* got 0"),
    "size -3": (TWO, {"size": -3}, "dataset.size"),
    "size of text": (TWO, {"size": "28x28"}, "dataset.size"),
    "size of three": (TWO, {"size": [1, 2, 3]}, "dataset.size"),
    "size with a point": (TWO, {"size": 2.5}, "dataset.size"),
    "size true": (TWO, {"size": True}, "dataset.size"),
    "a huge size": (TWO, {"size": 10**9}, "dataset.size"),
    "grey of text": (TWO, {"grey": "maybe"}, "dataset.grey"),
    "share 0": (TWO, {"test_share": 0}, "test_share lies between"),
    "share 1": (TWO, {"test_share": 1.0}, "test_share lies between"),
    "share NaN": (TWO, {"test_share": float("nan")}, "test_share lies between"),
    "share of text": (TWO, {"test_share": "half"}, "test_share is a number"),
}


@pytest.mark.parametrize("name", READ)
def test_what_is_read_is_told(name, tmp_path, capsys):
    tree, options, (classes, train, test), report = READ[name]
    build(tmp_path, tree)
    found = folders.folder(str(tmp_path), **options)
    assert (found.classes, len(found.train.labels), len(found.test.labels)) == (
        classes,
        train,
        test,
    )
    assert set(found.train.labels.tolist()) == set(range(classes))
    assert re.search(report, capsys.readouterr().out.replace("\n", ""))


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused(name, tmp_path, refused):
    tree, options, line = REFUSED[name]
    build(tmp_path, tree)
    refused(line, lambda: folders.folder(str(tmp_path), **options))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (None, "wants dataset.path="), ("", "wants dataset.path="), ("/no/such", "nothing at"),
        ("x" * 5000, "nothing at|cannot be looked at"), ("a\0b", "nothing at|cannot be looked at"),
        (7, "there is nothing at 7"), ("FILE.zip", "is a file.*Unpack it first"),
        ("FILE.png", "is a file"), ("PIPE", "is a file"), ("LOOP", "nothing at|looked at"),
    ],
)  # fmt: skip
def test_a_path_that_is_no_folder(path, line, tmp_path, refused, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("FILE.zip", "FILE.png"):
        (tmp_path / name).write_bytes(b"PK")
    os.mkfifo(tmp_path / "PIPE")
    (tmp_path / "LOOP").symlink_to(tmp_path / "LOOP")
    refused(line, lambda: folders.folder(path))
    if path != "" and path is not None:
        refused("nothing at|no file|cannot be", lambda: folders.npz(path))


def test_pipes_links_and_folders_called_like_pictures(tmp_path, capsys):
    build(tmp_path, TWO)
    os.mkfifo(tmp_path / "cat" / "pipe.png")  # to read it would wait for ever
    (tmp_path / "cat" / "round").symlink_to(tmp_path)
    (tmp_path / "cat" / "folder.png").mkdir()
    (tmp_path / "cat" / "6.png").symlink_to(tmp_path / "dog" / "1.png")
    found = folders.folder(str(tmp_path))
    assert len(found.train.labels) + len(found.test.labels) == 11
    assert "1 pipes or devices" in capsys.readouterr().out.replace("\n", "")


def test_a_broken_link_is_refused_by_name(tmp_path, refused):
    build(tmp_path, TWO)
    (tmp_path / "cat" / "6.png").symlink_to(tmp_path / "nowhere.png")
    refused(r"6\.png cannot be read", lambda: folders.folder(str(tmp_path)))


def test_a_class_that_is_a_broken_link_is_refused(tmp_path, refused):
    """Left out, the classes after it would have other numbers."""
    build(tmp_path, TWO)
    for leads in ("nowhere", "bat"):  # to nothing, and round
        (tmp_path / "bat").symlink_to(tmp_path / leads)
        refused("the link .*bat leads nowhere", lambda: folders.folder(str(tmp_path)))
        (tmp_path / "bat").unlink()


ONE_SIGN, TWO_SIGNS = "caf\u00e9", "cafe\u0301"


def test_an_accent_of_one_sign_or_two_is_the_same(tmp_path):
    """As a folder that was packed on macOS has them."""
    build(tmp_path, [f"train/{ONE_SIGN}/ 1 2 3", "train/dog/ 4 5", f"test/{TWO_SIGNS}/ 6"])
    found = folders.folder(str(tmp_path))
    assert (found.classes, found.test.labels.tolist()) == (2, [0])


def test_a_class_whose_name_is_no_text_is_read_and_told(tmp_path, capsys):
    """As from an archive of another encoding; or with signs that a terminal acts upon."""
    build(tmp_path, TWO)
    for name in (b"caf\xe9", b"x\n\x1b[31m"):
        (tmp_path / os.fsdecode(name)).mkdir()
        for picture in ("1.png", "2.png"):
            os.symlink(tmp_path / "cat" / picture, os.fsencode(tmp_path) + b"/" + name + b"/"
                       + picture.encode())  # fmt: skip
    assert folders.folder(str(tmp_path)).classes == 4
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert re.search(r"0 caf\? 2\+0.*3 x\?\?\[31m 2\+0", told)


def test_two_classes_that_are_seen_as_one_are_refused(tmp_path, refused):
    build(tmp_path, [f"{ONE_SIGN}/ 1 2 3", f"{TWO_SIGNS}/ 4 5"])
    refused("holds two folders caf", lambda: folders.folder(str(tmp_path)))


def test_colour_is_not_lost_where_the_first_picture_has_none(tmp_path, capsys):
    build(tmp_path, TWO)
    Image.new("RGB", (5, 4), (255, 0, 0)).save(tmp_path / "dog" / "9.png")
    found = folders.folder(str(tmp_path))
    assert found.train.images.shape[1:] == (4, 5, 3)
    assert [1, 0, 0] in np.concatenate([found.train.images, found.test.images])[:, 0, 0].tolist()
    assert "10 without colour given three channels" in capsys.readouterr().out.replace("\n", "")


def test_sixteen_bits_and_eight_bits_are_the_same_data_set(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (10, 4, 5), np.uint8)
    for kind, factor in (("u1", 1), ("u2", 257)):
        for i, image in enumerate(pixels):
            (tmp_path / kind / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.astype(kind) * np.array(factor, kind)).save(
                tmp_path / kind / "ab"[i % 2] / f"{i}.png"
            )
    one, other = (folders.folder(str(tmp_path / kind)) for kind in ("u1", "u2"))
    assert one.digest == other.digest
