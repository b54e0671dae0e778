"""The recipes of conf/networks: they fit the functions they name, and follow one another."""

import inspect
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from reproduce import training
from reproduce.runtime.calls import made

ROOT = Path(__file__).parent.parent.resolve()


def networks(name):
    """The configuration with a recipe file of conf/networks."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("config", overrides=["experiment=szegedy", f"networks={name}"])


@pytest.mark.parametrize(
    "path", sorted((ROOT / "conf/networks").glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_recipe_in_conf_fits_the_functions_it_names(path):
    config = networks(path.stem).networks
    if "_target_" in config:
        return
    for call in made(config).values():
        if isinstance(call, training.Recipe):
            assert call.network(input_shape=(28, 28, 1), classes=10, seed=0)
            for phase in call.phases:
                inspect.signature(phase.func).bind(None, None, None, 1.0, **phase.keywords)


def test_networks_of_table_3_are_trained_like_those_of_table_1():
    config = networks("szegedy")
    narrow, wide = (config.networks[f"FC{n}-{n}-10"].phases for n in (100, 200))
    for name, net in config.halves.items():
        assert net.phases == (wide if name == "FC123-456-10" else narrow)


def test_networks_of_table_3_follow_the_recipe_of_table_1():
    """The quick recipe, but for one rate: at a rate of 1 FC123-456-10 does not always learn."""
    config = networks("szegedy_sgd")
    config.recipes.descent_slower.rate.start *= 2
    for net in config.halves.values():
        assert net.phases == config.networks["FC100-100-10"].phases
        assert net.network.units
    assert networks("lenet").halves == networks("szegedy").halves
