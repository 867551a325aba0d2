"""How much critical content is found, and how often where there is none: ``python -m tests.find.critical [FILE...]``.

Each FILE has a JSON object a line with ``words``, and nothing known to be critical: what is found there is counted, and
shown with ``--show``. Recall is that of sentences which the tables were not made at.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from stream.clip import CriticalKind
from stream.find.critical import find_critical
from stream.find.language import load_language
from stream.find.spoken import read_scene

PHRASINGS = Path(__file__).parent / "phrasings"
HELD_OUT, HALVES, BOTH = 1, 2, slice(None)  # the odd lines of a kind, from 0, were not at hand


def kinds(words: Sequence[str], language: str = "en") -> set[CriticalKind]:
    """Kinds of critical phrases in a transcript."""
    return {kind for kind, _, _ in find_critical(read_scene(words, load_language(language)))}


def lines(name: str) -> list[str]:
    """Lines of a file of sentences, comments left out."""
    written = (PHRASINGS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in written if line and not line.startswith("#")]


def sentences(name: str, of: slice) -> dict[CriticalKind, list[list[str]]]:
    """Words of the sentences of a file by kind, and of each kind those in ``of``."""
    found: dict[CriticalKind, list[list[str]]] = {}
    for line in lines(name):
        kind, _, sentence = line.partition("|")
        if kind.strip() != "none":
            found.setdefault(CriticalKind(kind.strip()), []).append(sentence.split())
    return {kind: said[of] for kind, said in found.items()}


def recall(name: str, of: slice, language: str = "en") -> Iterator[tuple[CriticalKind, int, int]]:
    """Kind, sentences in which it is found, and sentences."""
    for kind, said in sentences(name, of).items():
        yield kind, sum(kind in kinds(words, language) for words in said), len(said)


def false_alarms(said: Iterable[Sequence[str]]) -> list[tuple[str, list[str]]]:
    """The transcripts in which something is found, and what."""
    found = ((" ".join(words), sorted(kinds(words))) for words in said)
    return [(text, [kind.value for kind in those]) for text, those in found if those]


def main() -> None:
    """Prints a line for each measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--show", action="store_true", help="the transcripts in which something is found")
    given = parser.parse_args()
    held = slice(HELD_OUT, None, HALVES)
    measured = (("critical", held, "en"), ("critical_other", BOTH, "en"), ("critical_spanish", held, "es"))
    for name, of, language in measured:
        for kind, hit, number in recall(name, of, language):
            print(f"{name}: {kind.value}: found in {hit} of {number}")
    corpora = {"critical_ordinary": [line.split() for line in lines("critical_ordinary")[held]]}
    for path in given.files:
        corpora[path.stem] = [json.loads(row)["words"] for row in path.read_text(encoding="utf-8").splitlines()]
    for name, said in corpora.items():
        wrong = false_alarms(said)
        by_kind = Counter(kind for _, found in wrong for kind in found)
        print(f"{name}: something found in {len(wrong)} of {len(said)}: {dict(by_kind)}")
        for text, found in wrong if given.show else ():
            print(f"    {', '.join(found)}: {text}")


if __name__ == "__main__":
    main()
