"""Rebuilds the papers' tables, figures and claims:  python run.py experiment=szegedy

What it does stands in reproduce/command.py, which is also the command `reproduce` of the package.
"""

import sys

from reproduce.command import entry

if __name__ == "__main__":
    sys.exit(entry())
