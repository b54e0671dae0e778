"""What every test needs: quiet TensorFlow, few threads, figures without a screen."""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest

from reproduce import data
from reproduce.data import imagenet_classes


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def mnist_5k() -> data.Dataset:
    return data.mnist_5k()


@pytest.fixture(scope="session")
def full_mnist() -> data.Dataset:
    """The 60,000 and 10,000 images, where they are at hand without a download."""
    if "REPRODUCE_DATA" not in os.environ:
        pytest.skip("needs the full MNIST: name a folder that holds it in REPRODUCE_DATA")
    return data.mnist(strict=True)


@pytest.fixture(scope="session")
def no_photographs() -> data.Dataset:
    """The data set of the ImageNet halves where no photograph is at hand; 1,000 classes."""
    nothing = data.read_only(np.zeros((0, 256, 256, 3), np.float32), np.zeros(0, np.int64))
    return data.Dataset("photographs", "nowhere", "0", nothing, nothing, 1000, missing="all")


@pytest.fixture
def listed(monkeypatch, tmp_path):
    """A class list of three, where no file and no network is."""
    names = {"0": ["n00000001", "tench"], "1": ["n00000002", "crane"], "2": ["n00000003", "crane"]}
    (tmp_path / "list.json").write_text(json.dumps(names))
    monkeypatch.setattr(imagenet_classes, "COUNT", 3)
    monkeypatch.setattr(imagenet_classes, "find", lambda _: tmp_path / "list.json")
    imagenet_classes.class_list.cache_clear()
    yield
    imagenet_classes.class_list.cache_clear()
