"""What an earlier run left in a folder stays where it was made alike, and goes where it was not."""

from functools import partial

import keras
import numpy as np
import pytest

from reproduce.data.examples import Dataset, Examples
from reproduce.experiments import Context
from reproduce.networks.foreign import load, saved_by_keras
from reproduce.report import combined, provenance, results_json
from reproduce.report.results import Artefact, Cell
from reproduce.report.run import Header, Run
from reproduce.runtime import code
from reproduce.runtime.store import Store

HEADER = Header("szegedy", "mnist", "/data/mnist.npz", "0123456789ab", "laptop", 0)


def made(folder, *names, header=HEADER, **settings):
    """A run that makes these artefacts, and what results.json holds then."""
    with Run(folder, header, config={"artefacts": {}, **settings}) as run:
        for name in names:
            run.add(name, Artefact(name, cells=[Cell(name, "row", "column", 1.0, "rms")]), 1.0)
    return results_json.read(folder)


@pytest.fixture
def edit(monkeypatch):
    """Changes a module as if this process had begun with other code."""

    def change(module, added):
        found = code._AT_START[module]
        text = found.text + added
        monkeypatch.setitem(code._AT_START, module, found._replace(text=text))
        provenance._package.cache_clear()

    yield change
    provenance._package.cache_clear()


@pytest.mark.parametrize("module", ["experiments.szegedy.tables", "report.cells"])
def test_tables_of_other_code_are_left_out_in_a_line(tmp_path, capsys, edit, module):
    made(tmp_path, "table1", "table2")
    edit(f"reproduce.{module}", b"\n# a comment changes nothing\n")
    assert list(made(tmp_path, "table3").artefacts) == ["table1", "table2", "table3"]
    capsys.readouterr()
    edit(f"reproduce.{module}", b"\nOTHER = 1\n")
    assert list(made(tmp_path, "table2").artefacts) == ["table2"]
    told = " ".join(capsys.readouterr().out.split())
    assert "made with other code" in told
    assert "left out: table1, table2, table3." in told


def test_tables_of_a_replaced_network_are_left_out_in_a_line(tmp_path, capsys):
    network = tmp_path / "my.keras"
    settings = {"networks": {"path": str(network)}}
    network.write_bytes(b"one")
    made(tmp_path / "run", "table1", **settings)
    network.write_bytes(b"one")  # the same once more
    assert len(made(tmp_path / "run", "table2", **settings).artefacts) == 2
    network.write_bytes(b"another")
    capsys.readouterr()
    assert list(made(tmp_path / "run", "figure7", **settings).artefacts) == ["figure7"]
    told = " ".join(capsys.readouterr().out.split())
    assert "made with other content of networks.path, and left out: table1, table2." in told


def test_seeds_of_a_network_and_of_its_replacement_are_not_averaged(tmp_path):
    network = tmp_path / "my.keras"
    for seed, content in enumerate([b"one", b"one", b"another"]):
        network.write_bytes(content)
        settings = {"seed": seed, "networks": {"path": str(network)}}
        made(tmp_path / str(seed), "table1", header=HEADER._replace(seed=seed), **settings)
    runs = combined.find([tmp_path])
    assert {cell.row for cell in combined.merge(runs[:2]).cells} == {"row"}
    assert len({cell.row for cell in combined.merge(runs).cells}) == 2


def test_every_file_that_is_named_counts_but_those_of_the_data(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("a.keras", "b.keras", "folder/text.txt", "mine_of_this_test.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    one = str(tmp_path / "a.keras")
    config = {
        "networks": {"path": [one, str(tmp_path / "b.keras")]},
        "corpus": {"path": str(tmp_path / "folder")},
        "models": {"mine": {"path": "mine_of_this_test:network", "name": "mine_of_this_test:x"}},
        "dataset": {"path": one}, "photographs": str(tmp_path), "store": str(tmp_path),
        "attack": {"path": None, "name": "no file", "tau": 1},
    }  # fmt: skip
    before = provenance.files(config)
    assert list(before) == ["networks.path", "corpus.path", "models.mine.path"]
    for name, key in (
        ("b.keras", "networks.path"),
        ("folder/text.txt", "corpus.path"),
        ("mine_of_this_test.py", "models.mine.path"),
    ):
        (tmp_path / name).write_text("other")
        after = provenance.files(config)
        assert [each for each in before if before[each] != after[each]] == [key]
        before = after


def test_the_code_of_a_user_s_own_artefacts_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    config = {"artefacts": {"mine": {"_target_": "mine_of_another_test.table"}}}
    found = []
    for number in range(2):
        (tmp_path / "mine_of_another_test.py").write_text(f"def table(): return {number}\n")
        monkeypatch.delitem(__import__("sys").modules, "mine_of_another_test", raising=False)
        code._source.cache_clear()
        code._module.cache_clear()
        __import__("mine_of_another_test")
        found.append(provenance.source(config))
    assert found[0] != found[1] != provenance.source({})


def test_versions_are_those_of_all_that_stays(tmp_path, monkeypatch):
    def by(commit, *names):
        monkeypatch.setattr("reproduce.report.run.versions", lambda: {"reproduce": commit})
        return made(tmp_path, *names).versions["reproduce"]

    assert by("first", "table1", "table2") == "first"
    assert by("second", "table2") == "first / second"
    assert by("third", "table1", "table2") == "third"


def test_a_network_that_a_function_makes_is_known_by_its_content(tmp_path, monkeypatch, rng):
    """The function's own file stays as it is; what it reads does not."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "makes_of_this_test.py").write_text(
        "import keras\n"
        "def network():\n"
        "    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(),\n"
        "                              keras.layers.Dense(10)])\n"
        "    model.load_weights('w.weights.h5')\n"
        "    return model\n"
    )
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    images = rng.random((40, 28, 28, 1)).astype(np.float32)
    examples = Examples(images, np.arange(40) % 10)
    dataset = Dataset("noise", "here", "digest", examples, examples, 10)
    found = []
    for weights in (1.0, 1.0, 2.0):
        model.set_weights([np.full((784, 10), weights) * np.arange(10), np.zeros(10)])
        model.save_weights("w.weights.h5")
        networks = saved_by_keras("makes_of_this_test:network", scale=1.0, outputs="logits")
        context = Context(dataset, networks, 0, Store(tmp_path / "store"))
        found.append(context.by_functions())
    assert [*found[0]] == ["network"]
    assert found[0] == found[1] != found[2]
    assert (
        Context(dataset, {"missing": partial(load, "nowhere:x")}, 0, Store(tmp_path)).by_functions()
        == {}
    )


def test_another_network_of_the_same_function_is_left_out_and_kept_apart(tmp_path, capsys):
    settings = {"networks": {"path": "mine:network"}}
    made(tmp_path / "run", "table1", by_functions={"network": "one"}, **settings)
    made(tmp_path / "run", "table2", by_functions={"network": "one"}, **settings)
    capsys.readouterr()
    now = made(tmp_path / "run", "table3", by_functions={"network": "two"}, **settings)
    assert list(now.artefacts) == ["table3"]
    told = " ".join(capsys.readouterr().out.split())
    assert "made with other content of network, and left out: table1, table2." in told
    for seed, content in enumerate(["one", "one", "two"]):
        header = HEADER._replace(seed=seed)
        made(tmp_path / "s" / str(seed), "table1", header=header, by_functions={"network": content})
    runs = combined.find([tmp_path / "s"])
    assert {cell.row for cell in combined.merge(runs[:2]).cells} == {"row"}
    assert len({cell.row for cell in combined.merge(runs).cells}) == 2


def test_a_combined_report_leaves_no_table_of_the_one_it_replaces(tmp_path, capsys):
    for name in ("table1", "table2"):
        for seed in range(2):
            folder = tmp_path / f"seed={seed}" / name
            made(folder, name, header=HEADER._replace(seed=seed))
        runs = combined.find([tmp_path / f"seed={seed}" / name for seed in range(2)])
        capsys.readouterr()
        combined.write(tmp_path / "combined", runs)
    tables = {path.stem for path in (tmp_path / "combined" / "tables").iterdir()}
    assert tables == {"table2"}
    assert "left out: table1." in " ".join(capsys.readouterr().out.split())
