"""Every configuration composes, and every artefact of every experiment fits its function."""

import inspect
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

CONF = Path("conf").resolve()
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))


def composed(*overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", overrides=list(overrides))


@pytest.mark.parametrize("scale", ["smoke", "laptop", "paper"])
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_artefact_fits_its_function(experiment, scale):
    config = composed(f"experiment={experiment}", f"scale={scale}")
    artefacts = instantiate(config.artefacts, _convert_="all")
    assert artefacts
    for call in artefacts.values():
        inspect.signature(call.func).bind("setting", *call.args, **call.keywords)


@pytest.mark.parametrize("path", sorted((CONF / "networks").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_network_fits_its_function(path):
    config = composed(f"networks={path.stem}", "experiment=szegedy")
    for name, value in config.networks.items():
        if value.get("path", "") == "???":
            continue
        call = instantiate(value, _convert_="all")
        parameters = inspect.signature(call.func).parameters
        data = {key: None for key in ("examples", "seed") if key in parameters}
        inspect.signature(call.func).bind(*call.args, **(call.keywords | data)), name


@pytest.mark.parametrize("path", sorted((CONF / "dataset").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_data_set_fits_its_function(path):
    config = composed(f"dataset={path.stem}").dataset
    call = instantiate(config | {"_partial_": True})
    inspect.signature(call.func).bind(*call.args, **call.keywords)


def test_scales_hold_the_same_budgets():
    def names(node, prefix=""):
        for key, value in node.items():
            yield prefix + key
            if hasattr(value, "items"):
                yield from names(value, f"{prefix}{key}.")

    laptop, *others = [
        set(names(composed(f"scale={s}").scale)) for s in ("laptop", "smoke", "paper")
    ]
    assert all(other == laptop for other in others)
