"""The thousand classes of ILSVRC 2012, in the order of their synsets."""

from __future__ import annotations

import functools
import json
import re
from typing import NamedTuple

from reproduce.data.download import Wanted, find
from reproduce.runtime.errors import UserError

COUNT = 1000
CLASS_INDEX = Wanted(
    file="imagenet_class_index.json",
    folder="imagenet",
    url="https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
    sha256="a1e7a966a1f601d39e4b43e119b3e7dd4a2ad3ea08cf69847cbaf021013767bc",
)
SYNSET = re.compile(r"n\d{8}")


class ClassList(NamedTuple):
    """synsets: "n01518878"; names: "ostrich"; both in the order of the classes."""

    synsets: tuple[str, ...]
    names: tuple[str, ...]

    def label(self, text: str) -> int:
        """The class that a synset, the name of a folder or file, a number or a name stands for."""
        if text.isdecimal() and int(text) < len(self.names):
            return int(text)
        synset = SYNSET.match(text)
        if synset and synset[0] in self.synsets:
            return self.synsets.index(synset[0])
        names = [_plain(name) for name in self.names]
        if names.count(_plain(text)) == 1:  # there are two cranes and two maillots
            return names.index(_plain(text))
        raise UserError(f"{text!r} names none, or not one, of the {len(self.names)} classes.")


@functools.cache
def class_list() -> ClassList:
    """As Keras has it; from REPRODUCE_DATA, Keras's cache, or downloaded."""
    listed = json.loads(find(CLASS_INDEX).read_text())
    pairs = [listed[str(index)] for index in range(COUNT)]
    return ClassList(
        synsets=tuple(synset for synset, _ in pairs),
        names=tuple(name.replace("_", " ") for _, name in pairs),
    )


def _plain(name: str) -> str:
    return name.replace("_", " ").lower()
