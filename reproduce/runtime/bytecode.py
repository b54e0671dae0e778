"""What a function's bytecode says, where its source alone does not name it: in a notebook, say.

Code nested in it counts too: comprehensions, lambdas, functions and classes inside.
"""

from __future__ import annotations

import dis
import inspect
import sys
import types
from collections.abc import Iterator
from typing import Any

from reproduce.runtime.digests import sha256_of


def instructions(found: types.CodeType) -> str:
    """A digest of what a function does, wherever it stands."""
    names = [found.co_names, found.co_varnames, found.co_freevars]
    return sha256_of([found.co_code.hex(), [*map(_constant, found.co_consts)], names])


def globals_used(function: types.FunctionType) -> dict[str, Any]:
    """Name -> value of the globals that it reads."""
    known = function.__globals__
    names = {
        step.argval
        for step in _steps(function.__code__)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    return {name: known[name] for name in sorted(names) if name in known}


def variables_held(function: types.FunctionType) -> dict[str, Any]:
    """Name -> value of the variables around it that it reads."""
    return dict(inspect.getclosurevars(function).nonlocals)


def imports(function: types.FunctionType) -> set[str]:
    """Modules that it imports, or what it imports from them."""
    found: set[str] = set()
    module = ""
    for step in _steps(function.__code__):
        if step.opname == "IMPORT_NAME":
            module = step.argval
            found.add(module)
        elif step.opname == "IMPORT_FROM":
            found.add(f"{module}.{step.argval}")
    return found


def parts_of(module: str, function: types.FunctionType) -> set[str]:
    """A module, and the modules inside it that a function comes by: `package.module.f`."""
    attributes = {
        step.argval
        for step in _steps(function.__code__)
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD")
    }
    inside = {f"{module}.{name}" for name in attributes} & sys.modules.keys()
    return {module}.union(*(parts_of(name, function) for name in inside))


def _steps(found: types.CodeType) -> Iterator[dis.Instruction]:
    yield from dis.get_instructions(found)
    for constant in found.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _steps(constant)


def _constant(value: Any) -> Any:
    """The same text in every process: the order of a set is another one in each."""
    if isinstance(value, types.CodeType):
        return instructions(value)
    if isinstance(value, frozenset):
        return ["set", *sorted(map(repr, value))]
    return repr(value)
