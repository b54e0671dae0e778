"""Settings and thresholds as the papers, or the authors' code, have them; written down apart."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from reproduce.data.imagenet_classes import COUNT
from reproduce.experiments.goodfellow import models, rubbish
from reproduce.experiments.lipton import protocol
from reproduce.experiments.nguyen import figure11, runs, transfer
from reproduce.experiments.nguyen.imagenet import figure10, figure13, figures6_7
from reproduce.experiments.szegedy import figure7, halves, tables, tables_claims, units
from reproduce.methods.ascent import THRESHOLDS
from reproduce.methods.evolution import map_elites
from reproduce.methods.evolution.cppn import genome, operators, programs
from reproduce.training.adversarial import adversarial

CONF = Path(__file__).parent.parent / "conf"


def default(function, name):
    return inspect.signature(function).parameters[name].default


def test_evolution_is_the_released_codes():
    """Sferes2's settings of the MNIST experiments: 200 at the start, 200 children a generation."""
    assert default(map_elites.evolve, "initial") == 200
    assert default(map_elites.evolve, "children") == 200
    assert runs.CHILDREN == 200
    assert (genome.GENE_RATE, genome.ETA) == (0.1, 15)
    assert (genome.ADD_CONNECTION, genome.DELETE_CONNECTION) == (0.5, 0.3)
    assert (genome.ADD_NEURON, genome.DELETE_NEURON) == (0.5, 0.2)
    assert genome.FUNCTIONS == ("sine", "sigmoid", "Gaussian", "linear")
    assert (genome.INPUTS, programs.WEIGHT_RANGE) == (4, 10)


def test_our_operators_are_what_their_page_says():
    assert (operators.MORE_RATE, operators.MORE_ETA) == (0.2, 2)
    assert operators.SCALE_DEVIATION == 0.8


def test_certainty_of_nguyen_et_al_is_99_99_per_cent():
    assert transfer.SURE == figure13.SURE == runs.THRESHOLDS[-1] == THRESHOLDS[-1] == 0.9999
    assert THRESHOLDS == (0.5, 0.99, 0.999, 0.9999)
    assert runs.THRESHOLDS == (0.99, 0.999, 0.9999)
    assert figures6_7.SURE == 0.99  # of Figure 6's 45 classes
    assert figure11.LEAST_PUBLISHED == 0.7252
    assert figures6_7.DOGS_AND_CATS == (157, 286)
    assert figures6_7.READ_OFF == (1000, 2000, 3000, 4000, 5000)


def test_classes_of_the_ascents_are_those_of_the_authors_code():
    """Counted from 0, as the readme of the released code lists them."""
    listed = [200, 207, 215, 279, 366, 367, 390, 414, 445, 500, 509, 580, 643, 657, 704, 713, 782,
              805, 826, 906]  # fmt: skip
    assert sorted([*figure13.SHOWN.values(), *figure13.FURTHER.values()]) == listed
    assert (figure13.SHOWN["gorilla"], figure13.SHOWN["chimpanzee"]) == (366, 367)
    assert figure10.SHOWN == {"lipstick": 629, "ruler": 769, "oboe": 683}
    assert COUNT == 1000


def test_noise_and_panels_of_szegedy_et_al():
    assert tables.NOISE == (0.1, 0.3)
    assert figure7.NOISE == 1
    assert figure7.PANELS == {"FC10(1e-4)": "a", "FC200-200-10": "b"}
    assert halves.AMPLIFIED == 0.1
    assert [(row.label, row.spread) for row in halves.NOISE] == [
        ("noise 0.06", 0.06),
        ("noise 0.1", 0.1),
    ]
    assert {name: side for name, (side, _) in halves.TRAINED_ON.items()} == {
        "FC100-100-10": halves.P1, "FC123-456-10": halves.P1, "FC100-100-10'": halves.P2,
    }  # fmt: skip


def test_margins_are_those_that_were_written_down_beforehand():
    assert units.MARGINS == {"purity": 0.05, "entropy": 0.2, "similarity": 0.05}
    assert tables_claims.LINEAR == ["FC10(1e-4)", "FC10(1e-2)", "FC10(1)"]
    assert protocol.TIGHT == 64


def test_goodfellow_et_al_step_by_a_quarter():
    assert models.EPSILON == default(adversarial, "epsilon") == 0.25
    assert default(adversarial, "alpha") == 0.5
    assert rubbish.SURE == 0.5


@pytest.mark.parametrize("name", ["FC10(1e-4)", "FC10(1e-2)", "FC10(1)"])
def test_a_linear_networks_decay_is_in_its_name(name):
    networks = OmegaConf.load(CONF / "networks" / "szegedy.yaml")
    (phase,) = networks[name].phases
    assert phase.decay == float(name[5:-1])
    assert networks[name].network.bias is False


def test_networks_with_hidden_layers_are_those_of_table_1():
    networks = OmegaConf.load(CONF / "networks" / "szegedy.yaml")
    for name, hidden in (("FC100-100-10", [100, 100]), ("FC200-200-10", [200, 200]),
                         ("AE400-10", [400])):  # fmt: skip
        assert networks[name].network.units == hidden
    recipes = OmegaConf.load(CONF / "recipes.yaml")
    for recipe in ("full_batch", "full_batch_wide", "descent"):
        assert recipes[recipe].decay == [1e-5, 1e-5, 1e-6]
    np.testing.assert_allclose(networks["AE400-10"].phases[1].decay, 2 * 1e-6 / 10)  # lambda / k
