from __future__ import annotations

import importlib.util
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stream.clip import SAMPLE_RATE_HZ
from stream.demo.clips import DemoClip
from stream.demo.conversation import CUTS
from stream.demo.results import pcm
from stream.segments import intersect, seconds
from tests.demo.truth import all_clips, named

MEGABYTE = 1_000_000


def ids(clip: DemoClip) -> str:
    return clip.name


def test_there_are_enough_clips_of_both_kinds() -> None:
    """At least twelve events, both speakers of the conversation as main speaker, and the clips of our own."""
    mains = [clip.main for clip in all_clips() if clip.name[:4] != "own-"]
    assert len(all_clips()) >= 12
    assert mains.count("Diane") >= 3
    assert mains.count("Sheila") >= 3
    assert {"CREDIT_CARD", "EMAIL_ADDRESS", "PERSON", "ADDRESS", "PHONE_NUMBER", "US_SSN"} <= {
        span.entity_type for clip in all_clips() for span in clip.spans
    }


def test_every_event_has_ids_of_its_own() -> None:
    """Outcomes are told apart by these."""
    for field in ("event_id", "clip_id"):
        values = [getattr(clip.event, field) for clip in all_clips()]
        assert len(values) == len(set(values))


@pytest.mark.parametrize("clip", all_clips(), ids=ids)
def test_truth_lies_inside_the_clip(clip: DemoClip) -> None:
    """Words, turns and spans are within the duration, and the duration is the sound's."""
    ends = [word.segment.end for word in clip.words if word.segment] + [turn.segment.end for turn in clip.turns]
    assert max(ends) <= clip.duration + 1e-6
    assert all(span.last < len(clip.words) for span in clip.spans)
    if clip.name != "own-cut-off":
        assert abs(len(pcm(clip.flac)) / SAMPLE_RATE_HZ - clip.duration) < 0.001


@pytest.mark.parametrize("clip", [clip for clip in all_clips() if clip.main], ids=ids)
def test_the_main_speaker_says_the_wake_word(clip: DemoClip) -> None:
    """The wake-word window lies in the main speaker's true speech, and hardly in anybody else's."""
    assert clip.event.wake_word is not None
    window = clip.event.wake_word.segment
    main, others = clip.speech()
    assert seconds(intersect([window], main)) > 0.95 * window.duration
    assert seconds(intersect([window], others)) < 0.05 * window.duration


def test_the_conversation_is_the_installed_package_s() -> None:
    """A cut's sound is that stretch of the file that pyannote ships, sample by sample."""
    spec = importlib.util.find_spec("pyannote.audio")
    assert spec is not None
    assert spec.origin is not None
    whole, _ = soundfile.read(Path(spec.origin).parent / "sample" / "sample.wav", dtype="int16")
    for cut in CUTS:
        expected = whole[round(cut.start * SAMPLE_RATE_HZ) : round(cut.end * SAMPLE_RATE_HZ)]
        assert np.array_equal(expected, pcm(named(cut.name).flac))


def test_no_recording_of_the_conversation_is_in_our_package() -> None:
    """Our own folder holds synthetic clips only, and they are small."""
    folder = resources.files("stream.demo").joinpath("own", "audio")
    sizes = {entry.name: len(entry.read_bytes()) for entry in folder.iterdir()}
    assert all(name.startswith("own-") for name in sizes)
    assert sum(sizes.values()) < 1.5 * MEGABYTE


def test_the_same_seconds_serve_both_speakers() -> None:
    """Twice the same sound; the wake-word window, the account and what the device understood differ."""
    diane, sheila = named("diane-1"), named("sheila-1")
    assert diane.flac == sheila.flac
    assert {"diane", "jersey"} <= {word.text for word in diane.words}
    assert {"sheila", "texas"} <= {word.text for word in sheila.words}
    assert diane.event.wake_word != sheila.event.wake_word
    assert diane.speech() == sheila.speech()[::-1]


def test_a_device_understands_only_the_first_words_of_whoever_falls_in() -> None:
    """Most of what the other one says is in no transcript; a few words are, and have to go."""
    clip = named("diane-4")
    inside = [word for word in clip.words if word.segment and intersect([word.segment], clip.speech()[1])]
    assert 0 < len(inside) < len(clip.words) / 3


def test_identifiers_are_all_that_must_not_leave() -> None:
    """Fields that say whose clip it is, slots, and what is said."""
    identifiers = set(named("own-card").identifiers())
    subject = named("own-card").event.subject
    assert {subject.account_id, subject.first_name, subject.device_serial, subject.ip, subject.city} <= identifiers
    assert "4111111111111111" in identifiers
    assert "four " + " ".join(["one"] * 15) in identifiers


def test_clips_that_must_be_withheld_are_marked() -> None:
    """No consent, nobody at the device, and a recording that is cut off."""
    withheld = {clip.name for clip in all_clips() if clip.withhold}
    assert {"own-accident", "own-no-consent", "own-cut-off"} == withheld


def test_clips_say_nothing_when_printed() -> None:
    """A clip's repr holds neither words nor identifiers."""
    for clip in all_clips():
        shown = repr(replace(clip, name="", title="", turns=(), voices=(), main=None))  # those are the truth's
        for identifier in clip.identifiers():
            assert identifier not in shown
