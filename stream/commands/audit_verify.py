"""Checking the audit: in files, which anybody can do, or in the cluster and against what lies around it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stream.commands.audit_places import Audited, audited, files_told
from stream.commands.connect import connect, registry_of, trouble_told
from stream.config import Settings

if TYPE_CHECKING:
    from stream.lifecycle.heads import Anchors, PublicKeys
    from stream.lifecycle.reconciling import Reconciliation, World
    from stream.lifecycle.verifying import ChainCheck, Verification
    from stream.ports import Broker, Schemas
    from stream.wire.registry import Registry

SETTLE_S = 2.0  # by then all topics of a transaction show it
THE_TOPIC, THE_FILE = "the topic of heads", "the file of heads"


# ------------------------------------------------------------------ files
def verify_files(file: Path, heads: Sequence[Path], keys: PublicKeys, unsigned_s_max: float) -> Verification:
    """What was exported, by heads that were kept. Raises CommandFailed for files that can't be read."""
    from stream.lifecycle.heads import Anchors
    from stream.lifecycle.verifying import Verification
    from stream.wire.audits import UNREADABLE, rows_in

    anchors = Anchors(keys, map(str, heads))
    with files_told():
        for path in heads:
            for head in rows_in(path):
                anchors.add(head, str(path))
        verification = Verification(anchors, int(unsigned_s_max * 1000))
        for row in rows_in(file):
            if UNREADABLE in row:
                verification.unreadable(str(row[UNREADABLE]))
            else:
                verification.add(row)
    verification.close()
    return verification


# ------------------------------------------------------------------ the cluster
async def verify_cluster(settings: Settings, keys: PublicKeys, *, look_into_raw: bool) -> Verification:
    """Chains and heads, and whether they agree with what lies on the other topics. Raises CommandFailed."""
    registry = registry_of(settings)
    of, each_of = settings.topics, audited(settings)
    topics = [name for each in each_of for name in (each.topic, each.audit_topic)]
    broker = await connect(settings, [*topics, of.anonymized, of.withheld, of.audit_heads])
    try:
        with trouble_told():
            return await Verifier(settings, broker, registry, keys).run(look_into_raw=look_into_raw)
    finally:
        await registry.close()
        await broker.close()


class Verifier:
    """One look at a cluster. What is read later may have grown meanwhile, hence the order in ``run``."""

    def __init__(self, settings: Settings, broker: Broker, registry: Registry, keys: PublicKeys) -> None:
        self._settings, self._broker, self._registry, self._keys = settings, broker, registry, keys
        self._audited = audited(settings)

    async def run(self, *, look_into_raw: bool) -> Verification:
        from stream.lifecycle.reconciling import Reconciliation
        from stream.lifecycle.verifying import Problem, Verification

        anchors = await self._heads()
        settled = {each.audit_topic: await self._broker.end_offsets(each.audit_topic) for each in self._audited}
        await asyncio.sleep(SETTLE_S)
        reconciliation = Reconciliation(await self._world())
        unsigned_ms_max, now_ms = int(self._settings.audit.unsigned_seconds_max * 1000), int(time.time() * 1000)
        verification = Verification(anchors, unsigned_ms_max, latest_ms=now_ms)
        for each in self._audited:
            await self._follow(each, verification, reconciliation, settled[each.audit_topic])
        verification.close()
        verification.problems += reconciliation.problems(verification.chains)
        if look_into_raw:
            for each in self._audited:
                async for chain, offset in unaudited(self._broker, each, verification.chains.values()):
                    verification.problems.append(Problem(chain, 0, f"the input at offset {offset} has no audit record"))
        return verification

    async def _heads(self) -> Anchors:
        from stream.lifecycle.heads import Anchors
        from stream.wire.audits import rows_in

        file = self._settings.audit.heads_file
        anchors = Anchors(self._keys, [THE_TOPIC] if file is None else [THE_TOPIC, THE_FILE])
        async for head in rows(self._broker, self._settings.topics.audit_heads, self._registry):
            anchors.add(head, THE_TOPIC)
        if file is not None:
            with files_told():
                for head in rows_in(file):
                    anchors.add(head, THE_FILE)
        return anchors

    async def _world(self) -> World:
        from stream.lifecycle.reconciling import World

        committed = {
            f"{each.topic}/{partition}": offset
            for each in self._audited
            for partition, offset in (await self._broker.committed(each.topic, each.group)).items()
            if offset > 0
        }
        world = World(committed=committed)
        async for record in self._broker.read(self._settings.topics.anonymized):
            if record.value is not None:
                world.add_published(record.value)
        async for row in rows(self._broker, self._settings.topics.withheld, self._registry):
            world.add_withheld(row)
        return world

    async def _follow(
        self, of: Audited, verification: Verification, reconciliation: Reconciliation, settled: Mapping[int, int]
    ) -> None:
        from stream.clip import Refusal
        from stream.wire.audits import row_of

        async for record in self._broker.read(of.audit_topic):
            at = record.coordinates
            try:
                row = await row_of(record, self._registry)
            except Refusal:
                verification.unreadable(f"{at.topic}/{at.partition} offset {at.offset}")
                continue
            if verification.add(row):
                reconciliation.add(row, settled=at.offset < settled.get(at.partition, 0))


async def rows(broker: Broker, topic: str, schemas: Schemas) -> AsyncIterator[Mapping[str, Any]]:
    """The rows of a topic; one that nobody can decode is a row that says where it lies."""
    from stream.clip import Refusal
    from stream.wire.audits import UNREADABLE, row_of

    async for record in broker.read(topic):
        try:
            yield await row_of(record, schemas)
        except Refusal:
            at = record.coordinates
            yield {UNREADABLE: f"{at.topic}/{at.partition} offset {at.offset}"}


async def unaudited(broker: Broker, of: Audited, checks: Iterable[ChainCheck]) -> AsyncIterator[tuple[str, int]]:
    """Offsets that no audit record is about and that hold an input, the first of each gap. Mostly they hold none: a
    transaction's marker takes an offset too."""
    ends = await broker.end_offsets(of.topic)
    for check in checks:
        topic, _, partition = check.chain.rpartition("/")
        if topic != of.topic or not partition.isdigit() or int(partition) not in ends:
            continue
        oldest = 0
        for first, last in check.gaps:
            if last >= oldest:
                found, oldest = await _first(broker, of.topic, int(partition), first, ends)
                if found is not None and found <= last:
                    yield check.chain, found


async def _first(
    broker: Broker, topic: str, partition: int, offset: int, ends: Mapping[int, int]
) -> tuple[int | None, int]:
    """The first record of a partition from ``offset`` on, and where the reading began: later where the topic does."""
    tail = await broker.tail(topic, {**ends, partition: offset})
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(tail.stop)
        began = (await tail.positions())[partition]
        while (await tail.positions())[partition] < ends[partition]:
            for record in await tail.poll(SETTLE_S):
                if record.coordinates.partition == partition:
                    return record.coordinates.offset, began
    return None, began


# ------------------------------------------------------------------ the result
def as_json(verification: Verification) -> dict[str, Any]:
    chains = [
        {
            "chain": name,
            "records": check.head.sequence,
            "digest": check.head.digest.hex(),
            **asdict(check.counts),
            "signed_up_to": check.signed,
            "gaps_not_looked_into": check.gaps_left_out,
            "holds": check.problem is None,
        }
        for name, check in sorted(verification.chains.items())
    ]
    problems = [asdict(problem) for problem in verification.problems]
    return {"holds": not problems, "heads": len(verification.anchors), "chains": chains, "problems": problems}


def as_text(verification: Verification) -> list[str]:
    """A table of the chains, and a line for each problem."""
    columns = "{:<32} {:>12} {:>12} {:>12} {:>9} {:>12}  {}"
    lines = [columns.format("chain", "records", "published", "withheld", "requests", "signed up to", "")]
    for name, check in sorted(verification.chains.items()):
        of, verdict = check.counts, "holds" if check.problem is None else "BROKEN"
        lines.append(
            columns.format(name, check.head.sequence, of.published, of.withheld, of.requests, check.signed, verdict)
        )
    total = verification.counts
    lines.append(columns.format("all", total.inputs, total.published, total.withheld, total.requests, "", ""))
    left_out = sum(check.gaps_left_out for check in verification.chains.values())
    notes = [f"not looked into: {left_out} gaps between offsets"] if left_out else []
    return [*lines, *notes, *(f"PROBLEM {problem}" for problem in verification.problems)]
