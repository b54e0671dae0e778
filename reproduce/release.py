"""The released networks: made from a store, and which of them are out of date.

python -m reproduce.release outputs/cache  copies today's networks out of a store; needs MNIST
python -m reproduce.release                says which released networks today's code cannot use

A released network is an entry of the store, under outputs/released, with card.yaml beside it. It
is found by its key: once the code or the options of its training change, it is passed over and
trained again. The exit code is 0 where every network of NETWORKS is there and up to date, 1 where
one is not.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.markup import escape

from reproduce.data import Dataset, mnist
from reproduce.data.examples import Examples, halves
from reproduce.experiments.szegedy.halves import TRAINED_ON
from reproduce.networks.forward import error_rate
from reproduce.report.provenance import versions
from reproduce.runtime import recipe, store
from reproduce.runtime.calls import made
from reproduce.runtime.errors import UserError
from reproduce.runtime.places import CONF, RELEASED
from reproduce.runtime.progress import say

CARD = "card.yaml"
# File of conf/networks -> the command that trains its networks.
NETWORKS = {
    "szegedy": "python run.py experiment=szegedy 'only=[table1]' released=false",
    "szegedy_halves": "python run.py experiment=szegedy 'only=[table3]' released=false",
    "szegedy_convolutional": "python run.py experiment=szegedy 'only=[figure1]' released=false",
    "lenet": "python run.py experiment=nguyen 'only=[figure4]' released=false",
}
WHICH = {None: "all", 0: "the first", 1: "the last"}
_NOTHING = Examples(np.zeros((0, 1, 1, 1), np.float32), np.zeros(0, np.int64))


class Trained(NamedTuple):
    """A network that is released.

    file, name, number: of conf/networks, and in it.
    call: what trains it, without its examples.
    half: of the training images, 0 or 1; None for all of them.
    options: the call as conf/networks has it.
    """

    file: str
    name: str
    number: int
    call: partial[Any]
    half: int | None
    options: Any

    @property
    def title(self) -> str:
        """Its name and file, since names repeat."""
        return f"{self.name} of networks={self.file}"


def networks(files: Sequence[str] = tuple(NETWORKS)) -> Iterator[Trained]:
    """Those of the given files of conf/networks, at seed 0 and laptop scale."""
    for file in files:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("config", overrides=[f"networks={file}"])
        options = OmegaConf.to_container(config.networks, resolve=True)
        assert isinstance(options, dict)
        for number, (name, call) in enumerate(made(config.networks).items()):
            half, seed = TRAINED_ON[name] if file == "szegedy_halves" else (None, 0)
            yield Trained(file, name, number, partial(call, seed=seed), half, options[name])


def release(
    source: Path, folder: Path, dataset: Dataset, trained: Sequence[Trained]
) -> list[Trained]:
    """Copies networks out of a store, a card beside each; older ones of the same name go.

    Args:
        source: a store; it is only read.
        folder: of released networks.
        dataset: what they learned from.

    Returns:
        Those that the store does not have.
    """
    missing = []
    sides: tuple[Examples, ...] = halves(dataset.train)
    for network in trained:
        learned_from = dataset.train if network.half is None else sides[network.half]
        key = store.key(partial(network.call, examples=learned_from))
        found = store.read(source / key)
        if found is None:
            missing.append(network)
            continue
        aside = folder / f"{key}.aside"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        record = json.loads((source / key / "recipe.json").read_text())
        if any(Path(name).name != name for name in record["files"]):
            raise UserError(f"store entry {key} names a file outside of itself.")
        for name in ("recipe.json", *record["files"]):
            shutil.copyfile(source / key / name, aside / name)
        errors = [error_rate(found[0], examples) for examples in (learned_from, dataset.test)]
        count = f"{len(learned_from.labels):,} training images of {dataset.name}"
        card = {
            **_card(network, record),
            "learned_from": f"{WHICH[network.half]} {count}",
            "training_error": round(errors[0], 6),
            "test_error": round(errors[1], 6),
            "weights": int(found[0].count_params()),
            "data_sha256": dataset.digest,
        }
        OmegaConf.save(OmegaConf.create(card), aside / CARD)
        for older, card in cards(folder):
            same = (card["networks"], card["network"]) == (network.file, network.name)
            if same and older != aside:
                shutil.rmtree(older)
        aside.rename(folder / key)
    (folder / "README.md").write_text(overview(folder))
    return missing


def cards(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The released networks, by file and in its order."""
    found: list[Any] = [
        (file.parent, OmegaConf.to_container(OmegaConf.load(file)))
        for file in folder.glob(f"*/{CARD}")
    ]
    return sorted(found, key=lambda pair: (pair[1]["networks"], pair[1]["number"]))


def outdated(folder: Path, trained: Sequence[Trained]) -> list[tuple[str, str]]:
    """Which networks today's code would train, and why; needs no data.

    Returns:
        A network's title and what is the matter with it, for each.
    """
    released = {
        (card["networks"], card["network"]): json.loads((entry / "recipe.json").read_text())
        for entry, card in cards(folder)
    }
    told = []
    for network in trained:
        record = released.get((network.file, network.name))
        trouble = "not released" if record is None else _changed(network, record)
        if trouble:
            told.append((network.title, trouble))
    return told


def overview(folder: Path) -> str:
    """The page of a folder of released networks: one row a network."""
    lines = [
        "# Released networks",
        "",
        "Keras files, float32, made by `python -m reproduce.release STORE`, not by hand.",
        "`card.yaml` tells how a network was made and how well it does, `recipe.json` all that",
        "enters its key. Runs find them by that key, and say so; `released=false` trains anew.",
        "",
        "| network | `networks=` | training error, % | test error, % | key |",
        "|---|---|---|---|---|",
    ]
    for entry, card in cards(folder):
        errors = f"{100 * card['training_error']:.2f} | {100 * card['test_error']:.2f}"
        lines.append(f"| {card['network']} | `{card['networks']}` | {errors} | `{entry.name}` |")
    return "\n".join(lines) + "\n"


def _card(network: Trained, record: Mapping[str, Any]) -> dict[str, Any]:
    """How a network was made; `release` adds how well it does.

    The commit is that of the release: by the key, its training code is that of the training.
    """
    return {
        "network": network.name,
        "networks": network.file,
        "number": network.number,
        "seed": network.call.keywords["seed"],
        "recipe": network.options,
        "command": NETWORKS[network.file],
        "commit": versions().get("reproduce", "not known"),
        "versions": record["versions"],
        "training_seconds": round(record["seconds"]),
        "sha256": {name: sha for name, sha in record["files"].items() if name.endswith(".keras")},
    }


def _changed(network: Trained, record: Mapping[str, Any]) -> str:
    """What differs between a released network's recipe and today's, but for its examples."""
    today = recipe.of(partial(network.call, examples=_NOTHING))
    if _without_examples(today.call) != _without_examples(record["recipe"]):
        return "its options changed"
    code = record["code"]
    modules = sorted(
        name for name in code.keys() | today.code if code.get(name) != today.code.get(name)
    )
    return f"{', '.join(modules)} changed" if modules else ""


def _without_examples(call: Mapping[str, Any]) -> Any:
    arguments = {name: tree for name, tree in call["arguments"].items() if name != "examples"}
    return json.loads(json.dumps({**call, "arguments": arguments}))


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m reproduce.release",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("store", nargs="?", type=Path, help="a folder that store= named")
    parser.add_argument("--to", type=Path, default=RELEASED, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    trained = list(networks())
    try:
        if asked.store is not None:
            if not asked.store.is_dir():
                raise UserError(f"a store is a folder, and {asked.store} is none.")
            for network in release(asked.store, asked.to, mnist(strict=True), trained):
                how = f"{NETWORKS[network.file]} store={asked.store}"
                say(escape(f"{network.title} is not in the store; {how} trains it."))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    told = outdated(asked.to, trained)
    for title, trouble in told:
        say(escape(f"{title} is out of date: {trouble}."))
    say(f"{len(trained) - len(told)} of {len(trained)} released networks are up to date.")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
