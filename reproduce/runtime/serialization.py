"""Results on disk: trees of arrays, records and Keras models as JSON, .npz and .keras files.

No pickle, so that a folder from somebody else can be read without running it.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np

OURS = __name__.partition(".")[0]


def save(result: Any, folder: Path) -> None:
    """Writes tree.json, arrays.npz and model<n>.keras into a folder.

    Args:
        result: Keras models, arrays, numbers, strings, None, and tuples, records (NamedTuple),
            lists and dictionaries of them, however deep.
    """
    arrays: dict[str, np.ndarray] = {}
    names: dict[int, str] = {}  # of an array that stands in several places, kept once
    models: list[Any] = []

    def tree(value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, np.ndarray | np.generic):
            name = names.setdefault(id(value), f"a{len(names)}")
            arrays[name] = np.asarray(value)
            return {"array": name, "scalar": isinstance(value, np.generic)}
        if hasattr(value, "_fields"):
            kind = type(value)
            fields = [tree(entry) for entry in value]
            return {"record": [kind.__module__, kind.__qualname__], "fields": fields}
        if isinstance(value, tuple):
            return {"tuple": [tree(entry) for entry in value]}
        if isinstance(value, list):
            return {"list": [tree(entry) for entry in value]}
        if isinstance(value, dict):
            return {"dict": [[tree(name), tree(entry)] for name, entry in value.items()]}
        if hasattr(value, "save") and hasattr(value, "layers"):
            models.append(value)
            return {"model": f"model{len(models) - 1}.keras"}
        raise TypeError(f"a {type(value).__name__} cannot be kept: {value!r:.80}")

    text = json.dumps(tree(result))
    (folder / "tree.json").write_text(text)
    np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]
    for n, model in enumerate(models):
        model.save(folder / f"model{n}.keras")


def load(folder: Path) -> Any:
    """What `save` was given. Keras models are read in safe mode; records must be of ours."""
    with np.load(folder / "arrays.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}

    def value(tree: Any) -> Any:
        if not isinstance(tree, dict):
            return tree
        if "array" in tree:
            array = arrays[tree["array"]]
            if tree["scalar"]:
                return array[()]
            array.flags.writeable = False
            return array
        if "record" in tree:
            return _record(*tree["record"])(*map(value, tree["fields"]))
        if "tuple" in tree:
            return tuple(map(value, tree["tuple"]))
        if "list" in tree:
            return list(map(value, tree["list"]))
        if "dict" in tree:
            return {value(name): value(entry) for name, entry in tree["dict"]}
        if not tree["model"] or Path(tree["model"]).name != tree["model"]:
            raise ValueError(f"{tree['model']} lies elsewhere")
        return _model(folder / tree["model"])

    return value(json.loads((folder / "tree.json").read_text()))


def _record(module: str, name: str) -> Any:
    """The record type of that name, of ours.

    A folder from somebody else cannot have another module imported, which would run its code.
    """
    ours = module == OURS or module.startswith(f"{OURS}.")
    kind = getattr(importlib.import_module(module), name, None) if ours else None
    if not (isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")):
        raise ValueError(f"{module}:{name} is no record of ours")
    return kind


def _model(path: Path) -> Any:
    import keras

    return keras.models.load_model(path, compile=False, safe_mode=True)
