"""Reports over many runs: averaged when alike, refused when not, compared by their noise."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from reproduce.report import __main__ as command
from reproduce.report import combined, compare, results_json, sweep
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Cell, Claim, Strength, answer
from reproduce.report.run import Header, Run
from reproduce.report.seeds import over_seeds
from reproduce.runtime.errors import UserError

ROOT = Path(__file__).parent.parent


def leave(
    folder: Path, seed: int, *, dataset="mnist", scale="laptop", images=256, holds=True,
    network="FC10(1)", settings=(),
):  # fmt: skip
    """A small run in its folder; the rate and the distance depend on the seed."""
    rng = np.random.default_rng(seed)
    cells = Cells("szegedy", "table2")
    cells.rate(network, "AE400-10", rng.binomial(256, 0.34), 256)
    cells.rate(network, "FC10(1)", 256, 256)
    cells.number(network, "distortion", 0.13 + 0.01 * rng.random() + images / 1e5, "rms")
    claim = Claim(
        "decay", "Decay raises it.", answer(holds), "0.06 < 0.10", Strength(1, 256, "a fall")
    )
    header = Header("szegedy", dataset, "a file", f"digest of {dataset}", scale, seed)
    config = {
        "seed": seed,
        "networks": {network: {}},
        "model": network,
        "only": [f"table{seed}"],
        "scale": {"szegedy": {"images": images}},
        "artefacts": {"table2": {"images": images, "attack": {"seed": seed}}},
        **dict(settings),
    }
    with Run(folder, header, config=config) as run:
        run.add("table2", Artefact("Table 2", cells=cells.list, claims=[claim]), 2.0)


def test_seeds_are_averaged_with_their_t_interval(tmp_path):
    for seed in range(5):
        leave(tmp_path / f"seed={seed}", seed)
    own = [results_json.read(tmp_path / f"seed={seed}").cells for seed in range(5)]
    content = combined.merge(combined.find([tmp_path]))
    assert content.seeds == (0, 1, 2, 3, 4)
    for cell, column in zip(content.cells, zip(*own, strict=True), strict=True):
        values = [cell.value for cell in column]
        assert cell.value == pytest.approx(np.mean(values))
        if len(set(values)) > 1:
            wanted = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
            assert (cell.low, cell.high) == pytest.approx(wanted)
            assert cell.n == 5
    assert [cell.published for cell in content.cells] == [0.344, 1.0, 0.14]
    assert content.cells[1].low > 0.98  # 100 % in all runs keeps Wilson's interval
    assert content.seconds == {"table2": 10.0}


def test_the_interval_of_a_count_ends_at_nothing():
    runs = [Cell("figure5", "CPPN", "generations", value, "count") for value in (0.0, 1.0, 9.0)]
    wanted = stats.t.interval(0.95, 2, np.mean([0, 1, 9]), stats.sem([0, 1, 9]))
    pooled = over_seeds(runs)
    assert wanted[0] < pooled.low == 0
    assert pooled.high == pytest.approx(wanted[1])


def test_a_claim_that_holds_in_some_runs_is_left_open(tmp_path):
    for seed in range(3):
        leave(tmp_path / str(seed), seed, holds=seed != 1)
    claim = combined.merge(combined.find([tmp_path])).claims[0]
    assert claim.verdict == "cannot be told"
    assert claim.evidence == (
        "holds with seeds 0, 2 (with seed 0: 0.06 < 0.10); refuted with seed 1 (0.06 < 0.10)"
    )
    assert claim.strength == (3, 256, "a fall, with every seed,")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"dataset": "mnist_5k"}, "different data sets (mnist, mnist_5k)"),
        ({"scale": "smoke"}, "different scales (laptop, smoke)"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused_in_one_line(tmp_path, capsys, other, words):
    leave(tmp_path / "a", 0)
    leave(tmp_path / "b", 1, **other)
    assert command.main([str(tmp_path / "a"), str(tmp_path / "b")]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1


def test_apart_draws_one_report_for_each_kind(tmp_path):
    for seed in range(2):
        leave(tmp_path / "a" / str(seed), seed)
        leave(tmp_path / "b" / str(seed), seed, scale="smoke")
    assert command.main([str(tmp_path), "--apart"]) == 0
    for folder, scale in (("a", "laptop"), ("b", "smoke")):
        assert results_json.read(tmp_path / folder / "combined").scale == scale


def test_a_swept_number_gets_rows_and_curves(tmp_path):
    for images in (256, 32, 1024):
        for seed in range(3):
            leave(tmp_path / f"images={images}" / f"seed={seed}", seed, images=images)
    assert command.main([str(tmp_path)]) == 0
    folder = tmp_path / "combined"
    content = results_json.read(folder)
    rows = list(dict.fromkeys(cell.row for cell in content.cells))
    assert rows == [f"FC10(1) · images={images}" for images in (32, 256, 1024)]
    assert {cell.published for cell in content.cells if cell.column == "distortion"} == {0.14}
    assert (folder / "figures" / "table2-sweep.pdf").is_file()
    assert "\\pm" in (folder / "tables" / "table2.tex").read_text()
    assert "table2-sweep" in (folder / "report.html").read_text()
    # The combined report is not taken for a run the next time.
    assert len(combined.find([tmp_path])) == 9


def test_rows_that_no_two_settings_share_need_no_setting(tmp_path):
    """As of a sweep over networks, whose rows are the networks."""
    for network in ("one", "another"):
        leave(tmp_path / network, 0, network=network)
    content = combined.merge(combined.find([tmp_path]))
    assert {cell.row for cell in content.cells} == {"one", "another"}
    leave(tmp_path / "third", 0, network="one", images=32)
    content = combined.merge(combined.find([tmp_path]))
    rows = {cell.row for cell in content.cells}
    assert len(rows) == 3
    assert all("images=" in row for row in rows if row.startswith("one"))


def test_settings_that_change_together_count_once():
    configs = [
        {"seed": seed, "attack.seed": seed, "scale.images": images, "table1.images": images}
        for images in (64, 128)
        for seed in (0, 1)
    ]
    assert sweep.swept(configs) == {"scale.images": "images"}
    assert sweep.swept(configs[:2]) == {}


def test_how_a_run_went_and_where_its_data_lay_sweep_nothing(tmp_path):
    serial = {"engine": {"name": "serial"}, "workers": None, "dataset": {"path": None}}
    local = {"engine": {"name": "local"}, "workers": 2, "dataset": {"path": "a.npz"}}
    for seed, settings in enumerate([serial, local, {**serial, "photographs": "a folder"}]):
        leave(tmp_path / str(seed), seed, settings=settings)
    content = combined.merge(combined.find([tmp_path]))
    assert content.seeds == (0, 1, 2)
    assert {cell.row for cell in content.cells} == {"FC10(1)"}


def test_the_same_run_twice_is_not_two_runs(tmp_path):
    leave(tmp_path / "a", 0)
    leave(tmp_path / "b", 0)
    with pytest.raises(UserError, match="seed 0 comes twice"):
        combined.merge(combined.find([tmp_path]))
    assert len(combined.find([tmp_path / "a", tmp_path / "a"])) == 1


def test_a_rate_moved_by_newcombes_interval():
    # Newcombe 1998, "Interval estimation for the difference between independent proportions",
    # table II, method 10: 56/70 - 48/80 lies in [0.0524, 0.3339], 9/10 - 3/10 in [0.1705, 0.8090].
    for (a, m), (b, n), low in (((56, 70), (48, 80), 0.0524), ((9, 10), (3, 10), 0.1705)):
        cells = Cells("szegedy", "none")
        moved = compare.change(cells.rate("r", "c", b, n), cells.rate("r", "c", a, m))
        assert moved.difference - moved.noise == pytest.approx(low, abs=5e-5)
        assert moved.moved


def test_noise_alone_moves_about_five_of_a_hundred_cells():
    rng = np.random.default_rng(0)
    moved = []
    for _ in range(1500):
        cells = Cells("szegedy", "none")
        before, after = (cells.rate("r", "c", k, 256) for k in rng.binomial(256, 0.2, size=2))
        moved.append(compare.change(before, after).moved)
    assert np.mean(moved) == pytest.approx(0.05, abs=0.02)


def test_a_number_without_spread_moves_by_any_change():
    cell = Cell("t", "r", "c", 2.75, "norm")
    assert not compare.change(cell, cell._replace(value=2.75 * (1 + 1e-12))).moved
    assert compare.change(cell, cell._replace(value=2.76)).moved


def test_comparison_names_what_moved_and_what_is_missing(tmp_path, capsys):
    leave(tmp_path / "a", 0)
    leave(tmp_path / "b", 0, images=1024)
    assert command.main(["--compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    told = capsys.readouterr().out
    assert "images: 256 -> 1024" in told
    assert "1 of 3 cells moved" in told
    before, after = (results_json.read(tmp_path / name) for name in "ab")
    lacking = compare.compare(before, after._replace(cells=after.cells[1:]))
    assert [cell.column for cell in lacking.only_before] == ["AE400-10"]


@pytest.mark.parametrize(
    "flags",
    [
        ["{run}", "--output", "{other}"],
        ["{run}", "--apart"],
        ["--compare", "{run}", "{run}", "--output", "{other}"],
        ["--compare", "{run}", "{run}", "--apart"],
        ["--keep", "--fill", "{run}"],
        ["--keep", "{run}", "--output", "{other}"],
        ["--fill", "{run}", "--apart"],
        ["--reference", "--apart"],
        ["--reference", "--keep"],
    ],
)
def test_flags_of_which_one_would_do_nothing_are_refused(tmp_path, capsys, flags):
    leave(tmp_path / "run", 0)
    words = [flag.format(run=tmp_path / "run", other=tmp_path / "other") for flag in flags]
    with pytest.raises(SystemExit) as stopped:
        command.main(words)
    assert stopped.value.code == 2
    assert "--" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_a_combined_report_does_not_overwrite_a_run(tmp_path, capsys):
    for seed in range(2):
        leave(tmp_path / f"seed={seed}", seed)
    before = (tmp_path / "seed=0" / "results.json").read_bytes()
    words = [
        str(tmp_path / "seed=0"),
        str(tmp_path / "seed=1"),
        "--output",
        str(tmp_path / "seed=0"),
    ]
    assert command.main(words) == 2
    assert "holds a run" in capsys.readouterr().err
    assert (tmp_path / "seed=0" / "results.json").read_bytes() == before


def test_a_folder_without_runs_is_named(tmp_path, capsys):
    assert command.main([str(tmp_path)]) == 2
    assert "holds no run" in capsys.readouterr().err
    assert command.main([str(tmp_path / "none")]) == 2
    assert "is no folder" in capsys.readouterr().err


def test_a_report_is_drawn_again_with_what_it_declares(tmp_path):
    """In a process that can import what requirements-report.txt names, and nothing beyond."""
    for seed in range(2):
        leave(tmp_path / f"seed={seed}", seed)
    page = tmp_path / "seed=0" / "report.html"
    drawn = page.read_text()
    page.unlink()
    declared = needed((ROOT / "requirements-report.txt").read_text().splitlines()[1:])
    declared.add("reproduce")  # a distribution itself, once it was installed or its wheel built
    blocked = {
        module
        for module, distributions in metadata.packages_distributions().items()
        if not declared & {canonical(name) for name in distributions}
    }
    assert {"tensorflow", "keras", "hydra", "sklearn"} <= blocked
    program = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ImportError(f"{{name}} is blocked")
sys.meta_path.insert(0, Blocked())
from reproduce.report.__main__ import main
sys.exit(main([sys.argv[1] + "/seed=0"]) or main([sys.argv[1]]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert page.read_text() == drawn
    assert (tmp_path / "combined" / "report.html").is_file()


def needed(requirements: list[str]) -> set[str]:
    """Distributions that are installed with these, themselves among them."""
    found: set[str] = set()
    while requirements:
        text = requirements.pop()
        name = canonical(re.match(r"[\w.-]+", text)[0])
        if name not in found and "extra ==" not in text:
            found.add(name)
            with contextlib.suppress(metadata.PackageNotFoundError):  # of another platform
                requirements += metadata.requires(name) or []
    return found


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
