"""Files written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def atomic_write(path: Path, content: str | bytes) -> None:
    """Writes a file aside and renames it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    if isinstance(content, str):
        aside.write_text(content, encoding="utf-8")
    else:
        aside.write_bytes(content)
    aside.replace(path)
