"""What may leave and how sure we must be: thresholds, bounds and allow-lists, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from stream.clip import Vocabulary
from stream.vocabulary import load_vocabularies


@dataclass(frozen=True)
class OperatingPoint:
    """How sure the speaker evidence must be. Figures for each point are in the model card."""

    name: str
    main_probability_min: float  # a frame is the main speaker's alone from here on
    bystander_probability_max: float  # and only if any other voice is less likely than this
    confidence_min: float  # SpeakerEvidence.confidence below this withholds the clip
    overlap_share_max: float  # of the main speaker's speech; above, the clip is withheld
    keep_margin_s: float  # taken off both ends of what is kept
    kept_seconds_min: float  # less than this is not worth a listener


SAFE = OperatingPoint("safe", 0.6, 0.6, 0.8, 0.5, 0.0, 0.3)
THROUGHPUT = OperatingPoint("throughput", 0.6, 0.6, 0.4, 1.0, 0.0, 0.3)
OPERATING_POINTS = {point.name: point for point in (SAFE, THROUGHPUT)}


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
    required_detectors: frozenset[str] = field(default=frozenset({"speakers", "identifiers"}))
    vocabularies: Mapping[str, Vocabulary] = field(default_factory=load_vocabularies, repr=False)  # by language

    def __post_init__(self) -> None:
        if unknown := self.languages - self.vocabularies.keys():
            raise ValueError(f"no vocabulary for language {', '.join(sorted(unknown))}")


def language(locale: str) -> str:
    """``en`` of ``en-US`` or ``en_GB``."""
    return locale.replace("_", "-").split("-")[0].lower()
