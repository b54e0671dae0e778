"""Files written whole or not at all."""

from pathlib import Path

import pytest

from reproduce.runtime.files import atomic_write, set_aside


def test_who_reads_while_it_is_written_sees_the_old_file_whole(tmp_path):
    path = tmp_path / "folder" / "file.txt"
    atomic_write(path, "old")
    with path.open() as reader:
        atomic_write(path, "a longer text")
        assert reader.read() == "old"
    assert path.read_text() == "a longer text"
    assert [each.name for each in path.parent.iterdir()] == ["file.txt"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside(tmp_path, monkeypatch):
    path = tmp_path / "file.bin"
    atomic_write(path, b"old")

    def full(*_):
        raise OSError("no space")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_damaged_takes_the_place_of_what_was(tmp_path):
    for content in ("first", "second"):
        (tmp_path / "entry").mkdir()
        (tmp_path / "entry" / "file").write_text(content)
        assert set_aside(tmp_path / "entry") == tmp_path / "entry.damaged"
    assert (tmp_path / "entry.damaged" / "file").read_text() == "second"
    assert not (tmp_path / "entry").exists()
