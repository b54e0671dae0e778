"""Where what comes along with the code lies: beside the package in a checkout, else inside it."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE.parent  # of a checkout; the folder of all packages where it is installed


def found(in_checkout: str, in_package: str) -> Path:
    """A folder's place; in the package where it is in neither."""
    beside, inside = ROOT / in_checkout, PACKAGE / in_package
    return inside if inside.exists() or not (ROOT / "pyproject.toml").is_file() else beside


CONF = found("conf", "conf")
ADDED = ("reading", "sweep")  # folders of it chosen with a plus: not among config.yaml's defaults
RELEASED = found("outputs/released", "released")
REFERENCE = found("outputs/reference", "reference")
# Of a package that was installed, outputs go to the folder one works in, as those of its command.
OUTPUTS = (ROOT if (ROOT / "pyproject.toml").is_file() else Path.cwd()) / "outputs"
