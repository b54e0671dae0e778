"""Marked blocks of Markdown pages, filled from the reference results.

A block stands between two comments. The first names the reference and what is shown of it (the
functions of `shown`, with their options); what is between them is made and never typed:

    <!-- block {show: table, experiment: szegedy, artefact: table1} -->
    <!-- end -->

    <!-- block {show: score, experiment: szegedy, artefacts: [table1, table2]} --><!-- end -->

`dataset: mnist`, `scale: laptop` and `settings: {}` are taken where nothing is said. `of` gives
the artefacts that the provenance and the claims are about; all that are kept, without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from reproduce.report import reference, reference_page
from reproduce.report.reference import Name
from reproduce.report.reference_page import Group
from reproduce.report.shown import SHOWN, WHOLE
from reproduce.runtime.errors import UserError
from reproduce.runtime.files import atomic_write
from reproduce.runtime.places import REFERENCE

BLOCK = re.compile(r"(<!-- block (\{[^\n]*?\}) -->)(.*?)(<!-- end -->)", re.DOTALL)


def fill(paths: Iterable[Path], folder: Path = REFERENCE) -> list[Path]:
    """Fills the blocks of these pages and of those below these folders; returns what changed.

    Raises:
        UserError: a block names what there is not.
    """
    changed = []
    for path in paths:
        for page in sorted(path.rglob("*.md")) if path.is_dir() else [path]:
            before = page.read_text(encoding="utf-8")
            try:
                after = filled(before, folder)
            except UserError as error:
                raise UserError(f"{page}: {error}") from error
            if after != before:
                atomic_write(page, after)
                changed.append(page)
    return changed


def filled(text: str, folder: Path = REFERENCE) -> str:
    """A page's text with what its blocks show."""
    return BLOCK.sub(
        lambda found: f"{found[1]}{_inside(_options(found[2]), folder)}{found[4]}", text
    )


def _options(text: str) -> dict[str, Any]:
    found = OmegaConf.to_container(OmegaConf.create(text))
    assert isinstance(found, dict)
    return {str(name): value for name, value in found.items()}


def _inside(options: Mapping[str, Any], folder: Path) -> str:
    """What stands between the two comments of a block."""
    rest = dict(options)
    show, of = rest.pop("show", None), rest.pop("of", None)
    if show not in SHOWN or "experiment" not in rest:
        raise UserError(f"block {dict(options)}: show is one of {', '.join(SHOWN)}; of experiment?")
    name = reference.named(
        rest.pop("experiment"),
        rest.pop("dataset", "mnist"),
        rest.pop("scale", "laptop"),
        rest.pop("settings", {}),
    )
    artefacts = of or rest.get("artefacts") or [*filter(None, [rest.get("artefact")])]
    group = _group(name, tuple(artefacts), folder)
    missing = set(artefacts) - set(group.results.artefacts)
    if missing:
        raise UserError(f"{name} has no {', '.join(sorted(missing))} in {folder}.")
    try:
        text = SHOWN[show](group, **rest)
    except TypeError as error:
        raise UserError(f"block {dict(options)}: {error}") from error
    return f"\n{text}\n\n" if show in WHOLE else text


@cache
def _group(name: Name, artefacts: tuple[str, ...], folder: Path) -> Group:
    return reference_page.group(name, folder, artefacts=artefacts or None)
