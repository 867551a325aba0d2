"""The proxy does to connections what it says, and tells what it did."""

from __future__ import annotations

import asyncio
import struct
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator

import pytest

from tests.faults.proxy import Api, Moment, Proxy
from tests.kafka.properties import free_addresses

LATE_S = 0.5  # by then an answer would have come


class Echo:
    """A broker that answers every request with its correlation id and its body, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        while length := await reader.read(4):
            frame = await reader.readexactly(*struct.unpack(">i", length))
            self.asked.append(struct.unpack_from(">h", frame)[0])
            answer = frame[4:]
            writer.write(struct.pack(">i", len(answer)) + answer)
        writer.close()


class Client:
    """Asks one request after the other, on one connection."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader, self._writer, self._correlation = reader, writer, 0

    async def ask(self, api: int, body: bytes = b"body") -> bytes:
        """Raises ConnectionResetError, or IncompleteReadError where the connection ends otherwise."""
        self._correlation += 1
        frame = struct.pack(">hhi", api, 0, self._correlation) + body
        self._writer.write(struct.pack(">i", len(frame)) + frame)
        (length,) = struct.unpack(">i", await self._reader.readexactly(4))
        answer = await self._reader.readexactly(length)
        assert self._correlation == struct.unpack_from(">i", answer)[0]
        return answer[4:]

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, Proxy, str]]:
    """A broker behind a proxy, and where the proxy listens."""
    addresses, broker = free_addresses(), Echo()
    host, port = addresses.proxied.split(":")
    server = await asyncio.start_server(broker.serve, host, int(port))
    proxy = Proxy(addresses.proxy, addresses.proxied)
    proxy.start()
    yield broker, proxy, addresses.proxy
    proxy.stop()
    server.close()


async def connect(address: str) -> Client:
    host, port = address.split(":")
    return Client(*await asyncio.open_connection(host, int(port)))


async def test_what_is_asked_goes_through(echo: tuple[Echo, Proxy, str]) -> None:
    """Without a fault everything comes back as it was sent, large frames too."""
    broker, proxy, address = echo
    client = await connect(address)
    large = bytes(range(256)) * 40_000
    assert [b"body", large] == [await client.ask(Api.METADATA), await client.ask(Api.PRODUCE, large)]
    assert [Api.METADATA, Api.PRODUCE] == broker.asked
    assert {} == proxy.struck


async def test_a_cut_ends_every_connection_and_the_next_one_works(echo: tuple[Echo, Proxy, str]) -> None:
    """All of them at once; new ones are taken."""
    _, proxy, address = echo
    clients = [await connect(address) for _ in range(3)]
    for client in clients:
        await client.ask(Api.METADATA)
    assert 3 == proxy.cut()
    for client in clients:
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.ask(Api.METADATA)
    assert b"body" == await (await connect(address)).ask(Api.METADATA)
    assert {"cut": 1} == proxy.struck


async def test_new_connections_are_refused_until_it_heals(echo: tuple[Echo, Proxy, str]) -> None:
    """Those that are there go on."""
    _, proxy, address = echo
    old = await connect(address)
    await old.ask(Api.METADATA)
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await connect(address)
    assert b"body" == await old.ask(Api.METADATA)
    proxy.heal()
    assert b"body" == await (await connect(address)).ask(Api.METADATA)


async def test_a_stall_holds_everything_back_and_loses_nothing(echo: tuple[Echo, Proxy, str]) -> None:
    """The connection stays open: nobody can tell it from a slow one."""
    broker, proxy, address = echo
    client = await connect(address)
    await client.ask(Api.METADATA)
    proxy.stall()
    asking = asyncio.create_task(client.ask(Api.PRODUCE))
    await asyncio.wait({asking}, timeout=LATE_S)
    assert not asking.done()
    assert [Api.METADATA] == broker.asked
    proxy.heal()
    assert b"body" == await asking


async def test_a_connection_that_drips_brings_everything_late(echo: tuple[Echo, Proxy, str]) -> None:
    """So many bytes in a second, both ways: a request of 1,000 bytes at 2,000 a second takes a second or more."""
    _, proxy, address = echo
    client = await connect(address)
    await client.ask(Api.METADATA)
    proxy.drip(2_000)
    began = time.monotonic()
    assert bytes(1_000) == await client.ask(Api.PRODUCE, bytes(1_000))
    assert 0.9 < time.monotonic() - began


@pytest.mark.parametrize(("moment", "reaches"), [(Moment.ASKED, 0), (Moment.ANSWERED, 1)])
async def test_a_reset_strikes_one_kind_of_request(echo: tuple[Echo, Proxy, str], moment: Moment, reaches: int) -> None:
    """Before the broker has it, or when the broker has done it; other requests pass, and the next of its kind does."""
    broker, proxy, address = echo
    proxy.reset(Api.END_TXN, moment)
    client = await connect(address)
    assert b"body" == await client.ask(Api.PRODUCE)
    assert {} == proxy.struck
    with pytest.raises(ConnectionResetError):
        await client.ask(Api.END_TXN)
    assert reaches == broker.asked.count(Api.END_TXN)
    assert {f"reset END_TXN {moment}": 1} == proxy.struck
    assert b"body" == await (await connect(address)).ask(Api.END_TXN)


async def test_a_broker_that_is_away_is_away_behind_the_proxy_too() -> None:
    """A connection to nobody is ended, not held."""
    addresses = free_addresses()
    proxy = Proxy(addresses.proxy, addresses.proxied)
    proxy.start()
    try:
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await (await connect(addresses.proxy)).ask(Api.METADATA)
    finally:
        proxy.stop()
