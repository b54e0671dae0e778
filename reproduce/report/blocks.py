"""Marked blocks of Markdown pages, filled from the reference results.

A block stands between two comments. The first names the reference and what is shown of it (the
functions of `shown`, with their options); what is between them is made and never typed:

    <!-- block {show: table, experiment: szegedy, artefact: table1} -->
    <!-- end -->

    <!-- block {show: score, experiment: szegedy, artefacts: [table1, table2]} --><!-- end -->

`dataset: mnist`, `scale: laptop` and `settings: {}` are taken where nothing is said; a block that
sets groups side by side has a list of settings. `of` gives the artefacts that the provenance and
the claims are about; all that are kept, without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from reproduce.report import reference, reference_page
from reproduce.report.reference import Name
from reproduce.report.reference_page import Group
from reproduce.report.shown import SHOWN, SHOWN_OF_SEVERAL, WHOLE
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
    kinds = [*SHOWN, *SHOWN_OF_SEVERAL]
    if show not in kinds or "experiment" not in rest:
        raise UserError(f"block {dict(options)}: show is one of {', '.join(kinds)}; of experiment?")
    artefacts = of or rest.get("artefacts") or [*filter(None, [rest.get("artefact")])]
    whose = (rest.pop("experiment"), rest.pop("dataset", "mnist"), rest.pop("scale", "laptop"))
    settings = rest.pop("settings", {})
    several = settings if show in SHOWN_OF_SEVERAL else [settings]
    groups = [_whole_group(reference.named(*whose, each), artefacts, folder) for each in several]
    try:
        if show in SHOWN:
            text = SHOWN[show](groups[0], **rest)
        else:
            text = SHOWN_OF_SEVERAL[show](groups, **rest)
    except TypeError as error:
        raise UserError(f"block {dict(options)}: {error}") from error
    return f"\n{text}\n\n" if show in WHOLE else text


def _whole_group(name: Name, artefacts: Sequence[str], folder: Path) -> Group:
    """A group that has all of these artefacts."""
    group = _group(name, tuple(artefacts), folder)
    missing = set(artefacts) - set(group.results.artefacts)
    if missing:
        raise UserError(f"{name} has no {', '.join(sorted(missing))} in {folder}.")
    return group


@cache
def _group(name: Name, artefacts: tuple[str, ...], folder: Path) -> Group:
    return reference_page.group(name, folder, artefacts=artefacts or None)
