"""Fixtures for every test."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests import parsing
from tests.contract.stand_ins import Topics
from tests.kafka.server import KafkaServer

parsing.mend()


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of speech corpora; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("CLIPVEIL_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))
    if not folder.is_dir():
        pytest.skip(f"no corpora at {folder.name}: set CLIPVEIL_CORPORA")
    return folder


@pytest.fixture(autouse=True)
def _log_is_as_before() -> Iterator[None]:
    """A test that configures the service's log leaves the tests after it as they would be without it."""
    factory = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(factory)
    structlog.reset_defaults()


@pytest.fixture
def topics() -> Topics:
    """Topic and group names that no other test uses."""
    return Topics()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A real Apache Kafka for the whole run. Where there can be none, tests fail: they are never skipped."""
    server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def connection(kafka: KafkaServer) -> KafkaConnection:
    """How to reach it; a member that is gone is noticed as soon as the broker allows."""
    return KafkaConnection(kafka.bootstrap, session_timeout_s=6, heartbeat_interval_s=1, rebalance_timeout_s=20)


@pytest.fixture
async def cluster(connection: KafkaConnection) -> AsyncIterator[KafkaBroker]:
    """The real Kafka as the service sees it."""
    broker = KafkaBroker(connection)
    yield broker
    await broker.close()
