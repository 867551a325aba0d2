"""From settings to what decides whose clips may be heard, and writes what became of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from stream.commands.chains import chain_of
from stream.commands.connect import register
from stream.commands.failure import CommandFailed
from stream.config import Settings
from stream.ports import Partition

if TYPE_CHECKING:
    from stream.intake import Office
    from stream.lifecycle.keyring import KeyRing
    from stream.ops.metrics import Metrics
    from stream.ports import Broker, Engine, Sampler
    from stream.whose import Resume
    from stream.wire.registry import Registry


LOOK_S = 1.0  # at the key ring


@contextlib.asynccontextmanager
async def office_of(
    settings: Settings,
    ring: Callable[[], KeyRing],
    engine: Engine,
    broker: Broker,
    registry: Registry,
    metrics: Metrics,
) -> AsyncIterator[Office]:
    """All that the intakes share, once everybody's consent is known; it is kept current until the end.

    Raises CommandFailed where a topic has fewer partitions than the input, or where consent can't be read.
    """
    from stream.commands.standing import Outside, standing_of
    from stream.commands.stores import audio_of
    from stream.intake import Office
    from stream.lifecycle.index import SealedIndex
    from stream.lifecycle.labels import EpochLabels
    from stream.lifecycle.sampling import open_sampler
    from stream.ports import StandingUnknown
    from stream.wire import avro
    from stream.wire.headers import header
    from stream.wire.index_records import decode_entry, encode_entry
    from stream.wire.outcomes import ESCALATION_SCHEMA, OUTPUT_SCHEMAS, Outcomes

    topics, policy = settings.topics, settings.policy.as_policy()
    await _check_partitions(broker, topics.raw, (topics.audit, topics.sampling))
    rules = settings.sampling.as_rules(policy.device_families)
    sinks = dict(zip(OUTPUT_SCHEMAS, (topics.anonymized, topics.withheld, topics.audit), strict=True))
    writer = Outcomes(await register(registry, sinks | {ESCALATION_SCHEMA: topics.escalations}, settings))
    audio = audio_of(settings, metrics)
    outside = Outside(broker, registry, lambda account_id: ring().account_mac(account_id), metrics)
    standing = standing_of(settings.consent, topics.consent, topics.recalls, outside)

    async def sampler(of: Partition) -> Sampler:
        key, partitions = ring().sampling_key(), await _partitions_now(broker, of)
        return await open_sampler(broker, rules, key, of.number, partitions, topic=topics.sampling)

    async def chain(of: Partition) -> Resume:
        return await chain_of(broker, registry, topics.audit, settings.kafka.group, of)

    async def look() -> None:
        while True:  # a service that has nothing to do forgets a destroyed key too
            ring()
            await asyncio.sleep(LOOK_S)

    looking = asyncio.create_task(look())
    try:
        await standing.start(settings.consent.start_seconds_max)
        yield Office(
            engine=engine,
            schemas=registry,
            unframe=avro.unframe,
            header=header,
            writer=writer,
            standing=standing,
            sampler=sampler,
            labels=EpochLabels(ring, policy, settings.anonymity.as_rule(policy.audio_seconds_max)),
            index=SealedIndex(topics.index, ring, encode_entry, decode_entry),
            chain=chain,
            audio=audio,
            policy_version=settings.policy.version,
            event_bytes_max=settings.worker.event_bytes_max,
            message_bytes_max=settings.kafka.max_request_bytes - 1024,  # room for what a record has beside its value
        )
    except StandingUnknown:
        raise CommandFailed("nobody can say who has opted out: consent could not be read to its end") from None
    finally:
        looking.cancel()
        await standing.stop()


async def _check_partitions(broker: Broker, raw: str, beside: tuple[str, ...]) -> None:
    """What is kept by input partition needs as many as the input has."""
    number = len(await broker.end_offsets(raw))
    for topic in beside:
        if len(await broker.end_offsets(topic)) < number:
            raise CommandFailed(f"topic {topic} needs at least as many partitions as {raw}, which has {number}")


async def _partitions_now(broker: Broker, of: Partition) -> int:
    """Those of the input, among which the cap is divided: it may have got more since we began. Raises CommitFailed,
    also where a broker does not know yet of the one that we were given."""
    from stream.ports import BrokerUnavailable, CommitFailed

    try:
        number = len(await broker.end_offsets(of.topic))
    except BrokerUnavailable as error:
        raise CommitFailed(str(error)) from None  # the class name of its cause
    if of.number >= number:
        raise CommitFailed("PartitionUnknown")
    return number
