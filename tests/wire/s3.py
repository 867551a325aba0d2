"""A real S3 server (moto's) on this machine, and a proxy before it that breaks what passes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import boto3
import httpx
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

BUCKETS = ("raw", "published")


class S3:
    """Where it listens, and Amazon's own client: nothing of ours looks at what ours did."""

    def __init__(self, url: str) -> None:
        self.url = url
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
        self._client = boto3.client("s3", endpoint_url=url, **keys)

    def make(self, bucket: str) -> None:
        self._client.create_bucket(Bucket=bucket)

    def put(self, path: str, content: bytes) -> None:
        bucket, _, key = path.partition("/")
        self._client.put_object(Bucket=bucket, Key=key, Body=content)

    def get(self, path: str) -> bytes:
        bucket, _, key = path.partition("/")
        found: bytes = self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return found

    def delete(self, path: str) -> None:
        bucket, _, key = path.partition("/")
        self._client.delete_object(Bucket=bucket, Key=key)

    def head(self, path: str) -> dict[str, Any]:
        bucket, _, key = path.partition("/")
        return dict(self._client.head_object(Bucket=bucket, Key=key))

    def age(self, bucket: str, by: timedelta) -> None:
        """As if everything had been written so much earlier."""
        for key in s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys.values():
            key.last_modified -= by

    def keys(self, bucket: str) -> list[str]:
        return [found["Key"] for found in self._client.list_objects_v2(Bucket=bucket).get("Contents", ())]


@contextmanager
def s3_server() -> Iterator[S3]:
    """With two empty buckets. One after the other: all servers of a process share what they hold."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    found = S3(f"http://{host}:{port}")
    httpx.post(f"{found.url}/moto-api/reset").raise_for_status()
    for bucket in BUCKETS:
        found.make(bucket)
    try:
        yield found
    finally:
        server.stop()


@dataclass
class Breaking:
    """A proxy that counts requests and does to each answer what ``faults`` says next; without faults it passes all on.

    ``503`` and ``403`` answer so, ``cut`` ends in the middle of the body, ``stall`` sends half of it and then nothing,
    ``redirect`` sends the client to the server behind, which would answer; ``lost`` has been done, and nobody says so.
    ``choose`` says of other requests what happens to them, and ``done`` is told what the server behind has done.
    """

    behind: str
    url: str = ""
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    for_ever: str = ""
    choose: Callable[[str], str] = lambda request: ""
    done: Callable[[str], None] = lambda request: None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = head.decode().split("\r\n")
        method, path, _ = lines[0].split(" ")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        low = {name.lower(): value for name, value in headers.items()}
        body = await reader.readexactly(int(low.get("content-length", 0)))
        self.requests.append(f"{method} {path}")
        fault = self.for_ever or (self.faults.pop(0) if self.faults else self.choose(f"{method} {path}"))
        if fault in ("503", "403"):
            writer.write(f"HTTP/1.1 {fault} No\r\nContent-Length: 0\r\n\r\n".encode())
            return
        if fault == "redirect":
            there = f"HTTP/1.1 307 There\r\nLocation: {self.behind}{path}\r\nContent-Length: 0\r\n\r\n"
            writer.write(there.encode())
            return
        async with httpx.AsyncClient() as client:
            passed = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length")}
            answer = await client.request(method, self.behind + path, headers=passed, content=body)
        self.done(f"{method} {path}")
        if fault == "lost":
            raise ConnectionError
        told = {
            name: value for name, value in answer.headers.items() if name not in ("connection", "transfer-encoding")
        }
        told["content-length"] = answer.headers.get("content-length", str(len(answer.content)))
        lines = [f"HTTP/1.1 {answer.status_code} X", *(f"{name}: {value}" for name, value in told.items())]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        if method == "HEAD":
            return
        if fault in ("cut", "stall"):
            writer.write(answer.content[: len(answer.content) // 2])
            await writer.drain()
            if fault == "stall":
                await reader.read()  # until the client goes
            raise ConnectionError
        writer.write(answer.content)
        await writer.drain()


@asynccontextmanager
async def breaking(behind: str) -> AsyncIterator[Breaking]:
    """It listens on 127.0.0.1."""
    proxy = Breaking(behind)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
