"""What a written text must have for one of Presidio's recognisers to find anything in it.

Most texts hold one number, and most recognisers have nothing to do with it. A quick look spares them, and never rules
out what a recogniser could find. One of which nothing is known here is never spared.
"""

from __future__ import annotations

import re

from presidio_analyzer import EntityRecognizer, PatternRecognizer

_SSN_LIKE = r"\b\d{9}\b|\d{3}[-. ]\d"
_NEEDED = {
    "CREDIT_CARD": r"\d{12}",
    "US_BANK_NUMBER": r"\d{8}",
    "US_ITIN": _SSN_LIKE,
    "US_SSN": _SSN_LIKE,
    "CA_SIN": _SSN_LIKE,
    "ABA_ROUTING_NUMBER": r"\b\d{9}\b|\d{4}-\d{4}-\d",
    "US_PASSPORT": r"\b\d{9}\b|[a-z]\d{8}",
    "US_MBI": r"\d[a-z][a-z\d]\d-?[a-z]",
    "UK_NHS": r"\d{3}[- ]?\d{3}[- ]?\d{4}",
    "UK_NINO": r"[a-z] ?\d\d ?\d\d ?\d\d ?[a-d]",
    "UK_POSTCODE": r"\d[a-z]{2}\b",
    "DE_TAX_ID": r"\b\d{11}\b",
    "ES_NIF": r"\d{7}-?[a-z]",
    "ES_NIE": r"\d{7}-?[a-z]",
    "IN_AADHAAR": r"\b\d{12}\b|\d{4}[- :]\d{4}[- :]\d{4}",
    "IN_PAN": r"[a-z]{5}\d{4}[a-z]|pan",  # any ten characters after the word "pan"
    "CRYPTO": r"\w{26}",
    "IBAN_CODE": r"[a-z]{2}\d\d[- ]?[a-z\d]{4}",
    "IP_ADDRESS": r"\d\.\d|:",
    "MAC_ADDRESS": r"[-:][a-f\d]{2}[-:]|\.[a-f\d]{4}\.",
    "EMAIL_ADDRESS": r"@",
}


def needs(recognizer: EntityRecognizer, score_min: float) -> tuple[re.Pattern[str], ...]:
    """Patterns all of which a text must have somewhere before the recogniser can give a score of ``score_min``.

    Where no pattern has that score and nothing validates a match, one of its context words must be there too.
    """
    patterns = [_NEEDED[entity] for entity in recognizer.supported_entities[:1] if entity in _NEEDED]
    if isinstance(recognizer, PatternRecognizer) and recognizer.context:
        unvalidated = type(recognizer).validate_result is PatternRecognizer.validate_result
        if unvalidated and all(pattern.score < score_min for pattern in recognizer.patterns):
            patterns.append("|".join(re.escape(word) for word in recognizer.context))
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)
