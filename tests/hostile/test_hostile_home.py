"""A home that cannot be written, and no network: the run falls back all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_mnist import TINY, elsewhere, write_npz  # noqa: F401

from reproduce.data import download, idx


@pytest.fixture(params=["a file", "a broken link", "in no folder", "of the system", "read-only"])
def home(request, tmp_path, monkeypatch):
    """A home in which nothing can be made, whoever asks."""
    place = tmp_path / "home"
    if request.param == "a file":
        place.write_text("")
    elif request.param == "a broken link":
        place.symlink_to(tmp_path / "nowhere" / "below")
    elif request.param == "of the system":
        place = Path("/proc")
    elif request.param == "read-only":  # for all but the administrator
        place.mkdir()
        place.chmod(0o500)
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    return place


def test_without_a_home_and_offline_the_small_set_is_taken(home):
    with pytest.warns(UserWarning, match="a download failed .*Going on with mnist_5k") as told:
        dataset = idx.mnist()
    assert dataset.instead_of == "mnist"
    assert len(dataset.train.labels) == 4000
    assert len(told) == 1
    assert "\n" not in str(told[0].message)


def test_without_a_home_data_that_are_named_are_read(home, tmp_path, monkeypatch):
    write_npz(tmp_path / "data" / "mnist" / "mnist.npz")
    monkeypatch.setenv("REPRODUCE_DATA", str(tmp_path / "data"))
    assert len(idx.mnist().train.labels) == len(TINY["y_train"])


def test_without_a_home_a_file_of_weights_is_told_as_missing_in_a_line(home, refused):
    wanted = download.Wanted("a", "x", "http://127.0.0.1:9/a", sha256="0")
    refused("a is neither in REPRODUCE_DATA .*a download failed", lambda: download.find(wanted))


def test_all_libraries_of_a_run_start_without_a_home(tmp_path):
    """TensorFlow, Keras, Matplotlib and the rest, as run.py imports them."""
    (tmp_path / "home").write_text("")
    code = (
        "from reproduce.experiments.szegedy import figure7, tables;"
        "from reproduce.experiments.nguyen import figure11;"
        "from reproduce.data import idx; print(idx.mnist().name)"
    )
    names = {"REPRODUCE_DATA", "KERAS_HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"}
    offline = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https")}
    environment = {name: text for name, text in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
        env=environment | offline | {"HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines()[-1] == "mnist_5k"
    assert "Going on with mnist_5k" in done.stdout + done.stderr
