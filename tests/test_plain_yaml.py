"""What is wrong in a person's own file is told by its line, and nothing of the file is quoted."""

from __future__ import annotations

import traceback

import pytest

from stream.plain_yaml import CHARS_MAX, DEPTH_MAX, NotYaml, parse

CANARY = "canary-7731"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"a: 1\nb: [{CANARY}\n", 3),
        (f"a: 1\n{CANARY}: &{CANARY} [\n", 3),
        (f"a: *{CANARY}", 1),
        (f"a: !!int {CANARY}", None),
        (f"{CANARY}: !!timestamp 2001-99-99", None),
    ],
)
def test_what_is_no_yaml_is_told_by_its_line_alone(text: str, line: int | None) -> None:
    """Neither the message nor what lies behind it has a word of the file."""
    with pytest.raises(NotYaml) as caught:
        parse(text)
    assert ("is not YAML" + (f" (line {line})" if line else ""), line) == (str(caught.value), caught.value.line)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_file_of_any_length_is_not_read() -> None:
    """A megabyte is enough; one more is refused before anybody parses it."""
    assert parse("#" * CHARS_MAX) is None
    with pytest.raises(NotYaml):
        parse("#" * (CHARS_MAX + 1))


def test_brackets_in_brackets_are_bounded() -> None:
    """As deep as the bound is fine, one more is not: the loader's time grows with the square of it."""
    parse("[" * DEPTH_MAX + "]" * DEPTH_MAX)
    with pytest.raises(NotYaml):
        parse("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1))


def test_what_names_stand_for_is_counted_where_it_stands() -> None:
    """A page of names that stand for a page each is refused; a few are fine."""
    page = "a: &a [" + "1, " * 400 + "]\nb: ["
    assert 400 == len(parse(page + "*a]")["a"])
    with pytest.raises(NotYaml):
        parse(page + "*a, " * 400 + "]")
