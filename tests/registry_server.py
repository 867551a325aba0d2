"""A small but real schema registry for tests: Confluent's REST API over HTTP, on a FileRegistry."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from stream.clip import Refusal
from stream.wire.registry import SchemaRefused
from stream.wire.registry_files import FileRegistry


@dataclass
class RegistryServer:
    """Where it listens, what it was asked, and how it is made to fail: statuses to answer with before it works."""

    url: str = ""
    auth: tuple[str, str] | None = None
    tells_guid: bool = True  # older registries answer with the id alone
    requests: list[str] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    raw_answers: list[tuple[int, bytes]] = field(default_factory=list)


@contextmanager
def serving(folder: Path, auth: tuple[str, str] | None = None) -> Iterator[RegistryServer]:
    """A registry on a free port of this machine until the block ends."""
    state = RegistryServer(auth=auth)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = unquote(urlsplit(self.path).path).rstrip("/")
            state.requests.append(f"{self.command} {path}")
            if state.raw_answers:
                return self._send(*state.raw_answers.pop(0))
            if state.failures:
                return self._send(state.failures.pop(0), b"{}")
            if auth is not None and self.headers.get("Authorization") != basic(auth):
                return self._send(401, b'{"error_code": 401, "message": "Unauthorized"}')
            status, answer = asyncio.run(_route(FileRegistry(folder), self.command, path, json.loads(body or b"{}")))
            if not state.tells_guid and path.endswith("/versions"):
                answer.pop("guid", None)
            return self._send(status, json.dumps(answer).encode())

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def basic(auth: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(auth).encode()).decode()


async def _route(
    registry: FileRegistry, method: str, path: str, question: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    try:
        if found := re.fullmatch(r"/schemas/(ids|guids)/([^/]+)", path):
            reference = int(found[2]) if found[1] == "ids" else found[2]
            schema = await registry.writer_schema(reference)
            return 200, {"schema": schema, "schemaType": "AVRO"}
        if found := re.fullmatch(r"/compatibility/subjects/(.+)/versions/latest", path):
            return 200, {"is_compatible": await registry.compatible(found[1], question["schema"])}
        if found := re.fullmatch(r"/subjects/(.+)/versions", path):
            made = await registry.register(found[1], question["schema"])
            return 200, {"id": made.id, "guid": made.guid}
        if found := re.fullmatch(r"/subjects/(.+)", path):
            made = await registry.find(found[1], question["schema"])
            return 200, {
                "subject": found[1],
                "version": 1,
                "schema": question["schema"],
                "id": made.id,
                "guid": made.guid,
            }
    except Refusal:
        return 404, {"error_code": 40403, "message": "Schema not found"}
    except SchemaRefused:
        if method == "POST" and path.endswith("/versions"):
            return 409, {"error_code": 409, "message": "incompatible"}
        return 404, {"error_code": 40403, "message": "Schema not found"}
    return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}
