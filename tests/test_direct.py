import colorsys

import numpy as np
import pytest
from scipy import integrate, stats

from reproduce.methods.evolution import direct

ETA = 15.0


def polynomial_cdf(step, eta):
    """Of the density (eta + 1)/2 (1 - |step|)^eta."""
    tail = (1 - np.abs(step)) ** (eta + 1) / 2
    return np.where(step < 0, tail, 1 - tail)


@pytest.mark.parametrize("eta", [0.5, 2.0, 15.0])
def test_polynomial_steps_have_the_closed_form_distribution(rng, eta):
    steps = direct.polynomial_step(rng.random(20_000), eta)
    assert stats.kstest(steps, polynomial_cdf, args=(eta,)).pvalue > 0.01


def test_mutation_hits_each_gene_at_the_rate_and_stays_in_the_box(rng):
    genomes = np.full((400, 784), 0.5, np.float32)
    children = direct.mutate(rng, genomes, rate=0.1, eta=ETA)
    changed = children != genomes
    n = changed.size
    assert stats.binomtest(int(changed.sum()), n, 0.1).pvalue > 0.01
    assert stats.kstest((children - genomes)[changed], polynomial_cdf, args=(ETA,)).pvalue > 0.01
    at_the_edge = direct.mutate(rng, np.ones((50, 784), np.float32), rate=1.0, eta=2.0)
    assert at_the_edge.max() == 1
    assert 0.45 < (at_the_edge == 1).mean() < 0.55  # half of the steps lead out, and are clamped
    assert (genomes == 0.5).all()


def bounded_sbx_cdf(child, low, high, eta):
    """Of the lower child, by integrating the density of the spread, truncated at the bound 0.

    Deb & Agrawal 1995: density (eta + 1)/2 b^eta for b <= 1, (eta + 1)/2 b^-(eta + 2) above.
    """

    def density(b):
        return 0.5 * (eta + 1) * (b**eta if b <= 1 else b ** -(eta + 2))

    largest = 1 + 2 * low / (high - low)
    total = integrate.quad(density, 0, 1)[0] + integrate.quad(density, 1, largest)[0]
    b = (low + high - 2 * child) / (high - low)  # a lower child has a larger spread
    return 1 - integrate.quad(density, 0, min(b, largest), points=[1] if b > 1 else None)[0] / total


@pytest.mark.parametrize(("low", "high"), [(0.02, 0.3), (0.4, 0.6)])
def test_sbx_has_the_distribution_of_deb_and_agrawal(rng, low, high):
    first = np.full((1, 4000), low, np.float32)
    second = np.full((1, 4000), high, np.float32)
    one, other = direct.cross(rng, first, second, eta=10.0)
    lower = np.minimum(one, other)[0].astype(float)
    cdf = np.vectorize(lambda x: bounded_sbx_cdf(x, low, high, 10.0))
    assert stats.kstest(lower, cdf).pvalue > 0.01
    assert stats.binomtest(int((one < other).sum()), 4000, 0.5).pvalue > 0.01


def test_sbx_keeps_the_sum_where_no_bound_is_near_and_forgets_common_genes(rng):
    first, second = (rng.uniform(0.45, 0.55, (5, 300)).astype(np.float32) for _ in range(2))
    second[:, :20] = first[:, :20]
    one, other = direct.cross(rng, first, second, eta=10.0)
    np.testing.assert_array_equal(one[:, :20], direct.UNCOPIED_GENE)
    np.testing.assert_array_equal(other[:, :20], direct.UNCOPIED_GENE)
    np.testing.assert_allclose((one + other)[:, 20:], (first + second)[:, 20:], atol=1e-5)


def test_presets_are_the_published_ones():
    code, paper = direct.PRESETS["code"], direct.PRESETS["paper"]
    assert (code.rate, code.halving, code.eta, code.crossover, code.crossover_eta) == (
        0.1, None, 15, 0.5, 10,
    )  # fmt: skip
    assert (paper.rate, paper.eta, paper.crossover) == (0.1, 15, 0)
    rates = [direct.mutation_rate(paper, g) for g in (1, 1000, 1001, 2000, 2001)]
    assert rates == [0.1, 0.1, 0.05, 0.05, 0.025]
    with pytest.raises(ValueError, match="code, paper, fast, squares; got papper"):
        direct.encoding("papper")


def test_without_crossover_each_child_is_near_one_elite(rng):
    parents = list(rng.random((10, 100), np.float32))
    variation = direct.PRESETS["paper"]
    children = direct.offspring(rng, parents, 201, 1, variation, shape=(10, 10, 1))
    assert children.shape == (201, 100)
    same = (children[:, None] == np.stack(parents)[None]).mean(axis=2)
    assert (same.max(axis=1) > 0.7).all()
    drawn = np.bincount(same.argmax(axis=1), minlength=10)
    assert stats.chisquare(drawn).pvalue > 0.01


def test_pixels_are_the_integer_part_of_gene_times_255(rng):
    genes = rng.random((3, 12), np.float32)
    genes[0, :2] = 0, 1
    images = direct.render(genes, shape=(2, 6, 1))
    assert images.shape == (3, 2, 6, 1)
    flat = [[int(np.float32(255) * gene) for gene in row] for row in genes]
    np.testing.assert_array_equal(images.reshape(3, 12), flat)
    np.testing.assert_array_equal(images, direct.render(list(genes), shape=(2, 6, 1)))


def test_neighbours_in_a_patch_move_together(rng):
    grey = np.full((200, 900), 0.5, np.float32)
    children = direct.mutate_patches(rng, grey, 0.0005, 15.0, 3, shape=(30, 30, 1))
    single = 0
    for child in children.reshape(200, 30, 30) - 0.5:
        down, across = np.nonzero(child)
        inside = len(down) > 1 and min(down.min(), across.min()) > 0
        if inside and max(down.max(), across.max()) < 29 and len(np.unique(child)) == 2:
            assert len(down) == 9
            assert np.ptp(down) == np.ptp(across) == 2
            single += 1
    assert single > 20


def test_three_channels_are_hue_lightness_and_saturation(rng):
    genes = rng.random((4, 60), np.float32)
    images = direct.render(genes, shape=(4, 5, 3))
    for image, genome in zip(images, genes, strict=True):
        for pixel, levels in zip(image.reshape(-1, 3), (255 * genome).reshape(-1, 3), strict=True):
            hue, lightness, saturation = levels.astype(int).tolist()
            expected = colorsys.hls_to_rgb(hue / 180, lightness / 255, saturation / 255)
            np.testing.assert_allclose(pixel, np.multiply(expected, 255), atol=0.5001)


def test_squares_move_together_in_each_channel(rng):
    grey = np.full((300, 20 * 20 * 3), 0.5, np.float32)
    children = direct.mutate_squares(rng, grey, 0.0, 2.0, shape=(20, 20, 3))  # a single square
    sides = []
    for child in children.reshape(-1, 20, 20, 3) - 0.5:
        down, across = np.nonzero(child.any(axis=2))
        assert np.ptp(down) == np.ptp(across)
        side = np.ptp(down) + 1
        assert len(down) == side**2
        assert len(np.unique(child.reshape(-1, 3), axis=0)) == 1 + (side < 20)
        sides.append(side)
    assert stats.kstest(np.log(sides) / np.log(20), stats.uniform.cdf).statistic < 0.25
    assert (np.array(sides) < np.sqrt(20)).mean() == pytest.approx(0.5, abs=0.1)


def test_half_of_the_pairs_are_crossed_and_have_two_parents(rng):
    """Parents of ten levels of grey and no mutation: who was not crossed is one of them."""
    parents = [np.full(60, (i + 0.5) / 10, np.float32) for i in range(10)]
    variation = direct.PRESETS["code"]._replace(rate=0.0)
    children = direct.offspring(rng, parents, 4000, 1, variation, shape=(6, 10, 1))
    plain = np.ptp(children, axis=1) == 0  # all genes alike
    copied = np.array([any((child == parent).all() for parent in parents) for child in children])
    pairs = copied.reshape(-1, 2)
    assert (pairs[:, 0] == pairs[:, 1]).all()
    assert stats.binomtest(int(pairs[:, 0].sum()), 2000, 0.5).pvalue > 0.01
    whose = (10 * children[:, 0]).astype(int).reshape(-1, 2)[pairs[:, 0]]
    same = int((whose[:, 0] == whose[:, 1]).sum())
    assert stats.binomtest(same, len(whose), 0.1).pvalue > 0.01
    one_parent = plain & ~copied  # crossed with itself: genes that are not copied
    assert stats.binomtest(int(one_parent.sum()) // 2, 2000, 0.05).pvalue > 0.01


def test_a_patch_lies_around_its_pixel(rng):
    """A corner is in the patches of four pixels, whichever corner it is."""
    grey = np.full((4000, 36), 0.5, np.float32)
    children = direct.mutate_patches(rng, grey, 0.02, 15.0, 3, shape=(6, 6, 1))
    changed = (children != 0.5).reshape(-1, 6, 6)
    for row, column in ((0, 0), (0, 5), (5, 0), (5, 5)):
        hits = int(changed[:, row, column].sum())
        assert stats.binomtest(hits, 4000, 1 - 0.98**4).pvalue > 1e-3
    assert stats.binomtest(int(changed[:, 2, 3].sum()), 4000, 1 - 0.98**9).pvalue > 1e-3
