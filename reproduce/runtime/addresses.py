"""Where results go: a lasting folder for each configuration."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path

LONGEST_NAME = 200  # bytes of a folder's name; file systems end at 255


def run_folder(outputs: Path, *parts: str, settings: str) -> Path:
    """Where results of a configuration always go.

    Args:
        parts: experiment, data set, scale and seed, a folder each.
        settings: the overrides that distinguish configurations besides; a folder if not empty.
    """
    name = re.sub(r"[^\w.,=+()-]+", "_", settings)
    if len(name.encode()) > LONGEST_NAME:
        digest = hashlib.sha256(settings.encode()).hexdigest()[:12]
        short = name.encode()[: LONGEST_NAME - 13].decode(errors="ignore")
        name = f"{short}_{digest}"
    return outputs.joinpath(*parts, name)


def point_latest(outputs: Path, folder: Path) -> None:
    """Lets outputs/latest lead to a folder, where there are symbolic links."""
    aside = outputs / f".latest{os.getpid()}"
    with contextlib.suppress(OSError):
        aside.symlink_to(folder.resolve())
        aside.replace(outputs / "latest")
