"""A small but real token endpoint for tests, over https, that can be made to fail."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from tests.kafka.certificates import Authority

NAME, SECRET = "clipveil", "canary-secret"


@dataclass
class TokenServer:
    """Where it listens, what it was asked, and what it answers next: a status, a body, and after how long."""

    url: str = ""
    issue: Callable[[], dict[str, object]] = dict
    dripping: bool = False  # a byte a second
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    faults: list[tuple[int, bytes, float]] = field(default_factory=list)


@contextmanager
def issuing(folder: Path, authority: Authority) -> Iterator[TokenServer]:
    """On a free port of this machine until the block ends; ``authority`` vouches for it."""
    state = TokenServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.forms.append(parse_qs(body.decode()))
            known = "Basic " + base64.b64encode(f"{NAME}:{SECRET}".encode()).decode()
            if state.faults:
                status, answer, after_s = state.faults.pop(0)
                time.sleep(after_s)
            elif self.headers.get("Authorization") != known:
                status, answer = 401, b'{"error": "invalid_client"}'
            else:
                status, answer = 200, json.dumps(state.issue()).encode()
            self._send(status, answer)

        def _send(self, status: int, answer: bytes) -> None:
            try:
                self.send_response(status)
                self.send_header("Location", "https://127.0.0.1:1/")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                for at in range(len(answer)) if state.dripping else ():
                    self.wfile.write(answer[at : at + 1])
                    time.sleep(1.0)
                self.wfile.write(b"" if state.dripping else answer)
            except OSError:
                pass  # whoever asked has not waited

        def log_message(self, *_: object) -> None:
            """Nothing is told."""

    authority.issue("tokens", folder / "tokens.crt", folder / "tokens.key")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "tokens.crt", folder / "tokens.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign, assignment] # a handshake that the client ends
    state.url = f"https://127.0.0.1:{server.server_port}/token"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
