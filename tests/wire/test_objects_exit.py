"""A process may end as soon as its object store has answered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.wire.s3 import s3_server

ROOT = Path(__file__).parents[2]
# Whichever thread brings an answer is held in Python until the interpreter is being taken down, which takes a while.
SLOW = """
import asyncio, sys, time
from stream.objects import Place
from stream.wire.objects_store import Access, Store

handed_over = asyncio.BaseEventLoop.call_soon_threadsafe

def slowly(*arguments, **named):
    handle = handed_over(*arguments, **named)
    time.sleep(0.5)
    return handle

class Late:
    def __del__(self, sleep=time.sleep):
        sleep(2)

async def work():
    access = Access(20.0, endpoint=sys.argv[1], access_key_id="a", secret_access_key="b")
    store = Store(Place.of("s3://published/out/"), access)
    await store.put("a.flac", b"abc")
    assert b"abc" == await store.get("a.flac", 3)
    assert [3] == [found.size async for found in store.listed()]
    asyncio.BaseEventLoop.call_soon_threadsafe = slowly
    await store.delete("a.flac")

asyncio.late = Late()
asyncio.run(work())
"""


def test_an_answer_that_comes_as_the_process_ends() -> None:
    """A thread of the client's own that enters an interpreter at its end aborts it: 134 in place of 0, and no word."""
    with s3_server() as s3:
        ended = subprocess.run(
            [sys.executable, "-c", SLOW, s3.url], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
    assert (0, "") == (ended.returncode, ended.stderr)
