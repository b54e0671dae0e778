import colorsys
import math

import numpy as np
import pytest
from scipy import stats

from reproduce.methods.evolution import cppn, direct
from reproduce.methods.evolution.colour import rgb
from reproduce.methods.evolution.cppn import genome as genomes
from reproduce.methods.evolution.cppn import operators
from reproduce.methods.evolution.cppn.genome import FUNCTIONS, INPUTS, Genome
from reproduce.methods.evolution.cppn.programs import program
from reproduce.methods.evolution.cppn.rendering import coordinates, run
from reproduce.methods.evolution.cppn.repetition import (
    elements,
    repeating,
    without_element,
    without_repeats,
)
from reproduce.runtime import serialization

PLAIN = {
    "sine": math.sin,
    "sigmoid": lambda p: 2 / (1 + math.exp(-p)) - 1 if p > -700 else -1.0,
    "Gaussian": lambda p: math.exp(-p * p),
    "linear": lambda p: max(-3, min(3, p)) / 3,
}


def evolved(rng, n, outputs=1, generations=25):
    """Genomes with some history."""
    population = cppn.random(rng, n, outputs)
    for _ in range(generations):
        population = [cppn.mutate(rng, genome) for genome in population]
    return population


def answer(genome, inputs):
    """The outputs for one pixel, straight from the definition, by recursion."""

    def value(node):
        if node < INPUTS:
            return inputs[node]
        p = sum(
            10 * (2 * gene - 1) * value(source)
            for source, target, gene in genome.connections
            if target == node
        )
        return PLAIN[FUNCTIONS[genome.functions[node - INPUTS]]](p)

    return [value(INPUTS + output) for output in range(genome.outputs)]


def pixel_by_pixel(genome, size, preset, answer=answer):
    """The outputs float64 (size, size, outputs)."""
    out = np.empty((size, size, genome.outputs))
    for y in range(size):
        for x in range(size):
            across, down = (2 * x / (size - 1) - 1, 2 * y / (size - 1) - 1)
            place = (x, y) if preset == "code" else (across, down)
            out[y, x] = answer(genome, [*place, math.hypot(across, down), 1.0])
    return out


@pytest.mark.parametrize("preset", ["code", "unit"])
def test_images_are_what_pixel_by_pixel_gives(rng, preset):
    for genome in evolved(rng, 12):
        levels = 255 * np.abs(pixel_by_pixel(genome, 9, preset))
        image = cppn.render([genome], 9, preset, dtype=np.float64)[0]
        clear = np.abs(levels - np.round(levels)) > 1e-6  # not on the edge between two levels
        np.testing.assert_array_equal(image[clear], levels[clear].astype(np.uint8))
        assert (np.abs(image - levels) < 1.001).all()


@pytest.mark.parametrize("preset", ["code", "unit"])
def test_single_precision_is_enough(rng, preset):
    population = evolved(rng, 100)
    coarse = cppn.render(population, 28, preset).astype(int)
    fine = cppn.render(population, 28, preset, dtype=np.float64).astype(int)
    assert (np.abs(coarse - fine) > 1).mean() < 0.005


@pytest.mark.parametrize("preset", ["code", "unit"])
def test_images_are_what_neat_python_gives(rng, preset):
    neat = pytest.importorskip("neat")

    def theirs(genome):
        hidden_first = sorted(range(INPUTS, INPUTS + len(genome.functions)))
        nodes, done = [], set(range(INPUTS))
        while hidden_first:
            for node in hidden_first:
                links = [(s, 20 * g - 10) for s, t, g in genome.connections if t == node]
                if all(source in done for source, _ in links):
                    break
            hidden_first.remove(node)
            done.add(node)
            function = PLAIN[FUNCTIONS[genome.functions[node - INPUTS]]]
            nodes.append((node, function, sum, 0.0, 1.0, links))
        return neat.nn.FeedForwardNetwork(
            list(range(INPUTS)), list(range(INPUTS, INPUTS + genome.outputs)), nodes
        )

    for genome in evolved(rng, 5):
        network = theirs(genome)
        out = pixel_by_pixel(genome, 12, preset, lambda _, inputs, n=network: n.activate(inputs))
        levels = 255 * np.abs(out)
        image = cppn.render([genome], 12, preset, dtype=np.float64)[0]
        clear = np.abs(levels - np.round(levels)) > 1e-6
        np.testing.assert_array_equal(image[clear], levels[clear].astype(np.uint8))


@pytest.mark.parametrize(("size", "outputs"), [(80, 3), (28, 1), (28, 3)])
def test_an_image_does_not_depend_on_the_images_beside_it(rng, size, outputs):
    """With 80 pixels on a side in blocks, with 28 among genomes that have nodes in common."""
    parents = evolved(rng, 4, outputs)
    population = [*parents, *cppn.offspring(rng, parents, 40, generation=1)]
    together = cppn.render(population, size)
    alone = np.concatenate([cppn.render([genome], size) for genome in population])
    np.testing.assert_array_equal(together, alone)


def test_a_larger_picture_of_the_same_field_goes_through_the_same_points(rng):
    population = evolved(rng, 10)
    small = cppn.render(population, 28, "code", dtype=np.float64)
    large = cppn.render(population, 82, "code", field=27, dtype=np.float64)
    assert (np.abs(large[:, ::3, ::3].astype(int) - small) <= 1).all()


def test_colours_are_those_of_colorsys(rng):
    hls = rng.integers(0, 256, (3, 500)).astype(np.uint8)
    for i, (hue, lightness, saturation) in enumerate(hls.T.tolist()):
        expected = colorsys.hls_to_rgb(hue / 180, lightness / 255, saturation / 255)
        np.testing.assert_allclose(rgb(*hls)[:, i], np.multiply(expected, 255), atol=0.5001)


def test_structure_mutates_at_the_authors_rates(rng):
    parent = evolved(rng, 1, generations=12)[0]
    hidden = len(parent.functions) - 1
    assert hidden >= 1
    children = [cppn.mutate(rng, parent) for _ in range(4000)]
    more_neurons = sum(len(child.functions) - 1 > hidden for child in children)
    fewer_neurons = sum(len(child.functions) - 1 < hidden for child in children)
    assert stats.binomtest(more_neurons, 4000, 0.5 * 0.8).pvalue > 0.01
    assert stats.binomtest(fewer_neurons, 4000, 0.2 * 0.5).pvalue > 0.01
    same_neurons = [child for child in children if len(child.functions) - 1 == hidden]
    links = np.array([len(child.connections) - len(parent.connections) for child in same_neurons])
    kept = links[np.abs(links) <= 1]  # neither neuron added nor one deleted, nearly always
    assert 0.25 < (kept == 1).mean() < 0.45  # 0.5 x 0.7
    assert 0.08 < (kept == -1).mean() < 0.25  # 0.5 x 0.3


def test_weights_and_functions_mutate_at_a_tenth(rng):
    parent = Genome(1, (0,), tuple((source, INPUTS, 0.5) for source in range(INPUTS)))
    children = [cppn.mutate(rng, parent) for _ in range(4000)]
    steps = np.array(
        [gene - 0.5 for child in children for s, t, gene in child.connections[:3]
         if (s, t) in ((0, INPUTS), (1, INPUTS)) and gene != 0.5]
    )  # fmt: skip
    tails = np.array([abs(step) > 0.05 for step in steps])
    # P(|step| > 0.05) = 0.95^16; a new connection's uniform gene is rare among these
    assert tails.mean() == pytest.approx(0.95**16, abs=0.06)
    changed = np.mean([child.functions[0] != 0 for child in children])
    assert changed == pytest.approx(0.1 * 3 / 4, abs=0.02)


def test_scalar_and_array_polynomial_steps_agree(rng):
    u = rng.random(100)
    for eta in (2.0, 15.0):
        ours = [genomes._moved(0.5, value, eta) for value in u]
        array = np.clip(0.5 + direct.polynomial_step(u, eta), 0, 1)
        np.testing.assert_allclose(ours, array, rtol=1e-12)


def assert_feed_forward_and_well_formed(genome):
    nodes = INPUTS + len(genome.functions)
    for source, target, gene in genome.connections:
        assert 0 <= source < nodes
        assert INPUTS <= target < nodes
        assert not INPUTS <= source < INPUTS + genome.outputs
        assert 0 <= gene <= 1
        assert target not in genomes.depends_on(genome.connections, [source])


def test_networks_stay_feed_forward_and_well_formed(rng):
    for genome in evolved(rng, 60, outputs=3, generations=60):
        assert_feed_forward_and_well_formed(genome)


def test_a_neuron_on_a_connection_keeps_the_weight_twice(rng):
    parent = Genome(1, (3,), ((0, INPUTS, 0.7),))
    for _ in range(200):
        child = cppn.mutate(rng, parent)
        links = {(source, target): gene for source, target, gene in child.connections}
        if set(links) == {(0, INPUTS + 1), (INPUTS + 1, INPUTS)}:
            assert links[0, INPUTS + 1] == links[INPUTS + 1, INPUTS]
            return
    pytest.fail("200 children, and none with just a neuron on the connection")


def test_genomes_come_back_from_disk_and_draw_the_same(rng, tmp_path):
    population = evolved(rng, 5)
    serialization.save(population, tmp_path)
    back = serialization.load(tmp_path)
    assert [genomes.Genome(*genome) for genome in back] == population
    np.testing.assert_array_equal(cppn.render(back, 28), cppn.render(population, 28))


def test_a_node_held_to_one_period_repeats_no_more():
    gene = 0.5 + 8 / 20  # weight 8 on x in [-1, 1]: 16 radians, 2.5 periods
    genome = Genome(1, (0,), ((0, INPUTS, gene),))
    assert repeating(genome, 57, "unit")[INPUTS] == pytest.approx(16 / (2 * math.pi))
    held = without_repeats(genome, [INPUTS], 57, "unit")
    x = np.linspace(-1, 1, 57)
    expected = np.where(np.abs(8 * x) < math.pi, np.abs(np.sin(8 * x)), 0)
    np.testing.assert_allclose(held[20, :, 0], 255 * expected, atol=1.01)
    assert (without_repeats(genome, [], 57, "unit") == cppn.render([genome], 57, "unit")[0]).all()


def test_one_element_goes_and_the_others_stay():
    gene = 0.5 + 8 / 20  # weight 8 on x in [-1, 1]: periods end at odd multiples of pi / 8
    genome = Genome(1, (0,), ((0, INPUTS, gene),))
    found = elements(genome, INPUTS, 57, "unit")
    x = np.linspace(-1, 1, 57)
    middle = np.abs(8 * x) < math.pi
    assert [element.shape for element in found] == [(1, 57)] * 3
    np.testing.assert_array_equal(found[1][0], middle)
    assert sum(element.sum() for element in found) == 57  # nothing belongs to two of them
    whole = cppn.render([genome], 57, "unit")[0]
    without = without_element(genome, INPUTS, found[1], 57, "unit")
    assert (without[:, middle] == 0).all()
    np.testing.assert_array_equal(without[:, ~middle], whole[:, ~middle])


def test_regions_of_one_period_that_lie_apart_are_two_elements():
    """A sine of a bell of x: the same periods to the left and to the right of the peak."""
    functions = (0, 2)  # the output a sine, fed by a Gaussian
    genome = Genome(1, functions, ((0, INPUTS + 1, 0.65), (INPUTS + 1, INPUTS, 1.0)))
    (row,) = repeating(genome, 57, "unit")
    found = elements(genome, row, 57, "unit")
    assert len(found) == 5  # 10 exp(-9 x^2) is 1.6 periods high: two feet, two slopes, the peak
    for element in found:
        assert any((element == other[:, ::-1]).all() for other in found)
    for element in found:
        columns = np.flatnonzero(element[0])
        assert (np.diff(columns) == 1).all()


def test_an_alias_is_not_taken_for_a_repeating_node():
    fast = Genome(1, (0,), ((0, INPUTS, 1.0),))  # weight 10 on pixel indices
    slow = Genome(1, (0,), ((0, INPUTS, 0.55),))  # weight 1
    assert repeating(fast, 28, "code") == {}
    assert set(repeating(slow, 28, "code")) == {INPUTS}


def test_pruning_changes_no_image(rng):
    population = evolved(rng, 30, outputs=3)
    pruned = [operators.prune(genome) for genome in population]
    assert sum(len(g.functions) for g in pruned) < sum(len(g.functions) for g in population)
    np.testing.assert_array_equal(cppn.render(pruned, 20), cppn.render(population, 20))


def outputs_of(genome, size=12):
    each = program([genome])
    values = run(each, coordinates(size, "unit"))
    return [np.broadcast_to(values[row], (size, size)) for row in each.outputs[0]]


def test_a_grafted_output_is_the_other_parents(rng):
    for first, second in zip(evolved(rng, 20, 3), evolved(rng, 20, 3), strict=True):
        child = operators.graft(first, second, [1])
        for output, parent in enumerate((first, second, first)):
            np.testing.assert_array_equal(outputs_of(child)[output], outputs_of(parent)[output])


def test_scaling_stretches_inputs_by_one_factor(rng):
    genes = (0.52, 0.49, 0.505, 0.3)
    genome = Genome(1, (0,), tuple((source, INPUTS, gene) for source, gene in enumerate(genes)))
    seen = set()
    for _ in range(200):
        child = operators.scale_inputs(rng, genome, genome)
        moved = [
            (new[2] - 0.5) / (gene - 0.5)
            for new, gene in zip(child.connections, genes, strict=True)
        ]
        together = tuple(source for source, factor in enumerate(moved) if factor != 1)
        np.testing.assert_allclose([moved[source] for source in together], moved[together[0]])
        seen.add(together)
    assert seen == set(operators.INPUT_GROUPS)


@pytest.mark.parametrize("outputs", [1, 3])  # grey and colour have shares of their own
def test_every_operator_leaves_networks_well_formed(rng, outputs):
    population = cppn.random(rng, 40, outputs)
    for generation in range(40):
        population = operators.offspring(rng, population, 40, generation)
    for genome in population:
        assert_feed_forward_and_well_formed(genome)


def test_a_rate_given_to_unit_takes_the_place_of_its_operators(rng):
    """At a rate of 0 only the weights of new connections are new; the operators first move most."""
    parents = evolved(rng, 20)
    old = {gene for parent in parents for _, _, gene in parent.connections}

    def new(encoding, generation=1):
        children = encoding.offspring(rng, parents, 200, generation)
        return np.mean([gene not in old for child in children for _, _, gene in child.connections])

    assert new(cppn.encoding("unit", rate=0.0)) < 0.05
    assert new(cppn.encoding("unit")) > 0.5
    assert new(cppn.encoding("unit"), generation=11) < 0.5  # the authors' mutation, further


def by_synchronous_steps(genome, inputs):
    """The outputs as the authors' code has them: all nodes at once, as often as it is deep.

    Its depth is the number of nodes on the longest path from an input, the input among them; a
    path that begins at a node without inputs does not count.
    """
    depth = dict.fromkeys(range(INPUTS), 0)
    nodes = range(INPUTS, INPUTS + len(genome.functions))
    for _ in nodes:
        for source, target, _ in genome.connections:
            if source in depth:
                depth[target] = max(depth.get(target, 0), depth[source] + 1)
    values = [*inputs, *([np.zeros_like(inputs[0])] * len(nodes))]
    for _ in range(max(depth.values()) + 1):
        sums = [np.zeros_like(inputs[0]) for _ in nodes]
        for source, target, gene in genome.connections:
            sums[target - INPUTS] = sums[target - INPUTS] + values[source] * (10 * (2 * gene - 1))
        values[INPUTS:] = [
            VECTOR[FUNCTIONS[function]](p)
            for function, p in zip(genome.functions, sums, strict=True)
        ]
    return values[INPUTS : INPUTS + genome.outputs]


VECTOR = {
    "sine": np.sin,
    "sigmoid": lambda p: np.tanh(p / 2),
    "Gaussian": lambda p: np.exp(-p * p),
    "linear": lambda p: np.clip(p, -3, 3) / 3,
}


@pytest.mark.parametrize(("mutations", "share"), [(15, 0.0055), (40, 0.039)])
def test_how_many_genomes_do_not_settle_in_the_authors_steps(rng, mutations, share):
    """The departure that the tables name, and with nothing without inputs there is none."""
    place = [np.broadcast_to(each, (5, 5)).ravel() for each in coordinates(5, "code")]
    place = [each.astype(np.float64) for each in place]
    n, differ = 600, 0
    for genome in cppn.drifted(rng, n, 3, mutations):
        theirs = by_synchronous_steps(genome, place)
        each = program([genome])
        ours = run(each, coordinates(5, "code", dtype=np.float64))
        ours = [np.broadcast_to(ours[row], (5, 5)).ravel() for row in each.outputs[0]]
        drawn = [np.abs(np.array(outputs)) * 255 for outputs in (theirs, ours)]
        if not np.array_equal(*np.array(drawn).astype(np.uint8)):
            differ += 1
            fed = {target for _, target, _ in genome.connections}
            active = genomes.depends_on(genome.connections, range(INPUTS, INPUTS + 3))
            assert any(node >= INPUTS and node not in fed for node in active)
    assert stats.binomtest(differ, n, share).pvalue > 0.001


def test_a_new_neuron_draws_any_function(rng):
    parent = Genome(1, (3,), ((0, INPUTS, 0.7),))
    children = [cppn.mutate(rng, parent) for _ in range(3000)]
    drawn = [child.functions[1] for child in children if len(child.functions) == 2]
    assert stats.chisquare(np.bincount(drawn, minlength=4)).pvalue > 0.01


def test_children_come_from_all_parents(rng):
    """At a rate of 0 a weight tells whose child it is."""
    parents = [Genome(1, (0,), tuple((s, INPUTS, (p + 0.5) / 10) for s in range(INPUTS)))
               for p in range(10)]  # fmt: skip
    for children in (cppn.offspring(rng, parents, 2000, 1, 0.0),):
        whose = [int(10 * child.connections[0][2]) for child in children]
        assert stats.chisquare(np.bincount(whose, minlength=10)).pvalue > 0.01


def test_random_genomes_draw_functions_and_weights_alike(rng):
    population = cppn.random(rng, 2000, 3)
    functions = np.bincount([f for genome in population for f in genome.functions], minlength=4)
    assert stats.chisquare(functions).pvalue > 0.01
    genes = [gene for genome in population[:200] for _, _, gene in genome.connections]
    assert len(genes) == 200 * 3 * INPUTS
    assert stats.kstest(genes, stats.uniform.cdf).pvalue > 0.01
