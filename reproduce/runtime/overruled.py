"""Options that were typed and do not count, since what was chosen beside them has its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf

from reproduce.runtime.leaves import leaves, plain, resolved, sources
from reproduce.runtime.ranges import shown

ELSE = re.compile(r"\$\{oc\.select:([\w.]+),\$\{([\w.]+)\}\}")  # the first, or else the second


def overruled(config: DictConfig, words: Sequence[str], artefacts: Sequence[str]) -> list[str]:
    """A line for each typed option that does not count for some of the artefacts.

    Args:
        config: as composed.
        words: the options that were typed.
        artefacts: names of those that are to be made.
    """
    typed = {word.partition("=")[0].lstrip("+") for word in words}
    written = dict(leaves(plain(config)))
    found: dict[tuple[str, str], list[str]] = {}
    for key, value in written.items():
        above, _, inner = key.partition(".")
        artefact = inner.partition(".")[0]
        either = ELSE.fullmatch(value) if isinstance(value, str) else None
        if above != "artefacts" or artefact not in artefacts or either is None:
            continue
        first, second = either.groups()
        if second in typed and OmegaConf.select(config, first) is not None:
            found.setdefault((first, second), []).append(artefact)
    return [
        f"{second}={shown(resolved(config, second))} does not count for {', '.join(names)}: "
        f"{first}={shown(resolved(config, first))} does{_by(written.get(first))}."
        for (first, second), names in found.items()
    ]


def _by(value: object) -> str:
    """Which option to type in its place."""
    named = sources(value)
    return f", set by {named[0]}" if named else ""
