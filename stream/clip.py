"""Every value that flows, in the order in which a clip meets them. Read this second, after ``pipeline.py``.

All values are frozen. What a person said, and whatever identifies a person, has ``repr=False``: a value of this
module can be printed or logged by accident and still say nothing. Times are seconds from the clip's first sample,
samples are mono float32 in [-1, 1] at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

SAMPLE_RATE_HZ = 16_000
Samples = npt.NDArray[np.float32]


# ------------------------------------------------------------------ in: a record and the clip event that it carries
@dataclass(frozen=True, order=True)
class Coordinates:
    """Where a record lies in Kafka: all that is ever said of a withheld record."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Record:
    """One record as it was polled; ``value`` is the framed Avro event, or None for a tombstone.

    ``unread`` says why nobody could look into it; its value is empty then, which nothing decodes.
    """

    coordinates: Coordinates
    value: bytes | None = field(repr=False)
    key: bytes | None = field(default=None, repr=False)
    timestamp_ms: int = 0
    unread: Reason | None = None


class Precision(StrEnum):
    """How exactly the time of a recording is told."""

    HOUR = "hour"
    DAY = "day"
    YEAR = "year"


@dataclass(frozen=True)
class Job:
    """A record whose writer schema is known, and which may be heard: everything that de-identifying it needs.

    ``writer_schema`` is the Avro schema as JSON text, ``body`` the event without its wire-format header, ``label`` what
    the output may say of whose clip it was; ``audio`` is the audio where the event only says where it lies.
    """

    coordinates: Coordinates
    writer_schema: str = field(repr=False)
    body: bytes = field(repr=False)
    label: Label
    audio: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Coarse:
    """Values of a clip that many share: published in place of when it was recorded, on what, and how long it was.

    ``captured`` is the first moment of its hour, day or year (UTC) as ``precision`` says. A published clip is filled up
    with silence to ``seconds``; 0 leaves it as long as it is.
    """

    captured: datetime
    precision: Precision
    language: str  # "und" where it is not told
    device_family: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Label:
    """All that the output says of whose clip it was, made by the one process that has the keys.

    ``by_length`` has what is published of clips up to so many seconds, shortest first: nobody knows how long a clip is
    before it is decoded, and a rare length is made coarse like a rare device.
    """

    token: str
    campaign: str
    key_epoch: str
    by_length: tuple[tuple[float, Coarse], ...]
    account_token: str | None = None  # clips of one account and epoch have it in common, where that is wanted


@dataclass(frozen=True, order=True)
class Segment:
    """A stretch of time, in seconds; never empty."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.start < self.end:
            raise ValueError("a segment needs 0 <= start < end")

    @property
    def duration(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Word:
    """One word of a transcript; ``segment`` is None where the recogniser gave no times.

    ``time_error_s`` is how far the ends of ``segment`` may be off where the times are not the device's own; what is
    muted around a word is at least as much.
    """

    text: str = field(repr=False)
    segment: Segment | None = None
    confidence: float | None = None
    time_error_s: float = 0.0


@dataclass(frozen=True)
class Transcript:
    """One hypothesis of the device's recogniser."""

    words: tuple[Word, ...] = field(repr=False)
    confidence: float | None = None


@dataclass(frozen=True)
class WakeWord:
    """Where the device says that it was woken, and how sure it was (0..1, None where it does not say)."""

    segment: Segment
    score: float | None = None
    text: str = field(default="", repr=False)


@dataclass(frozen=True)
class Consent:
    """Whether the account agreed that people listen; absent consent is ``human_review=False``."""

    human_review: bool
    version: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True)
class Header:
    """Of a clip event only whose it is and whether it may be heard: no audio, no words.

    All that is decoded in the process that talks to Kafka. ``wake_score`` is None where the device gives none.
    """

    clip_id: str = field(repr=False)
    account_id: str = field(repr=False)
    captured_at: datetime
    locale: str
    device_model: str
    consent: Consent
    woken: bool  # by a wake word
    wake_score: float | None = None


@dataclass(frozen=True)
class Subject:
    """Whatever says whose clip it is. Nothing of it leaves; the gate searches the output for each value."""

    account_id: str = field(repr=False)
    first_name: str = field(default="", repr=False)
    device_serial: str = field(default="", repr=False)
    household: str = field(default="", repr=False)
    ip: str = field(default="", repr=False)
    city: str = field(default="", repr=False)
    postcode: str = field(default="", repr=False)
    latitude: float | None = field(default=None, repr=False)
    longitude: float | None = field(default=None, repr=False)


@dataclass(frozen=True)
class InlineAudio:
    """Encoded audio inside the event; ``codec`` is what the producer claims and is never trusted."""

    content: bytes = field(repr=False)
    codec: str = ""


@dataclass(frozen=True)
class AudioObject:
    """Encoded audio in an object store."""

    uri: str = field(repr=False)
    sha256: str = field(repr=False)
    size: int | None = None  # bytes, where it is told
    content: bytes | None = field(default=None, repr=False)  # once it is fetched


@dataclass(frozen=True)
class ClipEvent:
    """A decoded clip event: the fields that our schema names, and no others."""

    event_id: str = field(repr=False)
    clip_id: str = field(repr=False)
    captured_at: datetime
    subject: Subject
    device_model: str
    locale: str
    consent: Consent
    wake_word: WakeWord | None
    audio: InlineAudio | AudioObject
    transcripts: tuple[Transcript, ...]
    intent: str = field(default="", repr=False)
    slots: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)


@dataclass(frozen=True, eq=False)
class Clip:
    """An admitted event with its decoded, validated audio: ``samples`` is (sample,), read-only, all finite."""

    coordinates: Coordinates
    event: ClipEvent
    samples: Samples = field(repr=False)

    @property
    def duration(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ


# ------------------------------------------------------------------ evidence: what the models say, right or wrong
@dataclass(frozen=True, order=True)
class Turn:
    """Speech of one voice; ``speaker`` is a label inside this clip, such as ``main`` or ``b1``."""

    segment: Segment
    speaker: str


@dataclass(frozen=True)
class Receipt:
    """A detector's word that it ran: which model (version or sha256), and whether it saw everything."""

    detector: str
    version: str
    complete: bool


@dataclass(frozen=True)
class SpeakerEvidence:
    """Who speaks when, and which speaker, if any, spoke to the device.

    ``turns`` hold all speech, overlaps included, clamped to the clip. ``main`` is the label of the main speaker or
    None. ``confidence`` (0..1) is how sure it is that ``main`` spoke to the device *and* that nobody else is inside
    the main speaker's own turns.
    """

    turns: tuple[Turn, ...]
    main: str | None
    confidence: float
    receipt: Receipt


@dataclass(frozen=True, order=True)
class Finding:
    """An identifier: the words ``first..last`` (inclusive) of transcript number ``transcript``."""

    transcript: int
    first: int
    last: int
    entity_type: str
    score: float = 1.0
    recognizer: str = ""


class CriticalKind(StrEnum):
    """Content of which more has to be said than that it identifies somebody: the closed list."""

    FINANCIAL = "financial"
    CREDENTIALS = "credentials"
    HEALTH = "health"
    CHILDREN = "children"  # a child's voice
    DISTRESS = "distress"  # threats, violence, self-harm, calls for help, what may be a crime


@dataclass(frozen=True, order=True)
class Critical:
    """Words ``first..last`` (inclusive) of transcript number ``transcript`` that are critical, whoever they are of."""

    kind: CriticalKind
    transcript: int
    first: int
    last: int


@dataclass(frozen=True)
class CriticalRule:
    """What the gate is told of the policy: which types of identifiers are critical, and which kinds may be redacted."""

    types: Mapping[str, CriticalKind]
    redacted: frozenset[CriticalKind]


@dataclass(frozen=True)
class WordEvidence:
    """Every identifier, and every phrase with critical content, found in every transcript."""

    findings: tuple[Finding, ...]
    receipt: Receipt
    critical: tuple[Critical, ...] = ()


@dataclass(frozen=True)
class AgeEvidence:
    """Whether the main speaker's voice is a child's."""

    child: bool
    receipt: Receipt


@dataclass(frozen=True)
class Evidence:
    """All that ``find`` knows of one clip."""

    speakers: SpeakerEvidence
    words: WordEvidence
    times: tuple[Receipt, ...] = ()  # of what wrote the transcript, and of what made or confirmed its times
    age: AgeEvidence | None = None  # None where no detector is configured

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        ages = () if self.age is None else (self.age.receipt,)
        return (self.speakers.receipt, self.words.receipt, *self.times, *ages)


# ------------------------------------------------------------------ decisions
class Why(StrEnum):
    """Why a stretch of sound or a word is taken out."""

    BACKGROUND = "background"  # nobody's, or not known to be the main speaker's
    BYSTANDER = "bystander"  # another voice, or both at once
    IDENTIFIER = "identifier"  # the main speaker says what identifies somebody


@dataclass(frozen=True, order=True)
class Mute:
    """Sound that becomes exact zeros; ``entity_type`` is set where ``why`` is IDENTIFIER."""

    segment: Segment
    why: Why
    entity_type: str | None = None


@dataclass(frozen=True, order=True)
class WordEdit:
    """The words ``first..last`` (inclusive) of the published transcript become one placeholder."""

    first: int
    last: int
    why: Why
    entity_type: str | None = None

    @property
    def placeholder(self) -> str:
        return f"<{self.entity_type or self.why.value.upper()}>"


@dataclass(frozen=True)
class Plan:
    """Every decision about one clip.

    ``keep`` is what stays audible; ``mutes`` are all the rest of the clip, so that the two tile it. ``transcript`` is
    the number of the published transcript, None where the clip has none.
    """

    keep: tuple[Segment, ...]
    mutes: tuple[Mute, ...]
    transcript: int | None
    word_edits: tuple[WordEdit, ...]
    critical: tuple[CriticalKind, ...] = ()  # what was taken out, in the order of the list


# ------------------------------------------------------------------ out
@dataclass(frozen=True)
class TokenKey:
    """The secret behind the tokens of one campaign and epoch."""

    campaign: str
    epoch: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True)
class PublishedWord:
    """A kept word or a placeholder, with the time that it covers."""

    text: str = field(repr=False)
    segment: Segment


@dataclass(frozen=True)
class Metadata:
    """All that the output says of whose clip it was: a token, and values shared by many."""

    token: str
    campaign: str
    key_epoch: str
    captured_hour: datetime  # its day's or year's first hour where ``captured_precision`` says so
    language: str
    device_family: str
    captured_precision: Precision = Precision.HOUR
    account_token: str | None = None


@dataclass(frozen=True, eq=False)
class AnonymizedClip:
    """What an annotator may have; built field by field, never a clip with things removed."""

    metadata: Metadata
    samples: Samples = field(repr=False)
    words: tuple[PublishedWord, ...] = field(repr=False)
    mutes: tuple[Mute, ...]
    receipts: tuple[Receipt, ...]
    policy_version: str
    critical: tuple[str, ...] = ()  # classes of what was taken out that a reviewer's employer may have to know of

    @property
    def duration(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ

    @property
    def kept(self) -> tuple[Segment, ...]:
        """What is audible, in order: all that no mute covers. Gaps of less than a sample are rounding."""
        at, kept = 0.0, []
        for start, end in [
            *sorted((mute.segment.start, mute.segment.end) for mute in self.mutes),
            (self.duration,) * 2,
        ]:
            if start - at >= 1 / SAMPLE_RATE_HZ:
                kept.append(Segment(at, start))
            at = max(at, end)
        return tuple(kept)


@dataclass(frozen=True)
class Vocabulary:
    """Words of one language, lower case and without accents, by which plan and gate know numbers and parts of names."""

    digits: frozenset[str]  # said singly
    rounds: frozenset[str]  # "twenty": one digit with zeros after it
    teens: frozenset[str]  # two digits
    fillers: frozenset[str]  # a number goes on through them
    name_joiners: frozenset[str]  # parts of a name that identify nobody on their own


class Reason(StrEnum):
    """Why a clip is withheld: the closed list."""

    # the event
    NO_VALUE = "no_value"
    UNKNOWN_SCHEMA = "unknown_schema"
    EVENT_UNDECODABLE = "event_undecodable"
    EVENT_TOO_LARGE = "event_too_large"
    LANGUAGE_UNSUPPORTED = "language_unsupported"
    # whose clip it is
    NO_CONSENT = "no_consent"  # the event itself says no, or nothing
    OPTED_OUT = "opted_out"
    ERASED = "erased"  # recorded before its account asked for erasure
    RECALLED = "recalled"  # near a clip that an annotator reported
    RECORDED_LATER = "recorded_later"  # than now: by a clock that is wrong
    NO_WAKE_WORD = "no_wake_word"  # nobody is known to have spoken to the device
    NOT_SAMPLED = "not_sampled"
    QUOTA_REACHED = "quota_reached"  # enough clips of this account were picked that day
    CAP_REACHED = "cap_reached"  # enough clips were picked that hour
    KEY_MISSING = "key_missing"  # no token key for the time of the recording
    # its audio
    AUDIO_NOT_FETCHED = "audio_not_fetched"  # it lies in an object store that is not read, or can't be
    AUDIO_ELSEWHERE = "audio_elsewhere"  # not in a place of the settings
    AUDIO_MISSING = "audio_missing"
    AUDIO_CHANGED = "audio_changed"  # not the bytes that the event tells of
    AUDIO_TOO_LARGE = "audio_too_large"
    AUDIO_UNDECODABLE = "audio_undecodable"
    AUDIO_TRUNCATED = "audio_truncated"
    AUDIO_EMPTY = "audio_empty"
    AUDIO_TOO_SHORT = "audio_too_short"
    AUDIO_TOO_LONG = "audio_too_long"
    AUDIO_SILENT = "audio_silent"
    AUDIO_NOT_FINITE = "audio_not_finite"
    # its words
    NO_TRANSCRIPT = "no_transcript"
    WORDS_WITHOUT_TIMES = "words_without_times"
    WORDS_NOT_ALIGNED = "words_not_aligned"
    WORDS_OUT_OF_BOUNDS = "words_out_of_bounds"
    TRANSCRIPT_UNCERTAIN = "transcript_uncertain"
    WORDS_TOO_MANY = "words_too_many"
    # what was found
    NO_MAIN_SPEAKER = "no_main_speaker"
    MAIN_SPEAKER_UNCERTAIN = "main_speaker_uncertain"
    TOO_MUCH_OVERLAP = "too_much_overlap"
    NOTHING_LEFT = "nothing_left"
    CRITICAL = "critical"  # what was said must not come before a reviewer
    DETECTOR_FAILED = "detector_failed"
    # the gate
    GATE_MUTE_AUDIBLE = "gate_mute_audible"
    GATE_DIGITS_LEFT = "gate_digits_left"
    GATE_IDENTIFIER_LEFT = "gate_identifier_left"
    GATE_RECEIPT_MISSING = "gate_receipt_missing"
    GATE_UNCHANGED = "gate_unchanged"
    GATE_MALFORMED = "gate_malformed"
    GATE_CRITICAL_LEFT = "gate_critical_left"
    # the machinery
    TIMED_OUT = "timed_out"
    INFERENCE_DIED = "inference_died"
    INTERNAL_ERROR = "internal_error"


class Refusal(Exception):
    """A clip can't be vouched for. Carries a reason and never content; raise it ``from None``."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class CriticalContent(Refusal):
    """What was said must not come before a reviewer; carries only its kinds, and whether others must be told."""

    def __init__(self, kinds: tuple[CriticalKind, ...], escalated: bool) -> None:
        super().__init__(Reason.CRITICAL)
        self.kinds = kinds
        self.escalated = escalated


@dataclass(frozen=True)
class Effort:
    """What a clip cost and held: numbers for metrics, no content. ``stage_seconds`` maps stage -> wall seconds."""

    audio_seconds: float = 0.0
    kept_seconds: float = 0.0
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    identifiers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Withheld:
    """The clip stays unheard; ``fault`` is the class name of an unexpected exception, never its message."""

    coordinates: Coordinates
    reason: Reason
    policy_version: str
    fault: str = ""
    effort: Effort = Effort()
    critical: tuple[str, ...] = ()  # classes of critical content, where that is the reason
    escalated: bool = False  # told to the people whose procedure it is


@dataclass(frozen=True)
class Published:
    """An anonymized clip, encoded: ``body`` is the Avro body of anonymized_clip, without wire-format header."""

    coordinates: Coordinates
    token: str
    timestamp_ms: int
    body: bytes = field(repr=False)
    policy_version: str = ""
    effort: Effort = Effort()
    length: int = 0  # number of the entry of its label's ``by_length`` that was published
    critical: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()  # of the objects that hold its audio, where that is not in the body


Outcome = Published | Withheld
