"""The arguments of a function that conf/ names, read from its source without importing it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from reproduce.runtime.places import ROOT


def parameters(target: str) -> dict[str, Any] | None:
    """Names and defaults, None where a default is no literal.

    None for all where the source is not found, or where any name is taken (**options).
    """
    module, _, name = target.rpartition(".")
    path = _source(module)
    if path is None:
        return None
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return None if node.args.kwarg else _of_function(node.args)
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _of_record(node)
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return parameters(f"{node.module}.{alias.name}")
    return None


def _source(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    found = [path.with_suffix(".py"), path / "__init__.py"]
    return next((each for each in found if each.is_file()), None)


def _of_function(args: ast.arguments) -> dict[str, Any]:
    plain = [*args.posonlyargs, *args.args]
    without = [None] * (len(plain) - len(args.defaults))
    defaults = [*without, *args.defaults, *args.kw_defaults]
    names = [each.arg for each in [*plain, *args.kwonlyargs]]
    return {name: _literal(node) for name, node in zip(names, defaults, strict=True)}


def _of_record(node: ast.ClassDef) -> dict[str, Any] | None:
    fields = {
        each.target.id: _literal(each.value)
        for each in node.body
        if isinstance(each, ast.AnnAssign)
        and isinstance(each.target, ast.Name)
        and "ClassVar" not in ast.unparse(each.annotation)
    }
    return fields or None


def _literal(node: ast.expr | None) -> Any:
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None
