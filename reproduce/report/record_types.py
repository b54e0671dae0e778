"""Whether a record that was read from a file holds what its annotations say."""

from __future__ import annotations

import types
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

LARGEST = 1e300  # of a number: more is no float


def check(value: Any, kind: Any, where: str = "") -> None:
    """Refuses a value that is not of its kind, however deep inside.

    Args:
        kind: an annotation: str, bool, int, float, None, Literal, a union, tuple[X, ...],
            dict[X, Y], or a NamedTuple of these.
        where: what the value is called.

    Raises:
        TypeError: names the place, the kind, and what stands there.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if hasattr(kind, "_fields") and isinstance(value, kind):
        for name, each in _hints(kind).items():
            check(getattr(value, name), each, f"{where}.{name}" if where else name)
    elif origin is tuple and isinstance(value, tuple):
        for number, each in enumerate(value):
            check(each, inner[0], f"{where}[{number}]")
    elif origin is dict and isinstance(value, dict):
        for name, each in value.items():
            check(name, inner[0], f"a name in {where}")
            check(each, inner[1], f"{where}[{name!r}]")
    elif not _is_plain(value, kind):
        called = kind.__name__ if isinstance(kind, type) and origin is None else kind
        raise TypeError(f"{where} is {called}, got {value!r:.60}")


def _is_plain(value: Any, kind: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return any(_is_plain(value, each) for each in inner)
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if kind is types.NoneType:
        return value is None
    if kind in (int, float):
        number = isinstance(value, int | kind) and not isinstance(value, bool)
        return number and abs(value) <= LARGEST
    return kind in (str, bool) and isinstance(value, kind)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
