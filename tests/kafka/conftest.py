"""What tests of the secured Kafka share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stream.commands.acls import rights_of
from stream.config import Settings
from tests.kafka.secured import STRANGER, WORD, SecuredServer


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredServer]:
    """One for all: every principal of ``clipveil acls`` is known to it, and so is a stranger; none has a right in it
    until a test says so."""
    names = (*rights_of(Settings()), STRANGER)
    server = SecuredServer(tmp_path_factory.mktemp("secured"), dict.fromkeys(names, WORD))
    try:
        server.start(180)
        yield server
    finally:
        server.stop()
