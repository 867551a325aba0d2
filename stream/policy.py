"""What may leave and how sure we must be: thresholds, bounds and allow-lists, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from stream.clip import CriticalKind, CriticalRule, Vocabulary
from stream.vocabulary import load_vocabularies


@dataclass(frozen=True)
class OperatingPoint:
    """How sure the speaker evidence must be. Figures for each point are in the model card."""

    name: str
    main_probability_min: float  # a frame is the main speaker's alone from here on
    bystander_probability_max: float  # and only if any other voice is at most as likely as this
    bystander_probability_max_with_words: float  # or as this, in a clip for which the device tells words
    confidence_min: float  # SpeakerEvidence.confidence below this withholds the clip
    overlap_share_max: float  # of the main speaker's speech; above, the clip is withheld
    keep_margin_s: float  # taken off both ends of what is kept
    kept_seconds_min: float  # less than this is not worth a listener


SAFE = OperatingPoint(
    "safe",
    main_probability_min=0.6,
    bystander_probability_max=0.4,
    bystander_probability_max_with_words=0.4,
    confidence_min=0.8,
    overlap_share_max=0.5,
    keep_margin_s=0.0,
    kept_seconds_min=0.3,
)
THROUGHPUT = OperatingPoint(
    "throughput",
    main_probability_min=0.85,
    bystander_probability_max=0.8,
    bystander_probability_max_with_words=0.5,
    confidence_min=0.4,
    overlap_share_max=1.0,
    keep_margin_s=0.0,
    kept_seconds_min=0.3,
)
OPERATING_POINTS = {point.name: point for point in (SAFE, THROUGHPUT)}


class Operator(StrEnum):
    """What becomes of a clip with critical content of one kind."""

    REDACT = "redact"  # its words are taken out like identifiers, and the clip says so
    WITHHOLD = "withhold"
    ESCALATE = "escalate"  # withheld, and its coordinates are told to those whose procedure it is


# What is taken out of a number leaves nothing behind, so that a card or a password costs no clip. Of an illness and of
# a threat something can be told from the words around them, and no mute hides that a voice is a child's.
CRITICAL: Mapping[CriticalKind, Operator] = MappingProxyType(
    {
        CriticalKind.FINANCIAL: Operator.REDACT,
        CriticalKind.CREDENTIALS: Operator.REDACT,
        CriticalKind.HEALTH: Operator.WITHHOLD,
        CriticalKind.CHILDREN: Operator.WITHHOLD,
        CriticalKind.DISTRESS: Operator.ESCALATE,
    }
)
# Types of identifiers that are critical too. National, tax and patient numbers identify, and are no more than that
# once they are muted; the words around a patient's number are found as phrases.
CRITICAL_TYPES: Mapping[str, CriticalKind] = MappingProxyType(
    dict.fromkeys(
        (
            "CREDIT_CARD",
            "CVV",
            "CARD_EXPIRY",
            "IBAN_CODE",
            "US_BANK_NUMBER",
            "ABA_ROUTING_NUMBER",
            "UK_SORT_CODE",
            "CRYPTO",
        ),
        CriticalKind.FINANCIAL,
    )
    | {"PIN": CriticalKind.CREDENTIALS, "PASSWORD": CriticalKind.CREDENTIALS}
    | {kind.name: kind for kind in CriticalKind}  # as phrases are named where they are taken out
)


_FAMILIES = {family: family for family in ("speaker", "display", "tv", "phone", "car", "wearable")}


@dataclass(frozen=True)
class Policy:
    """The rules of one deployment; ``version`` is written beside every outcome."""

    version: str = "1"
    operating_point: OperatingPoint = SAFE
    transcript_required: bool = True
    languages: frozenset[str] = frozenset({"en"})
    names_by_phrase: frozenset[str] = frozenset()  # languages in which it is enough that introduced names are found
    wake_score_min: float = 0.5  # a device less sure than this that it was called was most likely not
    audio_seconds_min: float = 0.5
    audio_seconds_max: float = 60.0
    words_max: int = 400
    word_margin_s: float = 0.08  # muted on both sides of a masked word
    word_audible_share_min: float = 0.5  # a word of whose sound less is kept is not shown either
    # device model -> family; a model that is not listed becomes "other"
    device_families: Mapping[str, str] = field(default_factory=lambda: MappingProxyType(dict(_FAMILIES)))
    critical: Mapping[CriticalKind, Operator] = field(default_factory=lambda: CRITICAL)  # names every kind
    required_detectors: frozenset[str] = field(default=frozenset({"speakers", "identifiers"}))
    vocabularies: Mapping[str, Vocabulary] = field(default_factory=load_vocabularies, repr=False)  # by language

    def __post_init__(self) -> None:
        if unknown := self.languages - self.vocabularies.keys():
            raise ValueError(f"no vocabulary for language {', '.join(sorted(unknown))}")
        if missing := set(CriticalKind) - self.critical.keys():
            raise ValueError(f"the policy does not say what becomes of {', '.join(sorted(missing))}")
        if self.critical[CriticalKind.CHILDREN] is Operator.REDACT:
            raise ValueError("a child's voice can't be redacted: nothing would be left of it")

    @property
    def critical_rule(self) -> CriticalRule:
        redacted = (kind for kind, operator in self.critical.items() if operator is Operator.REDACT)
        return CriticalRule(CRITICAL_TYPES, frozenset(redacted))


def language(locale: str) -> str:
    """``en`` of ``en-US`` or ``en_GB``."""
    return locale.replace("_", "-").split("-")[0].lower()
