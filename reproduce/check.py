"""Whether a run lies where the reference's seeds do; needs no TensorFlow.

python -m reproduce.check                                      the last run, outputs/latest
python -m reproduce.check outputs/szegedy/mnist/laptop/seed=0  this run

The exit code is 0 where every cell does, 1 where one does not, 2 without a reference.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from reproduce.report import reference, results_json
from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import say


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m reproduce.check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", nargs="?", type=Path, default=Path("outputs/latest"))
    try:
        return 1 if checked(parser.parse_args(arguments).run).outside else 0
    except UserError as error:
        print(error, file=sys.stderr)
        return 2


def checked(folder: Path) -> reference.Check:
    """A saved run beside its reference, printed.

    Raises:
        UserError: there is no run, or no reference for it.
    """
    run = results_json.read(folder)
    kept = reference.of(run)
    if len(kept) < 2:
        raise UserError(
            f"no reference: experiment={run.experiment} dataset={run.dataset} scale={run.scale} "
            "on these data has not two seeds in outputs/reference; "
            "python -m reproduce.report --keep RUN RUN makes one."
        )
    found = reference.check(run, kept)
    for line in reference.lines(found, reference.ranges(kept)):
        say(escape(line))
    return found


if __name__ == "__main__":
    sys.exit(main())
