"""``clipveil tail``: watch what annotators get."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from stream.commands.failure import settings_from, told
from stream.commands.options import Config
from stream.commands.stores import fetch_of
from stream.config import Settings

if TYPE_CHECKING:
    from stream.clip import AnonymizedClip, Record
    from stream.ports import Broker, Schemas
    from stream.reading.referred import Fetch


def tail(
    config: Config = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with the oldest clip on the topic.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Wait for more clips, or stop at the end of the topic.")
    ] = True,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many clips.")] = None,
) -> None:
    """Print one line for each anonymized clip as it is published: token, seconds kept, words."""
    settings = settings_from(config)
    asyncio.run(_watch(settings, from_start=from_start, follow=follow, count=count))


async def _watch(settings: Settings, *, from_start: bool, follow: bool, count: int | None) -> None:
    from stream.commands.connect import connect, registry_of, trouble_told
    from stream.ports import ObjectsUnavailable

    fetch = fetch_of(settings)
    registry, topic = registry_of(settings), settings.topics.anonymized
    broker = await connect(settings, [topic])
    try:
        with trouble_told(), told(ObjectsUnavailable, prefix="the object store does not answer: "):
            await watch(broker, registry, fetch, topic, from_start=from_start, follow=follow, count=count)
    finally:
        await registry.close()
        await broker.close()


async def watch(
    broker: Broker, schemas: Schemas, fetch: Fetch, topic: str, *, from_start: bool, follow: bool, count: int | None
) -> None:
    """Prints a line for each record, and none for those that only let Kafka compact the topic."""
    from stream.lifecycle.rolling import ROLL_KEY

    seen = 0
    async for record in broker.read(topic, from_end=not from_start, follow=follow):
        if record.key == ROLL_KEY:
            continue
        typer.echo(await line_of(record, schemas, fetch))
        seen += 1
        if seen == count:
            return


async def line_of(record: Record, schemas: Schemas, fetch: Fetch) -> str:
    """One line about one record of the anonymized topic."""
    from stream.clip import Refusal
    from stream.reading.referred import whole_clip
    from stream.wire import avro

    if record.value is None:
        return f"{_printable((record.key or b'').decode(errors='replace'))}  erased"
    try:
        reference, body = avro.unframe(record.value)
        return _line(await whole_clip(await schemas.writer_schema(reference), body, fetch))
    except Refusal as refusal:
        return f"?  partition {record.coordinates.partition} offset {record.coordinates.offset}: {refusal.reason.value}"


def _line(clip: AnonymizedClip) -> str:
    from stream.clip import SAMPLE_RATE_HZ
    from stream.segments import seconds

    duration = len(clip.samples) / SAMPLE_RATE_HZ
    kept = duration - seconds([mute.segment for mute in clip.mutes])
    words = " ".join(word.text for word in clip.words)
    return f"{clip.metadata.token}  {kept:5.1f} of {duration:5.1f} s  {_printable(words)}"


def _printable(text: str) -> str:
    """Without control characters: what comes from a topic must not steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
