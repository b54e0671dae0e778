"""The notebooks as they stand; `examples/run_notebooks.py` runs them, which CI does."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_three():
    assert len(NOTEBOOKS) == 3


@each_notebook
def test_it_is_valid_and_every_code_cell_but_the_first_has_its_output(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    setting_up, *cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not setting_up.outputs
    for cell in cells:
        assert cell.execution_count
        assert cell.outputs
        for output in cell.outputs:
            assert output.output_type in ("stream", "execute_result")
            assert output.get("name", "stdout") == "stdout"
    assert any("image/png" in out.get("data", {}) for cell in cells for out in cell.outputs)


@each_notebook
def test_its_badge_leads_to_it(path):
    first = nbformat.read(path, as_version=4).cells[0].source
    assert re.search(rf"\(https://\S+/OWNER/reproduce/blob/main/examples/{path.name}\)", first)


@each_notebook
def test_what_its_first_cell_installs_from_exists(path):
    for name in re.findall(r"-r reproduce/(\S+)", path.read_text().replace("\\n", "\n")):
        assert (ROOT / name.strip('",')).is_file(), name


@each_notebook
def test_the_pages_and_the_readme_name_it(path):
    assert f"examples/{path.name}" in (ROOT / "docs/guides/notebooks.md").read_text()
    assert f"examples/{path.name}" in (ROOT / "README.md").read_text()


def test_five_lines_are_five():
    notebook = nbformat.read(ROOT / "examples/adversarial_digit.ipynb", as_version=4)
    lines = notebook.cells[3].source.splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 5
