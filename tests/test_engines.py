"""Engines: same digits, each piece made once, and a worker that is killed ends no run."""

import importlib.util
import os
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from reproduce.runtime import engines
from reproduce.runtime.engines import Engine, Spread
from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import say
from reproduce.runtime.store import Piece, Store, key
from reproduce.runtime.worker import Place, make, packed

HERE = str(Path(__file__).parent)
LARGE = 1 << 18  # numbers, 2 MB: more than joblib hands over in the message itself


def draw(images, seed, folder):
    """Sums in floating point whose digits depend on the order; told in a file each time."""
    with open(Path(folder, f"made{seed}"), "a") as file:
        file.write(f"{os.getpid()}\n")
    say(f"drawing {seed}")
    noise = np.random.default_rng(seed).normal(size=images.shape)
    return np.tanh(images + noise).mean(axis=0)


def draw_unless_killed(images, seed, folder):
    if seed == 1 and not Path(folder, "killed").exists():
        Path(folder, "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return draw(images, seed, folder)


def fail(message):
    raise UserError(message)


def divide(by):
    return 1 // by


def large():
    images = np.random.default_rng(9).random((LARGE // 64, 64))
    images.flags.writeable = False
    return images


def pieces(folder, call=draw, count=4):
    images = large()
    return [
        Piece(partial(call, images, seed, str(folder)), title=f"piece {seed}")
        for seed in range(count)
    ]


def made(folder):
    """Process ids of those that made each piece."""
    return {file.name: file.read_text().split() for file in folder.glob("made*")}


def have(package):
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None, reason=f"{package} is not installed"
    )


each_engine = pytest.mark.parametrize(
    "name",
    [
        "local",
        pytest.param("ray", marks=have("ray")),
        pytest.param("dask", marks=have("distributed")),
    ],
)


@pytest.fixture
def spread(tmp_path):
    """Makes a store with workers, which end with the test."""
    begun = []

    def begin(name, workers=2, store="store"):
        place = Place(store="", paths=(HERE,), products=1)
        found = Spread(tmp_path / store, None, Engine(name, workers), place)
        begun.append(found)
        return found

    yield begin
    for store in begun:
        store.close()


@each_engine
def test_every_engine_gives_the_digits_of_a_serial_run(tmp_path, spread, capsys, name):
    (tmp_path / "serial").mkdir()
    (tmp_path / "workers").mkdir()
    alone = Store(tmp_path / "alone").cached_all(pieces(tmp_path / "serial"))
    store = spread(name, workers=4 if name != "local" else 2)
    asked = pieces(tmp_path / "workers")
    capsys.readouterr()
    found = store.cached_all([*asked, asked[0]])
    for one, other in zip([*alone, alone[0]], found, strict=True):
        assert one.tobytes() == other.tobytes()
    by = made(tmp_path / "workers")
    assert all(len(each) == 1 for each in by.values())
    assert len(by) == 4
    assert str(os.getpid()) not in {each[0] for each in by.values()}
    told = capsys.readouterr().out
    for seed in range(4):
        assert f"drawing {seed}" in told
        assert f"piece {seed}: " in told
    store.cached_all(asked)
    assert made(tmp_path / "workers") == by


@each_engine
def test_a_worker_that_is_killed_does_not_end_the_run(tmp_path, spread, name):
    alone = [draw(large(), seed, tmp_path) for seed in range(4)]
    for file in tmp_path.glob("made*"):
        file.unlink()
    found = spread(name).cached_all(pieces(tmp_path, draw_unless_killed))
    assert (tmp_path / "killed").exists()
    assert [one.tobytes() for one in found] == [one.tobytes() for one in alone]
    # A piece that another worker had begun may end with it, and is begun again.
    assert all(len(each) <= engines.ATTEMPTS for each in made(tmp_path).values())


def test_what_always_kills_a_worker_is_left_to_the_run_itself(tmp_path, spread, capsys):
    me = os.getpid()
    store = spread("local")
    found = store.cached_all([Piece(partial(kill_others, me, n)) for n in range(2)])
    assert found == [0, 1]
    told = capsys.readouterr().out
    assert "workers make what is missing" in told
    assert "the run itself makes what is missing" in told


def kill_others(pid, n):
    if os.getpid() != pid:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def test_two_workers_that_are_asked_for_the_same_make_it_once(tmp_path):
    code = textwrap.dedent(f"""
        import sys, time
        sys.path.insert(0, {HERE!r})
        from test_engines import pieces
        from reproduce.runtime.worker import Place, make, packed
        piece, buffers = packed(pieces({str(tmp_path)!r})[0])
        print(make(Place({str(tmp_path / "store")!r}), piece, *buffers).key)
    """)
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    keys = {process.communicate()[0].strip() for process in both}
    assert keys == {key(pieces(tmp_path)[0].call)}
    assert len(made(tmp_path)["made0"]) == 1


def test_an_error_of_a_piece_is_the_run_s(spread):
    with pytest.raises(UserError, match="no such digit"):
        spread("local").cached_all([Piece(partial(fail, f"no such digit {n}")) for n in range(2)])
    with pytest.raises(ZeroDivisionError) as error:
        spread("local").cached_all([Piece(partial(divide, 0)), Piece(partial(divide, 1))])
    assert "1 // by" in error.value.__notes__[0]


class Stuck:
    """Cannot be pickled."""

    def __reduce__(self):
        raise TypeError("it holds a lock")

    def __call__(self):
        return "a"


def test_what_cannot_travel_is_made_by_the_run(spread, capsys):
    stuck = Piece(partial(Stuck()), title="the first")
    assert spread("local").cached_all([stuck, Piece(partial(divide, 1))]) == ["a", 1]
    assert "the first cannot travel to a worker: it holds a lock" in capsys.readouterr().out


class Rooted:
    """Is pickled, and unpacked nowhere but in its own process, as a layer that Keras must find."""

    def __init__(self, pid, name):
        self.pid, self.name = pid, name

    def __reduce__(self):
        return rooted, (self.pid, self.name)

    def __call__(self):
        return f"{self.name} by {os.getpid()}"


def rooted(pid, name):
    if os.getpid() != pid:
        raise TypeError(f"Could not locate class '{name}'.\nMore in a second line.")
    return Rooted(pid, name)


def test_what_a_worker_cannot_unpack_is_made_by_the_run(spread, capsys):
    me = os.getpid()
    asked = [Piece(partial(Rooted(me, name))) for name in "ab"]
    found = spread("local").cached_all([*asked, Piece(partial(divide, 1))])
    assert found == [f"a by {me}", f"b by {me}", 1]
    told = " ".join(capsys.readouterr().out.split())
    assert "2 of 3 pieces cannot travel to a worker and are made by the run itself" in told
    assert "TypeError: Could not locate class 'a'." in told or "class 'b'." in told
    assert "second line" not in told


def test_one_missing_piece_begins_no_workers(tmp_path, spread):
    asked = pieces(tmp_path, count=1)
    spread("local").cached_all(asked)
    assert made(tmp_path)["made0"] == [str(os.getpid())]


def test_a_piece_travels_without_copies_and_keeps_its_key(tmp_path):
    piece = pieces(tmp_path)[0]
    packed_piece, buffers = packed(piece)
    assert len(packed_piece) < 10_000
    assert sum(buffer.nbytes for buffer in buffers) == large().nbytes
    found = make(Place(str(tmp_path / "store")), packed_piece, *buffers)
    assert found.error is None
    assert found.key == key(piece.call)
    assert found.lines[0].strip() == "drawing 0"


def test_an_engine_whose_package_is_missing_is_refused_in_a_line(monkeypatch):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    for name in ("ray", "dask"):
        with pytest.raises(UserError, match=rf"pip install '\.\[{name}\]'") as error:
            Engine(name).check()
        assert "\n" not in str(error.value)
    Engine("local").check()


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_workers_end_with_their_run(tmp_path, how):
    code = textwrap.dedent(f"""
        import os, signal, sys, time
        from functools import partial
        from pathlib import Path
        sys.path.insert(0, {HERE!r})
        from reproduce.runtime.engines import Engine, Spread
        from reproduce.runtime.store import Piece
        from reproduce.runtime.stopping import stop_on_signals
        from reproduce.runtime.worker import Place
        import test_engines
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop_on_signals()
        place = Place("", paths=({HERE!r},))
        store = Spread({str(tmp_path / "store")!r}, None, Engine("local", 2), place)
        try:
            store.cached_all([
                Piece(partial(test_engines.sleep, {str(tmp_path)!r}, n)) for n in range(2)
            ])
        finally:
            store.close()
    """)
    run = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    workers = _soon(lambda: len(list(tmp_path.glob("pid*"))) == 2 and list(tmp_path.glob("pid*")))
    run.send_signal(getattr(signal, how))
    assert run.wait(30) != 0
    run.stderr.close()
    assert _soon(lambda: not any(_runs(int(file.name[3:])) for file in workers), seconds=10)


def sleep(folder, n):
    Path(folder, f"pid{os.getpid()}").touch()
    time.sleep(60)
    return n


def _runs(pid):
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def _soon(condition, seconds=30):
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return found
