"""A Keras model of one's own: a file that Keras saved, or module:function in Python."""

from __future__ import annotations

import inspect
import pkgutil
import re
from pathlib import Path
from typing import Any

import keras

from reproduce.runtime.errors import UserError


def name(path: str) -> str:
    """What the model is called if nothing else is said."""
    return Path(path.rpartition(":")[2]).stem


def opened(path: str) -> Any:
    """The Keras model at `path`.

    Args:
        path: a .keras or .h5 file, opened in safe mode; or module:function, a function without
            arguments that returns a Keras model, or such a model itself.
    """
    if Path(path).exists():
        try:
            return keras.models.load_model(path, compile=False, safe_mode=True)
        except (ValueError, TypeError, OSError) as trouble:
            raise UserError(f"{path} cannot be opened as a Keras model: {trouble}") from trouble
    if not re.fullmatch(r"[\w.]+:[\w.]+", path):
        raise UserError(
            f"there is no Keras model at {path}: a file or module:function is expected."
        )
    try:
        found = pkgutil.resolve_name(path)
    except (ImportError, AttributeError) as trouble:
        raise UserError(f"{path} is not found: {trouble}.") from trouble
    if isinstance(found, keras.Model):  # a copy: its owner keeps the softmax that ours may lose
        copy = keras.models.clone_model(found)
        copy.set_weights(found.get_weights())
        return copy
    if callable(found):
        try:
            inspect.signature(found).bind()
        except TypeError as misfit:
            raise UserError(f"{path} is to be called without arguments: {misfit}.") from misfit
        found = found()
    if not isinstance(found, keras.Model):
        raise UserError(f"{path}: a Keras model is expected, got a {type(found).__name__}.")
    return found
