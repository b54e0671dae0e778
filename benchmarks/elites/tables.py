"""What the benchmark shows of its runs; neither TensorFlow nor JAX."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit

CERTAIN = 0.9999  # the confidence that the median class is to reach: Nguyen et al. 2015, figure 4


class Row(NamedTuple):
    """A contestant's runs, a value for each seed.

    compile_s: CPU seconds before the first run.
    cpu_s: of the runs.
    reached: the generation from which the median class is certain; None if none is.
    filled: niches that have an elite at the end.
    median_log_odds: of the classes at the end; None if half the niches or more are empty.
    rescored: largest difference between an elite's log-odds and those by the Keras network.
    """

    name: str
    package: str
    niches: str
    settings: str
    compile_s: float
    cpu_s: list[float]
    reached: list[int | None]
    filled: list[int]
    median_log_odds: list[float | None]
    rescored: float


def generation_of_certainty(log_odds: np.ndarray) -> int | None:
    """The first generation after which the median class has CERTAIN confidence; None if none.

    Args:
        log_odds: (generations + 1, classes), the random start first; -inf for an empty niche,
            which counts as a confidence of 0.
    """
    certain = np.median(expit(np.asarray(log_odds, np.float64)), axis=1) >= CERTAIN
    return int(certain.argmax()) if certain.any() else None


def rate(row: Row, evaluations: int) -> float:
    """Evaluations per CPU second.

    Args:
        evaluations: of one run.
    """
    return evaluations * len(row.cpu_s) / sum(row.cpu_s)


def whole(results: dict[str, Any]) -> str:
    """Everything, as Markdown."""
    return "\n\n".join([facts(results), comparison(results), settings(results)])


def facts(results: dict[str, Any]) -> str:
    versions = dict(results["versions"])
    commit, processor = versions.pop("reproduce", "unknown"), versions.pop("processor")
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    return (
        f"Of {results['date']} at commit {commit}, one thread of {processor}; {packages}. "
        f"{len(results['seeds'])} seeds of {results['generations']} generations, "
        f"{results['children']} images each. Logits in JAX differ from Keras's by "
        f"{results['disagreement']:.1e} of the largest, on {results['compared']} images; log-odds "
        f"of the last elites by {max(row['rescored'] for row in results['rows']):.1e} at most."
    )


def comparison(results: dict[str, Any]) -> str:
    """Speed, and how soon the median class is certain."""
    lines = [
        "| | a child may take | evaluations per CPU s | generation at .9999, each seed | "
        "evaluations until then | CPU s until then | median log-odds at the end | niches filled |",
        "|---|---|---|---|---|---|---|---|",
    ]
    children, generations = results["children"], results["generations"]
    for row in [Row(**each) for each in results["rows"]]:
        speed = rate(row, children * (generations + 1))
        reached = [np.inf if each is None else each for each in row.reached]
        middle = float(np.median(reached))
        until = children * (middle + 1)
        seconds = f"{until / speed:.1f}" if np.isfinite(until) else "not reached"
        tried = f"{until:,.0f}" if np.isfinite(until) else "not reached"
        ends = [-np.inf if each is None else each for each in row.median_log_odds]
        end = f"{np.median(ends):.1f}" if np.isfinite(np.median(ends)) else "half are empty"
        each = ", ".join(f"{g:g}" if np.isfinite(g) else f"over {generations}" for g in reached)
        lines.append(
            f"| {row.name} | {row.niches} | {speed:,.0f} | {each} | {tried} | {seconds} | "
            f"{end} | {', '.join(map(str, row.filled))} |"
        )
    return "\n".join(lines)


def settings(results: dict[str, Any]) -> str:
    lines = ["| | variation | compiled in, CPU s |", "|---|---|---|"]
    for row in [Row(**each) for each in results["rows"]]:
        name = row.name if row.package != "qdax" else f"{row.name}, {row.niches}"
        lines.append(f"| {name} | {row.settings} | {row.compile_s:.1f} |")
    return "\n".join(lines)
