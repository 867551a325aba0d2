"""What is read of an object whose store does not tell its length as it is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError

from stream.clip import Reason, Refusal
from stream.objects import Place
from stream.ports import ObjectsUnavailable
from stream.wire.objects_store import Access, Store


@dataclass
class Lying:
    """What obstore gives of an object: told to be so long, and in truth of these pieces."""

    size: int
    pieces: list[bytes]
    taken: int = 0

    @property
    def meta(self) -> dict[str, int]:
        return {"size": self.size}

    def stream(self, min_chunk_size: int) -> Iterator[bytes]:
        for piece in self.pieces:
            self.taken += 1
            yield piece


async def read(lying: Lying, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(obstore, "get", lambda *_: lying)
    access = Access(20.0, endpoint="http://127.0.0.1:1", access_key_id="a", secret_access_key="b")
    return await Store(Place.of("s3://raw/clips/"), access).get("1.wav", 1000)


async def test_a_download_stops_whatever_the_store_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that is longer than told fills no memory: no more is taken than the bound and one piece."""
    lying = Lying(10, [bytes(400)] * 100)
    with pytest.raises(Refusal) as caught:
        await read(lying, monkeypatch)
    assert (Reason.AUDIO_TOO_LARGE, 3) == (caught.value.reason, lying.taken)


async def test_a_body_that_ends_early_is_not_the_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it say anything of the clip: it is asked for again."""
    with pytest.raises(ObjectsUnavailable, match="Truncated"):
        await read(Lying(10, [bytes(9)]), monkeypatch)
    assert bytes(10) == await read(Lying(10, [bytes(9), bytes(1)]), monkeypatch)


async def test_a_put_that_was_given_up_writes_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clip may have been erased by then, and the object be back for nobody to see."""
    modes, looked = [], threading.Event()

    def put(*_: object, mode: str, use_multipart: bool) -> None:
        modes.append(mode)
        if mode == "create":
            time.sleep(0.4)
            raise AlreadyExistsError

    monkeypatch.setattr(obstore, "put", put)
    monkeypatch.setattr(obstore, "head", lambda *_: looked.set() or {"size": 1, "last_modified": datetime.now(UTC)})
    access = Access(0.1, endpoint="http://127.0.0.1:1", access_key_id="a", secret_access_key="b")
    with pytest.raises(ObjectsUnavailable):
        await Store(Place.of("s3://published/"), access).put("1.flac", b"abc")
    assert await asyncio.to_thread(looked.wait, 20)
    await asyncio.sleep(0.2)
    assert ["create"] == modes
