"""The first page of the site is README.md."""

from pathlib import Path

from mkdocs.structure.files import File


def on_files(files, config):
    """README.md, whose links lead into docs/ from the outside, becomes index.md."""
    readme = (Path(config.config_file_path).parent / "README.md").read_text()
    files.append(File.generated(config, "index.md", content=readme.replace("](docs/", "](")))
    return files
