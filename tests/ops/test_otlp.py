"""Traces reach a collector that answers; one that does not costs traces and nothing else, and nobody else is called."""

from __future__ import annotations

import asyncio
import io
import json
import os
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from stream.ops import log
from stream.ops.otlp import Bounds, Messages, Sender
from stream.ops.traces import Span, Trace
from tests.ops.collector import Collector, collecting

QUICK = Bounds(pause_s=0.01, retry_s=0.01, request_s=5.0, flush_s=5.0)
ROOT = Path(__file__).parents[2]


def trace(number: int = 1) -> Trace:
    root = Span("clip", number.to_bytes(8), b"", 1000, 9000, {"topic": "clips.raw", "partition": 3})
    return Trace(number.to_bytes(16), (root, Span("hear", bytes([9] * 8), root.id, 2000, 8000)))


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


def sender(url: str, counted: Counter[str], bounds: Bounds = QUICK) -> Sender:
    def count(outcome: str, number: int) -> None:
        counted[outcome] += number

    made = Sender(url, ssl.create_default_context(), count, bounds)
    made.start()
    return made


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def test_traces_arrive(collector: Collector) -> None:
    """Whole, with ids, times and values, as one service's; the answer is counted."""
    counted: Counter[str] = Counter()
    one = sender(collector.url, counted)
    for number in (1, 2):
        one.take(trace(number))
    await until(lambda: counted["sent"] == 2)
    root, hear, *_ = collector.spans
    assert (b"\0" * 15 + b"\1", b"\0" * 7 + b"\1", b"", 1000, 9000) == (
        root.trace_id, root.span_id, root.parent_span_id, root.start_time_unix_nano, root.end_time_unix_nano,
    )  # fmt: skip
    assert (root.span_id, root.trace_id) == (hear.parent_span_id, hear.trace_id)
    assert 4 == len(collector.spans)
    await one.close()
    assert {"sent": 2} == counted


def test_messages_are_those_of_opentelemetry() -> None:
    """Field by field what OpenTelemetry's own SDK writes of the same spans."""
    ours = ExportTraceServiceRequest.FromString(Messages().request([trace()]))

    def theirs(span: Span, parent: Span | None, kind: SpanKind) -> ReadableSpan:
        def context(of: Span) -> SpanContext:
            return SpanContext(1, int.from_bytes(of.id), is_remote=False, trace_flags=TraceFlags(1))

        return ReadableSpan(
            name=span.name,
            context=context(span),
            parent=context(parent) if parent else None,
            resource=Resource({"service.name": "clipveil"}),
            attributes=dict(span.values),
            kind=kind,
            instrumentation_scope=InstrumentationScope("clipveil"),
            start_time=span.began,
            end_time=span.ended,
        )

    root, hear = trace().spans
    expected = encode_spans([theirs(root, None, SpanKind.CONSUMER), theirs(hear, root, SpanKind.INTERNAL)])
    for span in (span for of in expected.resource_spans for scope in of.scope_spans for span in scope.spans):
        span.ClearField("flags")  # whether a parent is in another process: none is
        span.ClearField("status")  # unset
    assert expected == ours


async def test_nothing_waits_for_a_collector_that_is_down(collector: Collector) -> None:
    """Taking returns at once though nobody listens; what does not fit is lost and counted, and so is the rest."""
    counted: Counter[str] = Counter()
    one = sender("http://127.0.0.1:1/v1/traces", counted, replace(QUICK, queue=5, retry_s=60.0, pause_s=0.0))
    for number in range(20):
        one.take(trace(number))
    assert {"lost": 15} == counted
    await asyncio.sleep(0.05)
    await one.close()
    assert {"lost": 20} == counted


async def test_a_slow_collector_is_left_at_the_end(collector: Collector) -> None:
    """A close takes no longer than it may, whatever the collector does; what comes after it is lost at once."""
    collector.slow_s = 30.0
    counted: Counter[str] = Counter()
    one = sender(collector.url, counted, replace(QUICK, flush_s=0.3, request_s=30.0))
    one.take(trace())
    await until(lambda: collector.asked == 1)
    async with asyncio.timeout(20):  # it would take longer to wait for the answer
        await one.close()
    one.take(trace())
    assert {"lost": 2} == counted


async def test_a_request_is_given_up(collector: Collector) -> None:
    """One that gets no answer in time has failed, and the next is tried."""
    collector.slow_s = 30.0
    counted: Counter[str] = Counter()
    one = sender(collector.url, counted, replace(QUICK, request_s=1.0, attempts=2))
    one.take(trace())
    await until(lambda: counted["lost"] == 1)
    assert 2 == collector.asked
    await one.close()


async def test_an_answer_that_never_ends_is_given_up() -> None:
    """Byte by byte, so that there is always another one: the whole request has its time, not each wait."""
    counted: Counter[str] = Counter()
    dripped: list[int] = []

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not writer.is_closing():
            writer.write(b"x")
            dripped.append(1)
            await asyncio.sleep(0.01)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    one = sender(f"http://127.0.0.1:{port}/", counted, replace(QUICK, request_s=1.0, attempts=1))
    one.take(trace())
    await until(lambda: counted["lost"] == 1)
    assert len(dripped) > 1
    await one.close()
    server.close()


async def test_what_waits_is_sent_at_the_end(collector: Collector) -> None:
    """Without the pause that is between two requests."""
    counted: Counter[str] = Counter()
    one = sender(collector.url, counted, replace(QUICK, pause_s=3600.0, batch=2))
    for number in range(5):
        one.take(trace(number))
    await one.close()
    assert ({"sent": 5}, 3) == (counted, collector.asked)


@pytest.mark.parametrize(("status", "asked"), [(500, 1), (400, 1), (401, 1), (503, 3), (429, 3), (502, 3), (504, 3)])
async def test_refusals_are_tried_again_where_that_helps(collector: Collector, status: int, asked: int) -> None:
    """As the specification says: these are not for good, the others are; in the end traces are lost, and counted."""
    collector.always = status
    counted: Counter[str] = Counter()
    one = sender(collector.url, counted)
    one.take(trace())
    await until(lambda: counted["lost"] == 1)
    assert asked == collector.asked
    collector.always = 0
    one.take(trace())
    await until(lambda: counted["sent"] == 1)
    await one.close()


async def test_a_collector_that_comes_back_gets_them(collector: Collector) -> None:
    """One refusal costs nothing where it is not for good."""
    collector.failures = [503]
    counted: Counter[str] = Counter()
    one = sender(collector.url, counted)
    one.take(trace())
    await until(lambda: counted["sent"] == 1)
    await one.close()
    assert {"sent": 1} == counted


async def test_nobody_else_is_called(collector: Collector, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No redirect is followed, no proxy asked, no credential of the machine and no header of the environment sent."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login canary password canary\n")
    environment = {
        "HTTP_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1", "NETRC": str(tmp_path / "netrc"),
        "OTEL_EXPORTER_OTLP_HEADERS": "x-key=canary", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "OTEL_RESOURCE_ATTRIBUTES": "who=canary", "OTEL_SERVICE_NAME": "canary", "OTEL_TRACES_EXPORTER": "console",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    counted: Counter[str] = Counter()
    with collecting() as elsewhere:
        one = sender(collector.url, counted)
        one.take(trace())
        await until(lambda: counted.total() == 1)
        collector.always, collector.location = 307, elsewhere.url
        one.take(trace())
        await until(lambda: counted.total() == 2)
        await one.close()
        assert ({"sent": 1, "lost": 1}, 0) == (counted, elsewhere.asked)
    assert b"canary" not in b"".join(collector.raw)


async def test_a_collector_can_not_mark_us(collector: Collector) -> None:
    """What it asks to be told again is neither kept, where it would grow for ever, nor told."""
    collector.cookie = "mark"
    counted: Counter[str] = Counter()
    one = sender(collector.url, counted)
    for number in (1, 2):
        one.take(trace(number))
        await until(lambda expected=number: counted["sent"] == expected)
    await one.close()
    assert 2 == len(collector.raw)
    assert b"mark" not in b"".join(collector.raw)


async def test_the_log_says_so_once(collector: Collector) -> None:
    """One line when traces begin to be lost, with a status or a class and no word of the collector's."""
    told = io.StringIO()
    log.configure("INFO", told)
    collector.always = 500
    counted: Counter[str] = Counter()
    one = sender(collector.url, counted)
    for number in range(3):
        one.take(trace(number))
        await until(lambda expected=number + 1: counted["lost"] == expected)
    await one.close()
    lines = [json.loads(line) for line in told.getvalue().splitlines()]
    assert [("traces_lost", 500)] == [(line["event"], line.get("status")) for line in lines]
    assert not [line for line in lines if "dropped" in line]


async def test_a_trace_that_can_not_be_written_stops_nothing(collector: Collector) -> None:
    """It is lost, and the next one arrives."""
    counted: Counter[str] = Counter()
    one = sender(collector.url, counted, replace(QUICK, attempts=1))
    one.take(Trace(b"1" * 16, (Span("clip", b"", b"", -1, 2**80),)))
    await until(lambda: counted["lost"] == 1)
    one.take(trace())
    await until(lambda: counted["sent"] == 1)
    await one.close()


GLOBALS = """
import asyncio, ssl, sys
from stream.ops.otlp import Bounds, Sender
from stream.ops.traces import Span, Trace

async def main():
    one = Sender(sys.argv[1], ssl.create_default_context(), lambda outcome, number: print(outcome, number))
    one.start()
    one.take(Trace(b"1" * 16, (Span("clip", b"1" * 8, b"", 1, 2),)))
    await one.close()

asyncio.run(main())
ours = {name.split(".")[1] for name in sys.modules if name.startswith("opentelemetry.")}
print("imported:", sorted(ours))
from opentelemetry import metrics, trace
from opentelemetry.metrics import _internal
print("providers:", trace._TRACER_PROVIDER, _internal._METER_PROVIDER)
"""


def test_no_library_finds_a_provider_of_ours(collector: Collector) -> None:
    """Neither the SDK nor the API is imported, and no provider is set: what libraries report goes nowhere."""
    run = [sys.executable, "-c", GLOBALS, collector.url]
    environment = os.environ | {"PYTHONPATH": "."}
    said = subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True, env=environment)
    assert ["sent 1", "imported: ['proto']", "providers: None None"] == said.stdout.splitlines()
