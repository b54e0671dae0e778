"""Digests of the code that a call can reach, so that changed code is never served old results.

A module's digest is that of its syntax tree without docstrings, comments, annotations and layout.
A function reaches its own module and what that module imports, inside functions too, as long as it
is ours: `reproduce`, and a user's own modules. Libraries are named in an entry by their versions.
A package of `reproduce` that only re-exports is not reached by importing one of its modules.
For all 170 modules that takes 0.3 s of a process, for those of a network or an attack 0.06 s.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import gc
import hashlib
import importlib.util
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1]
# What runs, records and prints: no result that the store keeps is computed there. The package
# itself only re-exports.
EXCEPTED = (f"{PACKAGE.name}.runtime", f"{PACKAGE.name}.report")
_INSTALLED = tuple(
    {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *site.getsitepackages(),
        site.getusersitepackages(),
    }
)
_ANNOTATIONS = frozenset({"annotation", "returns", "type_comment", "type_params", "type_ignores"})
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Source(NamedTuple):
    """A module's text and the folder in which its top package or module lies."""

    text: bytes
    root: Path
    is_package: bool


def reached(modules: Iterable[str]) -> dict[str, str]:
    """The digests of these modules and of all that they reach, without those of libraries.

    Args:
        modules: full names, "reproduce.methods.ascent".
    """
    waiting = {name for module in modules for name in _loaded(module) if is_ours(name)}
    found: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        found[name], needed = _module(name)
        waiting |= needed - found.keys()
    return dict(sorted(found.items()))


def everything() -> dict[str, str]:
    """The digests of all modules of this package, those that run, record and print too."""
    return {name: digest(source.text) for name, source in sorted(_AT_START.items())}


def is_ours(module: str) -> bool:
    """Whether a module's code enters the keys of what is computed with it."""
    excepted = module == PACKAGE.name or module.startswith(EXCEPTED)
    return not excepted and _source(module) is not None


def is_library(module: str) -> bool:
    """Whether a module is Python's own or was installed."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return module.partition(".")[0] in sys.stdlib_module_names and module != "__main__"
    return str(file).startswith(_INSTALLED)


def locate(module: str) -> None:
    """Notes where a module lies that what was typed in imports, perhaps later."""
    with contextlib.suppress(ImportError, ValueError):
        found = importlib.util.find_spec(module.partition(".")[0])
        if found is not None and found.origin is not None:
            is_package = found.submodule_search_locations is not None
            root = Path(found.origin).absolute().parents[int(is_package)]
            _roots.update((name, root) for name in _with_parents(module))


def digest(text: bytes | str) -> str:
    """Of a syntax tree: the same whatever its docstrings, comments, annotations and layout."""
    return _parsed(text)[0]


@functools.cache
def _module(name: str) -> tuple[str, frozenset[str]]:
    """A module's digest, and those of our modules that it imports."""
    source = _source(name)
    assert source is not None
    found, imports = _parsed(source.text)
    package = name.split(".") if source.is_package else name.split(".")[:-1]
    names = set()
    for node in imports:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
            continue
        above = package[: len(package) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        names |= {f"{base}.{alias.name}" for alias in node.names}  # modules, or what is in one
    if name not in _AT_START:
        _roots.update((known, source.root) for name in names for known in _with_parents(name))
    known = {known for name in names for known in _loaded(name)}
    return found, frozenset(filter(is_ours, known))


def _loaded(name: str) -> list[str]:
    """A module, or what holds a name, and the packages above it that do more than re-export."""
    *above, last = _with_parents(name)
    holder = above[-1:] if _source(last) is None else []  # what was named lies in there
    needed = [package for package in above if package in holder or not _only_reexports(package)]
    return [*needed, last]


@functools.cache
def _only_reexports(package: str) -> bool:
    """Whether nothing stands in the file of a package of this one but imports and `__all__`."""
    source = _AT_START.get(package)
    return source is not None and all(
        isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
        or _is_text([node])
        for node in ast.parse(source.text).body
    )


def _with_parents(name: str) -> list[str]:
    """A module and the packages above it, which are imported with it."""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


def _parsed(text: bytes | str) -> tuple[str, list[ast.Import | ast.ImportFrom]]:
    parts: list[str] = []
    imports: list[ast.Import | ast.ImportFrom] = []
    with _without_collection():
        _spell(ast.parse(text), parts, imports)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16], imports


def _spell(node: ast.AST, parts: list[str], imports: list[ast.Import | ast.ImportFrom]) -> None:
    """Writes a tree down, node by node; each has the same number of entries, so no two agree."""
    kind = node.__class__
    parts.append(kind.__name__)
    if kind is ast.Import or kind is ast.ImportFrom:
        imports.append(node)  # type: ignore[arg-type]
    values = node.__dict__
    for field in node._fields:
        if field in _ANNOTATIONS:
            continue
        value = values.get(field)
        if isinstance(value, ast.AST):
            _spell(value, parts, imports)
        elif value.__class__ is list:
            if field == "body" and kind in _DOCUMENTED and _is_text(value):
                value = value[1:]
            parts.append(f"[{len(value)}")
            for entry in value:
                if isinstance(entry, ast.AST):
                    _spell(entry, parts, imports)
                else:
                    parts.append(repr(entry))
        else:
            parts.append(repr(value))


def _is_text(body: list[ast.stmt]) -> bool:
    first = body[0] if body else None
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Trees hold no cycles, and to look for some takes longer than to parse."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@functools.cache
def _source(name: str) -> Source | None:
    """Of a module of ours."""
    if name in _AT_START:
        return _AT_START[name]
    if name.partition(".")[0] == PACKAGE.name:
        return None
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None and name in _roots:
        place = _roots[name].joinpath(*name.split("."))
        candidates = (place.with_suffix(".py"), place / "__init__.py")
        file = next((found for found in candidates if found.is_file()), None)
    if file is None or Path(file).suffix != ".py" or str(file).startswith(_INSTALLED):
        return None
    path = Path(file)
    is_package = path.name == "__init__.py"
    with contextlib.suppress(OSError):
        root = path.resolve().parents[name.count(".") + is_package]
        return Source(path.read_bytes(), root, is_package)
    return None


def _read_package() -> dict[str, Source]:
    """All of our modules as they are now: a long run goes on with the code that it began with."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found[name] = Source(path.read_bytes(), PACKAGE.parent, is_package)
    return found


_AT_START = _read_package()
_roots: dict[str, Path] = {}  # where a name may lie that a user's module imports: beside it
