"""The few words of a language that the plan and the gate need, read from ``vocabularies/<code>.yaml``.

They are not taken from the tables of ``find``: the gate looks by other means than those that made the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib import resources

import yaml

from stream.clip import Vocabulary


@cache
def load_vocabularies() -> Mapping[str, Vocabulary]:
    """Every language's vocabulary by its code. Raises ValueError where a list is missing, unknown or no list."""
    folder = resources.files("stream").joinpath("vocabularies")
    return {  # a policy goes to other processes, which a read-only view of a mapping can't
        file.name.removesuffix(".yaml"): read_vocabulary(file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".yaml")
    }


def read_vocabulary(text: str) -> Vocabulary:
    """A vocabulary of YAML ``text``; ValueError where a list is missing, unknown or no list of plain words."""
    # BaseLoader keeps every scalar a string: "no" and "on" are words here, not booleans.
    lists = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    names = {field.name for field in fields(Vocabulary)}
    if not isinstance(lists, dict) or lists.keys() != names:
        raise ValueError(f"a vocabulary has the lists {', '.join(sorted(names))}, and no other")
    for name, words in lists.items():
        if not isinstance(words, list) or not all(isinstance(word, str) and _plain(word) for word in words):
            raise ValueError(f"{name} is a list of lower-case words without accents or signs")
    return Vocabulary(**{name: frozenset(words) for name, words in lists.items()})


def _plain(word: str) -> bool:
    """Whether words as the gate compares them can equal it: "dónde" and "x-ray" never would."""
    return word.isascii() and word.isalnum() and word == word.lower()
