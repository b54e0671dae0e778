"""What names a call: the function, every argument with its default, and the code behind them.

Arrays, files and Keras models stand in a recipe by their content, nested calls by their own
recipes, other objects by their class and attributes. What cannot be told apart from another of
its kind is refused, since the store would take one for the other.
"""

from __future__ import annotations

import inspect
import logging
import sys
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reproduce.runtime import bytecode, code
from reproduce.runtime.digests import array_digest, sha256, sha256_of
from reproduce.runtime.errors import UserError
from reproduce.runtime.model_digest import is_keras, model_digest

PLAIN = (bool, int, float, str, bytes, tuple, np.ndarray, np.generic)


class Recipe(NamedTuple):
    """A call as JSON, and the digests of the modules that it can reach."""

    call: Any
    code: dict[str, str]

    @property
    def key(self) -> str:
        """Names the call's result: twelve hex digits for the call, eight for the code."""
        return f"{sha256_of(self.call)[:12]}-{sha256_of(self.code)[:8]}"


def of(call: Any) -> Recipe:
    """The recipe of a call, or of any other value."""
    modules: set[str] = set()
    try:
        tree = Reader(modules.add).tree(call)
    except RecursionError:
        raise UserError(f"the store cannot name {call!r:.80}: it holds itself.") from None
    return Recipe(tree, code.reached(modules))


class Reader:
    """Reads values as JSON, equal ones alike and no others.

    Args:
        module: is told the name of each module whose code takes part.
    """

    def __init__(self, module: Callable[[str], object]) -> None:
        self.module = module
        self._begun: set[int] = set()  # functions and classes that may hold themselves

    def tree(self, value: Any) -> Any:
        """What JSON can say of a value."""
        if isinstance(value, partial):
            return self._call(value)
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, type):
            return self.named(value)
        if isinstance(value, bytes):
            return {"bytes": sha256(value)}
        if isinstance(value, slice | range):  # Keras notes how a tensor was cut
            bounds = [value.start, value.stop, value.step]
            return {type(value).__name__: self.tree(bounds)}
        if value is Ellipsis:
            return {"ellipsis": None}
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, np.ndarray) and value.dtype != object:
            return {"array": array_digest(value)}
        if isinstance(value, Path):
            return {"file": sha256(_content(value))}
        if isinstance(value, dict):
            return {"entries": [[self.tree(name), self.tree(one)] for name, one in value.items()]}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {"record": self.named(type(value)), "fields": [*map(self.tree, value)]}
        if isinstance(value, tuple | list):
            return [self.tree(entry) for entry in value]
        if hasattr(value, "get_weights") and hasattr(value, "layers"):
            return {"model": model_digest(value, self.tree, self.named)}
        if hasattr(value, "python_function"):  # of tf.function
            return {"compiled": self.tree(value.python_function)}
        if callable(getattr(value, "numpy", None)):  # tensors and variables
            return {"array": array_digest(np.asarray(value))}
        if isinstance(value, types.ModuleType):
            self.module(value.__name__)
            return {"module": value.__name__}
        if isinstance(value, logging.Logger):
            return {"logger": value.name}
        if isinstance(value, np.dtype):
            return {"dtype": str(value)}
        if isinstance(value, np.ufunc):
            return f"numpy:{value.__name__}"
        owner = getattr(value, "__self__", None)
        if owner is not None and not isinstance(owner, types.ModuleType) and callable(value):
            return {"method": value.__name__, "of": self.tree(owner)}
        return self.named(value) if hasattr(value, "__qualname__") else self._object(value)

    def _call(self, value: partial[Any]) -> Any:
        try:
            bound = inspect.signature(value.func).bind_partial(*value.args, **value.keywords)
            bound.apply_defaults()
            arguments = bound.arguments
        except ValueError:  # a builtin does not tell its arguments
            arguments = {"args": value.args, "keywords": value.keywords}
        named = {name: self.tree(argument) for name, argument in arguments.items()}
        return {"call": self.tree(value.func), "arguments": named}

    def named(self, value: Any) -> Any:
        """A function or class by its name; by its instructions too, where that is not enough.

        Its module takes part. A function made inside another one is also told from its like by
        what it holds of that one's variables.
        """
        module, name = value.__module__ or "builtins", value.__qualname__
        text = f"{module}:{name}"
        self.module(module)
        if code.is_library(module) and "<" not in name:
            return text
        if code.is_ours(module) and _is_called(module, name, value):
            return text
        if isinstance(value, type):
            return self._class(text, value)
        if hasattr(value, "__wrapped__"):
            return {"wrapped": self.tree(value.__wrapped__)}
        if not isinstance(value, types.FunctionType):
            return text
        if id(value) in self._begun:
            return text
        self._begun.add(id(value))
        variables = bytecode.variables_held(value)
        if not code.is_ours(module):  # whose globals and imports are in its digest
            variables |= bytecode.globals_used(value)
            self._modules(value, variables)
        return {
            "function": text,
            "instructions": bytecode.instructions(value.__code__),
            "defaults": self.tree([value.__defaults__, value.__kwdefaults__]),
            "variables": {name: self.tree(one) for name, one in sorted(variables.items())},
        }

    def _modules(self, function: types.FunctionType, variables: dict[str, Any]) -> None:
        """Tells of the modules that a function uses."""
        for name in bytecode.imports(function):
            code.locate(name)
            self.module(name)
        for variable in variables.values():
            if isinstance(variable, types.ModuleType):
                for name in bytecode.parts_of(variable.__name__, function):
                    self.module(name)

    def _class(self, text: str, kind: type) -> Any:
        if id(kind) in self._begun:
            return text
        self._begun.add(id(kind))
        return {
            "class": text,
            "source": _class_source(kind),
            "bases": [self.named(base) for base in kind.__bases__],
            "entries": {name: self.tree(entry) for name, entry in _entries(kind).items()},
        }

    def _object(self, value: Any) -> Any:
        kind = type(value)
        if hasattr(value, "get_config"):  # Keras's losses, optimizers, initializers
            config = value.get_config()
            if is_keras(kind):  # which numbers what it makes in a process
                config = {name: entry for name, entry in config.items() if name != "name"}
            return {"object": self.named(kind), "state": self.tree(config)}
        slots = [name for base in kind.__mro__ for name in _slots(base)]
        if not hasattr(value, "__dict__") and not slots:
            raise UserError(
                f"the store cannot tell one {kind.__module__}.{kind.__qualname__} from another "
                f"({value!r:.80}): hand over arrays, numbers, records, Keras models, or functions "
                "with their arguments bound by functools.partial."
            )
        state = {name: getattr(value, name) for name in slots if hasattr(value, name)}
        state |= getattr(value, "__dict__", {})
        return {"object": self.named(kind), "state": self.tree(state)}


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from error


def _is_called(module: str, name: str, value: Any) -> bool:
    """Whether it is what its module calls by its name, under decorators perhaps."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    while found is not None and found is not value:
        found = getattr(found, "__wrapped__", None) or getattr(found, "python_function", None)
    return found is value


def _slots(kind: type) -> list[str]:
    slots = kind.__dict__.get("__slots__", ())
    names = [slots] if isinstance(slots, str) else list(slots)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _class_source(kind: type) -> str | None:
    """None where a class was typed in; what it holds is in the recipe."""
    try:
        return code.digest(inspect.cleandoc("\n" + inspect.getsource(kind)))
    except (OSError, TypeError, SyntaxError):
        return None


def _entries(kind: type) -> dict[str, Any]:
    """The functions of a class, those of its properties too, and its plain values."""
    found = {}
    for name, entry in sorted(vars(kind).items()):
        entry = getattr(entry, "fget", None) or getattr(entry, "__func__", entry)
        is_plain = isinstance(entry, PLAIN) and not name.startswith("__")
        if is_plain or isinstance(entry, types.FunctionType) or hasattr(entry, "python_function"):
            found[name] = entry
    return found
