"""From settings to what is outside: brokers and registry."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stream.commands.failure import WRONG_INPUT, CommandFailed, told
from stream.config import ConfigError, Settings
from stream.ops import log
from stream.ports import Broker, BrokerUnavailable, NotDelivered, RegistryUnavailable

if TYPE_CHECKING:
    from stream.wire.kafka_connection import KafkaConnection
    from stream.wire.outcomes import Destination
    from stream.wire.registry import Registry

RETRY_S = 0.5
RETRY_S_MAX = 8.0
NO_REGISTRY = "registry.url or registry.folder: needed, to know the schemas of records"


@contextmanager
def trouble_told() -> Iterator[None]:
    """What brokers and registry do wrong while a command talks to them becomes a CommandFailed."""
    with (
        told(BrokerUnavailable, prefix="Kafka does not answer: "),
        told(NotDelivered, prefix="Kafka did not take a record: "),
        told(RegistryUnavailable, prefix="the schema registry does not answer: "),
    ):
        yield


# ------------------------------------------------------------------ brokers
async def connect(settings: Settings, topics: Collection[str] | None = None) -> Broker:
    """The Kafka cluster of the settings, once it answers and has ``topics``, by default all of the settings.

    They are made where the settings say so. Raises CommandFailed after kafka.connect_seconds_max.
    """
    from stream.wire.kafka import KafkaBroker

    connection, names = connection_of(settings), topics or topics_of(settings)
    deadline = time.monotonic() + settings.kafka.connect_seconds_max
    pause_s, attempt = RETRY_S, 0
    trouble: Exception | None = None
    while True:
        attempt += 1
        broker = KafkaBroker(connection)
        try:
            async with asyncio.timeout(max(0.1, deadline - time.monotonic())):
                await _find_topics(broker, settings, names)
            return broker
        except BrokerUnavailable as error:
            trouble = error
        except TimeoutError as error:  # a topic is missing, or the last attempt was a short one
            trouble = trouble or error
        except BaseException:
            await broker.close()
            raise
        await broker.close()
        if time.monotonic() + pause_s > deadline:
            raise CommandFailed(_unreachable(settings, names, trouble)) from None
        brokers = settings.kafka.bootstrap_servers
        log.get().warning(log.Event.WAITING_FOR_BROKER, brokers=brokers, attempt=attempt, error=type(trouble).__name__)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, RETRY_S_MAX)


def topics_of(settings: Settings) -> tuple[str, ...]:
    """All topics that the service reads or writes."""
    of = settings.topics
    out = (of.anonymized, of.withheld, of.audit, of.escalations, of.index)
    return (of.raw, *out, of.consent, of.recalls, of.sampling)


async def _find_topics(broker: Broker, settings: Settings, names: Collection[str]) -> None:
    if settings.topics.create:
        compacted = settings.topics.compacted & frozenset(names)
        await broker.create_topics(dict.fromkeys(names, settings.topics.partitions), compacted)
        return
    for name in names:
        await broker.end_offsets(name)


def _unreachable(settings: Settings, names: Collection[str], trouble: Exception | None) -> str:
    where, seconds = settings.kafka.bootstrap_servers, f"{settings.kafka.connect_seconds_max:g} s"
    if isinstance(trouble, BrokerUnavailable):
        return f"Kafka at {where} does not answer ({trouble}), tried for {seconds}"
    return f"Kafka at {where} does not have all of these topics: {', '.join(names)}; waited for {seconds}"


def connection_of(settings: Settings) -> KafkaConnection:
    """The settings as the Kafka clients take them. Raises CommandFailed for files that can't be read."""
    from stream.wire.kafka_connection import KafkaConnection

    kafka = settings.kafka
    return KafkaConnection(
        bootstrap_servers=kafka.bootstrap_servers,
        security=_security(settings),
        client_id=kafka.client_id,
        session_timeout_s=kafka.session_timeout_s,
        heartbeat_interval_s=kafka.heartbeat_interval_s,
        rebalance_timeout_s=kafka.rebalance_timeout_s,
        transaction_timeout_s=kafka.transaction_timeout_s,
        request_timeout_s=kafka.request_timeout_s,
        max_request_bytes=kafka.max_request_bytes,
        fetch_bytes_max=kafka.fetch_bytes_max,
        batch_bytes_max=kafka.batch_bytes_max,
        replication_factor_max=settings.topics.replication_max,
    )


def _security(settings: Settings) -> dict[str, Any]:
    kafka = settings.kafka
    security: dict[str, Any] = {"security_protocol": kafka.security_protocol}
    if kafka.security_protocol.startswith("SASL"):
        with told(ConfigError, code=WRONG_INPUT):
            password = kafka.password()
        security |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.sasl_username,
            "sasl_plain_password": password,
        }
    if kafka.security_protocol.endswith("SSL"):
        context = _ssl_context("kafka.ssl_ca_file", kafka.ssl_ca_file)
        if kafka.ssl_certificate_file is not None:
            secret = kafka.ssl_key_password
            try:
                context.load_cert_chain(
                    kafka.ssl_certificate_file,
                    kafka.ssl_key_file,
                    None if secret is None else secret.get_secret_value(),
                )
            except OSError:  # ssl's own errors too
                raise CommandFailed("kafka.ssl_certificate_file and ssl_key_file can't be used", WRONG_INPUT) from None
        security["ssl_context"] = context
    return security


def _ssl_context(name: str, ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise CommandFailed(f"{name}: {ca_file} holds no certificates", WRONG_INPUT) from None


# ------------------------------------------------------------------ registry
def registry_of(settings: Settings) -> Registry:
    """The registry that the settings name. Raises CommandFailed where they name none."""
    from stream.wire.registry import RestRegistry
    from stream.wire.registry_files import FileRegistry

    of = settings.registry
    if of.url is not None:
        auth = None if of.username is None or of.password is None else (of.username, of.password.get_secret_value())
        return RestRegistry(of.url, auth=auth, ssl_context=registry_tls(settings), timeout_s=of.request_timeout_s)
    if of.folder is not None:
        return FileRegistry(of.folder)
    raise CommandFailed(NO_REGISTRY, WRONG_INPUT)


def registry_tls(settings: Settings) -> ssl.SSLContext:
    """Who may vouch for the registry. Raises CommandFailed for a file that holds no certificates."""
    return _ssl_context("registry.ca_file", settings.registry.ca_file)


async def register(registry: Registry, topics: Mapping[str, str], settings: Settings) -> dict[str, Destination]:
    """Where records of each schema of ``topics`` (schema name -> topic) go, once the registry has the schemas.

    They are registered now, or looked up, as the settings say. Raises CommandFailed.
    """
    from stream.wire.outcomes import destinations
    from stream.wire.registry import SchemaRefused

    try:
        with trouble_told(), told(SchemaRefused):
            found = await destinations(registry, topics, register=settings.registry.register_schemas)
    except OSError as error:
        raise CommandFailed(f"the schema registry can't be used: {error.strerror}") from None
    for to in found.values():
        log.get().info(log.Event.SCHEMA_REGISTERED, topic=to.topic, schema_id=to.schema)
    return found
