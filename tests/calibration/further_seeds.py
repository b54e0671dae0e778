"""How often a run with nothing wrong does not lie where its reference's seeds do.

python -m tests.calibration.further_seeds 300        draws so many references and runs

Networks differ between seeds: the log-odds of rates on noise by a normal of some deviation, and the
digit for which a network takes noise by a Dirichlet of concentration 0.2.
"""

from __future__ import annotations

import sys

import numpy as np

from reproduce.report import further
from reproduce.report.cells import Cells
from reproduce.report.results import Layout, Results

DEVIATIONS = (0.0, 0.3, 0.6, 1.0, 1.5)
LEVELS = (-5, -4, -3, -2, 0, 3)  # log-odds of noise taken for a digit


def a_run(rng: np.random.Generator, deviation: float) -> Results:
    """Twenty rates of 200 images, six of noise, and the ten shares of digits."""
    cells = Cells("szegedy", "own")
    for i in range(20):
        cells.rate(f"images {i}", "x", rng.binomial(200, 0.02 + 0.04 * i), 200)
    for level in LEVELS:
        odds = level + deviation * rng.normal()
        cells.rate(f"noise {level}", "x", rng.binomial(500, 1 / (1 + np.exp(-odds))), 500)
    errors = int(rng.integers(2, 30))
    for digit, count in enumerate(rng.multinomial(errors, rng.dirichlet(np.full(10, 0.2)))):
        cells.rate("digits", str(digit), count, errors)
    return Results(
        experiment="one", dataset="few", data_source="here", data_digest="0", scale="smoke",
        seeds=(0,), versions={}, started="", seconds={}, cells=tuple(cells.list), claims=(),
        not_run={}, departures=(), artefacts={"own": Layout("Rates")}, papers_data=False,
    )  # fmt: skip


def alarms(deviation: float, draws: int) -> int:
    """Of so many runs, each beside five seeds of the same source."""
    rng = np.random.default_rng(int(10 * deviation))
    return sum(
        bool(further.check(a_run(rng, deviation), five).outside)
        for five in ([a_run(rng, deviation) for _ in range(5)] for _ in range(draws))
    )


if __name__ == "__main__":
    for deviation in DEVIATIONS:
        print(f"{deviation}: {alarms(deviation, int(sys.argv[1]))} of {sys.argv[1]}")
