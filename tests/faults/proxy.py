"""A TCP proxy in front of a broker, which does to connections what networks do to them.

It reads the frames of Kafka's protocol, so that it can reset a connection at one kind of request: before the broker has
it, or once the broker has answered and the client does not know. It runs in a thread of its own: every method may be
called from anywhere, and has been done when it returns.
"""

from __future__ import annotations

import asyncio
import threading
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from tests.faults.proxy_connection import Api, Connection, Moment, Rules, Straggler

__all__ = ["Api", "Moment", "Proxy"]

PATIENCE_S = 10.0
T = TypeVar("T")


class Proxy:
    """Between ``listen`` and ``forward``, both host:port. ``start`` it, do things to it, ``stop`` it.

    ``struck`` tells what really happened: a reset that waits for a request that never comes is no fault.
    """

    def __init__(self, listen: str, forward: str) -> None:
        self._listen, self._forward = _split(listen), _split(forward)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._rules = Rules()
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    def start(self) -> None:
        self._thread.start()
        self._do(self._listening())

    def stop(self) -> None:
        self._do(self._deaf())
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    @property
    def struck(self) -> Counter[str]:
        return Counter(self._rules.struck)

    # -------------------------------------------------------------- what it does
    def cut(self) -> int:
        """Ends all connections; new ones may come at once. Returns how many there were."""
        return self._now("cut", self._cut)

    def refuse(self) -> None:
        """New connections are refused, as by a host where nobody listens; old ones stay."""
        self._count("refuse")
        self._do(self._deaf())

    def stall(self) -> None:
        """Nothing goes through in either direction, and nobody is told: connections stay, new ones are taken."""
        self._now("stall", self._rules.flowing.clear)

    def drip(self, bytes_per_s: float) -> None:
        """So many bytes of each direction of each connection."""

        def slow() -> None:
            self._rules.bytes_per_s = bytes_per_s

        self._now("drip", slow)

    def reset(self, api: Api, moment: Moment, times: int = 1) -> None:
        """The next ``times`` requests of this kind end in a reset of their connection, which ``struck`` then tells."""

        def arm() -> None:
            self._rules.resets[api, moment] += times

        self._now(None, arm)

    def delay(self, api: Api, before: Api, passing: int = 0) -> None:
        """The next request of this kind ends in a reset, and reaches the broker late: just before one of the kind
        ``before``, of which ``passing`` go first. ``struck`` tells when it has arrived."""

        def arm() -> None:
            self._rules.straggler = Straggler(api, before, passing)

        self._now(None, arm)

    def heal(self) -> None:
        """Everything goes through again; resets that have not struck never will."""

        async def well() -> None:
            self._rules.bytes_per_s = None
            self._rules.resets.clear()
            self._rules.straggler = None
            self._rules.flowing.set()
            await self._listening()

        self._do(well())

    # -------------------------------------------------------------- in its own thread
    async def _listening(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, *self._listen)

    async def _deaf(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            broker = await asyncio.open_connection(*self._forward)
        except OSError:  # the broker is away, and its client shall see it so
            writer.transport.abort()
            return
        connection = Connection((reader, writer), broker, self._rules)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    def _cut(self) -> int:
        for connection in self._connections:
            connection.cut()
        return len(self._connections)

    async def _end(self) -> None:
        self._cut()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*serving, return_exceptions=True)

    # -------------------------------------------------------------- from any thread
    def _now(self, fault: str | None, act: Callable[[], T]) -> T:
        async def done() -> T:
            return act()

        if fault:
            self._count(fault)
        return self._do(done())

    def _count(self, fault: str) -> None:
        async def count() -> None:
            self._rules.struck[fault] += 1

        self._do(count())

    def _do(self, act: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(act, self._loop).result(PATIENCE_S)


def _split(address: str) -> tuple[str, int]:
    host, port = address.split(":")
    return host, int(port)
