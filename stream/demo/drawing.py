"""Waveforms with what was said and muted, as inline SVG and positioned labels. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from stream.clip import SAMPLE_RATE_HZ, Mute, Segment, Why
from stream.demo.clips import DemoClip
from stream.demo.results import Pcm, Result

COLUMNS = 480  # of a waveform
HEIGHT = 100
BAND_LABEL_SHARE_MIN = 0.07  # of the clip's length: a narrower mute has its name in a tooltip only

WHY_TEXT = {
    Why.IDENTIFIER: "identifier",
    Why.BYSTANDER: "another voice",
    Why.BACKGROUND: "background",
}


def before(clip: DemoClip, samples: Pcm, lane: str) -> str:
    """The recording as it was sent: the wake word, the true identifiers, and in a row each who truly speaks."""
    bands = [_band(clip.sound(span), clip.duration, "spoken", span.entity_type) for span in clip.spans]
    wake = clip.event.wake_word
    if wake is not None:
        bands.append(_band(wake.segment, clip.duration, "wake", "wake word", labelled=True))
    wave = _waveform(samples, _speakers(clip), scale(samples))
    return _row("Before", _lane(lane, "Waveform before", clip.duration, "".join(bands), wave)) + _turns(clip)


def after(result: Result, samples: Pcm, lane: str, full_scale: float) -> str:
    """The published sound, with every mute and its reason; drawn as large and as long as the recording that it was made
    from, without the silence that it was filled up with."""
    duration = result.clip.duration
    bands = "".join(_mute(mute, duration) for mute in result.mutes)
    wave = _waveform(samples[: round(duration * SAMPLE_RATE_HZ)], ["kept"] * COLUMNS, full_scale)
    return _row("After", _lane(lane, "Waveform after", duration, bands, wave))


def scale(samples: Pcm) -> float:
    """The sample value that fills a waveform's height."""
    return 1.08 * max(1.0, float(np.max(np.abs(samples.astype(np.int32)))))


def nothing(html: str) -> str:
    """The row of a clip that was withheld."""
    return _row("After", html)


def _row(name: str, track: str, kind: str = "") -> str:
    return f'<div class="row {kind}"><span class="name">{escape(name)}</span><div class="track">{track}</div></div>'


def axis(duration: float) -> str:
    """A mark for each second."""
    step = 1 if duration <= 15 else 5
    marks = (f'<i style="left:{_percent(at, duration)}">{at} s</i>' for at in range(0, int(duration) + 1, step))
    return _row("", f'<div class="axis" aria-hidden="true">{"".join(marks)}</div>')


def _mute(mute: Mute, duration: float) -> str:
    text = mute.entity_type or WHY_TEXT[mute.why]
    return _band(mute.segment, duration, f"mute {mute.why.value}", text)


def _band(segment: Segment, duration: float, kind: str, text: str, labelled: bool = False) -> str:
    wide = labelled or segment.duration / duration >= BAND_LABEL_SHARE_MIN
    title = escape(f"{text}, {segment.start:.2f} to {segment.end:.2f} s")
    style = f"left:{_percent(segment.start, duration)};width:{_percent(segment.duration, duration)}"
    label = f"<b>{escape(text)}</b>" if wide else ""
    return f'<span class="band {kind}" style="{style}" title="{title}">{label}</span>'


def _lane(lane: str, label: str, duration: float, bands: str, wave: str) -> str:
    return (
        f'<div class="lane" id="{lane}" data-duration="{duration:.3f}">{bands}'
        f'<svg viewBox="0 0 {COLUMNS} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}, {duration:.1f} seconds">{wave}</svg><span class="playhead" hidden></span></div>'
    )


def _waveform(samples: Pcm, colours: Sequence[str], full_scale: float) -> str:
    """One path for each colour; a column spans the least to the greatest sample in it."""
    parts: dict[str, list[str]] = {}
    middle = HEIGHT / 2
    for column, (chunk, colour) in enumerate(zip(np.array_split(samples, COLUMNS), colours, strict=True)):
        if not np.any(chunk):
            continue
        top = middle * (1 - int(chunk.max()) / full_scale)
        bottom = middle * (1 - int(chunk.min()) / full_scale)
        parts.setdefault(colour, []).append(f"M{column + 0.5:g} {top - 0.4:.1f}V{bottom + 0.4:.1f}")
    silence = f'<path class="zero" d="M0 {middle:g}H{COLUMNS}"/>'
    return silence + "".join(f'<path class="{colour}" d="{"".join(path)}"/>' for colour, path in parts.items())


def _speakers(clip: DemoClip) -> list[str]:
    """Colour of each column by who truly speaks then."""
    times = (np.arange(COLUMNS) + 0.5) * clip.duration / COLUMNS
    main, others = (_inside(times, turns) for turns in clip.speech())
    names = np.select([main & others, main, others], ["both", "main", "other"], "nobody")
    return [str(name) for name in names]


def _inside(times: np.ndarray, segments: Iterable[Segment]) -> np.ndarray:
    inside = np.zeros(len(times), dtype=bool)
    for segment in segments:
        inside |= (times >= segment.start) & (times < segment.end)
    return inside


def _turns(clip: DemoClip) -> str:
    """One row of bars for each speaker, the main speaker first."""
    rows = []
    voices = dict(clip.voices)
    present = {turn.speaker for turn in clip.turns}
    for speaker in sorted(present, key=lambda speaker: (speaker != clip.main, speaker)):
        kind = "main" if speaker == clip.main else "other"
        bars = "".join(
            f'<i style="left:{_percent(turn.segment.start, clip.duration)};'
            f'width:{_percent(turn.segment.duration, clip.duration)}"></i>'
            for turn in clip.turns
            if turn.speaker == speaker
        )
        rows.append(_row(voices[speaker], bars, f"turns {kind}"))
    return "".join(rows)


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2f}%"
