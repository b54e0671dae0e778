"""Whether two versions of conf/ name the same calls, in every experiment, sweep and scale.

    python benchmarks/compositions.py before.json        here, or in a checkout of another commit
    python benchmarks/compositions.py after.json before.json

Calls are compared with the defaults of their functions filled in, so a value may move from the
configuration to the signature and back.
"""

from __future__ import annotations

import inspect
import itertools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path.cwd()  # of the checkout that is looked at
sys.path.insert(0, str(ROOT))

from hydra import compose, initialize_config_dir  # noqa: E402
from hydra.utils import instantiate  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402

try:
    from reproduce.runtime.calls import made
except ImportError:  # before the rule that a call is partial stood in one place

    def made(node: Any) -> Any:
        return instantiate(node, _convert_="all")


SCALES = ("smoke", "laptop", "paper")
PLAIN = ("seed", "examples", "threads", "only", "photographs", "tensorboard", "outputs", "store")


def main(path: str, before: str | None = None) -> int:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        found = {" ".join(words): composition(words) for words in combinations()}
    Path(path).write_text(json.dumps(found, indent=1, sort_keys=True, default=str))
    if before is None:
        return 0
    old, new = json.loads(Path(before).read_text()), json.loads(Path(path).read_text())
    differing = [line for words in old for line in differences(old[words], new.get(words), words)]
    print("\n".join(differing) or f"the same calls in {len(old)} compositions")
    return bool(differing)


def combinations() -> Iterator[list[str]]:
    experiments, networks, sweeps = (
        sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml"))
        for group in ("experiment", "networks", "sweep")
    )
    for scale in SCALES:
        for experiment in experiments:
            yield [f"experiment={experiment}", f"scale={scale}"]
        for experiment, name in itertools.product(("szegedy", "nguyen"), networks):
            yield [f"experiment={experiment}", f"networks={name}", f"scale={scale}"]
        for sweep in sweeps:
            yield [f"+sweep={sweep}", f"scale={scale}"]


def composition(words: Sequence[str]) -> dict[str, Any]:
    config = compose("config", overrides=list(words))
    plain = {key: OmegaConf.select(config, key) for key in PLAIN}
    parts = {"artefacts": described(made(config.artefacts))}
    if "_target_" in config.networks:
        parts["networks"] = OmegaConf.to_container(config.networks, resolve=True)
    else:
        parts["networks"] = described(made(config.networks))
    parts["dataset"] = OmegaConf.to_container(config.dataset, resolve=True)
    parts["departures"] = list(config.get("departures") or ())
    return {**{key: described(value) for key, value in plain.items()}, **parts}


def described(value: Any) -> Any:
    """Functions by name, calls with every argument, records by field."""
    if isinstance(value, partial):
        bound = inspect.signature(value.func).bind_partial(*value.args, **value.keywords)
        given = {**defaults(value.func), **bound.arguments}
        return {"call": name(value.func), **{key: described(given[key]) for key in sorted(given)}}
    if isinstance(value, Mapping):
        return {str(key): described(each) for key, each in value.items()}
    if hasattr(value, "_asdict"):
        return {"record": type(value).__qualname__, **described(value._asdict())}
    if isinstance(value, list | tuple) or OmegaConf.is_list(value):
        return [described(each) for each in value]
    return name(value) if callable(value) else value


def defaults(function: Any) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def name(function: Any) -> str:
    return f"{function.__module__}.{getattr(function, '__qualname__', function)}"


def differences(old: Any, new: Any, where: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from differences(old.get(key), new.get(key), f"{where} {key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(*pair, f"{where} {i}")
    elif old != new:
        yield f"{where}: {old!r} became {new!r}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
