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

from reproduce.report import further, reference, results_json
from reproduce.report.provenance import read_config
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


def checked(folder: Path) -> further.Check:
    """A saved run beside its reference, printed.

    Raises:
        UserError: there is no run, or no reference for it.
    """
    run = results_json.read(folder)
    config = read_config(folder)
    kept = reference.of(run, config)
    known = further.ranges(kept)
    if not known:
        raise UserError(
            f"no reference: of {reference.name_of(run, config)} on these data there are not two "
            "seeds in outputs/reference; python -m reproduce.report --keep RUN RUN makes one."
        )
    found = further.check(run, kept)
    for line in further.lines(found, known):
        say(escape(line))
    return found


if __name__ == "__main__":
    sys.exit(main())
