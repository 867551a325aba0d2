"""The topics of a cluster, as an administrator sees and makes them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from stream.ports import BrokerUnavailable
from stream.wire.kafka_connection import KafkaConnection, bounded_stop, silence
from stream.wire.kafka_refusal import unavailable
from stream.wire.kafka_tail import answered

PATIENCE_S = 10.0
LOOK_S = 0.1


@dataclass(frozen=True)
class Topic:
    """A topic as it is, or as it is to be made: its partitions, and its configuration by Kafka's names."""

    name: str
    partitions: int
    configuration: Mapping[str, str]


class KafkaTopics:
    """``start`` it, ``close`` it. All methods raise BrokerUnavailable with the class of the cause."""

    def __init__(self, connection: KafkaConnection) -> None:
        silence()
        self._connection = connection
        self._admin = AIOKafkaAdminClient(**connection.client())

    async def start(self) -> None:
        await answered(self._admin.start())

    async def close(self) -> None:
        await bounded_stop(self._admin.close(), self._connection.stop_timeout_s)

    async def found(self, names: Collection[str]) -> dict[str, Topic]:
        """Those of ``names`` that are there."""
        configurations = await self._configurations(names)  # first: whoever asks for partitions makes what is missing
        if not configurations:
            return {}
        found: dict[str, Topic] = {}
        for each in await answered(self._admin.describe_topics(list(configurations))):
            name, error = each["topic"], for_code(each["error_code"])
            if not each["error_code"]:
                found[name] = Topic(name, len(each["partitions"]), configurations[name])
            elif error is not UnknownTopicOrPartitionError:
                raise unavailable(error(), name, "Describe")
        return found

    async def _configurations(self, names: Collection[str]) -> dict[str, Mapping[str, str]]:
        wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        found: dict[str, Mapping[str, str]] = {}
        for response in await answered(self._admin.describe_configs(wanted)):
            for code, _, _, name, entries in response.resources:
                if code and for_code(code) is not UnknownTopicOrPartitionError:
                    raise unavailable(for_code(code)(), name, "DescribeConfigs")
                if code:
                    continue
                found[name] = {entry[0]: entry[1] for entry in entries}
        return found

    async def make(self, topics: Sequence[Topic]) -> None:
        """With as many replicas as the connection says, or as there are brokers; of three one may be missing. A topic
        that somebody else made meanwhile is left alone. Returns once they are seen."""
        brokers = len((await answered(self._admin.describe_cluster()))["brokers"])
        replicas = min(brokers, self._connection.replication_factor_max)
        in_sync = {"min.insync.replicas": str(max(1, replicas - 1))}
        wanted = [
            NewTopic(each.name, each.partitions, replicas, topic_configs={**each.configuration, **in_sync})
            for each in topics
        ]
        response = await answered(self._admin.create_topics(wanted))
        for name, code, *_ in response.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise unavailable(for_code(code)(), name, "Create")
        await self._seen({each.name for each in topics})

    async def _seen(self, names: Collection[str]) -> None:
        """Brokers learn of a new topic a little later than the controller answers."""
        deadline = time.monotonic() + PATIENCE_S
        while len(await self.found(names)) < len(names):
            if time.monotonic() > deadline:
                raise BrokerUnavailable("UnknownTopicOrPartitionError")
            await asyncio.sleep(LOOK_S)
