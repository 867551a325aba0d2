"""What became of each clip, read back from the output topics and held against the truth."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import soundfile

from stream.clip import SAMPLE_RATE_HZ, AnonymizedClip, Mute, Reason, Segment, Why, Withheld
from stream.demo.clips import DemoClip
from stream.evaluate.scoring import audible
from stream.segments import intersect, seconds, subtract, union

Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Output:
    """One record of the anonymized topic: decoded, and the FLAC bytes that lie in it."""

    clip: AnonymizedClip
    flac: bytes = field(repr=False)


@dataclass(frozen=True, eq=False)
class Result:
    """One clip of the demonstration and its outcome: exactly one of ``output`` and ``withheld`` is set."""

    clip: DemoClip
    output: Output | None = None
    withheld: Withheld | None = None

    @property
    def reason(self) -> Reason | None:
        return self.withheld.reason if self.withheld else None

    @property
    def wrongly_published(self) -> bool:
        return self.clip.withhold and self.output is not None

    @property
    def mutes(self) -> tuple[Mute, ...]:
        """Those of the recording: the silence that the published clip was filled up with is left out."""
        found = self.output.clip.mutes if self.output else ()
        end = self.clip.duration
        return tuple(
            replace(mute, segment=Segment(mute.segment.start, min(mute.segment.end, end)))
            for mute in found
            if mute.segment.start < end
        )

    @property
    def kept_s(self) -> float:
        return self.clip.duration - self.muted_s if self.output else 0.0

    @property
    def muted_s(self) -> float:
        if self.output is None:
            return self.clip.duration
        return seconds(union(mute.segment for mute in self.mutes))

    def muted_by_reason(self) -> Mapping[Why, float]:
        """Seconds that each reason took; empty for a withheld clip."""
        lengths: Counter[Why] = Counter()
        for mute in self.mutes:
            lengths[mute.why] += mute.segment.duration  # type: ignore[assignment]  # a Counter adds floats as well
        return lengths

    def identifiers(self) -> Mapping[str, int]:
        """Placeholders of each entity type in the published words."""
        texts = (word.text for word in self.output.clip.words) if self.output else ()
        named = (text[1:-1] for text in texts if is_placeholder(text))
        return Counter(name for name in named if name.lower() not in (Why.BACKGROUND, Why.BYSTANDER))


@dataclass(frozen=True)
class Heard:
    """What the truth says of the published sound; seconds. ``spans_audible`` of ``spans`` have any sample left."""

    others_s: float
    others_audible_s: float
    main_s: float
    main_audible_s: float
    spans: int
    spans_audible: int


def is_placeholder(text: str) -> bool:
    """Whether a published word stands for others."""
    return text.startswith("<") and text.endswith(">")


def pcm(flac: bytes) -> Pcm:
    """Decoded by the codec's own library, not by the service: (sample,), mono, 16 kHz."""
    samples, rate = soundfile.read(io.BytesIO(flac), dtype="int16")
    if rate != SAMPLE_RATE_HZ or samples.ndim != 1:
        raise ValueError("not mono at 16 kHz")
    return samples  # type: ignore[no-any-return]  # soundfile is untyped


def heard(result: Result) -> Heard:
    """Measures a published clip's sound against the truth: speech of others alone, of the main speaker alone, and
    the true identifiers that the main speaker says."""
    clip = result.clip
    main, others = clip.speech()
    solo_main, solo_others = subtract(main, others), subtract(others, main)
    spans = [clip.sound(span) for span in clip.spans]
    sound = audible(pcm(result.output.flac)) if result.output else ()
    return Heard(
        others_s=seconds(solo_others),
        others_audible_s=seconds(intersect(solo_others, sound)),
        main_s=seconds(solo_main),
        main_audible_s=seconds(intersect(solo_main, sound)),
        spans=len(spans),
        spans_audible=sum(bool(intersect([span], sound)) for span in spans),
    )


def totals(results: Iterable[Result]) -> Heard:
    """The sum over all published clips."""
    each = [heard(result) for result in results if result.output]
    return Heard(
        others_s=sum(one.others_s for one in each),
        others_audible_s=sum(one.others_audible_s for one in each),
        main_s=sum(one.main_s for one in each),
        main_audible_s=sum(one.main_audible_s for one in each),
        spans=sum(one.spans for one in each),
        spans_audible=sum(one.spans_audible for one in each),
    )
