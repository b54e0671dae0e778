"""The authors' published images, from a small archive in the form of theirs."""

import io
import tarfile
from functools import partial

import keras
import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax

from reproduce.data import fooling_images
from reproduce.data.download import Wanted
from reproduce.experiments import Context
from reproduce.experiments.nguyen.imagenet import figure12
from reproduce.experiments.nguyen.imagenet.authors_images import authors_images, look_at
from reproduce.experiments.nguyen.imagenet.runs import Search
from reproduce.methods.evolution import cppn
from reproduce.report.cells import Cells
from reproduce.runtime.errors import NotAvailable
from reproduce.runtime.store import Store

SIDE, CLASSES, RUNS, PICTURES = 8, 1000, 2, 12
WEIGHTS = np.random.default_rng(0).normal(size=(SIDE * SIDE * 3, CLASSES)).astype(np.float32)


def linear():
    network = keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), keras.layers.Flatten(), keras.layers.Dense(CLASSES)]
    )
    network.layers[-1].set_weights([WEIGHTS, np.zeros(CLASSES, np.float32)])
    return network


def archive_of(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return file.getvalue()


def named(run, label):
    return f"{fooling_images.BASE}/run_{run}/map_gen_5000/map_5000_{label}_0.{label + 3}12.png"


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(1).integers(
        256, size=(RUNS, PICTURES, SIDE, SIDE, 3), dtype=np.uint8
    )


@pytest.fixture(scope="module")
def archive(tmp_path_factory, pictures):
    files = {
        named(run, label): png(pictures[run, label])
        for run in range(RUNS)
        for label in range(PICTURES)
    }
    return archive_of(tmp_path_factory.mktemp("archive") / "cppns.tar.gz", files)


def test_pictures_come_with_run_and_class(archive, pictures):
    with fooling_images.unpacked(archive) as found:
        assert len(found) == RUNS * PICTURES
        images = fooling_images.read(found, SIDE)
        for picture, image in zip(found, images, strict=True):
            np.testing.assert_array_equal(image, pictures[picture.run, picture.label])
        assert fooling_images.read(found[:1], 5).shape == (1, 5, 5, 3)
    assert not found[0].path.exists()


def test_no_class_is_told_where_no_number_counts_the_pictures():
    runs = np.array([0, 0, 1, 1])
    assert fooling_images.labels_of(["a1", "a0", "a0", "a1"], runs) == [1, 0, 0, 1]
    assert fooling_images.labels_of(["a1", "a3", "a0", "a1"], runs) == [None] * 4
    assert fooling_images.labels_of(["a", "b", "c", "d"], runs) == [None] * 4


@pytest.mark.parametrize("name", ["../outside.png", "a/../../outside.png"])
def test_an_archive_cannot_write_elsewhere(tmp_path, name):
    path = archive_of(tmp_path / "bad.tar.gz", {name: b"x", named(0, 0): b"y"})
    with pytest.raises(NotAvailable, match="outside"), fooling_images.unpacked(path):
        pass
    assert not (tmp_path.parent / "outside.png").exists()


def test_a_cut_or_foreign_archive_is_refused_by_name(tmp_path, archive):
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(archive.read_bytes()[:-300])
    other = archive_of(tmp_path / "other.tar.gz", {"something/else.txt": b"x"})
    for path, words in ((cut, "cut.tar.gz cannot be unpacked"), (other, "holds no pictures")):
        with pytest.raises(NotAvailable, match=words), fooling_images.unpacked(path):
            pass


def test_md5_is_a_hash_like_the_others():
    wanted = Wanted("a", "b", md5="900150983cd24fb0d6963f7d28e17f72")  # RFC 1321
    assert wanted.is_right(b"abc")
    assert not wanted.is_right(b"abd")


def test_confidence_is_for_the_class_that_a_picture_was_made_for(archive, pictures, monkeypatch):
    monkeypatch.setattr("reproduce.experiments.nguyen.imagenet.authors_images.TOGETHER", 7)
    found = look_at(linear(), archive)
    with fooling_images.unpacked(archive) as files:
        images = np.stack([pictures[file.run, file.label] for file in files])
        labels = np.array([file.label for file in files])
    p = softmax(images.reshape(len(images), -1) / 255 @ WEIGHTS.astype(np.float64), axis=1)
    own = p[np.arange(len(p)), labels]
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_allclose(found.confidence, own, rtol=1e-3, atol=1e-9)
    np.testing.assert_array_equal(found.found, p.argmax(axis=1))
    np.testing.assert_array_equal(found.order, np.argsort(-own)[:16])
    np.testing.assert_array_equal(found.surest, images[found.order])


def test_the_artefact_shows_them_beside_our_own_and_noise(archive, tmp_path, no_photographs):
    search = Search(partial(cppn.encoding, "code"), 1, 2, children=20, initial=20)
    context = Context(no_photographs, {"AlexNet": partial(linear)}, 0, Store(tmp_path))
    artefact = authors_images(context, search=search, noise=10, archive=str(archive))
    assert [cell.published for cell in artefact.cells if cell.column == "median_confidence"] == [
        pytest.approx(0.8811), None, None,
    ]  # fmt: skip
    assert {cell.row for cell in artefact.cells} == {
        "AlexNet", "evolved for this network", "uniform noise",
    }  # fmt: skip


def test_a_retrained_network_is_shown_the_authors_images_too(archive):
    cells, network = Cells("nguyen", "figure12"), linear()
    assert figure12._authors(cells, network, CLASSES, str(archive)) == []
    (cell,) = cells.list
    assert (cell.row, cell.column, cell.n) == ("DNN2", "authors_as_fooling", RUNS * PICTURES)
    assert cell.value == 0  # the linear network has no such class


def test_without_the_authors_images_the_cell_is_not_run(tmp_path):
    cells = Cells("nguyen", "figure12")
    (note,) = figure12._authors(cells, linear(), CLASSES, str(tmp_path / "none.tar.gz"))
    assert note.startswith("authors_as_fooling is not run: ")
    assert cells.list == []
