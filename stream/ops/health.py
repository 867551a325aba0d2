"""The HTTP server for probes and metrics: /livez, /readyz, /metrics. It serves nothing of any clip.

Whoever reaches the port must not keep the probes from answering, nor take memory or descriptors away from the work:
connections are few and short, each is for one request, and a request is small. Where one too many comes the oldest
goes, and not the newest: a probe is done in milliseconds, what has waited longest is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from aiohttp import web

from stream.ops.metrics import CONTENT_TYPE

Check = Callable[[], bool]

CONNECTIONS_MAX: Final = 32
CONNECTION_S: Final = 10.0  # from the first byte of the request to the last of the answer
REQUEST_BYTES_MAX: Final = 16 * 1024  # headers, and a body that nobody asked for


class Rendered(Protocol):
    """Metrics, of whatever service."""

    def render(self) -> bytes: ...


class HealthServer:
    """Runs on the worker's own event loop, so that /livez hangs when the loop does.

    ``live`` false makes /livez answer 503, ``ready`` false makes /readyz answer 503.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        live: Check,
        ready: Check,
        metrics: Rendered,
        connection_s: float = CONNECTION_S,
    ) -> None:
        self._host, self._port = host, port
        self._live, self._ready, self._metrics = live, ready, metrics
        self._connection_s = connection_s
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._connections: dict[_Connection, asyncio.Transport] = {}  # the oldest first

    async def start(self) -> int:
        """Listen; returns the port. Raises OSError where the address is taken."""
        app = web.Application()
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._scrape)
        self._runner = web.AppRunner(app, handle_signals=False)
        await self._runner.setup()
        loop, serving = asyncio.get_running_loop(), self._runner.server
        self._server = await loop.create_server(
            lambda: _Connection(self._connections, self._connection_s, serving), self._host, self._port
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._runner is not None:
            for transport in list(self._connections.values()):
                transport.abort()
            await self._runner.cleanup()
            self._runner = None

    async def _livez(self, _request: web.Request) -> web.Response:
        return _answer(self._live())

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _answer(self._ready())

    async def _scrape(self, _request: web.Request) -> web.Response:
        return _last(web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE}))


class _Connection(web.RequestHandler):  # type: ignore[type-arg,misc,unused-ignore] # what it is generic in is not told
    """One that ends, whatever its other side does."""

    __slots__ = ("_end", "_open", "_seconds", "_taken")

    def __init__(self, open_: dict[_Connection, asyncio.Transport], seconds: float, serving: Any) -> None:
        silent: Any = None
        super().__init__(serving, loop=asyncio.get_running_loop(), access_log=silent, lingering_time=0.0)
        self._open, self._seconds = open_, seconds
        self._taken = 0
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        own = cast(asyncio.Transport, transport)
        if len(self._open) >= CONNECTIONS_MAX:
            oldest = next(iter(self._open))
            self._open.pop(oldest).abort()
        self._open[self] = own
        self._end = asyncio.get_running_loop().call_later(self._seconds, own.abort)

    def data_received(self, data: bytes) -> None:
        self._taken += len(data)
        if self._taken > REQUEST_BYTES_MAX:
            self.force_close()
        else:
            super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._open.pop(self, None)
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)


def _answer(good: bool) -> web.Response:
    return _last(web.Response(text="ok\n") if good else web.Response(text="no\n", status=503))


def _last(response: web.Response) -> web.Response:
    """The connection ends with it: one that stays open between two scrapes would take the place of others."""
    response.force_close()
    return response
