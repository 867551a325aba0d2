"""What else finds identifiers in words, side by side with ours: ``clipveil evaluate rivals``.

The rivals are Presidio as it comes, and Presidio behind an inverse text normaliser, NVIDIA NeMo's or the one of
WeTextProcessing, that writes "four one one" as digits first. Presidio runs every recogniser that it loads for English,
accepts every score, and gets words as lemmas, without which its context words do nothing. There is no named-entity
model in it: it has none of its own, so it finds no people and no places.

Normalisers do not say which words a character came from. Rivals are therefore judged more mildly than we are: unchanged
words are matched, whatever stands between two of them became whatever was written there, and one finding that touches
any part of what an identifier became counts as having found all of it, and as touching nothing else.
"""

from __future__ import annotations

import difflib
import importlib
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import stream.find  # noqa: F401 - libraries that report how they are used are told not to
from stream.clip import Finding
from stream.evaluate.words import Search, Utterance

OURS = "clipveil"
INSTALL = "not installed: pip install 'clipveil[rivals]'"
_TOKEN = re.compile(r"\S+")

Normalise = Callable[[str], str]
Analyse = Callable[[str], Sequence[tuple[int, int, str]]]


@dataclass(frozen=True)
class Rival:
    """One column of the table; ``search`` is None where it is not installed."""

    name: str
    search: Search | None
    mild: bool = True  # judged as the module says


@dataclass(frozen=True)
class Rewritten:
    """A normalised text, and the words ``first..last`` (inclusive) that each of its characters may have come from."""

    text: str = field(repr=False)
    first: tuple[int, ...] = field(repr=False)
    last: tuple[int, ...] = field(repr=False)


def make_rivals(folder: Path) -> tuple[Rival, ...]:
    """Ours first, then every rival; grammars are compiled into ``folder``, which takes about 20 seconds."""
    from stream.find.pii import make_word_finder

    behind = {"NeMo + Presidio": _nemo, "WeTextProcessing + Presidio": _wetext}
    with _quiet():
        ours, analyse = make_word_finder(), _presidio()
        return (
            Rival(OURS, ours.search, mild=False),
            Rival("Presidio", lambda words: _search(words, str, analyse)),
            *(_normalised(name, make, analyse, folder) for name, make in behind.items()),
        )


def make_presidio() -> Rival:
    """Presidio as it comes, on the words as they were said."""
    with _quiet():
        analyse = _presidio()
    return Rival("Presidio", lambda words: _search(words, str, analyse))


@contextmanager
def _quiet() -> Iterator[None]:
    """Compiling is talkative, and so is Presidio about what it does not load. Ends with the making: our finder needs
    Presidio's warnings when it searches."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def credited(utterance: Utterance, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings as the mild rule counts them: one that touches a true span is exactly that span."""
    counted: list[Finding] = []
    for finding in findings:
        touched = [span for span in utterance.spans if span.first <= finding.last and finding.first <= span.last]
        counted += [replace(finding, first=span.first, last=span.last) for span in touched] or [finding]
    return tuple(counted)


def rewritten(words: Sequence[str], text: str) -> Rewritten:
    """Where each character of a normalised ``text`` may have come from."""
    tokens = list(_TOKEN.finditer(text))
    first, last = [len(words)] * len(text), [-1] * len(text)  # of spaces: nobody's
    matcher = difflib.SequenceMatcher(None, list(words), [token.group() for token in tokens], autojunk=False)
    for change, word, word_end, token, token_end in matcher.get_opcodes():
        for at in range(token, token_end):
            kept = word + at - token if change == "equal" else None
            begin, end = tokens[at].span()
            low = kept if kept is not None else min(word, len(words) - 1)
            high = kept if kept is not None else max(word_end - 1, low)
            first[begin:end], last[begin:end] = [low] * (end - begin), [high] * (end - begin)
    return Rewritten(text, tuple(first), tuple(last))


def _search(words: Sequence[str], normalise: Normalise, analyse: Analyse) -> tuple[Finding, ...]:
    written = rewritten(words, normalise(" ".join(words)))
    return tuple(
        Finding(0, min(written.first[begin:end]), max(written.last[begin:end]), entity_type)
        for begin, end, entity_type in analyse(written.text)
    )


def _normalised(name: str, make: Callable[[Path], Normalise], analyse: Analyse, folder: Path) -> Rival:
    try:
        normalise = make(folder)
    except ImportError:
        return Rival(name, None)
    return Rival(name, lambda words: _search(words, normalise, analyse))


def _nemo(folder: Path) -> Normalise:
    made: Any = importlib.import_module("nemo_text_processing.inverse_text_normalization.inverse_normalize")
    normaliser = made.InverseNormalizer(lang="en", cache_dir=str(folder))
    return lambda text: str(normaliser.inverse_normalize(text, verbose=False))


def _wetext(folder: Path) -> Normalise:
    made: Any = importlib.import_module("itn.english.inverse_normalizer")
    normaliser = made.InverseNormalizer(cache_dir=str(folder))
    return lambda text: str(normaliser.normalize(text))


def _presidio() -> Analyse:
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpArtifacts, NoOpNlpEngine

    # The list that the package brings along, instead of a download in the middle of a measurement.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    blank = NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "none"}])
    blank.load()
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=blank)
    engine = AnalyzerEngine(registry=registry, nlp_engine=blank, supported_languages=["en"])

    def analyse(text: str) -> Sequence[tuple[int, int, str]]:
        tokens = [(token.group(), token.start()) for token in _TOKEN.finditer(text)]
        said = [token.lower() for token, _ in tokens]
        artifacts = NlpArtifacts([], said, [start for _, start in tokens], said, blank, "en")
        found = engine.analyze(text, "en", nlp_artifacts=artifacts)
        return [(one.start, one.end, one.entity_type) for one in found]

    return analyse
