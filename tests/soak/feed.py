"""An endless stream of the demonstration's clips, each with ids of its own, as fast as they are taken."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.clip import ClipEvent, InlineAudio
from stream.config.outside import TopicSettings
from stream.demo.conversation import conversation_clips
from stream.demo.own import own_clips
from stream.ports import Broker, BrokerUnavailable, Message, NotDelivered
from stream.wire import avro
from stream.wire.clips import EVENT_SCHEMA
from stream.wire.events import event_body
from stream.wire.registry_files import FileRegistry

TOPICS = TopicSettings()
PARTITIONS = 4
GROUP = "soak"
ACCOUNTS = 500  # all of them seen while it warms up
AHEAD, AHEAD_STUB = 64, 4000  # records not yet committed
# However long it runs, what lies on the disk is bounded.
KEPT = {"cleanup.policy": "delete", "retention.bytes": "67108864", "segment.bytes": "16777216"}


async def create_topics(bootstrap: str) -> None:
    """All of the service's."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        largest = {"max.message.bytes": str(8 * 2**20)}
        await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=KEPT | largest) for name in TOPICS.all])
    finally:
        await admin.close()


async def feed(broker: Broker, registry: Path, *, stub: bool) -> None:
    """Until cancelled."""
    schema = (await FileRegistry(registry).register(f"{TOPICS.raw}-value", avro.schema_text(EVENT_SCHEMA))).id
    values = (Message(TOPICS.raw, *_record(event, schema)) for event in _varied(_events(stub)))
    ahead = AHEAD_STUB if stub else AHEAD
    while True:
        with suppress(BrokerUnavailable, NotDelivered):  # a machine under load: it is tried again
            done = sum((await broker.committed(TOPICS.raw, GROUP)).values())
            if sum((await broker.end_offsets(TOPICS.raw)).values()) - done < ahead:
                await broker.send(list(itertools.islice(values, ahead // 2)))
                continue
        await asyncio.sleep(0.05 if stub else 0.5)


def _events(stub: bool) -> list[ClipEvent]:
    if stub:
        return [replace(own_clips()[0].event, audio=InlineAudio(bytes(1000), "flac"))]
    return [clip.event for clip in (*own_clips(), *conversation_clips())]


def _varied(templates: list[ClipEvent]) -> Iterator[ClipEvent]:
    """Every clip with ids that no other has, of one of many accounts, recorded now."""
    for number, template in enumerate(itertools.cycle(templates)):
        account = random.randrange(ACCOUNTS)
        subject = replace(template.subject, account_id=f"account-{account}", household=f"household-{account // 2}")
        yield replace(
            template,
            event_id=f"event-{number}",
            clip_id=f"clip-{number}",
            captured_at=datetime.now(UTC),
            subject=subject,
        )


def _record(event: ClipEvent, schema: int | str) -> tuple[bytes, bytes]:
    """Key and value."""
    return event.subject.account_id.encode(), avro.frame(schema, event_body(event))
