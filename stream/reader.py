"""Anonymized clips for whoever labels them. The public interface; docs/annotators.md says what is in a clip.

    from stream.reader import Unreadable, open_clips

    async with open_clips("clipveil.yaml", group="labelling", erased=store.drop) as clips:
        while True:
            try:
                clip = await anext(clips)
                await store.put(clip.metadata.token, clip.samples, clip.words)
            except Unreadable as error:  # no clip: what was kept under its token is not what the topic has
                if error.token:
                    await store.drop(error.token)
            await clips.commit()

Settings are those of the service (docs/configuration.md): a reader needs ``kafka``, ``registry``,
``topics.anonymized``, and ``objects`` where the service puts large audio into a store; it needs no key. It reads
``read_committed``: what an aborted transaction left behind is never seen.

**At least once.** A clip comes again after a crash before its ``commit``, after a rebalance, or because its record was
replayed. Store by ``clip.metadata.token``, so that the second time replaces the first.

**What was taken back.** An erasure or a report ends in a tombstone, and ``erased`` is awaited with its token, in its
place in the order: drop everything kept under it. Kafka forgets tombstones, a day after compaction as a rule
(``delete.retention.ms``): a reader that was away for longer has to read the topic without a group and with
``follow=False``, and drop whatever did not come.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from stream.clip import SAMPLE_RATE_HZ, AnonymizedClip, Metadata, Mute, PublishedWord, Segment, Why
from stream.commands.connect import connect, registry_of
from stream.commands.failure import CommandFailed, settings_from
from stream.commands.stores import fetch_of
from stream.config import Settings
from stream.ports import Schemas
from stream.reading.clips import Clips, Erased, NotCommitted, OneSchema, ReadingFailed, Records, Unreadable
from stream.reading.referred import Fetch
from stream.reading.share import GroupShare
from stream.reading.whole import WholeTopic

__all__ = [
    "SAMPLE_RATE_HZ",
    "AnonymizedClip",
    "Clips",
    "Metadata",
    "Mute",
    "NotCommitted",
    "PublishedWord",
    "ReadingFailed",
    "Segment",
    "Settings",
    "Unreadable",
    "Why",
    "open_clips",
]


@asynccontextmanager
async def open_clips(
    config: Settings | Path | str | None = None,
    *,
    erased: Erased,
    group: str | None = None,
    follow: bool = True,
    start: Mapping[int, int] | None = None,
    schema: Path | str | None = None,
) -> AsyncIterator[Clips]:
    """The clips of the topic ``topics.anonymized``, as an async iterator, while the block runs.

    ``config`` is a settings file, or settings; None takes the file that CLIPVEIL_CONFIG names and the environment.

    ``erased`` is awaited with the token (32 hexadecimal digits) of every clip that was taken back, before anything that
    was written behind its tombstone is given. What it raises ends that step, and the token is told again.

    With ``group``, partitions are shared among all readers of that group, each from the offset that was committed last,
    or from the beginning; it goes on for ever, and ``Clips.commit`` says what is done. Without, every partition is
    read, from the offsets of ``start`` (by partition) where they are still there, else from the beginning;
    ``follow=False`` ends at what is the end of the topic now, and ``Clips.positions`` is the next ``start``.

    ``schema`` is a file with the Avro schema that wrote all records, in place of a registry.

    Each clip is a frozen ``AnonymizedClip``:

    - ``metadata``: ``token``; ``campaign``, ``key_epoch``, ``captured_hour`` (UTC, as fine as ``captured_precision``),
      ``language``, ``device_family``, ``account_token`` (None by default), as published.
    - ``samples``: (sample,) read-only float32 in [-1, 1], mono, SAMPLE_RATE_HZ (16000) a second, exactly as published.
    - ``words``: kept words and placeholders such as ``<PERSON>``, each with its ``segment`` in seconds.
    - ``kept``: what is audible, in seconds; ``mutes``: the rest of ``duration``, exact zeros, with the reason.
    - ``receipts``, ``policy_version``, ``critical``: how it was made, and which kinds of content were taken out.

    Audio that is published by reference is fetched from below ``objects.output`` and compared with the hash in the
    record; without that setting such a clip raises Unreadable (``audio_not_fetched``). One whose audio is gone raises
    it too (``audio_missing``): as a rule it was taken back, or published anew, and what says so comes behind it.

    Raises ReadingFailed, also on the way in, where settings, brokers, registry or store are of no use. A step of the
    iterator raises Unreadable for a record that is no clip, and goes on behind it when it is asked again; after
    ReadingFailed it tries the same again.
    """
    if group is not None and (start is not None or not follow):
        raise ValueError("a group keeps its own offsets and has no end: leave start and follow out")
    async with AsyncExitStack() as stack:
        records, schemas, fetch = await _opened(stack, config, group, follow, start or {}, schema)
        clips = Clips(records, schemas, erased, fetch)
        stack.push_async_callback(clips.stop)
        await clips.start()
        yield clips


async def _opened(
    stack: AsyncExitStack,
    config: Settings | Path | str | None,
    group: str | None,
    follow: bool,
    start: Mapping[int, int],
    schema: Path | str | None,
) -> tuple[Records, Schemas, Fetch]:
    try:
        settings = config if isinstance(config, Settings) else settings_from(None if config is None else Path(config))
        schemas, fetch = _schemas(stack, settings, schema), fetch_of(settings)
        topic = settings.topics.anonymized
        broker = await connect(settings, [topic])
    except CommandFailed as failure:
        raise ReadingFailed(str(failure)) from None
    stack.push_async_callback(broker.close)
    if group is not None:
        return GroupShare(broker.source(topic, group)), schemas, fetch
    return WholeTopic(broker, topic, start, follow=follow), schemas, fetch


def _schemas(stack: AsyncExitStack, settings: Settings, schema: Path | str | None) -> Schemas:
    """Raises CommandFailed where there is neither a registry nor a file."""
    if schema is None:
        registry = registry_of(settings)
        stack.push_async_callback(registry.close)
        return registry
    try:
        return OneSchema(Path(schema).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CommandFailed(f"{schema} can't be read") from None
