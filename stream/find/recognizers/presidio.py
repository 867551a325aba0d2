"""Presidio's recognisers on written readings: offline, bounded, and failing loudly.

Presidio as it comes downloads a model, fetches the public suffix list when it meets an e-mail address, logs at levels
that quote text, and goes on when a pattern runs into its time limit. Here it does none of that.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import tldextract
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, Pattern, PatternRecognizer, RecognizerRegistry
from presidio_analyzer import predefined_recognizers as predefined
from presidio_analyzer.nlp_engine import NlpArtifacts, NoOpNlpEngine

from stream.clip import Reason, Refusal
from stream.find.checksums import is_luhn
from stream.find.recognizers.needs import needs
from stream.find.spans import Span
from stream.find.spoken import Written

SCORE_MIN = 0.4
SCORE_MAX = 0.95  # a context word that was said names a type more surely than a checksum does
UNSURE_MAX = 0.59  # one number in ten passes one check digit: less sure than the length of what was said
_SURE_TYPES = frozenset({"CREDIT_CARD", "IBAN_CODE", "EMAIL_ADDRESS", "IP_ADDRESS", "MAC_ADDRESS", "CRYPTO"})
_LOGGERS = ("presidio-analyzer", "tldextract", "decision_process")
_TOKEN = re.compile(r"\S+")


class CardRecognizer(PatternRecognizer):  # type: ignore[misc]
    """Payment cards of 12 to 19 digits (ISO/IEC 7812), the Mastercard 2-series included, by checksum."""

    def __init__(self) -> None:
        patterns = [Pattern("card", r"\b[2-6]\d{11,18}\b", 0.3)]
        super().__init__("CREDIT_CARD", patterns=patterns, context=["card", "visa", "amex", "credit", "debit"])

    def validate_result(self, pattern_text: str) -> bool | None:
        """True where the check digit holds; otherwise the context decides."""
        return True if is_luhn(pattern_text) else None


class OfflineEmailRecognizer(predefined.EmailRecognizer):  # type: ignore[misc]
    """Presidio's, with the public suffix list that tldextract's package brings along."""

    _extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def validate_result(self, pattern_text: str) -> bool:
        return bool(self._extract(pattern_text).top_domain_under_public_suffix)


class _SkipWatch(logging.Handler):
    """Presidio reports a pattern that ran out of time only as a warning: remember that there was one."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.skipped = False

    def emit(self, record: logging.LogRecord) -> None:
        self.skipped |= "timed out" in str(record.msg)


_WATCH = _SkipWatch()  # one for the process: a finder of its own language must not take it away from the others


class WrittenFinder:
    """Runs Presidio's recognisers for one language on written readings."""

    def __init__(self, language: str) -> None:
        _quieten()
        self._language = language
        self._nlp = NoOpNlpEngine(models=[{"lang_code": language, "model_name": "none"}])
        self._nlp.load()
        registry = RecognizerRegistry(recognizers=_recognizers(language), supported_languages=[language])
        self._engine = AnalyzerEngine(registry=registry, nlp_engine=self._nlp, supported_languages=[language])
        self._needs = [(one.supported_entities, needs(one, SCORE_MIN)) for one in registry.recognizers]

    @property
    def recognizers(self) -> tuple[EntityRecognizer, ...]:
        """Those that run, Presidio's own and ours."""
        return tuple(self._engine.registry.recognizers)

    def find(self, written: Written) -> Iterator[Span]:
        """Spans of words. Raises Refusal(DETECTOR_FAILED) if any recogniser was skipped."""
        entities = [
            entity
            for of_one, needed in self._needs
            if all(one.search(written.text) for one in needed)
            for entity in of_one
        ]
        if not entities:
            return
        _WATCH.skipped = False
        results = self._engine.analyze(
            written.text,
            self._language,
            entities=entities,
            score_threshold=SCORE_MIN,
            nlp_artifacts=self._artifacts(written.text),
        )
        if _WATCH.skipped:
            raise Refusal(Reason.DETECTOR_FAILED)
        for result in results:
            first, last = written.words(result.start, result.end)
            score = min(result.score, SCORE_MAX if result.entity_type in _SURE_TYPES else UNSURE_MAX)
            yield Span(first, last, result.entity_type, score, "presidio")

    def _artifacts(self, text: str) -> NlpArtifacts:
        """Words as their own lemmas: without lemmas Presidio's context words silently do nothing."""
        tokens = [(match.group(), match.start()) for match in _TOKEN.finditer(text)]
        texts = [token for token, _ in tokens]
        return NlpArtifacts([], texts, [start for _, start in tokens], texts, self._nlp, self._language)


def _recognizers(language: str) -> list[EntityRecognizer]:
    """Without phones, web addresses and dates: recognisers of ours find what is said of them.

    Presidio's phone matcher has no time limit, took a fifth of all time, and changed not one finding in 3,020
    utterances: a run of digits as long as a phone number is masked anyway. Its pattern of web addresses needs seconds
    for hostile text.
    """
    classes = [
        predefined.UsBankRecognizer,
        predefined.UsItinRecognizer,
        predefined.UsPassportRecognizer,
        predefined.UsSsnRecognizer,
        predefined.AbaRoutingRecognizer,
        predefined.UsMbiRecognizer,
        predefined.NhsRecognizer,
        predefined.UkNinoRecognizer,
        predefined.UkPostcodeRecognizer,
        predefined.CaSinRecognizer,
        predefined.DeTaxIdRecognizer,
        predefined.EsNifRecognizer,
        predefined.EsNieRecognizer,
        predefined.InAadhaarRecognizer,
        predefined.InPanRecognizer,
        predefined.CryptoRecognizer,
        predefined.IbanRecognizer,
        predefined.IpRecognizer,
        predefined.MacAddressRecognizer,
        OfflineEmailRecognizer,
    ]
    return [CardRecognizer(), *(one(supported_language=language) for one in classes)]


def _quieten() -> None:
    """Presidio's loggers say nothing to anybody but the watch: some of their messages quote text."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.propagate = False
    analyzer = logging.getLogger(_LOGGERS[0])
    if _WATCH not in analyzer.handlers:
        analyzer.addHandler(_WATCH)
