"""Data sets: labelled images from MNIST's files, folders, photographs, and text corpora.

examples      labelled images in memory: Examples, Dataset, halves, subsample
idx           MNIST and Fashion-MNIST, found on disk or downloaded, checked by digest
folders       a user's own .npz file or folder of pictures
photographs   ImageNet's photographs; imagenet_classes: their 1,000 classes
corpora       texts
measurements  tables of numbers
download      files fetched and checked
"""

from reproduce.data.examples import Arrays, Dataset, Examples, digest, halves, read_only, subsample
from reproduce.data.idx import fashion_mnist, mnist, mnist_5k

__all__ = [
    "Arrays", "Dataset", "Examples", "digest", "fashion_mnist", "halves", "mnist", "mnist_5k",
    "read_only", "subsample",
]  # fmt: skip
