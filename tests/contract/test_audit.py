"""The audit of a real worker, on both brokers: chained in its transactions, signed, and checked against the rest."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stream.clip import Coordinates, Reason, Withheld
from stream.commands import audit_verify
from stream.commands.audit_places import audited
from stream.commands.failure import CommandFailed
from stream.lifecycle.verifying import Counts
from stream.ports import Broker, Message, Partition
from stream.whose import GENESIS
from stream.wire import avro
from stream.wire.audits import HeadsFile, row_of
from tests.contract.audited import Deployment
from tests.contract.stand_ins import Topics, everything
from tests.lifecycle.chains import KEY, KEYS

ORDERS = [f"{'refuse' if number % 3 == 0 else 'publish'} {number}" for number in range(24)]


@pytest.fixture
async def deployment(broker: Broker, topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A worker has been there, and was restarted in between."""
    monkeypatch.setattr(audit_verify, "SETTLE_S", 0.3)
    made = Deployment(broker, topics, tmp_path)
    await made.create()
    for half in (ORDERS[:12], ORDERS[12:]):
        await made.send({0: half[:8], 1: half[8:]})
        await made.work()
    return made


async def test_what_a_worker_leaves_behind_holds(deployment: Deployment) -> None:
    """Across a restart, two partitions and transactions that finish in any order; nobody is blamed."""
    assert () == await deployment.sign()
    verification = await deployment.verify()
    assert [] == verification.problems
    assert Counts(16, 8) == verification.counts
    raw = deployment.topics.raw
    assert {f"{raw}/0": (16, 16), f"{raw}/1": (8, 8)} == {
        name: (check.head.sequence, check.signed) for name, check in verification.chains.items()
    }


async def test_the_signer_goes_on_where_it_stopped(deployment: Deployment) -> None:
    """Heads of a second run follow those of the first, in the file and on the topic alike."""
    assert () == await deployment.sign()
    await deployment.send({0: ["publish 100"]})
    await deployment.work()
    assert () == await deployment.sign()
    lines = (deployment.folder / "heads.jsonl").read_text().splitlines()
    assert 3 == len(lines) == len(await everything(deployment.broker, deployment.names["audit_heads"]))
    assert [] == await deployment.problems()


async def test_heads_that_the_topic_lacks_are_sent_again(deployment: Deployment) -> None:
    """A signer that died between file and topic leaves them in the file alone."""
    file = HeadsFile(deployment.folder / "heads.jsonl")
    async with deployment.signer() as signer:
        notary = await signer.restore(KEY, KEYS)
        for record in await everything(deployment.broker, deployment.topics.audit):
            at = record.coordinates
            notary.add(await row_of(record, deployment.registry), at.topic, at.offset)
        file.append(notary.sign(1_790_000_000_000))
    assert () == await deployment.sign()
    there = await everything(deployment.broker, deployment.names["audit_heads"])
    heads = [await row_of(record, deployment.registry) for record in there]
    assert file.read(lambda _: True) == sorted(heads, key=lambda head: int(head["number"]))


async def test_a_file_that_lost_heads_is_not_gone_on_with(deployment: Deployment) -> None:
    """The topic has more than the file: the file was changed, and numbers would come twice."""
    assert () == await deployment.sign()
    file = deployment.folder / "heads.jsonl"
    file.write_bytes(file.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(CommandFailed, match="lacks heads that are on the topic"):
        await deployment.sign()


async def test_a_second_writer_is_found(deployment: Deployment) -> None:
    """A record from outside the partition's own producer is no link, and the chain is not signed any more."""
    raw = Partition(deployment.topics.raw, 0)
    writer = await deployment.writer()
    message, _ = writer.audit(Withheld(Coordinates(raw.topic, 0, 3), Reason.NO_CONSENT, "p1"), GENESIS)
    await deployment.broker.send([message])
    assert [f"{raw.topic}/0: record 1 comes again, in the place of record 17"] == list(await deployment.sign())
    assert f"{raw.topic}/0: record 1 comes again, in the place of record 17" in await deployment.problems()


async def test_a_clip_that_was_published_beside_the_audit_is_found(deployment: Deployment) -> None:
    """A record on the published topic that no transaction of ours wrote."""
    assert () == await deployment.sign()
    await deployment.broker.send([Message(deployment.topics.anonymized, b"token", b"smuggled")])
    assert ["1 published records are in no audit record that holds"] == await deployment.problems()


async def test_a_withheld_record_beside_the_audit_is_found(deployment: Deployment) -> None:
    """The same for a record that says withheld."""
    assert () == await deployment.sign()
    raw = deployment.topics.raw
    withheld = len([order for order in [*ORDERS[:8], *ORDERS[12:20]] if order.startswith("refuse")])
    outcome = Withheld(Coordinates(raw, 0, 4), Reason.NO_CONSENT, "p1")
    await deployment.broker.send([(await deployment.writer()).withheld(outcome)])
    assert [
        f"{raw}/0: {withheld + 1} withheld records lie on their topic, and the audit has {withheld} of them"
    ] == await deployment.problems()


async def test_an_input_that_was_passed_over_is_found(deployment: Deployment) -> None:
    """The group's offset moved behind inputs without an audit record: first the tail, and then a gap."""
    assert () == await deployment.sign()
    raw = Partition(deployment.topics.raw, 1)
    await deployment.send({1: ["publish 200"]})
    outbox = deployment.broker.outbox(raw, deployment.topics.group)
    await outbox.start()
    await outbox.commit([], 9)
    await outbox.stop()
    assert [f"{raw.topic}/1: inputs up to offset 8 were done with, and the audit ends at offset 7"] == (
        await deployment.problems()
    )
    await deployment.send({1: ["publish 201"]})
    await deployment.work()
    assert [f"{raw.topic}/1: the input at offset 8 has no audit record"] == await deployment.problems()


async def test_requests_are_audited_in_chains_of_their_own(deployment: Deployment) -> None:
    """They are signed and counted, and what they took back is not missed."""
    for records in (3, 0):
        await deployment.request("erased", records)
    assert () == await deployment.sign()
    verification = await deployment.verify()
    assert [] == verification.problems
    assert Counts(16, 8, 2) == verification.counts
    (_, second) = await everything(deployment.broker, deployment.names["erasure_audit"])
    last = await row_of(second, deployment.registry)
    assert (2, "erased", 0) == (last["sequence"], last["outcome"], last["records"])


async def test_it_signs_until_it_is_stopped(deployment: Deployment) -> None:
    """Every interval while records come, and once more at the end."""
    stopping = asyncio.Event()
    async with deployment.signer() as signer:
        notary = await signer.restore(KEY, KEYS)
        for each in audited(deployment.settings()):
            await signer.open(each)
        running = asyncio.create_task(signer.run(stopping))
        await asyncio.sleep(2.5)
        assert 2 == len((deployment.folder / "heads.jsonl").read_text().splitlines())
        await deployment.send({0: ["refuse 300"]})
        await deployment.work()
        await asyncio.sleep(1.5)
        stopping.set()
        await running
        assert () == notary.problems
    assert [] == await deployment.problems()


async def test_a_record_that_nobody_can_read_is_told(deployment: Deployment) -> None:
    """By where it lies; the chain is not signed any more."""
    await deployment.broker.send([Message(deployment.topics.audit, b"-", avro.frame(99, b"canary"), None, 1)])
    assert [f"{deployment.topics.raw}/1: what stands in the place of record 9 can't be read"] == list(
        await deployment.sign()
    )
    assert any("is no audit record that can be read" in problem for problem in await deployment.problems())


def told(deployment: Deployment, name: str) -> float | None:
    return deployment.metrics.registry.get_sample_value(f"clipveil_audit_{name}")


async def test_what_is_not_signed_is_seen(deployment: Deployment) -> None:
    """Records that were read and that no head vouches for, since when, and what is not read yet; then a round."""
    topic = {"topic": deployment.topics.audit}
    async with deployment.signer() as signer:
        notary = await signer.restore(KEY, KEYS)
        for each in audited(deployment.settings()):
            await signer.open(each)
        await signer._look_at_lag()
        assert 0 < (deployment.metrics.registry.get_sample_value("clipveil_audit_lag", topic) or 0)
        while notary.unsigned < len(ORDERS):
            for of, tail in signer._tails:
                await signer._follow(of, tail)
        assert (24, 2) == (told(deployment, "unsigned_records"), told(deployment, "chains"))
        assert 0 < (told(deployment, "unsigned_seconds") or 0)
        await signer._round()
        assert (0, 0, 2, 24) == (
            told(deployment, "unsigned_records"),
            told(deployment, "unsigned_seconds"),
            told(deployment, "heads_total"),
            told(deployment, "records_total"),
        )
        assert 0 == deployment.metrics.registry.get_sample_value("clipveil_audit_lag", topic)


async def test_a_broken_chain_is_seen(deployment: Deployment) -> None:
    """It is counted as broken, and the records of it that were not signed before stay unsigned."""
    outcome = Withheld(Coordinates(deployment.topics.raw, 1, 99), Reason.NO_CONSENT, "p1")
    await deployment.broker.send([(await deployment.writer()).audit(outcome, GENESIS)[0]])
    assert 1 == len(await deployment.sign())
    assert (1, 2, 8) == (
        told(deployment, "chains_broken"),
        told(deployment, "chains"),
        told(deployment, "unsigned_records"),
    )
