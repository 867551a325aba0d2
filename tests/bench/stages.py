"""Where the time of one clip goes: processor milliseconds of each stage of the pipeline, with the built-in model."""

from __future__ import annotations

import io
import statistics
import time
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import soundfile

from stream import pipeline
from stream.clip import (
    SAMPLE_RATE_HZ,
    ClipEvent,
    Consent,
    Coordinates,
    InlineAudio,
    Job,
    Published,
    Segment,
    Subject,
    Transcript,
    Word,
)
from stream.commands.evaluate import job_of
from stream.config import Settings
from stream.inference.parts import build_parts
from stream.policy import THROUGHPUT, Policy
from tests.bench.speakers import SECONDS, WAKE, clip

SAID = ("my", "number", "is", "five", "five", "five", "one", "two", "and", "then", "play", "some", "music", "please")
WORDS_PER_SECOND = 2.5
# publishes whatever is said, so that the stages after the speakers' run too
EAGER = replace(
    THROUGHPUT,
    main_probability_min=0.0,
    bystander_probability_max=1.0,
    bystander_probability_max_with_words=1.0,
    confidence_min=0.0,
)


def stage_costs(rounds: int) -> list[dict[str, float | str]]:
    """Median milliseconds by clip length and stage; a first round is not counted."""
    policy = Policy(operating_point=EAGER)
    parts = build_parts(Settings(), policy)
    pipeline.time = SimpleNamespace(perf_counter=time.process_time)  # type: ignore[assignment]  # its stages count this
    spent: dict[tuple[int, str], list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for seconds in SECONDS:
            outcome = pipeline.deidentify(_job(seconds), parts, policy)
            assert isinstance(outcome, Published), "a clip of the bench was withheld"
            for stage, cost in outcome.effort.stage_seconds.items() if number else ():
                spent[seconds, stage].append(1000 * cost)
    pipeline.time = time
    return [
        {"clip_seconds": seconds, "stage": stage, "cpu_ms": statistics.median(costs)}
        for (seconds, stage), costs in spent.items()
    ]


def _job(seconds: int) -> Job:
    sound = io.BytesIO()
    soundfile.write(sound, clip(seconds), SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    count = int(WORDS_PER_SECOND * seconds)
    times = [n / WORDS_PER_SECOND for n in range(count)]
    words = tuple(Word(SAID[n % len(SAID)], Segment(at, at + 0.3)) for n, at in enumerate(times))
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    event = ClipEvent(
        event_id="bench-event",
        clip_id="bench-clip",
        captured_at=moment,
        subject=Subject("bench-account"),
        device_model="speaker",
        locale="en-US",
        consent=Consent(human_review=True),
        wake_word=WAKE,
        audio=InlineAudio(sound.getvalue(), "flac"),
        transcripts=(Transcript(words, 0.9),),
    )
    return job_of(event, Coordinates("bench", 0, 0))
