"""A Keras model of one's own: a file that Keras saved, or module:function in Python."""

from __future__ import annotations

import contextlib
import inspect
import os
import pkgutil
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from reproduce.networks.applications import is_weights_file
from reproduce.runtime.errors import UserError
from reproduce.runtime.model_digest import is_function, is_keras


def called(path: str) -> str:
    """What a model is called if nothing else is said."""
    return Path(path.rpartition(":")[2]).stem


def named(paths: Sequence[str]) -> dict[str, str]:
    """What each is called -> its path.

    Raises:
        UserError: two would be called alike, of which a table would show one.
    """
    found: dict[str, str] = {}
    for path in paths:
        name = called(path)
        if name in found:
            raise UserError(
                f"{found[name]} and {path} would both be called {name}: give them different names, "
                "or take them one at a time with networks.name=."
            )
        found[name] = path
    return found


def opened(path: str) -> Any:
    """The Keras model at `path`.

    Args:
        path: a .keras or .h5 file, opened in safe mode; or module:function, a function without
            arguments that returns a Keras model, or such a model itself.
    """
    file = Path(path).expanduser()
    if file.exists():
        return _from_file(file, path)
    if not re.fullmatch(r"[\w.]+:[\w.]+", path):
        raise UserError(
            f"there is no Keras model at {path}: a file or module:function is expected."
        )
    with _settings_kept(), _own_code(path):
        found = pkgutil.resolve_name(path)
        if callable(found) and not isinstance(found, keras.Model):
            try:
                inspect.signature(found).bind()
            except TypeError as misfit:
                raise UserError(f"{path} is to be called without arguments: {misfit}.") from misfit
            found = found()
    if not isinstance(found, keras.Model):
        raise UserError(f"{path}: a Keras model is expected, got a {type(found).__name__}.")
    _with_plain_functions(found)
    return found


def _with_plain_functions(model: keras.Model) -> None:
    """Puts a function in the place of each callable object that a layer of Keras's holds.

    An activation made by functools.partial cannot be written into a layer's configuration, and
    two methods of one name would look alike there.
    """
    for layer in model._flatten_layers():
        for name, value in list(vars(layer).items()):
            if is_keras(type(layer)) and is_function(value) and not inspect.isfunction(value):
                setattr(layer, name, _calling(value))


def _calling(value: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return value(*args, **kwargs)

    return call


def _from_file(file: Path, path: str) -> Any:
    if file.is_dir():
        raise UserError(
            f"{path} is a folder, and a .keras or .h5 file is expected; a function "
            "(networks.path=module:function) may build a model from it, by keras.layers.TFSMLayer."
        )
    if is_weights_file(path):
        raise UserError(
            f"{path} holds weights and no model: networks.name=<a name in keras.applications> says "
            "whose, or a function (networks.path=module:function) builds the model and loads them."
        )
    if file.suffix == ".keras" and not zipfile.is_zipfile(file):  # Keras says: file not found
        what = "is empty" if file.stat().st_size == 0 else "is cut off, or of another kind"
        raise UserError(f"{path} {what}: a model that Keras saved is expected.")
    try:
        return keras.models.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # of many kinds, as a file may hold anything
        why = first_words(error)
        if re.search(r"lambda|Could not locate|Unknown layer|safe", str(error), re.IGNORECASE):
            why += " Code in a file is not run: networks.path=module:function builds the model."
        raise UserError(f"{path} cannot be opened as a Keras model: {why}") from error


@contextlib.contextmanager
def _own_code(path: str) -> Iterator[None]:
    """What goes wrong in somebody's module, in one line."""
    try:
        yield
    except UserError:
        raise
    except (ImportError, AttributeError) as error:
        raise UserError(f"{path} is not found: {first_words(error)}") from error
    except (Exception, SystemExit) as error:
        raise UserError(f"{path} ends with {type(error).__name__}: {first_words(error)}") from error


@contextlib.contextmanager
def _settings_kept() -> Iterator[None]:
    """A module may set the precision, say, for all that follows; not for ours."""
    policy, precision = keras.config.dtype_policy(), keras.config.floatx()
    order, least = keras.config.image_data_format(), keras.config.epsilon()
    place, eager = os.getcwd(), tf.config.functions_run_eagerly()
    try:
        with np.errstate(), warnings.catch_warnings():
            yield
    finally:
        keras.config.set_floatx(precision)
        keras.config.set_dtype_policy(policy)
        keras.config.set_image_data_format(order)
        keras.config.set_epsilon(least)
        tf.config.run_functions_eagerly(eager)
        os.chdir(place)


def first_words(error: BaseException) -> str:
    """What an exception says, in one line; of what Keras wraps, the inside."""
    text = re.sub(r"\x1b\[\d+m", "", str(error)).rpartition("Error encountered:")[2]
    text = text.partition("Arguments received by")[0].strip()
    if text.startswith("in user code:"):  # by autograph; what was raised stands last
        text = text.splitlines()[-1]
    text = " ".join(text.split())
    return f"{text[:200]}..." if len(text) > 200 else text or type(error).__name__
