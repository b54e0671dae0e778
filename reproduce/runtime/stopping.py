"""A run that has to stop, whatever the reason, ends like one that is stopped by Ctrl-C.

It leaves the page of what is finished, says in one line how to go on, and tells the reason by its
exit code.
"""

from __future__ import annotations

import errno
import signal
from types import FrameType

AGAIN = "the same command goes on from here."
SIGNALS = ("SIGTERM", "SIGHUP")  # SIGINT is Python's KeyboardInterrupt already


class Stopped(KeyboardInterrupt):
    """Stops a run from within.

    reason: why; code: what the process exits with.
    """

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code


def stop_on_signals() -> None:
    """Has this process stop in good order where a system, a scheduler or a terminal ends it.

    A signal that whoever started the process has chosen to ignore, as nohup does, stays ignored.
    """
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # one is enough; the page is being written
    raise Stopped(f"stopped by {signal.Signals(number).name}", 128 + number)


def as_stop(error: BaseException) -> Stopped | None:
    """What a run that ended so is to be ended with; None for an error."""
    if isinstance(error, Stopped):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Stopped("stopped", 128 + signal.SIGINT)
    if isinstance(error, BrokenPipeError):
        return Stopped("stopped, as nobody reads the output", 128 + signal.SIGPIPE)
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return Stopped("a file is larger than allowed here (ulimit -f): allow more, and", 2)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = f" at {error.filename}" if error.filename else ""
        return Stopped(f"the disk is full{place}: make room, and", 2)
    return None
