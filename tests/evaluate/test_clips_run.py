"""A corpus through the real pipeline: what is reported, what is written, and that both agree with the sound."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stream.clip import (
    SAMPLE_RATE_HZ,
    Clip,
    ClipEvent,
    Coordinates,
    Finding,
    Job,
    Receipt,
    Samples,
    Segment,
    SpeakerEvidence,
    Transcript,
    Turn,
    WakeWord,
    WordEvidence,
)
from stream.evaluate.clips import LABEL, Way, evaluate_clips
from stream.evaluate.corpus import load_clips
from stream.evaluate.scoring import Prediction, figures, tally
from stream.policy import OPERATING_POINTS, Policy
from stream.ports import Parts
from stream.wire import avro
from stream.wire.clips import EVENT_SCHEMA, Decoder, Encoder
from stream.wire.events import event_body

TURNS = {  # by the clip's whole seconds: the finder below knows them, and mistakes 0.5 s of one bystander for main
    4: [("main", 0.2, 2.0), ("b1", 2.5, 3.5)],
    5: [("main", 1.0, 3.0), ("b1", 2.0, 4.0)],
    6: [("b1", 1.0, 5.0)],
}


class Oracle:
    """Knows the turns by the clip's length; takes the first half second of the last clip's bystander for main."""

    def find(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> SpeakerEvidence:
        seconds = round(len(samples) / SAMPLE_RATE_HZ)
        turns = [Turn(Segment(start, end), speaker) for speaker, start, end in TURNS[seconds]]
        if seconds == 6:
            turns = [Turn(Segment(1.0, 1.5), "main"), Turn(Segment(1.5, 5.0), "b1")]
        return SpeakerEvidence(tuple(turns), "main", 0.5 if seconds == 6 else 0.9, Receipt("speakers", "1", True))


class SecondWord:
    """Finds one identifier wherever there are words: the second of them."""

    def find(self, clip: Clip) -> WordEvidence:
        found = (Finding(0, 1, 1, "PERSON"),) if clip.event.transcripts else ()
        return WordEvidence(found, Receipt("identifiers", "1", True))


def make_parts(policy: Policy) -> Parts:
    return Parts(Decoder(policy), Oracle(), SecondWord(), Encoder())


def make_job(event: ClipEvent, coordinates: Coordinates) -> Job:
    return Job(coordinates, avro.schema_text(EVENT_SCHEMA), event_body(event), LABEL)


POINT = replace(OPERATING_POINTS["throughput"], confidence_min=0.4, keep_margin_s=0.0, overlap_share_max=0.8)
WAY = Way(make_parts, make_job, Policy(operating_point=POINT))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three clips of noise: main then bystander, overlap with words, accidental."""
    folder = tmp_path / "corpus"
    (folder / "audio").mkdir(parents=True)
    rows = []
    for seconds, turns in TURNS.items():
        noise = np.random.default_rng(seconds).uniform(-0.1, 0.1, seconds * SAMPLE_RATE_HZ)
        soundfile.write(folder / "audio" / f"c{seconds}.flac", noise, SAMPLE_RATE_HZ, subtype="PCM_16")
        words = [{"text": "call", "start": 1.0, "end": 1.3}, {"text": "diane", "start": 1.4, "end": 1.9}]
        row = {
            "clip_id": f"c{seconds}",
            "audio": f"audio/c{seconds}.flac",
            "duration": float(seconds),
            "wake_word": {"start": 0.2, "end": 0.8},
            "words": words if seconds == 5 else [],
            "turns": [{"speaker": speaker, "start": start, "end": end} for speaker, start, end in turns],
            "main": "main" if seconds < 6 else None,
            "spans": [{"first": 1, "last": 1, "entity_type": "PERSON"}] if seconds == 5 else [],
            "set": "made",
            "conditions": {"kind": "talk"},
        }
        rows.append(json.dumps(row))
    (folder / "clips.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_figures_of_a_run_are_those_worked_out_by_hand(corpus: Path, tmp_path: Path) -> None:
    """Main alone: 1.8 s + 1 s, of which the name and its margins are muted; bystanders: 1 + 2 + 4 s, half a second
    of them audible."""
    total = evaluate_clips(corpus, tmp_path / "out.json", WAY)["total"]
    muted = 0.5 + 2 * WAY.policy.word_margin_s
    assert total["clips"] == 3
    assert total["yield"] == 1.0
    assert total["accidental_published"] == 1.0
    assert total["bystander_leak"] == pytest.approx(0.5 / 7.0, abs=1e-3)
    assert total["main_kept"] == pytest.approx((1.8 + 1.0 - muted) / 2.8, abs=1e-3)
    assert total["pii_audible"] == 0.0
    assert total["der"] == pytest.approx(0.5 / 10.8, abs=1e-3)  # the half second got the wrong name
    assert json.loads((tmp_path / "out.json").read_text())["total"]["clips"] == 3


def test_what_is_written_scores_the_same_without_us(corpus: Path, tmp_path: Path) -> None:
    """From clips.jsonl, and from the exact zeros of the written sound, come the figures of the report."""
    result = evaluate_clips(corpus, tmp_path / "out.json", WAY, predictions_out=tmp_path / "predictions")
    rows = [json.loads(line) for line in (tmp_path / "predictions" / "clips.jsonl").read_text().splitlines()]
    truths = [clip.truth for clip in load_clips(corpus)]
    listed = [
        Prediction(row["clip_id"], row["outcome"] == "published", row["reason"], _segments(row["kept"]), ())
        for row in rows
    ]
    heard = [replace(prediction, kept=_heard(tmp_path, prediction.clip_id)) for prediction in listed]
    for predictions in (listed, heard):
        again = figures([tally(truth, prediction) for truth, prediction in zip(truths, predictions, strict=True)])
        for figure in ("bystander_leak", "main_kept", "pii_audible", "accidental_published", "yield"):
            assert again[figure] == pytest.approx(result["total"][figure], abs=1e-4)
    assert rows[1]["words"] == ["call", "<PERSON>"]


def _segments(kept: list[list[float]]) -> tuple[Segment, ...]:
    return tuple(Segment(start, end) for start, end in kept)


def _heard(folder: Path, clip_id: str) -> tuple[Segment, ...]:
    """Not with the scorer's own ear: one segment a sample that is not zero would do, in blocks of a millisecond."""
    samples, rate = soundfile.read(folder / "predictions" / "audio" / f"{clip_id}.flac")
    blocks = np.abs(samples[: len(samples) // 16 * 16]).reshape(-1, 16).max(axis=1) > 0
    return tuple(Segment(n * 16 / rate, (n + 1) * 16 / rate) for n in np.flatnonzero(blocks))


def test_the_operating_point_decides_who_is_withheld(corpus: Path, tmp_path: Path) -> None:
    """The finder is half sure of the accidental clip: a stricter point withholds it, with its reason."""
    strict = replace(WAY, policy=Policy(operating_point=replace(POINT, confidence_min=0.8)))
    result = evaluate_clips(corpus, tmp_path / "out.json", strict)
    assert result["total"]["accidental_published"] == 0.0
    assert result["total"]["bystander_leak"] == 0.0
    assert result["withheld_reasons"] == {"main_speaker_uncertain": 1}


def test_the_trade_off_has_a_point_for_every_confidence(corpus: Path, tmp_path: Path) -> None:
    """Two confidences, two points a curve: with the doubtful clip and without it."""
    result = evaluate_clips(corpus, tmp_path / "out.json", WAY, with_trade_off=True)
    for curve in result["trade_off"].values():
        assert [point["confidence_min"] for point in curve] == [0.5, 0.9]
        assert [point["accidental_published"] for point in curve] == [1.0, 0.0]


def test_several_processes_give_what_one_gives(corpus: Path, tmp_path: Path) -> None:
    """Order and figures do not depend on how many."""
    one = evaluate_clips(corpus, tmp_path / "one.json", WAY)
    two = evaluate_clips(corpus, tmp_path / "two.json", WAY, processes=2)
    for spent in ("cpu_seconds", "wall_seconds"):
        for result in (one, two):
            result["total"].pop(spent)
    assert two["total"] == one["total"]


def test_conversations_take_each_speaker_as_main_in_turn(tmp_path: Path) -> None:
    """RTTM turns become clips whose wake word lies where that speaker first speaks alone for long."""
    soundfile.write(tmp_path / "r.flac", np.zeros(10 * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)
    rows = [("x", 0.5, 0.5), ("x", 2.0, 3.0), ("y", 1.5, 1.0), ("y", 6.0, 9.0), ("z", 2.1, 0.2)]
    lines = [f"SPEAKER r 1 {start} {length} <NA> <NA> {who} <NA> <NA>" for who, start, length in rows]
    (tmp_path / "r.rttm").write_text("\n".join(lines), encoding="utf-8")
    clips = load_clips(tmp_path)
    assert [clip.truth.main for clip in clips] == ["x", "y"]  # z never speaks alone
    assert [clip.wake_word.segment for clip in clips if clip.wake_word] == [Segment(2.5, 3.1), Segment(6.0, 6.6)]
    assert max(turn.segment.end for turn in clips[0].truth.turns) == 10.0


def test_recordings_are_cut_into_clips(tmp_path: Path) -> None:
    """Of 4 s, each half over the one before: turns in the clip's own time, and the sound is that of the cut."""
    sound = np.arange(10 * SAMPLE_RATE_HZ, dtype=np.int32) // SAMPLE_RATE_HZ * 1000
    soundfile.write(tmp_path / "r.flac", sound.astype(np.int16), SAMPLE_RATE_HZ)
    (tmp_path / "r.rttm").write_text(
        "SPEAKER r 1 2.5 2.0 <NA> <NA> x <NA> <NA>\nSPEAKER r 1 6.5 3.0 <NA> <NA> y <NA> <NA>", encoding="utf-8"
    )
    clips = load_clips(tmp_path, cut_s=4.0)
    told = [(clip.truth.clip_id, clip.truth.turns) for clip in clips]
    assert told == [
        ("r-0-x", (Turn(Segment(2.5, 4.0), "x"),)),
        ("r-1-x", (Turn(Segment(0.5, 2.5), "x"),)),
        ("r-2-y", (Turn(Segment(0.0, 0.5), "x"), Turn(Segment(2.5, 4.0), "y"))),
        ("r-3-y", (Turn(Segment(0.5, 3.5), "y"),)),
    ]
    heard, _ = soundfile.read(io.BytesIO(clips[1].encoded().content), dtype="int16")
    assert (heard[0], heard[-1], len(heard)) == (2000, 5000, 4 * SAMPLE_RATE_HZ)


def test_conditions_are_reported_in_classes(corpus: Path, tmp_path: Path) -> None:
    """Lengths of 4, 5 and 6 s: two clips under 6 s, one from 6 to 10 s."""
    by_length = evaluate_clips(corpus, tmp_path / "out.json", WAY)["conditions"]["duration_s"]
    assert {name: of["clips"] for name, of in by_length.items()} == {"< 6": 2, "6 to 10": 1}


def test_a_folder_without_clips_is_refused(tmp_path: Path) -> None:
    """Nothing is evaluated, and that is said."""
    with pytest.raises(FileNotFoundError):
        load_clips(tmp_path)
