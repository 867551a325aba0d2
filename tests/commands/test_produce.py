"""``clipveil produce`` makes events that the service can read, of corpora and of bare files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream.clip import Coordinates, InlineAudio, Job, Segment
from stream.commands.failure import CommandFailed
from stream.commands.produce import About, message_of, recordings_of
from stream.policy import Policy
from stream.wire import avro
from stream.wire.clips import Decoder
from stream.wire.outcomes import Destination
from tests import events
from tests.values import LABEL

ABOUT = About(consent=True, locale="en-GB", device_model="display", wake_word=(0.1, 0.5))
SOUND = events.encoded(events.sound())


def corpus(folder: Path, **changes: object) -> Path:
    """A corpus of one clip."""
    row = {
        "clip_id": "h-1",
        "audio": "audio/h-1.wav",
        "wake_word": {"start": 0.2, "end": 0.7},
        "words": [{"text": "play", "start": 0.9, "end": 1.2}],
    }
    (folder / "audio").mkdir()
    (folder / "audio" / "h-1.wav").write_bytes(SOUND)
    (folder / "clips.jsonl").write_text(json.dumps(row | changes) + "\n", encoding="utf-8")
    return folder


def decoded(recording: object, about: About = ABOUT):
    """The event as the service reads it."""
    message = message_of(recording, about, Destination("clips.raw", 7))
    assert message.value is not None
    reference, body = avro.unframe(message.value)
    assert 7 == reference
    return Decoder(Policy()).event(Job(Coordinates("clips.raw", 0, 0), avro.schema_text("clip_event"), body, LABEL))


def test_a_clip_of_a_corpus_keeps_its_wake_word_and_words(tmp_path: Path) -> None:
    """What clips.jsonl says of a clip is in its event, and --wake-word does not touch it."""
    (recording,) = recordings_of(corpus(tmp_path))
    event = decoded(recording)
    assert "h-1" == event.clip_id
    assert event.wake_word is not None
    assert Segment(0.2, 0.7) == event.wake_word.segment
    assert [("play", Segment(0.9, 1.2))] == [(word.text, word.segment) for word in event.transcripts[0].words]
    assert InlineAudio(SOUND, "wav") == event.audio
    assert ("en-GB", "display", True) == (event.locale, event.device_model, event.consent.human_review)


def test_an_accidental_activation_has_no_wake_word(tmp_path: Path) -> None:
    """null in clips.jsonl means that there is none."""
    (recording,) = recordings_of(corpus(tmp_path, wake_word=None, words=[]))
    event = decoded(recording)
    assert (None, ()) == (event.wake_word, event.transcripts)


def test_bare_files_are_sent_without_words(tmp_path: Path) -> None:
    """WAV and FLAC files below a folder, in order, with the wake word of the option; nothing else is sent."""
    (tmp_path / "b").mkdir()
    for name in ("c.FLAC", "b/a.wav", "notes.txt"):
        (tmp_path / name).write_bytes(SOUND)
    recordings = list(recordings_of(tmp_path))
    assert ["b/a.wav", "c.FLAC"] == [recording.clip_id for recording in recordings]
    event = decoded(recordings[0])
    assert event.wake_word is not None
    assert (Segment(0.1, 0.5), ()) == (event.wake_word.segment, event.transcripts)


def test_consent_can_be_refused(tmp_path: Path) -> None:
    """--no-consent is in the event."""
    (recording,) = recordings_of(corpus(tmp_path))
    assert not decoded(recording, About(False, "en-US", "speaker", None)).consent.human_review


def test_accounts_differ_and_stay(tmp_path: Path) -> None:
    """Every clip has an account of its own, the same one each time."""
    (recording,) = recordings_of(corpus(tmp_path))
    assert decoded(recording).subject == decoded(recording).subject


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        ("{", "line 1 is not a clip"),
        ('{"clip_id": "canary"}', "line 1 is not a clip"),
        ('{"clip_id": "canary", "audio": "no.wav"}', "line 1 names an audio file that is not there"),
    ],
)
def test_a_broken_corpus_is_told_by_line(tmp_path: Path, listing: str, expected: str) -> None:
    """The line's number, not what it holds."""
    (tmp_path / "clips.jsonl").write_text(listing + "\n", encoding="utf-8")
    with pytest.raises(CommandFailed, match=expected) as caught:
        list(recordings_of(tmp_path))
    assert "canary" not in str(caught.value)
