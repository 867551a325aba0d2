"""Which words identify somebody: ``ports.WordFinder`` on Presidio and on recognisers of our own.

Every transcript is searched, and a finding always is a run of words of one transcript. Nothing here decides what is
muted; a detector that could not see everything says so in its receipt or refuses the clip.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib import metadata, resources
from typing import NamedTuple, Protocol

from stream.clip import Clip, Critical, Finding, Reason, Receipt, Refusal, Subject, Word, WordEvidence
from stream.find.carriers import UNSURE_BELOW, find_employers, find_health, find_misheard
from stream.find.critical import find_critical
from stream.find.gazetteer import Gazetteer, load_gazetteer
from stream.find.introduced import find_introduced
from stream.find.language import Language, load_language, supported_languages
from stream.find.learned import find_learned
from stream.find.names import Names, find_spelled_names
from stream.find.reading import read
from stream.find.recognizers.addresses import find_addresses
from stream.find.recognizers.dates import find_ages, find_birth_dates, find_dates
from stream.find.recognizers.expiry import find_expiries
from stream.find.recognizers.known import Told, find_known, find_told
from stream.find.recognizers.net import find_net
from stream.find.recognizers.numbers import classify, find_numbers
from stream.find.recognizers.presidio import WrittenFinder
from stream.find.spans import Scene, Span, merged
from stream.find.spoken import TEXT_MAX, read_scene, written_forms
from stream.find.tagger import NamesModel, load_names_model

DETECTOR = "identifiers"
FURTHER_TYPES = frozenset({"PERSON", "LOCATION", "ADDRESS", "ORGANIZATION"})  # of what a further model finds
WORDS_MAX = 1_000  # of one transcript
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,40}>")  # markup that a producer left around words
NOBODY = Subject(account_id="")


class NamesFinder(Protocol):
    """A further model that says which words of one transcript are names; ``version`` goes into the receipt."""

    @property
    def version(self) -> str: ...

    def find(self, words: Sequence[str]) -> Iterator[Span]: ...


def make_word_finder(
    languages: frozenset[str] = frozenset({"en"}),
    names_model: bool = True,
    names: NamesFinder | None = None,
    unsure_below: float = UNSURE_BELOW,
    names_by_phrase: frozenset[str] = frozenset(),
) -> Identifiers:
    """A finder for ``languages``; ValueError at start-up if one of them has no tables, or nothing that knows names.

    In the languages ``names_by_phrase`` it is enough that names are found by what is said around them.

    Without ``names_model`` only spelled names and the event's own are found: for measuring speed. What ``names``
    finds is added to what the built-in model finds. Where a name belongs, words with a confidence under
    ``unsure_below`` are masked whatever they are.
    """
    missing = languages - supported_languages()
    if missing or not languages:
        raise ValueError(f"no word tables for language {', '.join(sorted(missing)) or '(none)'}")
    nameless = {code for code in languages - names_by_phrase if not load_language(code).names_modelled}
    if nameless and not names:
        raise ValueError(
            f"no names model reads language {', '.join(sorted(nameless))}: give one, or accept names by phrase alone"
        )
    return Identifiers(languages, load_names_model() if names_model else None, names, unsure_below)


class _Found(NamedTuple):
    """What one transcript has."""

    findings: tuple[Finding, ...]
    critical: tuple[Critical, ...]


class Identifiers:
    """A ``ports.WordFinder``. Not safe for use by several threads at once."""

    def __init__(
        self,
        languages: frozenset[str],
        model: NamesModel | None = None,
        further: NamesFinder | None = None,
        unsure_below: float = UNSURE_BELOW,
    ) -> None:
        self._languages: dict[str, Language] = {code: load_language(code) for code in languages}
        self._written = {code: WrittenFinder(code) for code in languages}
        self._gazetteer: Gazetteer = load_gazetteer()
        self._model = model
        self._further = further
        self._unsure_below = unsure_below
        models = " and ".join(one.version for one in (model, further) if one) or "none"
        self.version = f"{_version(self._languages.values())}; names {models}"

    def find(self, clip: Clip) -> WordEvidence:
        """Every identifier and every critical phrase in every transcript of ``clip``.

        Raises Refusal(LANGUAGE_UNSUPPORTED) for a locale without tables, Refusal(WORDS_TOO_MANY) beyond the bounds,
        Refusal(DETECTOR_FAILED) where a recogniser was skipped.
        """
        event = clip.event
        code = event.locale.replace("_", "-").split("-")[0].lower()
        if code not in self._languages:
            raise Refusal(Reason.LANGUAGE_UNSUPPORTED)
        told = (*event.slots.items(), *event.attributes.items())
        searched: dict[tuple[tuple[str, ...], tuple[bool, ...]], _Found] = {}  # lists of hypotheses repeat
        findings: list[Finding] = []
        critical: list[Critical] = []
        for number, transcript in enumerate(event.transcripts):
            said = tuple(word.text for word in transcript.words), tuple(self._unsure(transcript.words))
            if said not in searched:
                searched[said] = self._search(*said, event.subject, number, code, told)
            findings += [replace(finding, transcript=number) for finding in searched[said].findings]
            critical += [replace(phrase, transcript=number) for phrase in searched[said].critical]
        return WordEvidence(tuple(findings), Receipt(DETECTOR, self.version, complete=True), tuple(critical))

    def search(
        self, words: Sequence[str], subject: Subject = NOBODY, transcript: int = 0, language: str = "en"
    ) -> tuple[Finding, ...]:
        """Findings in one transcript; ``subject`` adds the event's own identifiers."""
        return self._search(words, (), subject, transcript, language).findings

    def _search(
        self,
        words: Sequence[str],
        unsure: Sequence[bool],
        subject: Subject,
        transcript: int,
        language: str,
        told: Told = (),
    ) -> _Found:
        texts, said = words, " ".join(words)
        if "<" in said:
            texts = [_TAG.sub("/", word).strip("/") if "<" in word else word for word in words]
            said = " ".join(texts)
        if len(texts) > WORDS_MAX or len(said) >= TEXT_MAX:
            raise Refusal(Reason.WORDS_TOO_MANY)
        scene = read_scene(texts, self._languages[language])
        spans = (
            *self._spans(scene, subject, language),
            *find_told(scene, told, self._gazetteer),
            *find_misheard(scene, unsure),
            *find_employers(scene, self._gazetteer),
        )
        findings = (
            Finding(transcript, span.first, span.last, span.entity_type, span.score, span.recognizer)
            for span in merged((*spans, *find_health(scene, spans)))
        )
        critical = (Critical(kind, transcript, first, last) for kind, first, last in find_critical(scene))
        return _Found(tuple(findings), tuple(critical))

    def _unsure(self, words: Sequence[Word]) -> list[bool]:
        return [word.confidence is not None and word.confidence < self._unsure_below for word in words]

    def _spans(self, scene: Scene, subject: Subject, language: str) -> Iterator[Span]:
        yield from find_known(scene, subject, self._gazetteer)
        yield from find_numbers(scene)
        yield from find_expiries(scene)
        online = tuple(find_net(scene))
        yield from online
        yield from find_dates(scene)
        yield from find_birth_dates(scene)
        yield from find_ages(scene)
        yield from find_addresses(scene, self._gazetteer)
        yield from find_spelled_names(scene)
        if not scene.language.names_modelled:
            yield from find_introduced(scene, self._gazetteer)
        elif self._model:
            reading = read(scene, self._model)
            names = Names(reading, self._gazetteer)
            yield from names.people()
            yield from names.places()
            yield from find_learned(reading, online)
        if self._further:
            for span in self._further.find(scene.words):
                # A type is published, and a model's labels may be anything: of names of nothing known, somebody's.
                yield span if span.entity_type in FURTHER_TYPES else replace(span, entity_type="PERSON")
        forms = written_forms(scene)
        if found := [span for written in forms for span in self._written[language].find(written)]:
            # A quantity or clock time stays one, whatever a pattern makes of its digits.
            for span in found:
                around = [run for run in scene.runs if run.first <= span.first and span.last <= run.last]
                if all(classify(scene, run)[0] for run in around):
                    yield span


def _version(languages: Iterable[Language]) -> str:
    """What the findings hang on: Presidio's version, and hashes of our tables and lists."""
    digest = hashlib.sha256()
    for entry in sorted(resources.files("stream.models").joinpath("names").iterdir(), key=lambda one: one.name):
        if entry.name.endswith(".txt"):
            digest.update(entry.read_bytes())
    tables = "".join(f"; {one.code} {one.version}" for one in sorted(languages, key=lambda one: one.code))
    presidio = metadata.version("presidio-analyzer")
    return f"presidio-analyzer {presidio}{tables}; lists sha256:{digest.hexdigest()[:16]}"
