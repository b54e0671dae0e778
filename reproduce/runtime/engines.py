"""Who makes the pieces of a run that do not depend on each other: engines of others, by joblib.

A piece is a call of the store. It travels to a worker, which writes the result to the store; the
run reads it there, as it would read that of an earlier run. So an engine only fills the store
beforehand, and what it leaves out is made by the run itself, as without an engine.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import tempfile
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.markup import escape

from reproduce.runtime import cores, recipe
from reproduce.runtime.errors import UserError
from reproduce.runtime.places import ROOT
from reproduce.runtime.progress import relay, say, stage
from reproduce.runtime.store import Piece, Store
from reproduce.runtime.worker import Made, Place, make, packed

ATTEMPTS = 2  # of the workers; what is missing then is made by the run
Task = tuple[bytes, list[np.ndarray]]  # a piece as it travels
PACKAGES = {"serial": (), "local": (), "ray": ("ray",), "dask": ("dask", "distributed")}


class Engine(NamedTuple):
    """Who carries out a run's independent pieces, as conf/engine has it.

    name: serial, local, ray or dask.
    workers: how many at a time; as many as there are cores, here or in the cluster, if None.
    address: of a cluster of Ray's or Dask's that is there; None begins one on this machine.
    """

    name: str = "serial"
    workers: int | None = None
    address: str | None = None

    @property
    def at_once(self) -> int:
        return self.workers or len(cores.CORES)

    def check(self) -> None:
        """Refuses an engine whose package is not installed."""
        for package in PACKAGES[self.name]:
            if importlib.util.find_spec(package) is None:
                raise UserError(
                    f"engine={self.name} needs the package {package}, which is not installed: "
                    f"pip install '.[{self.name}]', or engine=local."
                )


class Spread(Store):
    """A store whose missing results workers make, where several are asked for at once.

    Args:
        engine: not serial.
        place: what a worker needs to know; its store is this one.
    """

    def __init__(self, folder: str | Path, released: str | Path | None, engine: Engine,
                 place: Place) -> None:  # fmt: skip
        super().__init__(Path(folder).absolute(), released and Path(released).absolute())
        self.engine = engine
        released = None if self.released is None else str(self.released)
        place = place._replace(store=str(self.folder), released=released)
        self._workers = Workers(engine, place)

    def cached_all(self, pieces: Sequence[Piece], then: Sequence[str] = ()) -> list[Any]:
        missing = self._missing(pieces)
        for attempt in range(ATTEMPTS):
            if len(missing) < 2 - attempt or self.engine.at_once < 2:  # one is made as soon here
                break
            try:
                failure = self._spread(missing)
            except Exception as ending:  # of the engine: an error of a piece is handed back
                again = "workers make" if attempt + 1 < ATTEMPTS else "the run itself makes"
                what = f"{type(ending).__name__}: {ending}".splitlines()[0]
                say(escape(f"a worker was lost ({what}); {again} what is missing."))
                missing = self._missing(pieces)
            else:
                if failure is not None:
                    raise failure
                break
        return super().cached_all(pieces)

    def close(self) -> None:
        """Ends the workers."""
        self._workers.close()

    def _missing(self, pieces: Sequence[Piece]) -> dict[str, Piece]:
        """By their keys, each once."""
        named = {recipe.of(piece.call).key: piece for piece in pieces if not piece.quick}
        return {key: piece for key, piece in named.items() if not self.holds(key)}

    def _spread(self, missing: Mapping[str, Piece]) -> Exception | None:
        """Has workers make pieces; returns the first error of a piece, and ends the others then."""
        told = f"{len(missing)} pieces, {self.engine.at_once} at a time"
        unread: list[str] = []
        with stage(told, total=len(missing)) as advance, contextlib.ExitStack() as stack:
            made = self._workers(_tasks(missing.values()))
            stack.callback(_end, made)
            for each in made:
                relay(each.lines)
                if each.error is not None:
                    return each.error
                if each.unread:
                    unread.append(each.unread)
                    continue
                piece = missing.get(each.key)
                if piece is None:
                    say("a worker's code is not this run's: its result has another key.")
                elif not self.holds(each.key):
                    return UserError(
                        f"store={self.folder}: a worker wrote a result that this run does not "
                        "find. It has to be a folder that all machines share and can write to."
                    )
                advance(1, note=piece.title if piece else "")
        if unread:
            some = f"{len(unread)} of {len(missing)} pieces cannot travel to a worker"
            say(escape(f"{some} and are made by the run itself: {unread[0]}"))
        return None


@contextlib.contextmanager
def opened(
    folder: str | Path,
    released: str | Path | None,
    engine: Engine,
    *,
    seed: int,
    threads: int,
    image: int = 0,
) -> Iterator[Store]:
    """The store of a run, with the workers of its engine while it lasts.

    Args:
        seed, threads: of the run; image: numbers of an image, see `memory.give_back`.
    """
    if engine.name == "serial":
        yield Store(folder, released)
        return
    products = os.environ.get("OPENBLAS_NUM_THREADS", "")
    place = Place(
        store="",
        seed=seed,
        threads=threads,
        image=image,
        products=int(products) if products.isdigit() else None,
        paths=(os.getcwd(),),
    )
    with contextlib.closing(Spread(folder, released, engine, place)) as store:
        yield store


class Workers:
    """The workers of a run: begun with its first pieces, ended by `close`.

    Calling it with tasks, the packed pieces, gives what was made of them, as it comes where the
    engine can tell (Ray's tells at the end).
    """

    def __init__(self, engine: Engine, place: Place) -> None:
        self.engine, self.place = engine, place
        self._closing = contextlib.ExitStack()
        self._options: dict[str, Any] = {}

    def __call__(self, tasks: Iterable[Task]) -> Generator[Made]:
        from joblib import Parallel, delayed, parallel_config

        if not self._options:
            self._options = BEGIN[self.engine.name](self)
        with parallel_config(**self._options):
            live = self.engine.name != "ray"
            parallel = Parallel(batch_size=1, return_as="generator_unordered" if live else "list")
            work = delayed(make)
            made = parallel(work(self.place, piece, *buffers) for piece, buffers in tasks)
        yield from made

    def close(self) -> None:
        self._closing.close()
        self._options = {}

    def local(self) -> dict[str, Any]:
        """Processes of this machine, each bound to cores of its own."""
        from joblib.externals.loky import get_reusable_executor

        folder = self._closing.enter_context(tempfile.TemporaryDirectory(prefix="reproduce-"))
        self._closing.callback(
            lambda: get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)
        )
        self.place = self.place._replace(
            parent=os.getpid(), share=cores.share(self.engine.at_once), places=f"{folder}/cores"
        )
        return {"backend": "loky", "n_jobs": self.engine.at_once}

    def ray(self) -> dict[str, Any]:
        """Actors of a cluster that is there, or of one on this machine."""
        import ray
        from ray.util.joblib import register_ray

        register_ray()
        address = self.engine.address
        if address is None:
            # Its processes start a Python of their own, which has to find this package.
            path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
            os.environ["PYTHONPATH"] = os.pathsep.join(path)
            ray.init("local", num_cpus=self.engine.at_once, include_dashboard=False)
        else:
            ray.init(address)
        self._closing.callback(ray.shutdown)
        found = int(ray.cluster_resources().get("CPU", 1))
        return {"backend": "ray", "n_jobs": self.engine.workers or found}

    def dask(self) -> dict[str, Any]:
        """Workers of a cluster that is there, or of one on this machine."""
        from distributed import Client

        address = self.engine.address
        client = Client(address) if address else Client(
            n_workers=self.engine.at_once, threads_per_worker=1, dashboard_address=None
        )  # fmt: skip
        self._closing.callback(client.shutdown if address is None else client.close)
        return {"backend": "dask", "client": client}


BEGIN: Mapping[str, Callable[[Workers], dict[str, Any]]] = {
    "local": Workers.local, "ray": Workers.ray, "dask": Workers.dask
}  # fmt: skip


def _end(made: Generator[Made]) -> None:
    """Gives up what is not made yet, of which joblib would warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.close()


def _tasks(pieces: Iterable[Piece]) -> Iterator[Task]:
    """Pieces as they travel. Bytes of an array that several share are one object, sent once."""
    known: dict[tuple[int, int], np.ndarray] = {}
    for piece in pieces:
        try:
            task, buffers = packed(piece)
        except Exception as error:
            say(escape(f"{piece.title or 'a piece'} cannot travel to a worker: {error}"))
            continue
        yield task, [known.setdefault((each.ctypes.data, each.nbytes), each) for each in buffers]
