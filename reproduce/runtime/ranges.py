"""What an option may be: the range at the end of its comment in conf/, or its default's kind.

conf/config.yaml says how a range is written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

NUMBERS = re.compile(r"([\[(])(-?[\d.]+), (-?[\d.]+)([\])])$")
NAMES = re.compile(r"\{([^{}]+)\}$")
MOST = 1e9  # of a number without a range of its own
NEW = object()  # in the place of the default of an option that is added


class Range(NamedTuple):
    """What an option may be: one of some names, or a number between two ends."""

    text: str
    names: tuple[str, ...] = ()
    low: float = 0.0
    high: float = MOST
    open_low: bool = False
    open_high: bool = False
    whole: bool = False

    def holds(self, value: Any) -> bool:
        if self.names:
            name = str(value).lower() if isinstance(value, bool) else value
            return name in self.names
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        above = value > self.low if self.open_low else value >= self.low
        return above and (value < self.high if self.open_high else value <= self.high)


def declared(comment: str) -> Range | None:
    """The range at the end of an option's comment, where there is one."""
    if names := NAMES.search(comment):
        listed = tuple(names[1].split(", "))
        return Range(f"one of {', '.join(listed)}", names=listed)
    if (ends := NUMBERS.search(comment)) is None:
        return None
    whole = "." not in ends[2] + ends[3]
    return Range(
        f"a {'whole ' * whole}number in {ends[0]}",
        low=float(ends[2]), high=float(ends[3]),
        open_low=ends[1] == "(", open_high=ends[4] == ")", whole=whole,
    )  # fmt: skip


def misfit(value: Any, default: Any, within: Range | None) -> str:
    """What was expected of an option, empty where it came."""
    null = " or null" if default is None else ""
    if value is None:
        return "" if default is None or default is NEW else kind(default, within)
    if isinstance(default, list) != isinstance(value, list) and default not in (None, NEW):
        return f"{'a list of values' if isinstance(default, list) else kind(default, within)}"
    if isinstance(value, list):
        items = [each for each in default if each is not None] if isinstance(default, list) else []
        of = items[0] if items else default
        if not value:
            return "a list with something in it"
        of_null = isinstance(default, list) and None in default
        wrong = [
            kind(of, within) if each is None else misfit(each, of, within)
            for each in value
            if not (each is None and (of_null or of in (None, NEW)))
        ]
        return f"a list, each item {max(wrong).removesuffix(' or null')}" if any(wrong) else ""
    fits = within.holds(value) if within else _alike(value, default)
    return "" if fits else kind(default, within) + null


def _alike(value: Any, default: Any) -> bool:
    """Whether a value without a range is of its default's kind."""
    if isinstance(default, bool) or (isinstance(value, bool) and default is not NEW):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(value, int | float):
        small = math.isfinite(value) and 0 <= value <= MOST
        whole = isinstance(default, int) and not isinstance(value, int)
        return small and not whole and (default is NEW or isinstance(default, int | float))
    return default is None or default is NEW or isinstance(default, type(value))


def kind(default: Any, within: Range | None) -> str:
    if within:
        return within.text
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, int | float) or default is NEW:
        whole = "whole " if isinstance(default, int) else ""
        return f"a {whole}number, finite and not negative"
    return "a group of options" if isinstance(default, Mapping) else "text"


def shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value) if value != "" else "nothing"
