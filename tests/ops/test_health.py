"""Probes and metrics over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from stream.ops.health import CONNECTIONS_MAX, HealthServer
from stream.ops.metrics import Metrics


@pytest.mark.parametrize(("live", "ready"), [(True, True), (True, False), (False, False)])
async def test_probes_say_what_the_checks_say(live: bool, ready: bool) -> None:
    """200 or 503; /metrics is served either way."""
    server = HealthServer("127.0.0.1", 0, live=lambda: live, ready=lambda: ready, metrics=Metrics())
    port = await server.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            answers = {path: (await client.get(path)).status_code for path in ("/livez", "/readyz", "/metrics", "/x")}
            scraped = (await client.get("/metrics")).text
    finally:
        await server.stop()
    expected = {"/livez": 200 if live else 503, "/readyz": 200 if ready else 503, "/metrics": 200, "/x": 404}
    assert expected == answers
    assert "clipveil_published_total 0.0" in scraped


async def test_a_taken_port_is_an_error() -> None:
    """Two services on one port don't share it silently."""
    one = HealthServer("127.0.0.1", 0, live=lambda: True, ready=lambda: True, metrics=Metrics())
    port = await one.start()
    other = HealthServer("127.0.0.1", port, live=lambda: True, ready=lambda: True, metrics=Metrics())
    try:
        with pytest.raises(OSError, match="in use"):
            await other.start()
    finally:
        await one.stop()
        await other.stop()


@pytest.fixture
async def serving() -> AsyncIterator[int]:
    """The port of a server whose connections may last for half a second."""
    checks = {"live": lambda: True, "ready": lambda: True}
    server = HealthServer("127.0.0.1", 0, **checks, metrics=Metrics(), connection_s=0.5)
    yield await server.start()
    await server.stop()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until the server ended the connection."""
    async with asyncio.timeout(30):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize(
    "said", [b"", b"GET /livez HT", b"GET /livez HTTP/1.1\r\nHost: a\r\n", b"POST /livez HTTP/1.1\r\nContent-Length: 9"]
)
async def test_whoever_says_nothing_more_is_sent_away(serving: int, said: bytes) -> None:
    """Nothing, half a line, half the headers: the connection ends by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", serving)
    writer.write(said)
    assert b"" == await ended(reader)
    writer.close()


async def test_drops_of_a_request_do_not_prolong_it(serving: int) -> None:
    """A header every now and then, for ever: as above."""
    reader, writer = await asyncio.open_connection("127.0.0.1", serving)
    writer.write(b"GET /livez HTTP/1.1\r\n")
    over = asyncio.create_task(ended(reader))
    while not over.done():
        writer.write(b"a: b\r\n")
        await asyncio.sleep(0.05)
    assert b"" == over.result()
    writer.close()


async def test_a_large_request_is_not_read_to_its_end() -> None:
    """Many headers that are small each: no answer, and the next one is answered. Nothing waits for a time."""
    server = HealthServer("127.0.0.1", 0, live=lambda: True, ready=lambda: True, metrics=Metrics(), connection_s=600)
    port = await server.start()
    for many, expected in ((100, b"200 OK"), (4_000, b"")):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: a\r\n" + b"name: value\r\n" * many + b"\r\n")
        answer = await ended(reader)
        assert (bool(expected), True) == (bool(answer), expected in answer)
        writer.close()
    await server.stop()


async def test_one_connection_is_one_request(serving: int) -> None:
    """It ends with the answer, so that whoever scrapes keeps no place."""
    reader, writer = await asyncio.open_connection("127.0.0.1", serving)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
    assert 1 == (await ended(reader)).count(b"200 OK")
    writer.close()


async def test_a_crowd_does_not_keep_a_probe_out() -> None:
    """Where all places are taken, and would be for minutes, the oldest goes and the probe is answered; there are never
    more than so many, and a stop does not wait for them."""
    server = HealthServer("127.0.0.1", 0, live=lambda: True, ready=lambda: True, metrics=Metrics(), connection_s=600)
    port = await server.start()
    crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3 * CONNECTIONS_MAX)]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        assert 200 == (await client.get("/livez")).status_code
    for reader, _ in crowd[: 2 * CONNECTIONS_MAX]:
        assert b"" == await ended(reader)
    assert not any(reader.at_eof() for reader, _ in crowd[-CONNECTIONS_MAX + 2 :])
    assert len(server._connections) <= CONNECTIONS_MAX
    async with asyncio.timeout(30):
        await server.stop()
    for _, writer in crowd:
        writer.close()
