"""The attack benchmark: its measures, its judge, its twin in PyTorch, and the page made from it."""

import json

import keras
import numpy as np
import pytest

from benchmarks.attacks import measures, page, results, tables
from reproduce.networks import models


def test_optimality_is_the_area_between_the_curves_of_robustness(rng):
    """As AttackBench has it, integrated numerically."""
    best = rng.uniform(1, 3, 40)
    found = best * rng.uniform(1, 2, 40)
    found[[3, 17]] = np.inf
    grid = np.linspace(0, best.max(), 200_001)

    def area(lengths: np.ndarray) -> float:
        robust = (lengths[None, :] > grid[::20, None]).mean(axis=1)
        return float(np.trapezoid(robust, grid[::20]))

    expected = 1 - (area(found) - area(best)) / (best.max() - area(best))
    assert measures.optimality(found, best) == pytest.approx(expected, abs=1e-3)


def test_the_envelope_has_optimality_one_and_failure_nothing(rng):
    found = [rng.uniform(1, 2, 10), rng.uniform(1, 2, 6)]
    best = measures.envelope(found, 10)
    np.testing.assert_array_equal(best[:6], np.minimum(found[0][:6], found[1]))
    np.testing.assert_array_equal(best[6:], found[0][6:])
    assert measures.optimality(best, best) == 1
    assert measures.optimality(np.full(10, np.inf), best) == pytest.approx(0, abs=1e-12)
    assert measures.median_ratio(best, best) == 1


def test_an_image_that_nobody_changed_counts_for_nobody():
    best = np.array([1.0, 2.0, np.inf])
    found = np.array([1.0, 4.0, np.inf])
    assert measures.optimality(found, best) == measures.optimality(found[:2], best[:2])
    assert measures.median_ratio(found, best) == 1.5


@pytest.mark.parametrize("best", [[2.0], [2.0, 2.0], [np.inf, np.inf]])
def test_without_distances_that_differ_there_is_no_optimality(best):
    """One image; two of one distance; and none that anybody changed."""
    best = np.array(best)
    assert np.isnan(measures.optimality(2 * best, best))
    ratio = measures.median_ratio(2 * best, best)
    assert np.isnan(ratio) if np.isinf(best).any() else ratio == 2
    found = {
        "networks": {"FC": {"network": "FC", "images": len(best)}},
        "pieces": [piece("one", [None if np.isinf(each) else each for each in best])],
    }
    assert "30: n/a" in tables.leaders(found)
    assert ", n/a |" in tables.by_network(found, "##")


def piece(attack, distances, budget=30, **further):
    return {
        "network": "FC", "wants": "targets", "attack": attack, "package": "", "settings": "",
        "budget": budget, "distances": distances, "gradients": budget, "forwards": None,
        "cpu_s": 0.1, "compile_s": 0.0, "memory_mb": None, **further,
    }  # fmt: skip


@pytest.mark.parametrize(("many", "few", "leader"), [
    ([1.0, 2.0, 3.4, 4.0], [1.02, 2.0], "many (0.9333)"),  # few's .98 is of its two images alone
    ([1.1, 2.0, 3.0, 4.0], [1.05, 2.0], "few (0.9500, 2 images)"),  # where many's .9833 is .9
    ([1.0, 2.0, 3.4, 4.0], [1.0, 2.0], "many (0.9333)"),
])  # fmt: skip
def test_attacks_on_few_images_are_ranked_on_these_few(many, few, leader):
    pieces = [
        piece("exact optimum", [1.0, 2.0, 3.0, 4.0], budget=0), piece("many", many),
        piece("few", few), piece("bad", [3.0, 3.5, 4.0, None]), piece("fewest", [2.0]),
    ]  # fmt: skip
    found = {"networks": {"FC": {"network": "FC", "images": 4}}, "pieces": pieces}
    assert f"30: {leader}" in tables.leaders(found)


def test_a_table_tells_the_images_of_each_budget():
    pieces = [piece("one", [1.0, 2.0]), piece("one", [1.0], budget=100)]
    each = measures.Standing(pieces, 2, "exact optimum")
    assert tables.quality(each).endswith("| 2, 1 |")


def test_the_facts_tell_the_commits_of_kept_pieces(tmp_path):
    (tmp_path / "FC").mkdir()
    described = {"network": "FC", "images": 1, "problem": "p"}
    noted = {"commit": "abc", "date": "2026-01-02"}
    kept = [
        piece("a", [1.0], problem="p", key="k"),
        piece("b", [1.0], problem="p", key="k", **noted),
        piece("c", [1.0], problem="p", key="k", **noted),
        piece("d", [1.0], problem="other", key="k", commit="old", date="2026-01-01"),
    ]
    (tmp_path / "FC" / results.DESCRIPTION).write_text(json.dumps(described))
    for each in kept:
        (tmp_path / "FC" / f"{each['attack']}-30.json").write_text(json.dumps(each))
    told = tables.commits(results.collected(tmp_path, ["FC"]))
    assert told.endswith(": 2 at abc on 2026-01-02, 1 at an unknown commit.")
    assert "no record" in tables.commits({"pieces": [piece("a", [1.0])]})


def test_a_piece_notes_its_commit_and_older_ones_are_read(tmp_path, monkeypatch):
    from benchmarks.attacks import pieces
    from benchmarks.attacks.records import Contestant, Found, Problem

    images = np.zeros((2, 2, 2, 1), np.float32)
    given = Problem("two", two_classes(), images, np.zeros(2, int), np.ones(2, int), None)
    some = Contestant("some", "", "targets", "", lambda problem, budget: Found(images + 0.6, 1.0))
    monkeypatch.setattr(pieces, "versions", lambda: {"reproduce": "abc"})
    made = pieces.piece(given, some, 30, tmp_path)
    assert (made.commit, made.date) == ("abc", results.today())
    (file,) = (tmp_path / "two").glob("*.json")
    content = json.loads(file.read_text())
    del content["commit"], content["date"]
    file.write_text(json.dumps(content))
    monkeypatch.setattr(pieces, "versions", lambda: {"reproduce": "def"})
    assert pieces.piece(given, some, 30, tmp_path) == made._replace(commit=None, date=None)


@pytest.mark.parametrize("error", [IndexError, KeyError])
def test_a_fault_of_an_attack_does_not_leave_it_out(tmp_path, monkeypatch, error):
    for name in ("OMP", "OPENBLAS", "NUMBA"):
        monkeypatch.setenv(f"{name}_NUM_THREADS", "1")  # what the command sets goes with the test
    from benchmarks import attack
    from benchmarks.attacks.records import Contestant, Problem, within

    def fails(problem, budget):
        raise error("a fault")

    images = np.zeros((2, 2, 2, 1), np.float32)
    given = Problem("two", two_classes(), images, np.zeros(2, int), np.ones(2, int), None)
    monkeypatch.setattr(attack.peers, "missing", lambda: ["torch"])
    monkeypatch.setattr(attack.ours, "exact", list)
    dear = Contestant("dear", "", "targets", "", lambda problem, budget: within(budget, 31))
    attack._run(given, [dear], [30], tmp_path)
    assert not list(tmp_path.rglob("*.json"))
    with pytest.raises(error, match="a fault"):
        attack._run(given, [dear._replace(find=fails)], [30], tmp_path)


def two_classes() -> keras.Model:
    """The second class from a mean of one half on."""
    network = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(),
                                keras.layers.Dense(2)])  # fmt: skip
    network.layers[-1].set_weights([np.array([[0.0, 0.25]] * 4, np.float32), np.array([0.5, 0.0])])
    return network


def test_the_judge_wants_the_label_the_box_and_a_number():
    from benchmarks.attacks.pieces import judged
    from benchmarks.attacks.records import Problem

    images = np.zeros((5, 2, 2, 1), np.float32)
    given = Problem("two", two_classes(), images, np.zeros(5, int), np.ones(5, int), None)
    changed = np.full((5, 2, 2, 1), 0.6, np.float32)
    changed[1] = 0.4  # the first class still
    changed[2] = [[[1.5], [0.3]], [[0.3], [0.3]]]  # outside
    changed[3, 0, 0] = np.nan
    changed[4] = 0.5  # on the boundary itself, which counts once it is pushed over
    lengths = judged(given, changed, "targets")
    assert lengths[0] == pytest.approx(1.2, rel=1e-6)
    assert np.isinf(lengths[1:4]).all()
    assert lengths[4] == pytest.approx(1.0, rel=1.1e-3)
    np.testing.assert_array_equal(judged(given, changed, "labels"), lengths)


@pytest.mark.parametrize("make", [
    lambda: models.lenet((28, 28, 1), seed=0),
    lambda: models.dense((28, 28, 1), [20, 20], seed=0),
    lambda: models.dense((8, 8, 3), bias=False, seed=0),
], ids=["LeNet", "dense", "linear, in colour"])  # fmt: skip
def test_the_network_in_pytorch_agrees_and_counts(make, rng):
    torch = pytest.importorskip("torch", reason="PyTorch comes with the benchmark's requirements")
    from benchmarks.attacks.in_torch import disagreement, twin

    network = make()
    images = rng.random((3, *network.input_shape[1:]), np.float32)
    assert disagreement(network, images) < 1e-5
    counted = twin(network)
    before = counted.counter.gradients
    points = torch.tensor(images.transpose(0, 3, 1, 2).copy(), requires_grad=True)
    counted(points)[:, 0].sum().backward()
    assert counted.counter.gradients - before == 3
    assert points.grad.shape == points.shape


def test_the_page_is_made_from_the_last_tracked_results():
    last = json.loads(page.newest().read_text())
    assert page.filled(page.PAGE.read_text(), page.blocks(last)) == page.PAGE.read_text()


def test_a_page_without_a_place_is_refused():
    with pytest.raises(ValueError, match="place called leaders"):
        page.filled("nothing", {"leaders": "a table"})
