"""One report over many runs: mean and interval over the seeds, a row for each swept setting.

Runs are pooled when experiment, data set, its digest and scale are the same; others cannot be
compared, and are refused. What else differs between their configurations is a swept setting and
gets its own rows; a swept number gives curves with bands.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, get_args

from reproduce.report import figures, results_json, sweep
from reproduce.report.earlier import clear
from reproduce.report.provenance import changing, flat, read_config
from reproduce.report.results import (
    SETTING,
    Cell,
    Claim,
    ClaimVerdict,
    Layout,
    Results,
    Strength,
    joined_versions,
)
from reproduce.report.run import draw
from reproduce.report.seeds import over_seeds
from reproduce.report.sweep import Setting
from reproduce.runtime.errors import UserError


class Source(NamedTuple):
    """A run and the configuration it was made with."""

    folder: Path
    results: Results
    config: dict[str, Any]

    @property
    def kind(self) -> tuple[str, str, str, str]:
        """What has to be the same for two runs to be averaged."""
        run = self.results
        return run.experiment, run.dataset, run.data_digest, run.scale


def find(paths: Iterable[Path]) -> list[Source]:
    """The runs in these folders and below them, without combined reports."""
    found = []
    for path in paths:
        if not path.is_dir():
            raise UserError(f"{path} is no folder: name the folder of a run, or one above several.")
        own = path / "results.json"
        files = [own] if own.is_file() else sorted(path.rglob("results.json"))
        runs = [(file.parent, results_json.read(file.parent)) for file in files]
        runs = [(folder, run) for folder, run in runs if not run.combined]
        if not runs:
            raise UserError(f"{path} holds no run: results.json is found neither there nor below.")
        found += [Source(folder, run, read_config(folder)) for folder, run in runs]
    return list({source.folder.resolve(): source for source in found}.values())


def kinds(sources: Sequence[Source]) -> list[list[Source]]:
    """Groups of runs that can be averaged."""
    groups: dict[tuple[str, ...], list[Source]] = defaultdict(list)
    for source in sources:
        groups[source.kind].append(source)
    return list(groups.values())


def merge(sources: Sequence[Source]) -> Results:
    """One record over runs of the same kind."""
    groups = kinds(sources)
    if len(groups) > 1:
        raise UserError(f"{_difference(groups)}: name runs of one kind, or add --apart.")
    by_setting = _by_setting(sources)
    runs = [source.results for source in sources]
    first = runs[0]
    names = list(dict.fromkeys(name for run in runs for name in run.artefacts))
    cells, claims = [], []
    for name in names:
        cells += _cells(name, by_setting)
        claims += _claims(name, by_setting)
    not_run = {name: why for run in runs for name, why in run.not_run.items()}
    return first._replace(
        seeds=tuple(sorted({seed for run in runs for seed in run.seeds})),
        versions=joined_versions([run.versions for run in runs]),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds={name: round(sum(run.seconds.get(name, 0.0) for run in runs), 1) for name in names},
        cells=tuple(cells),
        claims=tuple(claims),
        not_run={name: why for name, why in not_run.items() if name not in names},
        departures=_union(run.departures for run in runs),
        artefacts={name: _layout(name, runs, by_setting) for name in names},
        combined=True,
    )


def combine(
    folders: Iterable[Path], output: Path | None = None, *, apart: bool = False
) -> list[Path]:
    """Draws the combined report over the runs in these folders and below them.

    Args:
        output: where it goes; beside the runs if not given.
        apart: a report for each kind of run, where otherwise different kinds are refused.

    Returns:
        the pages.
    """
    sources = find(folders)
    groups = kinds(sources) if apart else [sources]
    pages = []
    for group in groups:
        folder = output or beside(group)
        if output and len(groups) > 1:
            experiment, dataset, _, scale = group[0].kind
            folder = output / experiment / dataset / scale
        write(folder, group)
        pages.append(folder / "report.html")
    return pages


def write(folder: Path, sources: Sequence[Source]) -> Results:
    """Draws the combined report of runs of one kind into a folder."""
    combined = merge(sources)
    clear(folder, combined)
    by_setting = _by_setting(sources)
    artefacts = dict(combined.artefacts)
    for name, layout in artefacts.items():
        pooled = {setting: pool(name, group) for setting, group in by_setting.items()}
        drawn = sweep.curves(pooled)
        if drawn is not None:
            figures.save(drawn, folder / "figures", f"{name}-sweep")
            artefacts[name] = layout._replace(figures=(f"{name}-sweep",))
    combined = combined._replace(artefacts=artefacts)
    results_json.write(folder, combined)
    draw(folder, combined)
    return combined


def beside(sources: Sequence[Source]) -> Path:
    """Where a combined report goes if nothing else is said: beside its runs."""
    above = os.path.commonpath([source.folder.resolve().parent for source in sources])
    return Path(above) / "combined"


def _difference(groups: Sequence[Sequence[Source]]) -> str:
    """Which runs cannot be averaged, and why."""
    those = [group[0].kind for group in groups]
    for part, what in enumerate(("experiments", "data sets", "data digests", "scales")):
        values = dict.fromkeys(kind[part] for kind in those)
        if len(values) > 1:
            return f"runs on different {what} ({', '.join(values)}) are not averaged"
    raise AssertionError(those)


def _by_setting(sources: Sequence[Source]) -> dict[Setting, list[Results]]:
    """Runs grouped by what was swept besides the seed."""
    settings = [flat(changing(source.config)) for source in sources]
    names = sweep.swept(settings)
    groups: dict[Setting, dict[tuple[int, ...], Source]] = {}
    for source, values in zip(sources, settings, strict=True):
        setting = tuple((short, values.get(key)) for key, short in names.items())
        group = groups.setdefault(setting, {})
        seeds = source.results.seeds
        if seeds in group:
            raise UserError(
                f"seed {seeds[0]} comes twice with the same settings, in {group[seeds].folder} and "
                f"{source.folder}: leave one out, or set them side by side with --compare."
            )
        group[seeds] = source
    ordered = sorted(groups, key=lambda setting: [sweep.order(value) for _, value in setting])
    return {key: [source.results for source in groups[key].values()] for key in ordered}


def _cells(name: str, by_setting: Mapping[Setting, Sequence[Results]]) -> list[Cell]:
    """Row by row, and in a row setting by setting.

    The setting stands in a row's name, but where no two settings have a row in common: then the
    rows tell them apart, as the names of swept networks do.
    """
    found = {setting: pool(name, runs) for setting, runs in by_setting.items()}
    rows = [row for cells in found.values() for row in {cell.row for cell in cells}]
    shared = len(rows) > len(set(rows)) or len(found) == 1
    pooled: dict[str, list[Cell]] = {}
    for setting, cells in found.items():
        for cell in cells:
            named = setting and shared
            row = f"{cell.row}{SETTING}{sweep.text(setting)}" if named else cell.row
            pooled.setdefault(cell.row, []).append(cell._replace(row=row))
    return [cell for cells in pooled.values() for cell in cells]


def pool(name: str, runs: Sequence[Results]) -> list[Cell]:
    """The cells of an artefact over runs that differ in their seed alone."""
    same: dict[tuple[str, str], list[Cell]] = {}
    for run in runs:
        for cell in run.of(name):
            same.setdefault((cell.row, cell.column), []).append(cell)
    return [over_seeds(cells) for cells in same.values()]


def _claims(name: str, by_setting: Mapping[Setting, Sequence[Results]]) -> list[Claim]:
    """A claim's verdicts in all runs as one (`over_runs`), with who said what."""
    merged: dict[str, list[Claim]] = {}
    for setting, runs in by_setting.items():
        same: dict[str, list[tuple[int, Claim]]] = {}
        for run in runs:
            for claim in run.claims_of(name):
                same.setdefault(claim.id, []).append((run.seeds[0], claim))
        for seen in same.values():
            first = seen[0][1]
            parts = [
                _with_seeds(verdict, same_verdict)
                for verdict in get_args(ClaimVerdict)
                if (same_verdict := {s: claim for s, claim in seen if claim.verdict == verdict})
            ]
            where = f"{sweep.text(setting)}: " if setting else ""
            evidence = first.evidence if len(seen) == 1 else "; ".join(parts)
            merged.setdefault(first.id, []).append(
                first._replace(
                    verdict=over_runs([claim.verdict for _, claim in seen]),
                    evidence=f"{where}{evidence}",
                    strength=_strength([claim.strength for _, claim in seen]),
                )
            )
    return [claim for claims in merged.values() for claim in claims]


def _with_seeds(verdict: str, claims: Mapping[int, Claim]) -> str:
    """Which seeds came to a verdict, and the evidence of the first of them."""
    first = min(claims)
    told = claims[first].evidence.removesuffix(".")
    if len(claims) == 1:
        return f"{verdict} with seed {first} ({told})"
    return f"{verdict} with seeds {', '.join(map(str, claims))} (with seed {first}: {told})"


def over_runs(verdicts: Sequence[ClaimVerdict]) -> ClaimVerdict:
    """One verdict where all runs agree, exceptions allowed; else it cannot be told."""
    if len(set(verdicts)) == 1:
        return verdicts[0]
    if set(verdicts) == {"holds", "holds with exceptions"}:
        return "holds with exceptions"
    return "cannot be told"


def _strength(each: Sequence[Strength]) -> Strength:
    """All runs together; of the images, what every run has; what would refute it in all runs."""
    images = [strength.images for strength in each if strength.images is not None]
    refuted_by = " or ".join(dict.fromkeys(strength.refuted_by for strength in each))
    if len(each) > 1 and refuted_by:
        refuted_by += ", with every seed,"
    runs = sum(strength.runs for strength in each)
    return Strength(runs, min(images, default=None), refuted_by)


def _layout(
    name: str, runs: Sequence[Results], by_setting: Mapping[Setting, Sequence[Results]]
) -> Layout:
    layouts = [run.artefacts[name] for run in runs if name in run.artefacts]
    most = max(sum(name in run.artefacts for run in group) for group in by_setting.values())
    note = f"Mean over up to {most} runs; the interval is that of the mean over runs."
    return layouts[0]._replace(
        notes=(note, *_union(layout.notes for layout in layouts)),
        departures=_union(layout.departures for layout in layouts),
        figures=(),
    )


def _union(lists: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for texts in lists for text in texts))
