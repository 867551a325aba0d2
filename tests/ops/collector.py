"""A receiver of OTLP over HTTP for tests: it decodes what it is sent, keeps every byte, and fails as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """Where it listens, what it was sent, and the statuses that it gives before it takes anything."""

    url: str = ""
    failures: list[int] = field(default_factory=list)
    always: int = 0  # a status for every request
    location: str = ""  # of an answer that leads elsewhere
    cookie: str = ""  # that it gives with every answer
    slow_s: float = 0.0
    asked: int = 0
    raw: list[bytes] = field(default_factory=list)  # request lines, headers and bodies
    taken: list[ExportTraceServiceRequest] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        scopes = [scope for each in self.taken for of in each.resource_spans for scope in of.scope_spans]
        return [span for scope in scopes for span in scope.spans]

    def roots(self) -> list[Span]:
        return [span for span in self.spans if not span.parent_span_id]

    def inside(self, parent: Span) -> list[Span]:
        return [span for span in self.spans if span.parent_span_id == parent.span_id]


def values(span: Span) -> dict[str, object]:
    """Its attributes."""
    told = [(each.key, each.value) for each in span.attributes]
    return {key: value.string_value if value.HasField("string_value") else value.int_value for key, value in told}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port of this machine until the block ends."""
    state = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.asked += 1
            state.raw.append(self.requestline.encode() + b"\r\n" + bytes(self.headers) + body)
            time.sleep(state.slow_s)
            status = state.always or (state.failures.pop(0) if state.failures else 200)
            if status == 200 and self.path == "/v1/traces":
                state.taken.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(status)
            if state.location:
                self.send_header("Location", state.location)
            if state.cookie:
                self.send_header("Set-Cookie", f"{state.cookie}{state.asked}=canary; Path=/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
