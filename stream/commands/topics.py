"""``clipveil topics``: make the topics with the policies that they need, and say which have others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

import typer

from stream.commands.failure import CommandFailed, settings_from
from stream.commands.options import Config
from stream.config import Settings

if TYPE_CHECKING:
    from stream.wire.kafka_topics import KafkaTopics, Topic

app = typer.Typer(no_args_is_help=True, help="The topics: make them as they must be, and check those that are there.")

RETRY_S = 2.0
DAY_MS = 86_400_000
ERASED_WITHIN_MS = 30 * DAY_MS  # a tombstone that nobody compacts erases nothing
COMPACTED = {"cleanup.policy": "compact", "max.compaction.lag.ms": str(DAY_MS)}
FOR_EVER = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
FOR_A_TIME = {"cleanup.policy": "delete"}


@app.command()
def create(config: Config = None) -> None:
    """Make the topics that are missing. Where one is there that must not be as it is, say so and make none.

    Safe to run again, and beside others. It never changes a topic.
    """
    settings = settings_from(config)
    asyncio.run(_look(settings, make=True))


@app.command()
def check(config: Config = None) -> None:
    """Say whether all topics are there, as they must be."""
    settings = settings_from(config)
    asyncio.run(_look(settings, make=False))


async def _look(settings: Settings, *, make: bool) -> None:
    topics = await _reached(settings)
    try:
        found = await _found(topics, settings)
        missing = list(missing_of(settings, found))
        wrong = [] if make else [f"{topic.name}: is missing" for topic in missing]
        _refuse([*problems(settings, found), *wrong])
        if make and missing:
            await _made(topics, missing)
            found = await _found(topics, settings)
            _refuse(problems(settings, found))  # somebody else may have been there first
        for name in settings.topics.all:
            made = "made" if name in {topic.name for topic in missing} else "good"
            typer.echo(f"{made}: {name}, {found[name].partitions} partitions")
    finally:
        await topics.close()


def _refuse(wrong: Collection[str] | Iterator[str]) -> None:
    if lines := list(wrong):
        raise CommandFailed("topics are not as they must be:\n  " + "\n  ".join(lines))


# ------------------------------------------------------------------ what they must be
def wanted_of(settings: Settings) -> dict[str, Mapping[str, str]]:
    """Every topic's configuration, by its name."""
    of = settings.topics
    for_ever = {of.audit, of.erasure_audit, of.reports_audit, of.audit_heads}
    largest = {"max.message.bytes": str(settings.kafka.max_request_bytes)}

    def policy(name: str) -> dict[str, str]:
        return COMPACTED if name in of.compacted else FOR_EVER if name in for_ever else FOR_A_TIME

    return {name: policy(name) | largest for name in of.all}


def missing_of(settings: Settings, found: Mapping[str, Topic]) -> Iterator[Topic]:
    """Those to be made: what goes by the partitions of another topic has as many."""
    from stream.wire.kafka_topics import Topic

    leads = {beside: lead for lead, beside in _beside(settings)}
    for name, configuration in wanted_of(settings).items():
        if name not in found:
            lead = found.get(leads.get(name, ""))
            yield Topic(name, settings.topics.partitions if lead is None else lead.partitions, configuration)


def problems(settings: Settings, found: Mapping[str, Topic]) -> Iterator[str]:
    """What is wrong with topics that are there, one line each, by name."""
    of = settings.topics
    for name, wanted in wanted_of(settings).items():
        if name in found:
            yield from (f"{name}: {problem}" for problem in _wrong(found[name].configuration, wanted))
    for name in {of.anonymized, of.index} & found.keys():
        if int(found[name].configuration["max.compaction.lag.ms"]) > ERASED_WITHIN_MS:
            yield f"{name}: max.compaction.lag.ms must be {ERASED_WITHIN_MS} or less: erased records would stay on disk"
    yield from _too_small(settings, found)
    for lead, beside in _beside(settings):
        if {lead, beside} <= found.keys() and found[beside].partitions < found[lead].partitions:
            yield f"{beside}: needs at least as many partitions as {lead}, which has {found[lead].partitions}"


def _too_small(settings: Settings, found: Mapping[str, Topic]) -> Iterator[str]:
    """A clip that its topic does not take would be tried again for ever, and hold up its partition."""
    name, least = settings.topics.anonymized, settings.kafka.max_request_bytes
    if name in found and int(found[name].configuration["max.message.bytes"]) < least:
        yield f"{name}: max.message.bytes must be at least kafka.max_request_bytes, which is {least}"


def _wrong(configuration: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[str]:
    """A policy, or a retention, by which something would be lost or kept that must not be."""
    for key in ("cleanup.policy", "retention.ms", "retention.bytes"):
        if key in wanted and configuration[key] != wanted[key]:
            yield f"{key} must be {wanted[key]}, and is {configuration[key]}"


def _beside(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Topics that are kept by the partitions of another one: (the other one, the topic)."""
    of = settings.topics
    return (
        (of.raw, of.audit),
        (of.raw, of.sampling),
        (of.erasure, of.erasure_audit),
        (of.reports, of.reports_audit),
    )


# ------------------------------------------------------------------ the cluster
async def check_at_start(settings: Settings) -> None:
    """Raises CommandFailed where a worker had better not begin: clips may be larger than their topic takes, or a topic
    forgets what was not read yet. Whoever has no right to see how topics are configured, or finds no broker now, is not
    told so: others look with ``clipveil topics check``."""
    from stream.commands.connect import connection_of
    from stream.ports import BrokerUnavailable
    from stream.wire.kafka_topics import KafkaTopics

    of, topics = settings.topics, KafkaTopics(connection_of(settings))
    try:
        await topics.start()
        found = await topics.found([of.raw, of.audit, of.anonymized])
    except BrokerUnavailable:
        return
    finally:
        await topics.close()
    kept = [each for each in found.values() if each.name in (of.raw, of.audit)]
    compacted = [each.name for each in kept if "compact" in each.configuration["cleanup.policy"]]
    _refuse([*_too_small(settings, found), *(f"{name}: cleanup.policy must be delete" for name in compacted)])


async def _reached(settings: Settings) -> KafkaTopics:
    """Raises CommandFailed where no broker answers in kafka.connect_seconds_max, and at once where they refuse us."""
    from stream.commands.connect import connection_of
    from stream.ports import BrokerUnavailable
    from stream.wire.kafka_refusal import refusal_of
    from stream.wire.kafka_topics import KafkaTopics

    connection, seconds = connection_of(settings), settings.kafka.connect_seconds_max
    deadline, where = time.monotonic() + seconds, settings.kafka.bootstrap_servers
    while True:
        topics = KafkaTopics(connection)
        try:
            async with asyncio.timeout(max(0.1, deadline - time.monotonic())):
                await topics.start()
            return topics
        except (BrokerUnavailable, TimeoutError) as error:
            await topics.close()
            if refusal := await refusal_of(connection):
                raise CommandFailed(f"Kafka at {where} refuses us: {refusal}") from None
            if time.monotonic() + RETRY_S > deadline:
                told = f"Kafka at {where} does not answer ({error or type(error).__name__}), tried for {seconds:g} s"
                raise CommandFailed(told) from None
        await asyncio.sleep(RETRY_S)


async def _found(topics: KafkaTopics, settings: Settings) -> dict[str, Topic]:
    from stream.commands.connect import trouble_told

    with trouble_told():
        return await topics.found(settings.topics.all)


async def _made(topics: KafkaTopics, missing: Collection[Topic]) -> None:
    from stream.commands.connect import trouble_told

    with trouble_told():
        await topics.make(list(missing))
