"""Grants rights as ``kafka-acls.sh`` does, by the lines that ``clipveil acls --format commands`` prints."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest

# Kafka's own numbers.
KINDS: Final = {"topic": 2, "group": 3, "transactional_id": 5}
PATTERNS: Final = {"literal": 3, "prefixed": 4}
OPERATIONS: Final = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
ALLOW: Final = 3
SEEN_S: Final = 30.0  # by when a broker has surely heard of it


class Grants:
    """Rights of one cluster. Whoever returns from ``add`` or ``remove`` has seen that the broker knows."""

    def __init__(self, admin: AIOKafkaAdminClient) -> None:
        self._admin = admin

    async def add(self, lines: Iterable[str]) -> None:
        wanted = [_of(line) for line in lines]
        for right in wanted:
            answer = await self._admin._send_request(CreateAclsRequest(*right))
            assert [(0, None)] == [(code, said or None) for code, said in answer.creation_responses]
        await self._until(dict.fromkeys(wanted, True))

    async def remove(self, line: str) -> None:
        right = _of(line)
        answer = await self._admin._send_request(DeleteAclsRequest(*right))
        assert [1] == [len(matching) for _, _, matching in answer.filter_responses], line
        await self._until({right: False})

    @asynccontextmanager
    async def without(self, line: str) -> AsyncIterator[None]:
        """While the block runs."""
        await self.remove(line)
        try:
            yield
        finally:
            await self.add([line])

    async def _until(self, wanted: dict[tuple[Any, ...], bool]) -> None:
        deadline = time.monotonic() + SEEN_S
        for right, there in wanted.items():
            while bool((await self._admin._send_request(DescribeAclsRequest(*right))).resources) != there:
                assert time.monotonic() < deadline, f"{right} was not seen"
                await asyncio.sleep(0.02)


@asynccontextmanager
async def grants(bootstrap: str) -> AsyncIterator[Grants]:
    """As whoever connects there, who has to be a superuser."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield Grants(admin)
    finally:
        await admin.close()


def _of(line: str) -> tuple[Any, ...]:
    """What a line says, with nothing in it that the tool does not know. Its options are the tool's."""
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--allow-principal", required=True)
    parser.add_argument("--operation", choices=OPERATIONS, required=True)
    parser.add_argument("--resource-pattern-type", choices=PATTERNS, default="literal")
    resource = parser.add_mutually_exclusive_group(required=True)
    for kind in KINDS:
        resource.add_argument(f"--{kind.replace('_', '-')}")
    said = parser.parse_args(line.split())
    [(kind, name)] = [(kind, name) for kind in KINDS if (name := getattr(said, kind)) is not None]
    pattern, operation = PATTERNS[said.resource_pattern_type], OPERATIONS[said.operation]
    return KINDS[kind], name, pattern, said.allow_principal, "*", operation, ALLOW
