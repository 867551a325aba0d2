"""The folder of an export: whole files, its own files only, and nothing outside of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.export.folder import ExportFolder, NotAToken, NotOurs
from tests.publications import token


def opened(root: Path, topic: str = "clips.anonymized") -> ExportFolder:
    folder = ExportFolder(root, "tool", topic)
    folder.open({"labeling.xml": "<View/>"})
    return folder


def names(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "clips").iterdir())


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    """The second time nothing is written, and a change is."""
    folder = opened(tmp_path / "out")
    assert folder.put(token(1), b"sound", {"a": 1})
    written = (tmp_path / "out" / "clips" / f"{token(1)}.wav").stat().st_mtime_ns
    assert not opened(tmp_path / "out").put(token(1), b"sound", {"a": 1})
    assert written == (tmp_path / "out" / "clips" / f"{token(1)}.wav").stat().st_mtime_ns
    assert folder.put(token(1), b"other", {"a": 1})
    assert b"other" == (tmp_path / "out" / "clips" / f"{token(1)}.wav").read_bytes()


def test_a_dropped_clip_leaves_nothing(tmp_path: Path) -> None:
    """Also not what a run that was cut off left half-written."""
    folder = opened(tmp_path)
    folder.put(token(1), b"sound", {})
    (tmp_path / "clips" / f"{token(1)}.wav.part").write_bytes(b"so")
    assert folder.drop(token(1))
    assert [] == names(tmp_path)
    assert not folder.drop(token(1))


def test_only_what_is_kept_stays(tmp_path: Path) -> None:
    """Every other clip goes; files that are not ours stay."""
    folder = opened(tmp_path)
    for number in (1, 2, 3):
        folder.put(token(number), b"sound", {})
    (tmp_path / "clips" / f"{token(4)}.json.part").write_bytes(b"{")
    (tmp_path / "clips" / "notes.txt").write_text("mine")
    assert 3 == folder.keep_only({token(2)})
    assert [f"{token(2)}.json", f"{token(2)}.wav", "notes.txt"] == names(tmp_path)


@pytest.mark.parametrize("bad", ["../escape", "", "a/b", "A1", "x" * 32, "a" * 129, "a.json"])
def test_a_token_can_not_lead_anywhere_else(tmp_path: Path, bad: str) -> None:
    """Whatever a record has in place of a token, no file outside of the folder is written or deleted."""
    folder = opened(tmp_path / "out")
    outside = tmp_path / "out" / "escape.json"
    outside.write_text("mine")
    with pytest.raises(NotAToken):
        folder.put(bad, b"sound", {})
    assert not folder.drop(bad)
    assert "mine" == outside.read_text()
    assert [] == names(tmp_path / "out")


def test_another_folder_is_refused(tmp_path: Path) -> None:
    """One with something else in it, and one of another topic: what is not on our topic would be deleted there."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(NotOurs, match="no export"):
        opened(tmp_path / "mine")
    opened(tmp_path / "out", "clips.anonymized")
    with pytest.raises(NotOurs, match="another export"):
        opened(tmp_path / "out", "other.anonymized")


def test_a_run_that_was_cut_off_at_once_can_be_run_again(tmp_path: Path) -> None:
    """The first file that is written is the one that says what the folder is, and it appears whole."""
    (tmp_path / "clipveil-export.json.part").write_bytes(b"{")
    opened(tmp_path)
    assert ["clips", "clipveil-export.json", "labeling.xml"] == sorted(path.name for path in tmp_path.iterdir())
