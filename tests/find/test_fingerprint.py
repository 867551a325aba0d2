"""The fingerprint of a model directory."""

from __future__ import annotations

from stream.find.fingerprint import fingerprint


def test_names_count_as_much_as_contents() -> None:
    """Two files that changed places are another model, and so is one under another name."""
    made = {"config.yaml": b"a", "weights.bin": b"b"}
    others = [{"config.yaml": b"b", "weights.bin": b"a"}, {"config.yaml": b"a", "weights.pt": b"b"}, {"a": b"ab"}]
    assert 4 == len({fingerprint(files) for files in (made, *others)})


def test_the_order_of_the_files_does_not_count() -> None:
    """It is that of their names."""
    assert fingerprint({"a": b"1", "b": b"2"}) == fingerprint({"b": b"2", "a": b"1"})
