"""A run's folder, filled artefact by artefact.

    with Run(folder, header, config=config) as run:
        run.add("table1", table1(setting, images=256), seconds=41.0)
        run.not_run("table5", "AlexNet's weights are not at hand: ...")

After each artefact its tables, its figures and `results.json` are on disk and its table is on the
console; leaving the block, by an error or Ctrl-C as well, writes the pages. A later run of the
same configuration and code in the same folder adds to what an earlier one left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from omegaconf import OmegaConf
from rich.markup import escape

from reproduce.report import figures, further, latex, page, reference, results_json, tables
from reproduce.report.earlier import differences, remove_files
from reproduce.report.provenance import files, read_config, source, versions
from reproduce.report.results import Artefact, Cell, Claim, Layout, Results, joined_versions
from reproduce.runtime.errors import UserError
from reproduce.runtime.files import atomic_write
from reproduce.runtime.progress import say


class Header(NamedTuple):
    """What the heading of every table and figure says."""

    experiment: str
    dataset: str
    data_source: str
    data_digest: str
    scale: str
    seed: int
    papers_data: bool = True  # whether the data are those of the paper


class Run:
    """What a run leaves. Use it as a context manager, or call `finish` at the end.

    Args:
        folder: the run's lasting address.
        config: the composed configuration, resolved; its `artefacts` give the order of the page.
        departures: of the whole experiment, one sentence each.
    """

    def __init__(
        self,
        folder: Path | str,
        header: Header,
        *,
        config: Mapping[str, Any] | None = None,
        departures: Sequence[str] = (),
    ) -> None:
        self.folder = Path(folder)
        self._config = dict(config or {})
        if content := files(self._config):
            self._config["files"] = content
        self._versions = {**versions(), "source": source(self._config)}
        self._made: dict[str, dict[str, str]] = {}  # artefacts of earlier runs -> their versions
        self._departures = tuple(departures)
        self.results = Results(
            **{name: value for name, value in header._asdict().items() if name != "seed"},
            seeds=(header.seed,),
            versions=self._versions,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds={},
            cells=(),
            claims=(),
            not_run={},
            departures=self._departures,
            artefacts={},
        )
        self._reference = reference.of(self.results, self._config)
        self._ranges = further.ranges(self._reference)
        self._take_over()
        self.folder.mkdir(parents=True, exist_ok=True)
        atomic_write(self.folder / "config.yaml", OmegaConf.to_yaml(self._config))
        self._write()

    def add(self, name: str, artefact: Artefact, seconds: float) -> None:
        """Keeps an artefact: tables and figures on disk, the table on the console."""
        self._forget(name)
        self._made.pop(name, None)
        layout = Layout(
            title=artefact.title,
            caption=artefact.caption,
            notes=tuple(artefact.notes),
            departures=tuple(artefact.departures),
            figures=(
                *(_file_name(name, figure) for figure in artefact.figures),
                *(file for file in artefact.files if file.endswith((".gif", ".html"))),
            ),
        )
        before = self.results
        self.results = before._replace(
            cells=(*before.cells, *(self._judged(cell, name) for cell in artefact.cells)),
            claims=(*before.claims, *(self._told(claim, name) for claim in artefact.claims)),
            artefacts={**before.artefacts, name: layout},
            seconds={**before.seconds, name: round(seconds, 1)},
        )
        for key, figure in artefact.figures.items():
            figures.save(figure, self.folder / "figures", _file_name(name, key))
        for file, content in artefact.files.items():
            atomic_write(self.folder / "figures" / file, content)
        write_tables(self.folder, self.results, name)
        self._write()
        self._show(name)

    def not_run(self, name: str, reason: str) -> None:
        """Lists an artefact as missing, with what it lacks and how to get it.

        One that an earlier run made stays.
        """
        if name in self.results.artefacts:
            return
        missing = {**self.results.not_run, name: reason}
        self.results = self.results._replace(not_run=missing)
        self._write()

    def finish(self) -> None:
        """Writes report.html and report.md."""
        self._write()
        page.write(self.folder, self.results)
        if self._ranges and self.results.cells:
            found = further.check(self.results, self._reference, self._ranges)
            for line in further.lines(found, self._ranges):
                say(escape(line))
        say(escape(str(self.folder / "report.html")))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.finish()
        except OSError:  # a full disk, a closed pipe: what came first is told
            if error is None:
                raise

    def _show(self, name: str) -> None:
        if self.results.of(name):
            say(tables.console(self.results, name, self._ranges))
        for claim in self.results.claims_of(name):
            say(escape(page.claim_line(claim)))

    def _judged(self, cell: Cell, name: str) -> Cell:
        """A cell under its artefact's name; on other data it is not compared."""
        if self.results.papers_data or cell.published is None:
            return cell._replace(artefact=name)
        return cell._replace(artefact=name, verdict="other data", half_width=None)

    def _told(self, claim: Claim, name: str) -> Claim:
        """A claim under its artefact's name; on other data than its own it cannot be told."""
        # Where a number is missing, as in a mean of nothing, the line says so as tables do.
        claim = claim._replace(evidence=re.sub(r"\b(nan|inf)\b", "n/a", claim.evidence))
        if self.results.papers_data or claim.any_data or claim.check:
            return claim._replace(artefact=name)
        return claim._replace(
            artefact=name,
            verdict="cannot be told",
            evidence=f"other data than the paper's; here it would be: {claim.verdict}. "
            f"{claim.evidence}",
        )

    def _forget(self, name: str) -> None:
        """Drops what the results hold of an artefact."""
        before = self.results
        self.results = before._replace(
            cells=tuple(cell for cell in before.cells if cell.artefact != name),
            claims=tuple(claim for claim in before.claims if claim.artefact != name),
            not_run={key: why for key, why in before.not_run.items() if key != name},
            artefacts={key: value for key, value in before.artefacts.items() if key != name},
            seconds={key: value for key, value in before.seconds.items() if key != name},
        )

    def _take_over(self) -> None:
        """Takes up the artefacts that an earlier run left here and that were made alike."""
        if not (self.folder / "results.json").is_file():
            return
        try:
            earlier = results_json.read(self.folder)
            config = read_config(self.folder)
        except UserError as error:
            say(escape(f"{error} It is replaced."))
            return
        left_out = differences(earlier, config, self.results, self._config)
        self._made = dict.fromkeys(earlier.artefacts, earlier.versions)
        self.results = self.results._replace(
            cells=earlier.cells,
            claims=earlier.claims,
            not_run=earlier.not_run,
            artefacts=earlier.artefacts,
            seconds={name: earlier.seconds.get(name, 0.0) for name in earlier.artefacts},
        )
        for name in left_out:
            self._forget(name)
            remove_files(self.folder, name, earlier)
        for how in dict.fromkeys(left_out.values()):
            names = [name for name in earlier.artefacts if left_out.get(name) == how]
            if names:
                say(escape(f"Of an earlier run, made {how}, and left out: {', '.join(names)}."))

    def _write(self) -> None:
        """Saves `results.json`, with the artefacts in the configuration's order.

        The versions are those of every run that left an artefact: commits may differ.
        """
        before = self.results
        order = [*dict.fromkeys([*(self._config.get("artefacts") or {}), *before.artefacts])]
        artefacts = {name: before.artefacts[name] for name in order if name in before.artefacts}
        made = [self._made.get(name, self._versions) for name in artefacts]
        own = (text for layout in artefacts.values() for text in layout.departures)
        self.results = before._replace(
            artefacts=artefacts,
            versions=joined_versions([*made, self._versions]),
            cells=tuple(cell for name in artefacts for cell in before.of(name)),
            claims=tuple(claim for name in artefacts for claim in before.claims_of(name)),
            departures=tuple(dict.fromkeys([*self._departures, *own])),
        )
        results_json.write(self.folder, self.results)


def draw(folder: Path, content: Results) -> None:
    """Writes every table and both pages of a folder."""
    for name in content.artefacts:
        write_tables(folder, content, name)
    page.write(folder, content)


def write_tables(folder: Path, content: Results, name: str) -> None:
    """tables/<name>.md, .tex and .csv."""
    if not content.of(name):
        return
    for ending, text in (
        ("md", tables.markdown(content, name)),
        ("tex", latex.table(content, name)),
        ("csv", tables.comma_separated(content, name)),
    ):
        atomic_write(folder / "tables" / f"{name}.{ending}", text)


def _file_name(artefact: str, figure: str) -> str:
    return figure if figure.startswith(artefact) else f"{artefact}-{figure}"
