"""A schema registry that answers with anything: the client gives a schema, refuses, or says that nobody can tell."""

from __future__ import annotations

import asyncio
import json
import ssl
import zlib
from functools import cache

from stream.clip import Reason, Refusal
from stream.ports import RegistryUnavailable
from stream.wire import avro
from stream.wire.registry import Registered, RestRegistry, SchemaRefused
from tests.fuzz.source import ODD_TEXTS, Source
from tests.fuzz.target import Target, promise

STATUSES = (200, 200, 200, 404, 404, 409, 422, 204, 302, 401, 429, 500, 999, 100)
CODES = (40403, 404, 40401, 0, "40403", [], {}, None, True, 1e300)
KEYS = ("schema", "id", "guid", "error_code", "is_compatible", "schemaType", "references")
NAMES = ("Content-Encoding", "Transfer-Encoding", "Location", "Content-Type", "Set-Cookie", "X" * 200, "", "\xff")
VALUES = ("gzip", "gzip, gzip, gzip", "deflate", "br", "chunked", "identity", "http://[", "a" * 70_000, "\xff\xfe", "")
TIMEOUT_S = 0.2
WHOLE_S = 90.0  # a busy machine is slow too; who waits for an answer that never ends waits longer
DRIPS = 10_000


class Hostile:
    """A server on a free port that sends ``pieces``, one after the other, and closes; None is a pause."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.pieces: list[bytes | None] = []
        self.sent = 0
        server = self.loop.run_until_complete(asyncio.start_server(self._answer, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self.trust = ssl.create_default_context()
        self._server = server

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 1.0)
            for piece in self.pieces:
                self.sent += 1
                if piece is None:
                    await asyncio.sleep(TIMEOUT_S / 4)
                else:
                    writer.write(piece)
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    def close(self) -> None:
        self._server.close()
        self.loop.run_until_complete(_cancelled())
        self.loop.close()

    async def ask(self, what: int) -> str:
        registry = RestRegistry(self.url, ssl_context=self.trust, timeout_s=TIMEOUT_S, attempts=2, backoff_s=0.001)
        try:
            if what == 0:
                found = await registry.writer_schema(7)
                promise(isinstance(found, str), "a schema that is no text")
            elif what == 1:
                promise(isinstance(await registry.compatible("s", '"int"'), bool), "neither compatible nor not")
            else:
                made = await (registry.register if what == 2 else registry.find)("s", '"int"')
                promise(_framed(made), "an id or a GUID that no frame can hold")
            return "answered"
        finally:
            await registry.close()


async def _cancelled() -> None:
    """Nobody answers any more."""
    answering = asyncio.all_tasks() - {asyncio.current_task()}
    for task in answering:
        task.cancel()
    await asyncio.gather(*answering, return_exceptions=True)


def _framed(made: Registered) -> bool:
    """Can every record be framed with it?"""
    try:
        for reference in (made.id, made.guid):
            if reference is not None:
                avro.frame(reference, b"")
    except Exception:
        return False
    return True


@cache
def server() -> Hostile:
    return Hostile()


def run_registry(data: bytes) -> str:
    source, hostile = Source(data), server()
    what = source.number(4)
    hostile.pieces = _answer(source)
    try:
        return hostile.loop.run_until_complete(asyncio.wait_for(hostile.ask(what), WHOLE_S))
    except Refusal as refusal:
        promise(refusal.reason is Reason.UNKNOWN_SCHEMA, f"a lookup refused for {refusal.reason}")
        return "unknown"
    except SchemaRefused:
        promise(what > 1, "a lookup refused as a registration is")
        return "refused"
    except RegistryUnavailable:
        return "unavailable"
    except TimeoutError:
        promise(False, "a registry that answers slowly holds its client up")
        raise


def _answer(source: Source) -> list[bytes | None]:
    if source.seldom(12):
        return [source.take(200), None, source.take(200)]
    body = _body(source)
    lines = [f"HTTP/1.1 {source.pick(STATUSES)} {source.pick(('OK', '', 'x' * 300))}"]
    for _ in range(source.number(4)):
        name, value = source.pick(NAMES), source.pick(VALUES)
        body = _squeezed(body, value) if name == "Content-Encoding" else body
        lines.append(f"{name}: {value}")
    if not source.seldom(6):
        length = len(body) if not source.seldom(6) else source.integer()
        lines.append(f"Content-Length: {length}")
    head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    if source.seldom(48):  # for ever, a little at a time
        return [head, *[body[:1] or b" ", None] * DRIPS]
    if source.seldom(64):
        return [b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000] * 20 + [head, body]
    return [head, body]


def _squeezed(body: bytes, encoding: str) -> bytes:
    for _ in range(encoding.count("gzip")):
        squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
        body = squeezer.compress(body) + squeezer.flush()
    return zlib.compress(body) if encoding == "deflate" else body


def _body(source: Source) -> bytes:
    kind = source.number(12)
    if kind == 0:
        return source.take(250)
    if kind == 1:
        return b"[" * (1 + 300 * source.byte())
    if kind == 2:
        return b'{"schema": "' + b"x" * (source.byte() << source.number(16)) + b'"}'
    if kind == 3:
        return b'{"id": ' + b"9" * (20 * source.byte()) + b"}"
    answer = {source.pick(KEYS): _value(source) for _ in range(1 + source.number(4))}
    answer |= {"error_code": source.pick(CODES)} if source.seldom(2) else {}
    return json.dumps(answer).encode("utf-8", "surrogatepass")


def _value(source: Source) -> object:
    texts = (*ODD_TEXTS, '"int"', "\ud800", "AVRO", "PROTOBUF", "00000000-0000-0000-0000-000000000001")
    return source.pick((source.pick(texts), source.integer(), True, False, None, [], {}, 1.5, ["x"], source.byte()))


def seeds() -> list[bytes]:
    return [bytes([what, 0, 4, count, key, kind]) + b"\0" * 30 for what in range(4)
            for count, key, kind in ((0, 0, 0), (1, 1, 1), (2, 2, 2), (1, 3, 5))]  # fmt: skip


TARGETS = (Target("registry", run_registry, seeds, length_max=300),)
