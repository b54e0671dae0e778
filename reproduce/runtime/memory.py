"""Memory that is freed goes back to the system.

The C library of Linux keeps freed blocks of up to 32 MB for later use. A network's maps are that
large and of many sizes, so that the gaps they leave are seldom filled again: a run on photographs
held 0.3 GB that nobody used. Blocks above a megabyte are asked from the system instead.
"""

from __future__ import annotations

import ctypes
import sys

# Of malloc.h: mallopt's parameters. Setting either ends their growth with what was freed last.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGE = 1 << 20  # bytes


def give_back_at_once() -> None:
    """For the rest of this process; nothing happens where the C library is another."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE)
        mallopt(M_TRIM_THRESHOLD, LARGE)
