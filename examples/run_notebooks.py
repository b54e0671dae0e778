"""Runs the notebooks of this folder from start to end; an error in a cell is one of the script.

python examples/run_notebooks.py         as CI does
python examples/run_notebooks.py --keep  and keeps what they print and show, without logs

Without REPRODUCE_DATA they use the 5,000 digits of mnist_5k, unless Keras's cache has MNIST.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook after all its cells, run in this folder."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": str(HERE)}}).execute()
    return notebook


def first_picture(notebook: nbformat.NotebookNode) -> datetime:
    """When the first cell with a picture had been run."""
    for cell in notebook.cells:
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", ())):
            return datetime.fromisoformat(cell.metadata["execution"]["shell.execute_reply"])
    raise ValueError("the notebook shows no picture")


def without_logs(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Printed lines and pictures alone: no times, warnings or paths of the machine."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        kept = []
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stdout":
                kept.append(output)
            elif "image/png" in output.get("data", {}):
                output.metadata = {}
                output.data = {"image/png": output.data["image/png"]}
                kept.append(output)
        cell.outputs = kept
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def main(words: list[str]) -> None:
    for path in sorted(HERE.glob("*.ipynb")):
        started = datetime.now(UTC)
        notebook = executed(path)
        seen, ended = first_picture(notebook) - started, datetime.now(UTC) - started
        print(
            f"{path.name}: first picture after {seen.total_seconds():.0f} s, "
            f"{ended.total_seconds():.0f} s in all",
            flush=True,
        )
        if "--keep" in words:
            nbformat.write(without_logs(notebook), path)


if __name__ == "__main__":
    main(sys.argv[1:])
