"""Data sets of one's own: the pixels that were written are the pixels that come out."""

import numpy as np
import pytest
from PIL import Image

from reproduce.data import folders
from reproduce.runtime.errors import UserError


def write(place, classes="abc", count=10, shape=(6, 5), seed=0):
    """Pictures whose first pixel tells their class and whose second their number."""
    rng = np.random.default_rng(seed)
    for label, name in enumerate(classes):
        (place / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, shape, np.uint8)
            pixels[0, 0], pixels[0, 1] = 80 * label, number
            Image.fromarray(pixels).save(place / name / f"{number}.png")


def test_a_folder_by_class_is_divided_and_nothing_is_lost(tmp_path):
    write(tmp_path / "mine")
    data = folders.folder(str(tmp_path / "mine"))
    assert data.train.images.shape == (24, 6, 5, 1)
    assert data.test.images.shape == (6, 6, 5, 1)
    assert data.classes == 3
    seen = set()
    for images, labels in (data.train, data.test):
        np.testing.assert_array_equal(np.rint(255 * images[:, 0, 0, 0]), 80 * labels)
        seen |= set(zip(labels, np.rint(255 * images[:, 0, 1, 0]), strict=True))
    assert len(seen) == 30
    assert np.bincount(data.test.labels).tolist() == [2, 2, 2]
    assert folders.folder(str(tmp_path / "mine")).digest == data.digest
    scaled = folders.folder(str(tmp_path / "mine"), size=12, grey=False)
    assert scaled.train.images.shape == (24, 12, 12, 3)
    assert scaled.digest != data.digest


def test_a_folder_with_a_test_part_keeps_it(tmp_path):
    write(tmp_path / "train")
    write(tmp_path / "test", count=2, seed=1)
    data = folders.folder(str(tmp_path))
    assert (len(data.train.labels), len(data.test.labels)) == (30, 6)


@pytest.mark.parametrize("divided", [True, False])
def test_arrays_of_bytes_and_of_numbers_are_the_same(tmp_path, rng, divided):
    pixels, labels = rng.integers(0, 256, (20, 4, 4), np.uint8), np.arange(20) % 4

    def save(name, x):
        arrays = {"x": x, "y": labels}
        if divided:
            arrays = {"x_train": x[:12], "y_train": labels[:12], "x_test": x[12:]}
            arrays["y_test"] = labels[12:, None]
        np.savez(tmp_path / name, **arrays)
        return folders.npz(str(tmp_path / name))

    as_bytes, as_numbers = save("bytes.npz", pixels), save("numbers.npz", pixels / 255)
    np.testing.assert_allclose(as_bytes.train.images, as_numbers.train.images, atol=1e-7)
    assert len(as_bytes.test.labels) == (8 if divided else 4)
    assert as_bytes.train.images.dtype == np.float32


def test_what_cannot_be_used_is_told(tmp_path):
    def refused(message, **arrays):
        np.savez(tmp_path / "x.npz", **arrays)
        with pytest.raises(UserError, match=message):
            folders.npz(str(tmp_path / "x.npz"))

    images = np.tile(255 * np.eye(2, dtype=np.uint8), (4, 1, 1))
    refused("holds images: x_train", images=images)
    refused(
        r"numbers in \[0, 1\], expected, got \[0, 555\]", x=images + 300.0 * np.eye(2), y=[0] * 4
    )
    refused("labels 0, 1, 2, ... expected", x=images, y=np.full(4, 0.5))
    refused("images of shape", x=images[0], y=[0, 1])
    refused(
        "4 training images and 3 labels",
        x_train=images,
        y_train=[0] * 3,
        x_test=images,
        y_test=[0] * 4,
    )
    (tmp_path / "text.npz").write_text("nothing")
    with pytest.raises(UserError, match=r"cannot be read as \.npz"):
        folders.npz(str(tmp_path / "text.npz"))
    with pytest.raises(UserError, match="holds 0 folders"):
        folders.folder(str(tmp_path))
    with pytest.raises(UserError, match=r"wants dataset\.path="):
        folders.folder(None)
