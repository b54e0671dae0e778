"""Photographs, class list, ten crops and networks of the ImageNet halves."""

import os

import keras
import numpy as np
import pytest
from PIL import Image

from reproduce import training
from reproduce.data import download, imagenet_classes, photographs
from reproduce.experiments import imagenet as experiments
from reproduce.networks import foreign, imagenet, ten_crops
from reproduce.runtime.errors import NotAvailable, UserError


def picture(path, size=(300, 400), colour=(255, 0, 0)):
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.new("RGB", size, colour).save(path)


def test_a_folder_by_class_and_a_list_are_the_same_photographs(listed, tmp_path):
    by_class, by_list = tmp_path / "by_class", tmp_path / "by_list"
    for folder in (by_class / "n00000003", by_class / "tench", by_list):
        folder.mkdir(parents=True)
    picture(by_class / "tench" / "a.png")
    picture(by_class / "n00000003_crane" / "b.png", colour=(0, 0, 255))
    (by_class / "n00000003").rmdir()
    picture(by_list / "a.png")
    picture(by_list / "b.png", colour=(0, 0, 255))
    (by_list / "labels.csv").write_text("file,synset\nb.png,n00000003\na.png,n00000001\n")
    first, second = (photographs.photographs(str(each)) for each in (by_class, by_list))
    assert first.digest == second.digest
    assert first.test.images.shape == (2, 256, 256, 3)
    assert first.test.labels.tolist() == [2, 0]
    np.testing.assert_array_equal(first.test.images[0, 100, 100], [0, 0, 1])
    assert first.names == ("tench", "crane", "crane")


def test_classes_of_ones_own(listed, tmp_path):
    picture(tmp_path / "mine" / "cats" / "a.png")
    picture(tmp_path / "mine" / "apples" / "b.png")
    found = photographs.photographs(str(tmp_path / "mine"))
    assert (found.classes, found.names) == (2, ("apples", "cats"))
    assert found.test.labels.tolist() == [0, 1]
    few = photographs.photographs(str(tmp_path / "mine"), most=1)
    assert len(few.test.labels) == 1


def test_the_middle_of_the_short_side(tmp_path):
    """Stripes of a 512 x 256 picture: the middle square lies between columns 128 and 384."""
    pixels = np.zeros((256, 512, 3), np.uint8)
    pixels[:, 128:384] = 255
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    assert photographs.read(tmp_path / "wide.png").min() == 255
    assert photographs.read(tmp_path / "wide.png", 128).shape == (128, 128, 3)


def test_a_list_and_names_that_do_not_fit_are_told(listed, tmp_path):
    with pytest.raises(UserError, match="none, or not one"):
        imagenet_classes.class_list().label("crane")
    with pytest.raises(UserError, match="there is nothing at"):
        photographs.photographs(str(tmp_path / "nowhere"))
    (tmp_path / "labels.csv").write_text("picture,label\na.png,tench\n")
    with pytest.raises(UserError, match="wants the columns file and one of"):
        photographs.photographs(str(tmp_path))


def test_without_photographs_it_is_said_what_to_get(listed, monkeypatch):
    monkeypatch.delenv("REPRODUCE_DATA", raising=False)
    nothing = photographs.photographs()
    assert nothing.names == ("tench", "crane", "crane")
    with pytest.raises(NotAvailable, match="photographs=<folder>"):
        photographs.sized(nothing, 224)


def test_a_network_that_is_nowhere_or_another_file(monkeypatch, tmp_path):
    monkeypatch.setenv("REPRODUCE_DATA", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(download, "fetch", lambda *_: "no network")
    with pytest.raises(NotAvailable, match=r"Put the file .SHA-256 5a43d9a4aea6"):
        imagenet.tiny_darknet()
    with pytest.raises(NotAvailable, match=r"no network\)\. Put https.* .git blob ea0d14e98edf"):
        imagenet.alexnet()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / imagenet.SQUEEZENET.file).write_bytes(b"something else")
    with pytest.raises(NotAvailable, match="is not the file expected"):
        imagenet.squeezenet()


def test_a_file_is_known_by_its_git_blob():
    """`printf hello | git hash-object --stdin`"""
    wanted = download.Wanted("a", "", git_blob="b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0")
    assert wanted.is_right(b"hello")
    assert not wanted.is_right(b"hello\n")


@pytest.fixture
def small_network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(5),
        ]
    )


def test_ten_crops_are_the_mean_of_ten_views(small_network, rng):
    images = rng.random((3, 9, 9, 3), np.float32)
    wrapped = ten_crops.ten_crops(small_network, side=9)
    odds = []
    for top, left in ((0, 0), (0, 3), (3, 0), (3, 3), (1, 1)):
        for mirrored in (False, True):
            crop = images[:, top : top + 6, left : left + 6]
            crop = crop[:, :, ::-1] if mirrored else crop
            odds.append(keras.ops.softmax(small_network(crop)))
    np.testing.assert_allclose(wrapped(images), np.log(np.mean(odds, axis=0)), atol=1e-5)


@pytest.mark.parametrize("shape", [(299, 299, 3), (28, 28, 1), (20, 30, 3)])
def test_ten_crops_of_other_images_are_refused_in_one_line(tmp_path, shape):
    """A network of 299 x 299 is larger than the photographs, one of MNIST sees no colours."""
    images = keras.Input(shape)
    pooled = keras.layers.GlobalAveragePooling2D()(images)
    keras.Model(images, keras.layers.Dense(5)(pooled)).save(tmp_path / "other.keras")
    with pytest.raises(UserError, match=" x ".join(map(str, shape))) as refused:
        foreign.load(str(tmp_path / "other.keras"), outputs="logits", ten_crops=True)
    assert "\n" not in str(refused.value)


@pytest.fixture(scope="module")
def data():
    if "REPRODUCE_DATA" not in os.environ:
        pytest.skip("needs imagenet/ of REPRODUCE_DATA")
    return photographs.photographs()


@pytest.mark.parametrize("name", ["squeezenet", "tiny_darknet"])
def test_networks_answer_as_in_another_program(data, name):
    """Right answers, first and among five, within a point of an independent count.

    Centred wrongly, or with red and blue exchanged, SqueezeNet loses more than that.
    """
    assert data.digest == experiments.SAMPLE_DIGEST
    network = getattr(imagenet, name)()
    images, labels = photographs.sized(data, network.input_shape[1]).test
    order = np.argsort(-training.logits(network, images, batch=32), axis=1)
    known = experiments.KNOWN["SqueezeNet" if name == "squeezenet" else "Tiny Darknet"]
    for right, top in ((known.top1, 1), (known.top5, 5)):
        hits = (order[:, :top] == labels[:, None]).any(axis=1).sum()
        assert abs(hits - right) <= experiments.ALLOWED * len(labels)


def test_a_loaded_network_is_a_chain_of_its_own_layers(small_network, rng, tmp_path):
    small_network.save(tmp_path / "small.keras")
    loaded = foreign.load(str(tmp_path / "small.keras"), scale=255.0, outputs="logits")
    images = rng.random((2, 6, 6, 3), np.float32)
    np.testing.assert_allclose(loaded(images), small_network(255 * images), rtol=1e-4)
    kinds = [type(layer).__name__ for layer in loaded.layers]
    assert kinds == ["InputLayer", "Rescaling", "Conv2D", "Flatten", "Dense"]


def test_a_layer_used_twice_stays_one_layer(rng, tmp_path):
    twice = keras.layers.Dense(3, activation="tanh")
    inputs = keras.Input((2, 2, 3))
    model = keras.Model(inputs, keras.layers.Flatten()(twice(twice(inputs))))
    model.save(tmp_path / "twice.keras")
    loaded = foreign.load(str(tmp_path / "twice.keras"), outputs="logits")
    images = rng.random((2, 2, 2, 3), np.float32)
    np.testing.assert_allclose(loaded(images), model(images), rtol=1e-5)
    assert loaded.count_params() == model.count_params()
