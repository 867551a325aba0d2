"""From settings to what is outside: brokers and registry."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stream.commands.failure import WRONG_INPUT, CommandFailed, told
from stream.commands.tls import Files, Renewed
from stream.config import ConfigError, Settings
from stream.config.base import read_secret
from stream.config.outside import KafkaSettings
from stream.ops import log
from stream.ports import Broker, BrokerUnavailable, NoRight, NotDelivered, RegistryUnavailable

if TYPE_CHECKING:
    from stream.wire.kafka_connection import KafkaConnection
    from stream.wire.outcomes import Destination
    from stream.wire.registry import Registry

RETRY_S = 0.5
RETRY_S_MAX = 8.0
RIGHTS_ARE_PRINTED = "`clipveil acls` prints the rights that are needed"
NO_REGISTRY = "registry.url or registry.folder: needed, to know the schemas of records"


@contextmanager
def trouble_told() -> Iterator[None]:
    """What brokers and registry do wrong while a command talks to them becomes a CommandFailed."""
    with (
        told(BrokerUnavailable, prefix="Kafka does not answer: "),
        right_told(),
        told(NotDelivered, prefix="Kafka did not take a record: "),
        told(RegistryUnavailable, prefix="the schema registry does not answer: "),
    ):
        yield


@contextmanager
def right_told() -> Iterator[None]:
    """A right that is missing becomes a CommandFailed that says where to look."""
    try:
        yield
    except NoRight as error:
        raise CommandFailed(f"Kafka refuses: {error}; {RIGHTS_ARE_PRINTED}") from None


# ------------------------------------------------------------------ brokers
async def connect(settings: Settings, topics: Collection[str] | None = None) -> Broker:
    """The Kafka cluster of the settings, once it answers and has ``topics``, by default all of the settings.

    They are made where the settings say so. Raises CommandFailed after kafka.connect_seconds_max, and at once where the
    brokers refuse us: waiting would not end that.
    """
    from stream.wire.kafka import KafkaBroker
    from stream.wire.kafka_refusal import refusal_of

    connection, names = connection_of(settings), topics or topics_of(settings)
    deadline = time.monotonic() + settings.kafka.connect_seconds_max
    pause_s, attempt = RETRY_S, 0
    trouble: Exception | None = None
    refusal: str | None = None
    while True:
        attempt += 1
        broker = KafkaBroker(connection)
        try:
            async with asyncio.timeout(max(0.1, deadline - time.monotonic())):
                with right_told():
                    await _find_topics(broker, settings, names)
            return broker
        except BrokerUnavailable as error:
            trouble = error
            refusal = await refusal_of(connection)
        except TimeoutError as error:  # a topic is missing, or the last attempt was a short one
            trouble = trouble or error
        except BaseException:
            await broker.close()
            raise
        await broker.close()
        if refusal is not None:
            raise CommandFailed(f"Kafka at {settings.kafka.bootstrap_servers} refuses us: {refusal}") from None
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
        security |= {"sasl_mechanism": kafka.sasl_mechanism, **_presented(kafka)}
    if kafka.security_protocol.endswith("SSL"):
        secret = kafka.ssl_key_password
        of = Files(
            kafka.ssl_ca_file,
            kafka.ssl_certificate_file,
            kafka.ssl_key_file,
            lambda: "" if secret is None else secret.get_secret_value(),
        )
        _tls("kafka.ssl_ca_file", Files(of.ca))  # alone, so that it is told which file is of no use
        security["ssl_context"] = _tls("kafka.ssl_certificate_file and ssl_key_file", of)
    return security


def _presented(kafka: KafkaSettings) -> dict[str, Any]:
    """By what the brokers know us: a name and a password, or a token."""
    if kafka.sasl_mechanism != "OAUTHBEARER":
        with told(ConfigError, code=WRONG_INPUT):
            return {"sasl_plain_username": kafka.sasl_username, "sasl_plain_password": kafka.password()}
    from stream.wire.kafka_tokens import Client, TokenEndpoint, TokenFile

    if kafka.oauth_token_file is not None:
        with told(ConfigError, code=WRONG_INPUT):
            read_secret("kafka.oauth_token_file", kafka.oauth_token_file)
        return {"sasl_oauth_token_provider": TokenFile(kafka.oauth_token_file)}
    with told(ConfigError, code=WRONG_INPUT):
        kafka.client_secret()
    url, name = kafka.oauth_token_url or "", kafka.oauth_client_id or ""

    def secret() -> str:
        try:
            return kafka.client_secret()
        except ConfigError:  # a file that is away for a moment: the connection fails, and is tried again
            raise OSError from None

    client = Client(url, name, secret, kafka.oauth_scope, kafka.oauth_audience)
    tls = _tls("kafka.oauth_ca_file", Files(kafka.oauth_ca_file))
    return {"sasl_oauth_token_provider": TokenEndpoint(client, tls, kafka.request_timeout_s)}


def _tls(name: str, files: Files) -> ssl.SSLContext:
    try:
        return Renewed(files)
    except OSError:  # ssl's own errors too
        what = "can't be used" if files.certificate else f"{files.ca} holds no certificates"
        raise CommandFailed(f"{name}: {what}" if files.ca else f"{name} {what}", WRONG_INPUT) from None


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
    return _tls("registry.ca_file", Files(settings.registry.ca_file))


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
