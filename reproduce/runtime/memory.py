"""Memory that is freed goes back to the system.

Three things keep it otherwise. TensorFlow's allocator for oneDNN never gives back what it once
had: a training on all of MNIST left 0.4 GB, a network of radial units 0.9 GB. The C library of
Linux keeps freed blocks of up to 32 MB, and a network's maps are that large and of many sizes, so
that the gaps they leave are seldom filled again. And graphs hold each other in rings, with the
images that they were traced with, until Python looks for rings, which it does by counts of objects
and not by their size.

With large images a network's maps are blocks of tens of MB. To ask the system for each anew took
half of the processor time of an attack on photographs (SqueezeNet 14.1 of 30.4 s, Tiny Darknet 7.8
of 17.6 s): there those of up to 32 MB are kept for the next, and go back at the end of each piece
of work (24.2 and 12.5 s). With TensorFlow's allocator (15.3 and 11.8 s) a run of nguyen_imagenet
came to 5.9 GB.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from typing import Any

# Of malloc.h: mallopt's parameters. Setting either ends their growth with what was freed last.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
# Bytes: what is asked one by one, and what is held for later. With blocks of 3 MB asked one by one
# a training of LeNet took 28 % longer; with these as long as with TensorFlow's allocator.
LARGE, SPARE = 8 << 20, 64 << 20
LARGE_OF_PHOTOGRAPHS, SPARE_OF_PHOTOGRAPHS = 32 << 20, 512 << 20
# Read by TensorFlow at its first tensor: the C library in the place of its own allocator.
SYSTEM_ALLOCATOR = "TF_ONEDNN_USE_SYSTEM_ALLOCATOR"
SMALL = 64 * 64 * 3  # numbers of an image, at most


def give_back(image: int) -> None:
    """For the rest of this process; call it before TensorFlow's first tensor.

    Large blocks are asked from the system one by one, and of the others no more than SPARE is
    held for later, where the C library can be told so.

    Args:
        image: numbers of an image, height x width x channels.
    """
    small = image <= SMALL
    os.environ.setdefault(SYSTEM_ALLOCATOR, "1")
    mallopt = _of_the_library("mallopt")
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE if small else LARGE_OF_PHOTOGRAPHS)
        mallopt(M_TRIM_THRESHOLD, SPARE if small else SPARE_OF_PHOTOGRAPHS)


def pass_over_imports() -> None:
    """What was imported is in use to the end: looking for rings there takes 0.3 s each time."""
    if not gc.get_freeze_count():
        gc.freeze()


def clear_up() -> None:
    """After a piece of work: frees what only holds itself, and gives back the pages in between.

    Compiling one graph of an attack leaves 0.1 GB of such pages. In a run alone, which has passed
    over its imports: elsewhere looking for rings takes longer than most pieces of work.
    """
    if not gc.get_freeze_count():
        return
    gc.collect()
    trim = _of_the_library("malloc_trim")
    if trim is not None:
        trim(0)


def _of_the_library(name: str) -> Any:
    """A function of the C library of Linux; None where it has none of that name."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
