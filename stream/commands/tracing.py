"""Where traces go, if anywhere."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING

from stream.commands.failure import WRONG_INPUT, CommandFailed, told
from stream.commands.tls import Files, Renewed
from stream.config import Settings

if TYPE_CHECKING:
    from stream.ops.metrics import Metrics
    from stream.worker import Trace


def usable(settings: Settings) -> None:
    """Raises CommandFailed where traces are asked for and can't be made or sent."""
    if settings.traces.endpoint is not None:
        from stream.ops.otlp import Messages, NoTraces

        with told(NoTraces, code=WRONG_INPUT, prefix="traces.endpoint: "):
            Messages()
        _tls(settings)


async def tracer(stack: contextlib.AsyncExitStack, settings: Settings, metrics: Metrics) -> Trace | None:
    """What the worker tells of its commits; None where no traces are wanted. ``stack`` sends the last ones."""
    of = settings.traces
    if of.endpoint is None:
        return None
    from stream.ops.otlp import Bounds, Sender
    from stream.ops.traces import Tracer

    sender = Sender(of.endpoint, _tls(settings), metrics.traces, Bounds(flush_s=of.flush_seconds_max))
    sender.start()
    stack.push_async_callback(sender.close)
    return Tracer(sender.take, of.share, metrics.log_dropped)


def _tls(settings: Settings) -> ssl.SSLContext:
    try:
        return Renewed(Files(settings.traces.ca_file))
    except OSError:  # ssl's own errors too
        raise CommandFailed("traces.ca_file: the file that it names holds no certificates", WRONG_INPUT) from None
