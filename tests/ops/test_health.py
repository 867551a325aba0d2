"""Probes and metrics over HTTP."""

from __future__ import annotations

import httpx
import pytest

from stream.ops.health import HealthServer
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
