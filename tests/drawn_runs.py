"""Runs as they might have been: sixty cells, drawn."""

import numpy as np

from reproduce.report.cells import Cells
from reproduce.report.results import Layout, Results


def a_run(rng, seed=0, shift=lambda row, value: value):
    """Sixty cells as runs have them: rates, rare ones, means, confidences, bounds."""
    cells = Cells("szegedy", "own")
    for i in range(15):
        rate = shift(f"rate {i}", 0.01 + 0.02 * i)
        cells.rate(f"rate {i}", "x", rng.binomial(1000, rate), 1000)
        rare = shift(f"rare {i}", 0.001 * i)
        cells.rate(f"rare {i}", "x", rng.binomial(256, rare), 256)
        level = shift(f"mean {i}", 0.06) + 0.002 * rng.normal()
        cells.mean(f"mean {i}", "x", level + 0.02 * rng.normal(size=64), "rms")
        sure = 1 / (1 + np.exp(-shift(f"sure {i}", 5.0) - 0.5 * rng.standard_t(6, size=5)))
        cells.median(f"sure {i}", "x", sure, "fraction")
    cells.number("bound", "x", shift("bound", 3.25), "norm")
    return Results(
        experiment="one", dataset="few", data_source="here", data_digest="0", scale="smoke",
        seeds=(seed,), versions={"reproduce": "0"}, started=f"run {seed} {rng.random()}",
        seconds={"own": 1.0}, cells=tuple(cells.list), claims=(), not_run={}, departures=(),
        artefacts={"own": Layout("Table 1")}, papers_data=False,
    )  # fmt: skip


def five(rng):
    return [a_run(rng, seed) for seed in range(5)]
