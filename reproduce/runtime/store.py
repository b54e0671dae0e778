"""Slow artefacts, kept under the call that makes them.

    network = store.cached(partial(training.train, builder, phases, examples, seed=0))

A call's recipe spells out the function, the EDITION of its module, and every argument with its
default, nested calls too; arrays and Keras models stand in it by their content. Change what a
function computes, and raise the EDITION of its module.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import shutil
import sys
import time
import warnings
import weakref
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from reproduce.runtime import serialization
from reproduce.runtime.progress import stage

RECORDED_VERSIONS = ("tensorflow", "keras", "numpy", "scipy")
_NOT_CONTENT = {"seed", "build_config", "inbound_nodes", "input_layers", "output_layers"}
_digests: dict[int, tuple[weakref.ref[np.ndarray], str]] = {}


class Store:
    """A folder of results, each in a folder named by its key, whole or absent."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._memory: dict[str, Any] = {}

    def cached(self, call: partial[Any], checkpoints: str | None = None, title: str = "") -> Any:
        """The result of a call, from memory, from disk, or made now and kept.

        Args:
            call: every argument bound. Results may be Keras models, arrays, numbers, strings,
                None, and tuples, records, lists and dictionaries of them.
            checkpoints: the name of an argument that takes a folder (pathlib.Path) in which an
                unfinished call leaves what it needs to go on; the folder goes when the call ends.
            title: what its progress is called, where it has to be made.
        """
        name = key(call)
        if name in self._memory:
            return self._memory[name]
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f"{name}.lock"):  # freed by the system if its holder dies
            found = self._load(name)
            if found is None:
                with stage(title) if title else contextlib.nullcontext():
                    found = (self._make(name, call, checkpoints),)
        self._memory[name] = found[0]
        return found[0]

    def remembered(self, call: partial[Any]) -> Any:
        """The result of a call that is quick to make: once a process, and not on disk."""
        name = key(call)
        if name not in self._memory:
            self._memory[name] = call()
        return self._memory[name]

    def _load(self, name: str) -> tuple[Any] | None:
        """The kept result in a tuple of one, since the result itself may be None."""
        entry = self.folder / name
        if not entry.exists():
            return None
        try:
            record = json.loads((entry / "recipe.json").read_text())
            for file, sha256 in record["files"].items():
                if _sha256((entry / file).read_bytes()) != sha256:
                    raise ValueError(f"{file} was changed or cut off")
            return (serialization.load(entry),)
        except Exception as damage:
            warnings.warn(
                f"store entry {name} is damaged ({damage}) and is made again.", stacklevel=4
            )
            shutil.rmtree(entry)
            return None

    def _make(self, name: str, call: partial[Any], checkpoints: str | None) -> Any:
        unfinished = self.folder / f"{name}.unfinished"
        if checkpoints is not None:
            unfinished.mkdir(exist_ok=True)
            call = partial(call, **{checkpoints: unfinished})
        started = time.time()
        result = call()
        aside = self.folder / f"{name}.aside"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        serialization.save(result, aside)
        record = {
            "recipe": recipe(call if checkpoints is None else _without(call, checkpoints)),
            "seconds": time.time() - started,
            "versions": {package: version(package) for package in RECORDED_VERSIONS},
            "files": {file.name: _sha256(file.read_bytes()) for file in sorted(aside.iterdir())},
        }
        (aside / "recipe.json").write_text(json.dumps(record, indent=1))
        aside.rename(self.folder / name)
        shutil.rmtree(unfinished, ignore_errors=True)
        return result


def key(call: partial[Any]) -> str:
    """Sixteen hex digits that name the call's result."""
    return _sha256(json.dumps(recipe(call), sort_keys=True).encode())[:16]


def recipe(value: Any) -> Any:
    """What JSON can say of a value so that equal values, and no others, read equal."""
    if isinstance(value, partial):
        bound = inspect.signature(value.func).bind_partial(*value.args, **value.keywords)
        bound.apply_defaults()
        arguments = {name: recipe(argument) for name, argument in bound.arguments.items()}
        return recipe(value.func) | {"arguments": arguments}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {"array": _array_digest(value)}
    if isinstance(value, Path):
        return {"file": _sha256(value.read_bytes())}
    if isinstance(value, dict):
        return {"entries": [[recipe(name), recipe(entry)] for name, entry in value.items()]}
    if isinstance(value, tuple | list):
        return [recipe(entry) for entry in value]
    if hasattr(value, "get_weights") and hasattr(value, "layers"):
        return {"model": _model_digest(value)}
    if callable(value):
        edition = getattr(sys.modules[value.__module__], "EDITION", None)
        return {"call": f"{value.__module__}:{value.__qualname__}", "edition": edition}
    raise TypeError(f"a {type(value).__name__} cannot stand in a recipe: {value!r:.80}")


def _without(call: partial[Any], name: str) -> partial[Any]:
    keywords = {key: value for key, value in call.keywords.items() if key != name}
    return partial(call.func, *call.args, **keywords)


def _array_digest(array: np.ndarray) -> str:
    known = _digests.get(id(array))
    if known and known[0]() is array:
        return known[1]
    head = f"{array.dtype.str}{array.shape}".encode()
    content = _sha256(head + np.ascontiguousarray(array).tobytes())
    if not array.flags.writeable:
        _digests[id(array)] = (weakref.ref(array), content)
    return content


def _model_digest(model: Any) -> str:
    """By layers (without their running names) and weights, as a re-loaded model has them too."""
    layers = [[type(layer).__name__, _nameless(layer.get_config())] for layer in model.layers]
    sha = hashlib.sha256(json.dumps(layers, sort_keys=True, default=str).encode())
    for weight in model.get_weights():
        sha.update(f"{weight.dtype.str}{weight.shape}".encode() + weight.tobytes())
    return sha.hexdigest()


def _nameless(config: Any) -> Any:
    """A layer's configuration without names and without how its weights once began."""
    if isinstance(config, dict):
        return {
            entry: _nameless(value)
            for entry, value in config.items()
            if entry not in _NOT_CONTENT and not entry.endswith(("name", "izer"))
        }
    return [_nameless(value) for value in config] if isinstance(config, list | tuple) else config


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
