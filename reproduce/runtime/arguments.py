"""What is given to a call from Python, checked: a number of the right kind, or one line."""

from __future__ import annotations

import math
import operator
from typing import Any

from reproduce.runtime.errors import UserError


def whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """A whole number, NumPy's included, not below `least` and not above `most`.

    Raises:
        UserError: for anything else, True and 3.0 among it.
    """
    ends = f"from {least} on" if most is None else f"between {least} and {most}"
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise UserError(f"{name} is a whole number {ends}, got {value!r}.")
    if number < least or (most is not None and number > most):
        raise UserError(f"{name} is a whole number {ends}, got {number}.")
    return number


def finite(name: str, value: Any, above: float = -math.inf) -> float:
    """A finite number above `above`, NumPy's included.

    Raises:
        UserError: for anything else, True and text among it.
    """
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number > above):
        ends = "" if above == -math.inf else f" above {above:g}"
        raise UserError(f"{name} is a finite number{ends}, got {value!r}.")
    return number
