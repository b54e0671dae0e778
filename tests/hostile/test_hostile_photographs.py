"""Photographs and texts: lists, folders and sizes that cannot be meant, and those that can."""

import numpy as np
import pytest
from PIL import Image

from reproduce.data import corpora, examples, photographs
from reproduce.networks.input_format import at_chance


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


def test_a_list_that_is_a_link_to_another_folder_is_not_quoted(listed, tmp_path, refused):
    (tmp_path / "secret").write_text("password,is here\n1,2\n")
    picture(tmp_path / "p" / "a.png")
    (tmp_path / "p" / "labels.csv").symlink_to(tmp_path / "secret")
    refused(
        "^(?!.*password).*link to outside", lambda: photographs.photographs(str(tmp_path / "p"))
    )


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
    line = at_chance(right, total, classes)
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
