"""The settings of what finds and what decides: models and policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from stream.clip import CriticalKind
from stream.config.base import Count, Names, Seconds, Section, Sha256, pinned
from stream.policy import CRITICAL, OPERATING_POINTS, Operator, Policy

_DEFAULT = Policy()


class SpeakerSettings(Section):
    """The model that says who speaks when."""

    model: str = "builtin"
    """`builtin`, or a local directory in pyannote's pipeline layout (`config.yaml`, `segmentation/`, ...)."""
    sha256: Sha256 = ""
    """Expected fingerprint of that directory (see `clipveil fingerprint`). Loading a checkpoint can run code from it, \
so a directory needs one."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where it runs. On `cuda` one process owns the GPU and hears the clips of all inference processes in batches."""

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from pinned("model", self.model != "builtin", self.sha256)


class NameSettings(Section):
    """The models that say which words are names."""

    model: str = "builtin"
    """`builtin`, or a local directory whose findings are added to the built-in model's: a transformers token \
classifier (`config.json`, `tokenizer.json`, `model.safetensors`) or GLiNER (`gliner_config.json`). Needs \
`clipveil[names]`. Words come in lower case: take a model that was trained so."""
    sha256: Sha256 = ""
    """Expected fingerprint of that directory (see `clipveil fingerprint`)."""
    unsure_below: Annotated[float, Field(ge=0, le=1)] = 0.6
    """Words that the recogniser was less sure of than this are masked where a name belongs ("call ...", "my name is \
..."), whatever they look like: it often hears another word for a name. 0 turns it off."""

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from pinned("model", self.model != "builtin", self.sha256)


class RecogniserSettings(Section):
    """The model that hears what is said in clips that come without a transcript."""

    directory: Path | None = None
    """Local directory of a Whisper model as CTranslate2 reads it (`model.bin`, `config.json`, `tokenizer.json`, ...); \
needs `clipveil[recogniser]`. Without one, clips without a transcript are withheld."""
    sha256: Sha256 = ""
    """Expected fingerprint of that directory (see `clipveil fingerprint`)."""
    log_probability_min: Annotated[float, Field(le=0)] = -0.7
    """A clip is withheld where a stretch of its text has a lower mean log probability."""
    no_speech_max: Annotated[float, Field(ge=0, le=1)] = 0.5
    """A clip is withheld where a stretch of its text is more likely than this no speech at all."""

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from pinned("directory", self.directory is not None, self.sha256)


class PolicySettings(Section):
    """What may leave, and how sure we must be."""

    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = _DEFAULT.version
    """Written beside every outcome; change it with every change of this section."""
    operating_point: Literal["safe", "throughput"] = "safe"
    """`safe` withholds what is uncertain; `throughput` publishes more and leaks more (figures in the model card)."""
    transcript_required: bool = _DEFAULT.transcript_required
    """Withhold clips without a transcript: without words nobody knows which identifiers are audible."""
    languages: Annotated[Names, Field(min_length=1)] = _DEFAULT.languages
    """Languages (first part of the locale) that the detectors know; others are withheld. English is complete."""
    names_by_phrase: Names = _DEFAULT.names_by_phrase
    """Languages that no names model reads, and may be used all the same: only introduced names are found in them."""
    wake_score_min: Annotated[float, Field(ge=0, le=1)] = _DEFAULT.wake_score_min
    """Withhold clips of whose wake word the device itself is less sure; one that gives no score is judged without."""
    audio_seconds_min: Seconds = _DEFAULT.audio_seconds_min
    """Shorter clips are withheld."""
    audio_seconds_max: Annotated[float, Field(gt=0, le=600)] = _DEFAULT.audio_seconds_max
    """Longer clips are withheld; decoding stops there, whatever a header promises."""
    words_max: Count = _DEFAULT.words_max
    """Transcripts with more words are withheld."""
    word_margin_s: Annotated[float, Field(ge=0, le=1)] = _DEFAULT.word_margin_s
    """Muted on both sides of an identifier, since word times are estimates."""
    word_audible_share_min: Annotated[float, Field(ge=0, le=1)] = _DEFAULT.word_audible_share_min
    """A word of whose sound less than this share is kept is not shown either."""
    device_families: dict[str, str] = Field(default_factory=lambda: dict(_DEFAULT.device_families))
    """Device model -> family named in the output; any other model becomes `other`. JSON in the environment."""

    critical: dict[CriticalKind, Operator] = Field(default_factory=lambda: dict(CRITICAL))
    """Kind of critical content -> `redact`, `withhold` or `escalate` (withheld, and its coordinates go to the topic \
of escalations). A kind that is not named keeps its default; `children` can't be redacted. JSON in the environment."""

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.critical.get(CriticalKind.CHILDREN) is Operator.REDACT:
            yield "critical", "a child's voice can't be redacted: nothing would be left of it"
        if self.audio_seconds_min >= self.audio_seconds_max:
            yield "audio_seconds_min", "must be below audio_seconds_max"
        if unknown := self.languages - _DEFAULT.vocabularies.keys():
            yield "languages", f"{len(unknown)} of them unknown; there are: {', '.join(sorted(_DEFAULT.vocabularies))}"
        if not self.names_by_phrase <= self.languages:
            yield "names_by_phrase", "may name only what languages names"

    def as_policy(self) -> Policy:
        """The policy that the pipeline takes."""
        values = self.model_dump(exclude={"operating_point", "device_families", "critical"})
        families = MappingProxyType(dict(self.device_families))
        critical = MappingProxyType({**CRITICAL, **self.critical})
        point = OPERATING_POINTS[self.operating_point]
        return Policy(operating_point=point, device_families=families, critical=critical, **values)
