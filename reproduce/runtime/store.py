"""Slow results, kept under the call that makes them.

    network = store.cached(partial(training.train, builder, phases, examples, seed=0))

An entry is a folder named by its call's recipe (`recipe`): the function, every argument with its
default, and the code they reach. It is written aside and renamed, so it is whole or absent.
`recipe.json` in it says what it is. A second folder of entries, the released networks, can be
looked in besides; it is only read.
"""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import time
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from reproduce.runtime import memory, recipe, serialization
from reproduce.runtime.checkpoints import resumed
from reproduce.runtime.digests import sha256_of_file
from reproduce.runtime.errors import UserError
from reproduce.runtime.files import locked, put_aside
from reproduce.runtime.progress import say, stage
from reproduce.runtime.recipe import Recipe

REMEMBERED = 1 << 25  # bytes on disk up to which a result stays in memory as well
RECORDED_VERSIONS = ("tensorflow", "keras", "numpy", "scipy")
# Reading failed for want of something else than a whole entry.
_NOT_DAMAGE = (
    errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE,
)  # fmt: skip


class Damage(Exception):
    """An entry that is not what was written."""


class Piece(NamedTuple):
    """A result to ask for, by the arguments of `Store.cached`.

    quick: made once a process and not kept, by `Store.remembered`.
    """

    call: partial[Any]
    checkpoints: str | None = None
    title: str = ""
    quick: bool = False


class Store:
    """A folder of results, each in a folder named by its key.

    Args:
        folder: where they are kept.
        released: entries that came with the code, looked in where the folder has none of a key.
    """

    def __init__(self, folder: str | Path, released: str | Path | None = None) -> None:
        self.folder = Path(folder)
        self.released = None if released is None else Path(released)
        self._memory: dict[str, Any] = {}

    def cached(self, call: partial[Any], checkpoints: str | None = None, title: str = "") -> Any:
        """The result of a call, from memory, from disk, released, or made now and kept.

        Where the folder cannot be written, a result is made and used, and a warning says that it
        is not kept.

        Args:
            call: every argument bound. Results may be Keras models, arrays, numbers, strings,
                None, and tuples, records, lists and dictionaries of them.
            checkpoints: the name of an argument that takes a folder (pathlib.Path) in which an
                unfinished call leaves what it needs to go on; the folder goes when the call ends.
            title: what its progress is called, where it has to be made.

        Raises:
            UserError: the store cannot name the call (`recipe`), or may not read the entry.
        """
        named = recipe.of(call)
        if named.key in self._memory:
            return self._memory[named.key]
        found = None
        with contextlib.suppress(Damage):
            found = read(self.folder / named.key)
        found = found or self._released(named.key, title)
        found = found or self._locked(named, call, checkpoints, title)
        if self._bytes(named.key) <= REMEMBERED:
            self._memory[named.key] = found[0]
        return found[0]

    def cached_all(self, pieces: Sequence[Piece], then: Sequence[str] = ()) -> list[Any]:
        """The results of calls that do not depend on each other, in order.

        Here one after the other; an engine has its workers make those that are missing
        (`engines.Spread`).

        Args:
            then: what depends on the results and is made next, for a plan (`planning`).
        """
        return [
            self.remembered(piece.call) if piece.quick else self.cached(*piece[:3])
            for piece in pieces
        ]

    def holds(self, name: str) -> bool:
        """Whether there is an entry of a key, whole or damaged, here or released."""
        places = filter(None, [self.folder, self.released])
        return name in self._memory or any((place / name).exists() for place in places)

    def _bytes(self, name: str) -> int:
        """Size of an entry on disk; 0 where there is none, as in a folder that is read-only."""
        return sum(file.stat().st_size for file in (self.folder / name).glob("*"))

    def remembered(self, call: partial[Any]) -> Any:
        """The result of a call that is quick to make: once a process, and not on disk."""
        name = key(call)
        if name not in self._memory:
            self._memory[name] = call()
        return self._memory[name]

    def _locked(
        self, named: Recipe, call: partial[Any], checkpoints: str | None, title: str
    ) -> tuple[Any]:
        """Makes a result that is not there, while no other process makes it."""
        waiting = f"another run makes {title or 'the same result'}: this one waits for it."
        with self._lock(named.key, waiting) as writable:
            found = self._load(named.key)  # made by another process meanwhile
            if found is not None:
                return found
            changed = self._changed(named)
            if changed:
                say(f"{title or call.func.__qualname__} is made again: {changed}.")
            with stage(title) if title else contextlib.nullcontext():
                return (self._make(named, call, checkpoints if writable else None),)

    @contextlib.contextmanager
    def _lock(self, name: str, waiting: str) -> Iterator[bool]:
        """Yields whether the store can be written."""
        with contextlib.ExitStack() as stack:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(self.folder / f"{name}.lock", waiting))
            except OSError:
                yield False
                return
            yield True

    def _released(self, name: str, title: str) -> tuple[Any] | None:
        """The entry that came with the code; a damaged one is told and passed over."""
        if self.released is None:
            return None
        try:
            found = read(self.released / name)
        except Damage as damage:
            warnings.warn(f"among the released networks {damage}: not used.", stacklevel=4)
            return None
        if found:
            say(f"from the released networks, in the place of {title or 'making it'}.")
        return found

    def _load(self, name: str) -> tuple[Any] | None:
        """The same under the entry's lock, where a damaged one is set aside."""
        try:
            return read(self.folder / name)
        except Damage as damage:
            put_aside(self.folder / name, str(damage))
            return None

    def _make(self, named: Recipe, call: partial[Any], checkpoints: str | None) -> Any:
        started = time.time(), time.process_time()
        unfinished = self.folder / f"{named.key}.unfinished"
        result = call() if checkpoints is None else resumed(call, checkpoints, unfinished)
        memory.clear_up()
        try:
            elapsed, processor = time.time() - started[0], time.process_time() - started[1]
            self._keep(named, result, {"seconds": elapsed, "processor_seconds": processor})
        except OSError as error:
            warnings.warn(f"a result is used but not kept: {error}.", stacklevel=5)
        else:
            shutil.rmtree(unfinished, ignore_errors=True)
        return result

    def _keep(self, named: Recipe, result: Any, cost: dict[str, float]) -> None:
        aside = self.folder / f"{named.key}.aside"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        try:
            serialization.save(result, aside)
            record = {
                "recipe": named.call,
                "code": named.code,
                **cost,
                "versions": {package: version(package) for package in RECORDED_VERSIONS},
                "files": {file.name: sha256_of_file(file) for file in sorted(aside.iterdir())},
            }
            (aside / "recipe.json").write_text(json.dumps(record, indent=1))
            aside.rename(self.folder / named.key)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _changed(self, named: Recipe) -> str:
        """Which modules differ from those with which the same call was last made, in words."""
        call = named.key.partition("-")[0]
        with contextlib.suppress(OSError, ValueError, KeyError):
            earlier = max(
                self.folder.glob(f"{call}-*/recipe.json"), key=lambda file: file.stat().st_mtime
            )
            code = json.loads(earlier.read_text())["code"]
            modules = sorted(
                name for name in code.keys() | named.code if code.get(name) != named.code.get(name)
            )
            more = f" and {len(modules) - 3} more" if len(modules) > 3 else ""
            return f"{', '.join(modules[:3])}{more} changed"
        return ""


def key(call: partial[Any]) -> str:
    """Names the call's result; changed arguments and changed code change it."""
    return recipe.of(call).key


def read(entry: Path) -> tuple[Any] | None:
    """The result in an entry, in a tuple of one, since it may be None; None where there is none.

    Raises:
        Damage: there is something of that name, but no whole entry.
        UserError: it may not be read, or not now.
    """
    if not entry.exists() and not entry.is_symlink():
        return None
    try:
        record = json.loads((entry / "recipe.json").read_text())
        for file, digest in record["files"].items():
            if sha256_of_file(entry / file) != digest:
                raise ValueError(f"{file} was changed or cut off")
        return (serialization.load(entry),)
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NOT_DAMAGE:
            raise UserError(f"store entry {entry} cannot be read: {error.strerror}.") from error
        raise Damage(f"store entry {entry.name} is damaged ({error})") from error
