"""The cores of a run, and of each job of a sweep.

Sums that several threads share differ in their last digits from those of fewer. So a run computes
with as many threads inside a sweep as alone, and jobs side by side do not fight because each is
bound to cores of its own, on which its threads take turns.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path

from filelock import FileLock, Timeout

from reproduce.runtime import memory

CAN_BIND = hasattr(os, "sched_setaffinity")
# That this process may use, before it is bound to some of them.
CORES = sorted(os.sched_getaffinity(0)) if CAN_BIND else list(range(os.cpu_count() or 1))
_held: list[FileLock] = []  # for as long as this process lives


def bind(places: Path, cores: int) -> None:
    """Binds this process to so many cores that the fewest others of its sweep are bound to.

    Nothing happens where a system cannot bind, and in a process that is bound already.

    Args:
        places: beginning of the names of files that tell which places are taken, the same for
            all jobs of a sweep.
        cores: of a job.
    """
    shares = [CORES[i : i + cores] for i in range(0, len(CORES) - cores + 1, cores)]
    if _held or not CAN_BIND or len(shares) < 2:
        return
    for place in itertools.count():
        lock = FileLock(f"{places}.{place}")
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=0)
            _held.append(lock)
            os.sched_setaffinity(0, shares[place % len(shares)])
            return


def start_tensorflow(seed: int, threads: int | None) -> None:
    """Imports TensorFlow without its greetings; sets global seeds, and the threads of a run.

    Args:
        threads: as many as there are cores if None.
    """
    threads = threads or len(CORES)
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import keras
        import tensorflow as tf
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
    memory.pass_over_imports()
    keras.utils.set_random_seed(seed)
    with contextlib.suppress(RuntimeError):  # a process that already ran a job keeps its threads
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def share(jobs: int) -> int:
    """The cores of each of so many jobs side by side; -1 stands for as many as there are cores."""
    together = min(jobs, len(CORES)) if jobs > 0 else len(CORES)
    return max(1, len(CORES) // together)
