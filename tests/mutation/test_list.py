"""The list of mutants fits the code and the tests that it names; it is run by hand."""

import ast
from pathlib import Path

import pytest
import yaml
from mutants import ROOT, mutants

LISTED = mutants()
FEWEST = 150


def test_the_list_covers_every_room():
    assert len(LISTED) >= FEWEST
    rooms = {path.name for path in (ROOT / "reproduce").iterdir() if path.is_dir()}
    covered = {Path(mutant.file).parts[1] for mutant in LISTED if "reproduce/" in mutant.file}
    assert covered == rooms - {"__pycache__"}
    faults = [(mutant.file, mutant.old, mutant.new) for mutant in LISTED]
    assert len(set(faults)) == len(faults)


@pytest.mark.parametrize("file", sorted({mutant.file for mutant in LISTED}))
def test_what_a_mutant_replaces_occurs_once_and_leaves_a_program(file):
    for mutant in LISTED:
        if mutant.file == file:
            text = mutant.mutated()
            assert mutant.old != mutant.new
            assert mutant.why
            if file.endswith(".py"):
                ast.parse(text)
            else:
                yaml.safe_load(text)


def test_the_tests_that_a_mutant_names_exist():
    texts = {}
    for mutant in LISTED:
        for word in (word for word in mutant.selection if ".py" in word):
            file, _, name = word.partition("::")
            if file not in texts:
                texts[file] = (ROOT / file).read_text(encoding="utf-8")
            if name:
                assert f"def {name}(" in texts[file], (mutant.name, word)
