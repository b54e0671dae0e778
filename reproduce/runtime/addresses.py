"""Where results go: a lasting folder for each configuration."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path

KEPT = r"\w.,=+()-"  # characters of settings that stand in the name as well
# A list and an option's name are read back from a name without the characters that it leaves out.
READ_BACK = re.compile(r"(?<==)\[(?!_)([^\[\]]*)(?<!_)\](?=,|$)|(?:^|,)(?:~[^=,]*|[^=,]*=)")
LONGEST_NAME = 200  # bytes of a folder's name; file systems end at 255


def run_folder(outputs: Path, *parts: str, settings: str) -> Path:
    """Where results of a configuration always go.

    Args:
        parts: experiment, data set, scale and seed, a folder each.
        settings: the overrides that distinguish configurations besides; a folder if not empty.
            Where other settings would have the same name, a digest is part of it.
    """
    name = re.sub(f"[^{KEPT}]+", "_", settings)
    if len(name.encode()) > LONGEST_NAME or _is_ambiguous(settings):
        digest = hashlib.sha256(settings.encode()).hexdigest()[:12]
        short = name.encode()[: LONGEST_NAME - 13].decode(errors="ignore")
        name = f"{short}_{digest}"
    return outputs.joinpath(*parts, name)


def _is_ambiguous(settings: str) -> bool:
    """Whether a value, lists apart, has characters that its folder's name leaves out.

    And whether it looks as a list does in a name.
    """
    values = READ_BACK.sub(r"\1", settings)
    return bool(re.search(f"[^{KEPT}]", values) or re.search(r"=_[^=]*_(,|$)", settings))


def point_latest(outputs: Path, folder: Path) -> None:
    """Lets outputs/latest lead to a folder, where there are symbolic links."""
    aside = outputs / f".latest{os.getpid()}"
    with contextlib.suppress(OSError):
        aside.symlink_to(folder.resolve())
        aside.replace(outputs / "latest")
