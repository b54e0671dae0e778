"""What a worker does with one piece of a run: it makes it, unless the store has it, and says how.

A worker computes as its run does: with as many threads, and matrix products of NumPy with one, so
that its digits are the run's. This module imports no TensorFlow: the threads are set before the
piece is unpacked, which imports it.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reproduce.runtime import cores, memory, recipe
from reproduce.runtime.progress import gathered, say
from reproduce.runtime.store import Piece, Store

BUSY = 0.5  # seconds between two looks whether the run is still there


class Place(NamedTuple):
    """Where a worker works, the same for all pieces of a run.

    store: the run's, an absolute path; released: the released entries, or None.
    seed, threads: of the run, for TensorFlow; where threads is None it is not begun.
    image: numbers of an image, see `memory.give_back`; 0 where it is not begun.
    products: threads of NumPy's matrix products, None for what the worker's machine has.
    paths: folders in which modules may lie, beside the worker's own.
    parent: the process with which workers of this machine end.
    share: cores of each worker of this machine, to which it is bound; places: see `cores.bind`.
    """

    store: str
    released: str | None = None
    seed: int = 0
    threads: int | None = None
    image: int = 0
    products: int | None = None
    paths: tuple[str, ...] = ()
    parent: int | None = None
    share: int | None = None
    places: str = ""


class Made(NamedTuple):
    """What a worker gives back: the key of what is now in the store, and nothing of it.

    lines: what it said meanwhile; error: why there is nothing, an error of the piece itself.
    unread: why the piece could not be unpacked, in a line; there is neither key nor error then.
    """

    key: str
    lines: list[str]
    error: Exception | None = None
    unread: str = ""


def packed(piece: Piece) -> tuple[bytes, list[np.ndarray]]:
    """A piece as bytes and, apart, the bytes of its arrays, which an engine need not copy."""
    import cloudpickle

    buffers: list[pickle.PickleBuffer] = []
    packed = cloudpickle.dumps(tuple(piece), protocol=5, buffer_callback=buffers.append)
    return packed, [np.frombuffer(buffer.raw(), np.uint8) for buffer in buffers]


def make(place: Place, piece: bytes, *buffers: np.ndarray) -> Made:
    """Makes a piece that was packed, if the store does not have it."""
    key = ""
    error = None
    with gathered() as lines, warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: say(str(message))
        try:
            _begin(place)
            try:
                call, checkpoints, title, _ = pickle.loads(piece, buffers=buffers)
            except Exception as ending:  # of whatever kind what is unpacked raises
                why = f"{type(ending).__name__}: {ending}".splitlines()[0]
                return Made(key, lines, unread=why)
            key = recipe.of(call).key
            released = None if place.released is None else Path(place.released)
            Store(place.store, released).cached(call, checkpoints, title)
        except Exception as ending:
            error = _portable(ending)
    return Made(key, lines, error)


def _begin(place: Place) -> None:
    """Sets this process up as the run's is; again for each piece, so that none sees another."""
    sys.path += [path for path in place.paths if path not in sys.path]
    if place.parent is not None:
        _end_with(place.parent)
    if place.share is not None:
        cores.bind(Path(place.places), place.share)
    if place.products is not None:
        from threadpoolctl import threadpool_limits

        threadpool_limits(place.products, user_api="blas")
    if place.image:
        memory.give_back(place.image)
    if place.threads is not None:
        cores.start_tensorflow(place.seed, place.threads)
        import tensorflow as tf

        threads = tf.config.threading.get_intra_op_parallelism_threads()
        if threads != place.threads:
            raise RuntimeError(
                f"a worker computes with {threads} threads, and its run with {place.threads}: "
                "last digits would differ."
            )


def _end_with(parent: int) -> None:
    """Has this process end when its run is gone, and leave Ctrl-C to it."""
    if any(thread.name == _end_with.__name__ for thread in threading.enumerate()):
        return
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(BUSY)
        os._exit(1)

    threading.Thread(target=watch, name=_end_with.__name__, daemon=True).start()


def _portable(error: Exception) -> Exception:
    """An error that can travel, with its traceback as a note."""
    error.add_note(f"In a worker:\n{traceback.format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # of another package, which its own pickle does not take
        told: Any = RuntimeError(f"{type(error).__name__}: {error}")
        told.add_note(error.__notes__[-1])
        return told
    return error
