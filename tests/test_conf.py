"""Every configuration composes, and every artefact of every experiment fits its function."""

import inspect
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from reproduce.report import sweep
from reproduce.report.provenance import flat
from reproduce.runtime import options, practical
from reproduce.runtime.calls import made

CONF = Path("conf").resolve()
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))


def fits(call, *positional, **further):
    inspect.signature(call.func).bind(*positional, *call.args, **(call.keywords | further))


def composed(*overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", overrides=list(overrides))


@pytest.mark.parametrize("scale", ["smoke", "laptop", "paper"])
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_artefact_fits_its_function(experiment, scale):
    config = composed(f"experiment={experiment}", f"scale={scale}")
    artefacts = made(config.artefacts)
    assert artefacts
    for call in artefacts.values():
        fits(call, "setting")


@pytest.mark.parametrize("path", sorted((CONF / "networks").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_network_fits_its_function(path):
    networks = composed(f"networks={path.stem}", "experiment=szegedy").networks
    if "_target_" in networks:  # a function that makes the whole mapping
        fits(made({**networks, "_partial_": True}))
        return
    for call in made(networks).values():
        parameters = inspect.signature(call).parameters
        free = {name: None for name in ("examples", "seed") if name in parameters}
        inspect.signature(call).bind(**free)


@pytest.mark.parametrize("path", sorted((CONF / "dataset").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_data_set_fits_its_function(path):
    config = composed(f"dataset={path.stem}", "experiment=szegedy").dataset
    fits(made({**config, "_partial_": True}))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_scales_hold_the_same_budgets(experiment):
    laptop, *others = (
        {*flat(OmegaConf.to_container(composed(f"experiment={experiment}", f"scale={s}").scale))}
        for s in ("laptop", "smoke", "paper")
    )
    assert laptop > {"name", "effort"}
    assert all(other == laptop for other in others)


SWEEPS = sorted((CONF / "sweep").glob("*.yaml"))


@pytest.mark.parametrize("path", [p for p in SWEEPS if p.stem != "networks"], ids=lambda p: p.stem)
def test_every_sweep_sweeps_what_its_report_will_show(path):
    params = OmegaConf.load(path).hydra.sweeper.params
    name, *seeds = params
    assert seeds == ["seed"]
    configs = [composed(f"+sweep={path.stem}", f"{name}={x}") for x in params[name].split(",")]
    for config in configs:
        artefacts = made(config.artefacts)
        for artefact in config.only:
            fits(artefacts[artefact], "setting")
        made(config.networks)
    plain = [flat(OmegaConf.to_container(config, resolve=True)) for config in configs]
    assert sweep.swept(plain) == {name: name}


def test_the_sweep_over_networks_has_one_of_each_that_is_at_hand():
    params = OmegaConf.load(CONF / "sweep" / "networks.yaml").hydra.sweeper.params
    assert list(params) == ["networks"]
    names = [
        list(composed("+sweep=networks", f"networks={each}").networks)
        for each in params.networks.split(",")
    ]
    assert names == [["SqueezeNet"], ["Tiny Darknet"]]


@pytest.mark.parametrize("name", ["caffe", "large_class"])
def test_a_reading_of_figure_11_is_a_departure_of_its_own(name):
    config = composed("experiment=nguyen", f"+reading={name}")
    told = options.departures(config, ["experiment=nguyen", f"+reading={name}"])
    assert any(line.startswith(f"reading={name}: Nguyen et al. 2015, Figure 11") for line in told)
    call = made(config.artefacts)["figure11"]
    fits(call, "setting")
    asked = [call.keywords[key] for key in ("first", "first_runs", "first_images", "images")]
    assert (
        asked == {"caffe": ["LeNet", None, None, 100], "large_class": [None, 300, 6000, 1000]}[name]
    )
    rate = call.keywords["train"].phases[0].keywords["rate"]
    assert ("gamma" in rate.keywords) == (name == "caffe")
    settings = options.settings(config, ["experiment=nguyen", f"+reading={name}"])
    assert settings == {"reading": name}


def test_addresses_leave_out_what_changes_no_number():
    """And what is a folder of its own above them."""
    job = options.composed(["experiment=szegedy"]).hydra.job
    left_out = {key.partition(".")[0] for key in job.config.override_dirname.exclude_keys}
    above = {"experiment", "sweep", "scale", "seed"}
    assert left_out == {*practical.PRACTICAL, *practical.DATA, *above}
