"""The HTTP server of a service that runs on: /livez, /readyz, /metrics."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from stream.commands.failure import CommandFailed

if TYPE_CHECKING:
    from stream.config.sections import HttpSettings
    from stream.ops.health import Check, Rendered


async def serve_probes(
    stack: contextlib.AsyncExitStack, http: HttpSettings, live: Check, ready: Check, metrics: Rendered
) -> int:
    """Listens until ``stack`` is left; returns the port. Raises CommandFailed where the address is taken."""
    from stream.ops.health import HealthServer

    server = HealthServer(http.host, http.port, live=live, ready=ready, metrics=metrics)
    stack.push_async_callback(server.stop)
    try:
        return await server.start()
    except OSError as error:
        raise CommandFailed(f"can't listen on {http.host}:{http.port}: {error.strerror}") from None
