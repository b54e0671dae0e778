"""The list of mutants: small faults by hand, each with the tests that should notice it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


class Mutant(NamedTuple):
    """One fault, as a file of the list has it.

    name: "room:number", its place in the list `room`.yaml.
    file: from the root; old: text that occurs once in it; new: what is put in its place.
    tests: pytest's names of what should fail, from tests/ on, separated by blanks; "-k word"
        chooses among them.
    why: what would be wrong.
    survives: the reason, where no test can notice it.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str
    why: str
    survives: str = ""

    @property
    def selection(self) -> list[str]:
        """The tests as pytest takes them."""
        return [f"tests/{word}" if ".py" in word else word for word in self.tests.split()]

    def mutated(self, root: Path = ROOT) -> str:
        """The file's text with the fault.

        Raises:
            ValueError: the list is out of date.
        """
        text = (root / self.file).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: {self.old!r} occurs {text.count(self.old)} times")
        return text.replace(self.old, self.new)


def mutants() -> list[Mutant]:
    """All rooms' lists, in order."""
    found = []
    for file in sorted(HERE.glob("*.yaml")):
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))
        found += [Mutant(f"{file.stem}:{i}", **entry) for i, entry in enumerate(entries, 1)]
    return found
