"""Sends traces to a collector: OTLP over HTTP, the one address that the settings name, and never in the way of a clip.

The messages are those of ``opentelemetry-proto``, filled field by field. OpenTelemetry's SDK is not used: it takes
addresses, headers and attributes from the environment, and has a provider that libraries would find (decision 17).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx

from stream.ops.log import Event, fault, get
from stream.ops.traces import CLIP, Span, Trace

SERVICE: Final = "clipveil"
TRY_AGAIN: Final = frozenset({429, 502, 503, 504})  # of the OTLP specification; any other refusal is final
_HEADERS: Final = {"Content-Type": "application/x-protobuf", "User-Agent": SERVICE}


class NoTraces(Exception):
    """What traces are made of is not installed."""


@dataclass(frozen=True)
class Bounds:
    """Everything that the sender bounds."""

    queue: int = 1000  # traces that wait; more are lost
    batch: int = 100  # traces in one request
    pause_s: float = 2.0  # between two requests
    request_s: float = 10.0
    attempts: int = 3
    retry_s: float = 2.0  # doubles
    flush_s: float = 5.0  # at the end, all in all


class Messages:
    """The protobuf messages. Raises NoTraces where they are not installed; nothing imports them before that."""

    def __init__(self) -> None:
        proto = "opentelemetry.proto."
        try:
            self._service: Any = importlib.import_module(f"{proto}collector.trace.v1.trace_service_pb2")
            self._trace: Any = importlib.import_module(f"{proto}trace.v1.trace_pb2")
            self._common: Any = importlib.import_module(f"{proto}common.v1.common_pb2")
        except ImportError:
            raise NoTraces("traces need more packages: pip install 'clipveil[traces]'") from None

    def request(self, traces: Sequence[Trace]) -> bytes:
        """One request for the collector."""
        request = self._service.ExportTraceServiceRequest()
        of_service = request.resource_spans.add()
        of_service.resource.attributes.append(self._pair("service.name", SERVICE))
        of_scope = of_service.scope_spans.add()
        of_scope.scope.name = SERVICE
        of_scope.spans.extend(self._span(trace.id, span) for trace in traces for span in trace.spans)
        return bytes(request.SerializeToString())

    def _span(self, trace_id: bytes, span: Span) -> Any:
        kind = "SPAN_KIND_CONSUMER" if span.name == CLIP else "SPAN_KIND_INTERNAL"
        return self._trace.Span(
            trace_id=trace_id,
            span_id=span.id,
            parent_span_id=span.parent,
            name=span.name,
            kind=self._trace.Span.SpanKind.Value(kind),
            start_time_unix_nano=span.began,
            end_time_unix_nano=span.ended,
            attributes=[self._pair(key, value) for key, value in span.values.items()],
        )

    def _pair(self, key: str, value: str | int) -> Any:
        told = {"string_value": value} if isinstance(value, str) else {"int_value": value}
        return self._common.KeyValue(key=key, value=self._common.AnyValue(**told))


class Sender:
    """Takes traces at once, sends them when it can. ``start`` it, and ``close`` it; all on one event loop."""

    def __init__(
        self,
        endpoint: str,
        tls: ssl.SSLContext,
        count: Callable[[str, int], None] = lambda _outcome, _number: None,
        bounds: Bounds | None = None,
    ) -> None:
        """``count`` is told how many were ``sent`` or ``lost``. Raises NoTraces."""
        self._endpoint, self._tls, self._count = endpoint, tls, count
        self._bounds = bounds or Bounds()
        self._messages = Messages()
        self._waiting: deque[Trace] = deque()
        self._some = asyncio.Event()
        self._closing = asyncio.Event()
        self._failing = False
        self._task: asyncio.Task[None] | None = None

    def take(self, trace: Trace) -> None:
        """Never waits: where too many wait already it is lost, and counted."""
        if len(self._waiting) >= self._bounds.queue or self._closing.is_set():
            self._count("lost", 1)
            return
        self._waiting.append(trace)
        self._some.set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Sends what waits, for ``flush_s`` at most, and gives up the rest."""
        self._closing.set()
        self._some.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=self._bounds.flush_s)
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1.0)  # a cancellation can get lost in libraries
        if self._waiting:
            self._count("lost", len(self._waiting))
            self._waiting.clear()

    async def _run(self) -> None:
        # Neither proxies nor credentials of the environment, and no redirect: nobody else is to be called. No cookies:
        # a collector that gives one with every answer would fill our memory, and know us by them.
        async with httpx.AsyncClient(
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers=_HEADERS,
            timeout=self._bounds.request_s,
        ) as client:
            while not (self._closing.is_set() and not self._waiting):
                await self._some.wait()
                await self._pause(self._bounds.pause_s)
                batch = [self._waiting[place] for place in range(min(self._bounds.batch, len(self._waiting)))]
                if not batch:  # the end, and nothing is left to tell
                    continue
                sent = await self._sent(client, batch)
                self._count("sent" if sent else "lost", len(batch))
                for _ in batch:  # those that wait no more; until then they count as waiting, and a close tells them
                    self._waiting.popleft()
                if not self._waiting and not self._closing.is_set():
                    self._some.clear()

    async def _sent(self, client: httpx.AsyncClient, batch: Sequence[Trace]) -> bool:
        for attempt in range(1, self._bounds.attempts + 1):
            try:
                status = await self._asked(client, self._messages.request(batch))
            except Exception as error:  # noqa: BLE001 - whatever it is, clips go on without traces
                self._tell(fault(error))
            else:
                if httpx.codes.is_success(status):
                    self._failing = False
                    return True
                self._tell({"status": status})
                if status not in TRY_AGAIN:
                    return False
            if self._closing.is_set() or attempt == self._bounds.attempts:
                return False
            await self._pause(self._bounds.retry_s * 2.0 ** (attempt - 1))
        return False

    async def _asked(self, client: httpx.AsyncClient, body: bytes) -> int:
        """The status; what else the collector says is not read."""
        async with asyncio.timeout(self._bounds.request_s), client.stream("POST", self._endpoint, content=body) as told:
            return told.status_code

    async def _pause(self, seconds: float) -> None:
        """Cut short by the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def _tell(self, values: dict[str, object]) -> None:
        """Once, until one is sent again: the counter says how many."""
        if not self._failing:
            self._failing = True
            get().warning(Event.TRACES_LOST, **values)
