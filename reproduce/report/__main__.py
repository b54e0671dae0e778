"""Draws reports from what runs left; needs no TensorFlow.

python -m reproduce.report outputs/szegedy/mnist/laptop/seed=0     the report of a run, again
python -m reproduce.report outputs/szegedy/mnist/laptop            one report over its seeds
python -m reproduce.report RUN RUN ... --output FOLDER             one report over these runs
python -m reproduce.report outputs --apart                         one for each data set, scale
python -m reproduce.report --compare BEFORE AFTER                  which cells moved
python -m reproduce.report --reference                             the results that come along
python -m reproduce.report --keep RUN RUN ...                      adds these runs to them
python -m reproduce.report --fill README.md docs                   fills the blocks of pages;
                                                                   exit code 1 where one changed
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from reproduce.report import (
    blocks,
    combined,
    compare,
    reference,
    reference_page,
    results_json,
    sweep,
    tables,
)
from reproduce.report.provenance import changing, flat, read_config
from reproduce.report.results import Results
from reproduce.report.run import draw
from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import discard_output, say
from reproduce.runtime.stopping import as_stop


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 2 for what the user can put right, 1 where a page was out of date."""
    parser = argparse.ArgumentParser(
        prog="python -m reproduce.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", nargs="*", type=Path, help="folders of runs, or above them")
    parser.add_argument(
        "--compare", nargs=2, type=Path, metavar=("BEFORE", "AFTER"), help="two runs, or two sweeps"
    )
    parser.add_argument(
        "--reference", action="store_true", help="one page over the reference results"
    )
    parser.add_argument("--keep", action="store_true", help="make these runs reference results")
    parser.add_argument("--fill", action="store_true", help="fill the marked blocks of these pages")
    parser.add_argument("--output", type=Path, help="where a combined report, or the page, goes")
    parser.add_argument(
        "--apart", action="store_true", help="runs that cannot be averaged get a report each"
    )
    chosen = parser.parse_args(arguments)
    if bool(chosen.compare) + bool(chosen.folders) + chosen.reference != 1:
        parser.error("name one or more folders of runs, --compare and two of them, or --reference")
    _check_flags(parser, chosen)
    try:
        if chosen.reference:
            say(escape(str(reference_page.write(chosen.output or Path("outputs/reference.html")))))
        elif chosen.fill:
            changed = blocks.fill(chosen.folders)
            for page in changed:
                say(escape(f"{page} was out of date, and is filled."))
            return 1 if changed else 0
        elif chosen.keep:
            for source in combined.find(chosen.folders):
                for place in reference.keep(source.folder):
                    say(escape(str(place)))
        elif chosen.compare:
            show_changes(*chosen.compare)
        elif _is_run(chosen.folders):
            redraw(chosen.folders[0])
        else:
            over_many(chosen.folders, chosen.output, apart=chosen.apart)
        sys.stdout.flush()
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except (KeyboardInterrupt, OSError) as error:
        stop = as_stop(error)
        if stop is not None:
            discard_output()
        elif not isinstance(error, OSError) or error.filename is None:
            raise
        told = stop.reason if stop else f"{error.filename}: {error.strerror}"  # type: ignore[union-attr]
        print(told, file=sys.stderr)
        return stop.code if stop else 2
    return 0


def _check_flags(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> None:
    """Refuses flags that do not go together: one of them would do nothing."""
    doing = [name for name in ("compare", "reference", "keep", "fill") if getattr(chosen, name)]
    doing += ["a run's own report"] * (not doing and _is_run(chosen.folders))
    if len(doing) > 1:
        parser.error(f"--{' and --'.join(doing)} do not go together")
    for flag, place in (("--output", chosen.output), ("--apart", chosen.apart)):
        goes = flag == "--output" and doing == ["reference"]
        if place and doing and not goes:
            what = doing[0] if " " in doing[0] else f"--{doing[0]}"
            parser.error(f"{flag} does nothing with {what}: it is for a report over several runs")


def _is_run(folders: Sequence[Path]) -> bool:
    return len(folders) == 1 and (folders[0] / "results.json").is_file()


def redraw(folder: Path) -> None:
    """Tables and pages of one folder, from its results.json and its figures."""
    draw(folder, results_json.read(folder))
    say(escape(str(folder / "report.html")))


def over_many(
    folders: Sequence[Path], output: Path | None = None, *, apart: bool = False
) -> list[Path]:
    """A combined report, or one for each kind of run; its tables are printed."""
    pages = combined.combine(folders, output, apart=apart)
    for page in pages:
        content = results_json.read(page.parent)
        for name in content.artefacts:
            if content.of(name):
                say(tables.console(content, name))
        say(escape(str(page)))
    return pages


def show_changes(before: Path, after: Path) -> None:
    """Prints the cells that moved."""
    first, second = load(before), load(after)
    for line in [*compare.headers(first, second), *swept(before, after)]:
        say(escape(line))
    comparison = compare.compare(first, second)
    if comparison.moved:
        say(compare.console(comparison, short(before, after)))
    else:
        say(str(comparison))


def swept(before: Path, after: Path) -> list[str]:
    """The settings in which two runs differ."""
    configs = [flat(changing(read_config(folder))) for folder in (before, after)]
    if not all(configs):
        return []
    one, two = configs
    return [f"{key}: {one.get(key)} -> {two.get(key)}" for key in sweep.swept(configs)]


def short(before: Path, after: Path) -> tuple[str, str]:
    """Two folders by what tells their addresses apart."""
    one, two = list(before.parts), list(after.parts)
    while len(one) > 1 and len(two) > 1 and one[-1] == two[-1]:
        one.pop()
        two.pop()
    return (one[-1], two[-1]) if one[-1] != two[-1] else (str(before), str(after))


def load(folder: Path) -> Results:
    """A run, or the mean over the runs below a folder."""
    if (folder / "results.json").is_file():
        return results_json.read(folder)
    return combined.merge(combined.find([folder]))


if __name__ == "__main__":
    sys.exit(main())
