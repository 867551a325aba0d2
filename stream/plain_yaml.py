"""YAML files of a person's own: a plain value within bounds, or a refusal that quotes nothing of the file.

The loader raises many types for what is no YAML (dates that don't exist, numbers without digits, brackets deeper than
its stack), and their messages quote the line, which may hold a secret.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

CHARS_MAX: Final = 1024 * 1024
VALUES_MAX: Final = 100_000  # with what names stand for counted wherever they stand: a page of them can be a billion

DEPTH_MAX: Final = 64  # the loader's time grows with the square of it


class NotYaml(Exception):
    """The text is no YAML that can be used; ``line`` says where, from 1, if that is known."""

    def __init__(self, line: int | None = None) -> None:
        super().__init__("is not YAML" + (f" (line {line})" if line else ""))
        self.line = line


def parse(text: str) -> Any:
    """The value of one document. Raises NotYaml."""
    if len(text) > CHARS_MAX:
        raise NotYaml
    try:
        _shallow(text)
        value = yaml.safe_load(text)
    except NotYaml:
        raise
    except Exception as error:  # noqa: BLE001 - as the module says
        mark = getattr(error, "problem_mark", None)
        raise NotYaml(mark.line + 1 if mark else None) from None
    _bound(value)
    return value


def _shallow(text: str) -> None:
    """Refuses brackets in brackets in brackets, at the first that is too deep."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            raise NotYaml(event.start_mark.line + 1 if event.start_mark else None)


def _bound(value: Any) -> None:
    """Refuses what is endless, or only looks small: a name may stand for itself, or for ten that stand for ten each."""
    left, seen = [value], 0
    while left:
        one = left.pop()
        seen += 1
        if seen > VALUES_MAX:
            raise NotYaml
        if isinstance(one, dict):
            left += one.values()
        elif isinstance(one, list | set | tuple):
            left += one
