"""The co-author's network, and MATLAB's form of objects."""

import io
import os
import struct

import numpy as np
import pytest
import scipy.io

from reproduce import training
from reproduce.data import download
from reproduce.methods.bounds import lipschitz
from reproduce.networks import coauthor
from reproduce.runtime.errors import NotAvailable, UserError


def element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def single(values):
    """An array of single precision as MATLAB writes it: flags, sizes, name, values."""
    sizes = np.array(values.shape, "<i4").tobytes()
    parts = [element(6, struct.pack("<II", 7, 0)), element(5, sizes), element(1, b"")]
    return element(14, b"".join([*parts, element(7, values.astype("<f4").tobytes("F"))]))


def matlab_file(arrays):
    """A file whose objects hold these arrays, two levels deep beside other elements."""
    short = struct.pack("<HH4s", 5, 4, b"\x0d\0\0\0")
    inner = element(14, short + element(16, b"a name") + b"".join(single(a) for a in arrays))
    objects = bytes(8) + element(14, inner)
    file = io.BytesIO()
    workspace = np.frombuffer(objects, np.uint8)[None]
    scipy.io.savemat(file, {"plan": 1.0})
    return file.getvalue() + element(14, nameless(workspace))  # so MATLAB keeps objects


def nameless(workspace):
    sizes = np.array(workspace.shape, "<i4").tobytes()
    parts = [element(6, struct.pack("<II", 9, 0)), element(5, sizes), element(1, b"")]
    return b"".join([*parts, element(2, workspace.tobytes())])


@pytest.fixture(name="arrays")
def made():
    rng = np.random.default_rng(0)
    return {
        name: rng.normal(0, 0.1, shape).astype(np.float32)
        for name, shape in coauthor.SHAPES.items()
    }


def by_hand(arrays, image):
    """Its logits by loops, with their indices: no flip, (kernel, column, row), factor 0.5."""
    kernel, bias = arrays["conv kernel"], arrays["conv bias"]
    maps = np.zeros((50, 10, 10))
    for row in range(10):
        for column in range(10):
            patch = image[2 * row : 2 * row + 10, 2 * column : 2 * column + 10]
            maps[:, row, column] = (kernel * patch).sum(axis=(1, 2)) + bias[:, 0]
    maps = np.maximum(maps, 0)
    seen = [
        maps[k, 2 * row : 2 * row + 4, 2 * column : 2 * column + 4].max()
        for k in range(50)
        for column in range(4)
        for row in range(4)
    ]
    hidden = 0.5 * np.array(seen) @ arrays["features kernel"] + arrays["features bias"]
    return np.maximum(hidden, 0) @ arrays["logits kernel"] + arrays["logits bias"]


def test_a_file_in_its_form_is_read_as_its_layers_say(arrays, tmp_path):
    path = tmp_path / "made.mat"
    path.write_bytes(matlab_file(arrays.values()))
    image = np.random.default_rng(1).random((28, 28))
    model = coauthor.load(str(path))
    answers = model(image[None, :, :, None].astype(np.float32)).numpy()
    np.testing.assert_allclose(answers, by_hand(arrays, image), rtol=1e-4, atol=1e-4)


def test_windows_that_overlap_count_in_its_bounds(arrays, tmp_path):
    """A pixel of the convolution lies in four windows at most, so pooling can double a norm."""
    path = tmp_path / "made.mat"
    path.write_bytes(matlab_file(arrays.values()))
    pool = lipschitz.layer_bounds(coauthor.load(str(path)))[1]
    assert (pool.layer, pool.norm) == ("pool", 2.0)


def test_a_file_of_something_else_or_none(arrays, monkeypatch, tmp_path):
    (tmp_path / "less.mat").write_bytes(matlab_file(list(arrays.values())[:5]))
    (tmp_path / "none.mat").write_bytes(b"no MATLAB")
    for name in ("less.mat", "none.mat"):
        with pytest.raises(UserError, match="is not the co-author's network"):
            coauthor.load(str(tmp_path / name))
    with pytest.raises(UserError, match="no file"):
        coauthor.load(str(tmp_path / "nowhere.mat"))
    monkeypatch.delenv("REPRODUCE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(download, "fetch", lambda *_: "no network")
    with pytest.raises(NotAvailable, match=r"no network\)\. Put https"):
        coauthor.load()


def test_published_network_errs_as_often_as_it_should(full_mnist):
    """0.78 and 0.41 %, as another reader of the file found them."""
    own = download.data_folder()
    if not os.path.isfile(own / coauthor.FILE.folder / coauthor.FILE.file):
        pytest.skip(f"needs {coauthor.FILE.folder}/{coauthor.FILE.file} in REPRODUCE_DATA")
    model = coauthor.load()
    assert training.error_rate(model, full_mnist.test) == pytest.approx(0.0078, abs=1e-6)
    assert training.error_rate(model, full_mnist.train) == pytest.approx(0.0041, abs=5e-5)
