"""Copies on a real Kafka: what a record has beside its value."""

from __future__ import annotations

from uuid import UUID

from aiokafka import AIOKafkaProducer

from stream.clip import Coordinates
from stream.ports import Message
from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests.contract.stand_ins import Topics, eventually, everything

GUID = UUID("0198c1f4-7c58-7d7a-9a0e-5d8f2c1b3a49")


async def test_a_copy_has_the_headers_of_its_record(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics
) -> None:
    """One of them may name the schema: without it the copy would be withheld, as a record that nobody can read."""
    await topics.create(cluster)
    producer = AIOKafkaProducer(**connection.producer())
    await producer.start()
    await producer.send_and_wait(topics.raw, b"body", headers=[("__value_schema_id", b"\x01" + GUID.bytes)])
    await producer.stop()
    copier = cluster.copier(topics.group)
    await copier.start()
    told = Message(topics.audit, b"-", b"told", None, 0)
    await copier.copy([Coordinates(topics.raw, 0, 0)], lambda at, copy: told)
    await copier.stop()
    whole = b"\x01" + GUID.bytes + b"body"

    async def values() -> list[bytes | None]:
        return [record.value for record in await everything(cluster, topics.raw)]

    await eventually([whole, whole], values)
