"""``clipveil produce``: send recordings as clip events, to try the service or to measure it."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream.commands.failure import WRONG_INPUT, CommandFailed, settings_from
from stream.commands.options import Config
from stream.config import Settings

if TYPE_CHECKING:
    from stream.clip import ClipEvent, Transcript, WakeWord
    from stream.ports import Message
    from stream.wire.outcomes import Destination

SUFFIXES = frozenset({".wav", ".flac"})
NAMESPACE = uuid.UUID("6f0e3b52-0d9a-4b7e-9a53-6b1c1f6a2a4e")  # event ids of one folder are the same every time


@dataclass(frozen=True)
class About:
    """What the events say beside the recording."""

    consent: bool
    locale: str
    device_model: str
    wake_word: tuple[float, float] | None


@dataclass(frozen=True)
class Recording:
    """A file and what a corpus' clips.jsonl says of it; ``row`` is empty for a bare file."""

    path: Path = field(repr=False)
    clip_id: str = field(repr=False)
    row: dict[str, Any] = field(repr=False)


def produce(
    folder: Annotated[
        Path, typer.Argument(help="A corpus (clips.jsonl and audio/), or a folder with WAV and FLAC files.")
    ],
    config: Config = None,
    topic: Annotated[str | None, typer.Option(help="Topic to send to; default: the setting topics.raw.")] = None,
    consent: Annotated[
        bool, typer.Option("--consent/--no-consent", help="Whether the speakers agreed that people listen.")
    ] = True,
    locale: Annotated[str, typer.Option(help="Language and region of the device.")] = "en-US",
    device_model: Annotated[str, typer.Option(help="What kind of device it was.")] = "speaker",
    wake_word: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Start and end of the wake word in seconds, for files that no clips.jsonl describes."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Send so many clips at most.")] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Clips per second; default: as fast as it goes.")
    ] = None,
) -> None:
    """Send every recording of a folder as a clip event, with the wake word and words that clips.jsonl tells."""
    settings = settings_from(config)
    recordings = list(recordings_of(folder))[:limit]
    if not recordings:
        raise CommandFailed(f"there is neither clips.jsonl nor a WAV or FLAC file in {folder}", WRONG_INPUT)
    about = About(consent, locale, device_model, wake_word)
    asyncio.run(_send(settings, topic or settings.topics.raw, recordings, about, rate))


def recordings_of(folder: Path) -> Iterator[Recording]:
    """The clips of a corpus, or the audio files below a folder, sorted. Raises CommandFailed."""
    if not folder.is_dir():
        raise CommandFailed(f"{folder} is not a directory", WRONG_INPUT)
    listing = folder / "clips.jsonl"
    if not listing.is_file():
        for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
            yield Recording(path, path.relative_to(folder).as_posix(), {})
        return
    for number, line in enumerate(listing.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            recording = Recording(folder / row["audio"], row["clip_id"], row)
        except (ValueError, KeyError, TypeError):
            raise CommandFailed(f"{listing}: line {number} is not a clip", WRONG_INPUT) from None
        if not recording.path.is_file():
            raise CommandFailed(f"{listing}: line {number} names an audio file that is not there", WRONG_INPUT)
        yield recording


async def _send(settings: Settings, topic: str, recordings: list[Recording], about: About, rate: float | None) -> None:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    from stream.commands.connect import connect, register, registry_of, trouble_told
    from stream.wire.clips import EVENT_SCHEMA

    registry = registry_of(settings)
    broker = await connect(settings, [topic])
    began, sent_bytes = time.monotonic(), 0
    try:
        to = (await register(registry, {EVENT_SCHEMA: topic}, settings))[EVENT_SCHEMA]
        with (
            trouble_told(),
            Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True)) as bar,
        ):
            for recording in bar.track(recordings, description="sending"):
                message = message_of(recording, about, to)
                await broker.send([message])
                sent_bytes += len(message.value or b"")
                if rate is not None:
                    await asyncio.sleep(1.0 / rate)
    finally:
        await registry.close()
        await broker.close()
    seconds = time.monotonic() - began
    typer.echo(f"sent {len(recordings)} clips, {sent_bytes / 1e6:.1f} MB, in {seconds:.1f} s to {topic}")


def message_of(recording: Recording, about: About, to: Destination) -> Message:
    """The record of one clip event, keyed by its account: quotas are exact where an account has one partition."""
    from stream.ports import Message
    from stream.wire import avro
    from stream.wire.events import event_body

    event = event_of(recording, about)
    moment_ms = int(event.captured_at.timestamp() * 1000)
    return Message(to.topic, event.subject.account_id.encode(), avro.frame(to.schema, event_body(event)), moment_ms)


def event_of(recording: Recording, about: About) -> ClipEvent:
    """The event of a made-up account: a corpus does not say whose device it was."""
    from stream.clip import ClipEvent, Consent, InlineAudio, Subject

    event_id = uuid.uuid5(NAMESPACE, recording.clip_id)
    now = datetime.now(tz=UTC)
    transcript = _transcript(recording.row)
    return ClipEvent(
        event_id=str(event_id),
        clip_id=recording.clip_id,
        captured_at=now,
        subject=Subject(account_id=f"account-{event_id.hex[:12]}", household=f"household-{event_id.hex[12:24]}"),
        device_model=about.device_model,
        locale=about.locale,
        consent=Consent(about.consent, "produce", now),
        wake_word=_wake_word(recording.row, about),
        audio=InlineAudio(recording.path.read_bytes(), recording.path.suffix[1:].lower()),
        transcripts=() if transcript is None else (transcript,),
    )


def _transcript(row: dict[str, Any]) -> Transcript | None:
    from stream.clip import Segment, Transcript, Word

    words = tuple(Word(word["text"], Segment(word["start"], word["end"])) for word in row.get("words", ()))
    return Transcript(words) if words else None


def _wake_word(row: dict[str, Any], about: About) -> WakeWord | None:
    from stream.clip import Segment, WakeWord

    if row:
        times = row.get("wake_word")
        return None if times is None else WakeWord(Segment(times["start"], times["end"]))
    return None if about.wake_word is None else WakeWord(Segment(*about.wake_word))
