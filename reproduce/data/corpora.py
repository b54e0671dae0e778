"""Collections of texts: 20 Newsgroups, installed packages' documentation, or one's own.

newsgroups()    18,846 messages under 20 headings, by scikit-learn's fetcher; if they are
                unavailable, falls back to `docstrings` with a warning
docstrings()    one document for each public class or function of the packages that the
                experiments need anyway, under the package's name
texts(path)     a folder (headings are its sub-folders) or a file of JSON lines with "text"
                and "label"
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import re
import socket
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from reproduce.data.class_folders import is_leftover
from reproduce.runtime.errors import UserError

PACKAGES = ("keras", "matplotlib", "numpy", "scipy", "sklearn")
SHORTEST = 30  # words; shorter texts are dropped
PATIENCE = 5.0  # seconds to wait for a silent server


class Corpus(NamedTuple):
    """Texts under headings.

    name: what it is; source: where it came from.
    texts: one string a document; labels: the heading of each.
    stands_in_for: the collection that was asked for and is unavailable.
    """

    name: str
    source: str
    texts: list[str]
    labels: list[str]
    stands_in_for: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 over texts and labels."""
        content = json.dumps([self.texts, self.labels]).encode()
        return hashlib.sha256(content).hexdigest()


def newsgroups(strict: bool = False, packages: Sequence[str] = PACKAGES) -> Corpus:
    """20 Newsgroups without headers, signatures and quotations.

    Args:
        strict: if it is unavailable, fail instead of falling back to `docstrings`.
    """
    from sklearn.datasets import fetch_20newsgroups

    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Retry downloading")
            found = fetch_20newsgroups(
                subset="all", remove=("headers", "footers", "quotes"), n_retries=1, delay=0.1
            )
    except OSError as nowhere:
        message = (
            f"20 Newsgroups is unavailable: it is not in scikit-learn's cache, and a download "
            f"failed ({nowhere})."
        )
        if strict:
            raise UserError(f"{message} Go online once, or name texts of your own.") from nowhere
        warnings.warn(
            f"{message} Going on with the documentation of {', '.join(packages)}.", stacklevel=2
        )
        return docstrings(packages)._replace(stands_in_for="20 Newsgroups")
    finally:
        socket.setdefaulttimeout(patience)
    labels = [found.target_names[target] for target in found.target]
    return _corpus("20 Newsgroups", "scikit-learn's fetcher", zip(found.data, labels, strict=True))


def docstrings(packages: Sequence[str] = PACKAGES) -> Corpus:
    """The documentation of installed packages, read from their files without importing them."""

    def found() -> Iterator[tuple[str, str]]:
        for package in packages:
            specification = importlib.util.find_spec(package)
            if specification is None or specification.origin is None:
                raise UserError(f"{package} is not installed: name packages that are.")
            root = Path(specification.origin).parent
            for file in sorted(root.rglob("*.py")):
                if not _hidden(file.relative_to(root)):
                    for text in _documented(ast.parse(file.read_text(encoding="utf-8"))):
                        yield text, package

    name = "documentation of " + ", ".join(packages)
    return _corpus(name, "installed packages", found())


def texts(path: str | Path) -> Corpus:
    """A folder of .txt files, or a .jsonl file with one {"text": ..., "label": ...} a line.

    Raises:
        UserError: for what cannot be read, by file and line.
    """
    place = Path(str(path)).expanduser()
    if place.is_dir():
        files = [
            file
            for file in sorted(place.rglob("*.txt"))
            if not any(map(is_leftover, file.relative_to(place).parts)) and file.is_file()
        ]
        pairs = [(_text(file), file.parent.name) for file in files]
    elif place.is_file():
        pairs = [
            _entry(place, number, line)
            for number, line in enumerate(_text(place).splitlines(), 1)
            if line.strip()
        ]
    else:
        raise UserError(f"{place} is neither a folder of .txt files nor a file of JSON lines.")
    return _corpus(place.name, str(place), pairs)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as broken:
        raise UserError(f"{file} cannot be read as text in UTF-8 ({broken}).") from broken


def _entry(place: Path, number: int, line: str) -> tuple[str, str]:
    try:
        entry = json.loads(line)
        text, label = entry["text"], entry["label"]
        if not isinstance(text, str) or not isinstance(label, str | int):
            raise TypeError(f"text is {type(text).__name__}, label {type(label).__name__}")
    except (ValueError, KeyError, TypeError, RecursionError) as broken:
        raise UserError(
            f'{place}, line {number}: {{"text": ..., "label": ...}} expected ({broken}).'
        ) from broken
    return text, str(label)


def _corpus(name: str, source: str, pairs: Iterable[tuple[str, str]]) -> Corpus:
    """Drops short and repeated texts, and checks that two headings are left."""
    kept: dict[str, str] = {}
    for text, label in pairs:
        text = re.sub(r"\s+", " ", text).strip()
        if text.count(" ") >= SHORTEST - 1:
            kept.setdefault(text, label)
    if len(set(kept.values())) < 2:
        raise UserError(
            f"{name}: texts of {SHORTEST} words or more under two headings or more are expected, "
            f"got {len(kept)} under {len(set(kept.values()))}."
        )
    return Corpus(name, source, list(kept), list(kept.values()))


def _hidden(file: Path) -> bool:
    """Tests, vendored copies and generated code."""
    return any(
        part in {"tests", "testing", "externals", "_vendor", "conftest.py", "_examples"}
        or part.startswith("test_")
        for part in file.parts
    )


def _documented(tree: ast.AST) -> Iterator[str]:
    """The documentation of public classes, functions and methods, without its examples."""
    for node in ast.walk(tree):
        named = isinstance(node, ast.ClassDef | ast.FunctionDef)
        if named and not node.name.startswith("_") and (text := ast.get_docstring(node)):  # type: ignore[attr-defined,arg-type]
            lines = text.splitlines()
            yield "\n".join(line for line in lines if not line.lstrip().startswith((">>>", "...")))
