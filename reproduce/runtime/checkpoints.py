"""Calls that go on from where they were stopped."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from reproduce.runtime.errors import UserError
from reproduce.runtime.files import put_aside


def resumed(call: partial[Any], checkpoints: str, unfinished: Path) -> Any:
    """The result of a call that goes on from its checkpoints, without them if they are damaged.

    Args:
        checkpoints: the name of the call's argument that takes their folder.
        unfinished: that folder.
    """
    unfinished.mkdir(parents=True, exist_ok=True)
    before = _stamps(unfinished)
    call = partial(call, **{checkpoints: unfinished})
    try:
        return call()
    except UserError:
        raise
    except Exception as error:
        # It failed with what was there and before it left anything new.
        if not before or _stamps(unfinished) != before:
            raise
        put_aside(unfinished, f"the checkpoint {unfinished} cannot be used ({error!r})")
        unfinished.mkdir()
    return call()


def _stamps(folder: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in folder.rglob("*") if file.is_file()}
