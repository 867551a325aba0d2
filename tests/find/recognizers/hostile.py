"""Text that wears patterns out: for every pattern, what nearly matches it, over and over, up to the longest text.

``python -m tests.find.recognizers.hostile`` runs every pattern of every recogniser that is used, and every regular
expression of our own rooms, over such texts, and names those that need more than a second of the processor. It runs in
a process of its own, since a pattern that hangs can't be stopped from inside.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import random
import re
import re._constants as sre
import re._parser as sre_parser
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import regex

import stream.find
from stream.find.language import load_language, supported_languages
from stream.find.recognizers.presidio import WrittenFinder
from stream.find.spoken import TEXT_MAX

LIMIT_S = 1.0
HARD_LIMIT_S = 60  # of the processor, for everything: what hangs is killed
FLAGS = regex.DOTALL | regex.MULTILINE | regex.IGNORECASE  # Presidio's
MISMATCHES = ("", "!")
PAIRS_MAX, SAMPLES = 10, 3
ALWAYS = (
    "a",
    "1",
    " ",
    ".",
    "-",
    "@",
    ":",
    "/",
    "_",
    "+",
    "é",
    "٣",
    "aa-",
    "a.",
    "1.",
    "a@",
    "::",
    "1:",
    "+1-",
    "1,1 ",
)
CATEGORIES = {
    sre.CATEGORY_DIGIT: "1",
    sre.CATEGORY_NOT_DIGIT: "a",
    sre.CATEGORY_SPACE: " ",
    sre.CATEGORY_NOT_SPACE: "a",
    sre.CATEGORY_WORD: "a",
    sre.CATEGORY_NOT_WORD: "-",
}


def hostile_texts(pattern: str) -> Iterator[str]:
    """Texts of ``TEXT_MAX`` characters: runs and alternations of what the pattern speaks of, and near matches."""
    tree = _parsed(pattern)
    letters = tuple(dict.fromkeys(_letters(tree)))[:12] if tree else ()
    draw = random.Random(pattern)
    pairs = [one + other for one in letters for other in letters if one != other]
    pieces = [*ALWAYS, *letters, *draw.sample(pairs, min(PAIRS_MAX, len(pairs)))]
    if tree:
        samples = [_sample(tree, draw) for _ in range(SAMPLES)]
        pieces += [piece for one in samples for piece in (one, one[:-1], one + " ", one + "!")]
    for piece in dict.fromkeys(filter(None, pieces)):
        for mismatch in MISMATCHES:
            yield (piece * (TEXT_MAX // len(piece) + 1))[: TEXT_MAX - len(mismatch)] + mismatch


def _parsed(pattern: str) -> Any:
    try:
        return sre_parser.parse(pattern)
    except re.error:
        return None  # what only the regex package understands gets the texts that all get


def _letters(tree: Any) -> Iterator[str]:
    """Characters that some part of the pattern takes."""
    for code, value in tree:
        if code is sre.LITERAL:
            yield chr(value)
        elif code is sre.IN:
            yield _of_class(value, random.Random(1))
        else:
            for inner in _inner(code, value):
                yield from _letters(inner)


def _inner(code: Any, value: Any) -> list[Any]:
    if code in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return [value[2]]
    if code is sre.SUBPATTERN:
        return [value[3]]
    if code is sre.BRANCH:
        return list(value[1])
    if code in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    return [value] if code is sre.ATOMIC_GROUP else []


def _of_class(members: Any, draw: random.Random) -> str:
    if members[0][0] is sre.NEGATE:
        return "a"
    code, value = draw.choice(members)
    if code is sre.RANGE:
        return chr(draw.randint(*value))
    return chr(value) if code is sre.LITERAL else CATEGORIES.get(value, "a")


def _sample(tree: Any, draw: random.Random) -> str:
    """A text that the pattern would take, but for what its assertions ask."""
    made = []
    for code, value in tree:
        if code is sre.LITERAL:
            made.append(chr(value))
        elif code is sre.IN:
            made.append(_of_class(value, draw))
        elif code is sre.ANY:
            made.append("a")
        elif code in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            made.append(
                "".join(_sample(value[2], draw) for _ in range(draw.randint(value[0], min(value[1], value[0] + 3))))
            )
        elif code is sre.BRANCH:
            made.append(_sample(draw.choice(value[1]), draw))
        elif code in (sre.SUBPATTERN, sre.ATOMIC_GROUP):
            made += [_sample(inner, draw) for inner in _inner(code, value)]
    return "".join(made)


def presidio_patterns() -> Iterator[tuple[str, str]]:
    """Names and patterns of every recogniser that is used, for every language."""
    for language in sorted(supported_languages()):
        for recognizer in WrittenFinder(language).recognizers:
            for pattern in getattr(recognizer, "patterns", ()):
                yield f"{language}: {recognizer.name}: {pattern.name}", pattern.regex


def own_patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Names and regular expressions of the modules that see what was said."""
    for module in pkgutil.walk_packages(stream.find.__path__, "stream.find."):
        if not module.name.startswith("stream.find.speakers"):
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, re.Pattern):
                    yield f"{module.name}.{name}", value


def language_patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Names and regular expressions that whole words are matched with, of every language."""
    for code in sorted(supported_languages()):
        for name, value in vars(load_language(code)).items():
            if isinstance(value, re.Pattern):
                yield f"{code}: {name}", value


def slow(name: str, pattern: str, search: Callable[[str], object]) -> list[str]:
    """The name, if one of the pattern's hostile texts takes longer than the limit."""
    for text in hostile_texts(pattern):
        started = time.process_time()
        try:
            search(text)
        except TimeoutError:
            return [name]
        if time.process_time() - started > LIMIT_S:
            return [name]
    return []


def main() -> None:
    """Prints a JSON object: how many patterns ran, and which of them are too slow."""
    resource.setrlimit(resource.RLIMIT_CPU, (HARD_LIMIT_S, HARD_LIMIT_S))
    seen: set[str] = set()
    found: list[str] = []
    for name, pattern in presidio_patterns():
        if pattern not in seen:
            seen.add(pattern)
            compiled = regex.compile(pattern, FLAGS)
            found += slow(name, pattern, lambda text, of=compiled: list(of.finditer(text, timeout=LIMIT_S)))
    for name, own in own_patterns():
        for way in (own.finditer, lambda text, of=own: filter(None, [of.fullmatch(text)])):
            found += slow(name, own.pattern, lambda text, of=way: list(of(text)))
        seen.add(own.pattern)
    for name, whole in language_patterns():
        found += slow(name, whole.pattern, whole.fullmatch)
        seen.add(whole.pattern)
    json.dump({"patterns": len(seen), "slow": found}, sys.stdout)


if __name__ == "__main__":
    main()
