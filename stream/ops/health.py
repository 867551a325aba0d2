"""The HTTP server for probes and metrics: /livez, /readyz, /metrics. It serves nothing of any clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from stream.ops.metrics import CONTENT_TYPE

Check = Callable[[], bool]


class Rendered(Protocol):
    """Metrics, of whatever service."""

    def render(self) -> bytes: ...


class HealthServer:
    """Runs on the worker's own event loop, so that /livez hangs when the loop does.

    ``live`` false makes /livez answer 503, ``ready`` false makes /readyz answer 503.
    """

    def __init__(self, host: str, port: int, *, live: Check, ready: Check, metrics: Rendered) -> None:
        self._host, self._port = host, port
        self._live, self._ready, self._metrics = live, ready, metrics
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen; returns the port. Raises OSError where the address is taken."""
        app = web.Application()
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._scrape)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        address = self._runner.addresses[0]
        return int(address[1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _livez(self, _request: web.Request) -> web.Response:
        return _answer(self._live())

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _answer(self._ready())

    async def _scrape(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})


def _answer(good: bool) -> web.Response:
    return web.Response(text="ok\n") if good else web.Response(text="no\n", status=503)
