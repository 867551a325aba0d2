"""One connection through the proxy: Kafka's frames, forwarded one by one as the rules of the moment say."""

from __future__ import annotations

import asyncio
import enum
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

LENGTH = struct.Struct(">i")
REQUEST = struct.Struct(">hhi")  # api key, its version, correlation id
ANSWER = struct.Struct(">i")  # correlation id
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds: closing sends a reset
TICK_S = 0.05  # between two drops of a connection that drips


class Api(enum.IntEnum):
    """Kinds of requests, by their key in the protocol."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    INIT_PRODUCER_ID = 22
    ADD_PARTITIONS_TO_TXN = 24
    ADD_OFFSETS_TO_TXN = 25
    END_TXN = 26
    TXN_OFFSET_COMMIT = 28


class Moment(enum.StrEnum):
    """When a connection is reset. At ``ANSWERED`` the broker has done what was asked, and the client does not know."""

    ASKED = "asked"
    ANSWERED = "answered"


@dataclass
class Straggler:
    """A request that its client has given up, and that reaches the broker all the same: just before a request of the
    kind ``before``, of which ``passing`` go first."""

    api: Api
    before: Api
    passing: int
    frame: bytes = b""
    broker: tuple[StreamReader, StreamWriter] | None = None

    async def arrive(self) -> None:
        """Returns when the broker has answered, to nobody."""
        assert self.broker is not None
        reader, writer = self.broker
        writer.write(self.frame)
        await _frame(reader)
        writer.transport.abort()


@dataclass
class Rules:
    """What holds for all connections now. Touched by the proxy's own thread alone."""

    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    bytes_per_s: float | None = None
    resets: Counter[tuple[Api, Moment]] = field(default_factory=Counter)  # so many are to come
    straggler: Straggler | None = None
    struck: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.flowing.set()

    def due(self, api: int, moment: Moment) -> bool:
        """Whether this request is one to be reset; if so it has been counted."""
        if self.resets[api, moment] <= 0:  # type: ignore[index] # an int is found where the enum is
            return False
        known = Api(api)
        self.resets[known, moment] -= 1
        self.struck[f"reset {known.name} {moment}"] += 1
        return True

    def strays(self, api: int, frame: bytes, broker: tuple[StreamReader, StreamWriter]) -> bool:
        """Whether this request is the one to come late; if so it is kept, with its way to the broker."""
        late = self.straggler
        if late is None or late.broker is not None or late.api != api:
            return False
        late.frame, late.broker = frame, broker
        return True

    async def let_in(self, api: int) -> None:
        """What is late arrives before this request, if it is to."""
        late = self.straggler
        if late is None or late.broker is None or late.before != api:
            return
        late.passing -= 1
        if late.passing < 0:
            self.straggler = None
            await late.arrive()
            self.struck[f"late {late.api.name}"] += 1


class Connection:
    """``run`` it until one side ends it, or ``reset`` or ``cut`` do."""

    def __init__(
        self, client: tuple[StreamReader, StreamWriter], broker: tuple[StreamReader, StreamWriter], rules: Rules
    ) -> None:
        self._from_client, self._to_client = client
        self._from_broker, self._to_broker = broker
        self._rules = rules
        self._strayed = False
        self._doomed: set[int] = set()  # requests whose answers the client must not get

    async def run(self) -> None:
        pumps = {asyncio.create_task(self._requests()), asyncio.create_task(self._answers())}
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        self.cut()

    def cut(self) -> None:
        for writer in self._ends():
            writer.transport.abort()

    def _ends(self) -> list[StreamWriter]:
        return [self._to_client] if self._strayed else [self._to_client, self._to_broker]

    def reset(self) -> None:
        for writer in self._ends():
            with suppress(OSError):  # closed already
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.cut()

    async def _requests(self) -> None:
        while frame := await _frame(self._from_client):
            api, _, correlation = REQUEST.unpack_from(frame, LENGTH.size)
            await self._rules.let_in(api)
            if self._rules.strays(api, frame, (self._from_broker, self._to_broker)):
                self._strayed = True
                self.reset()
                return
            if self._rules.due(api, Moment.ASKED):
                self.reset()
                return
            if self._rules.due(api, Moment.ANSWERED):
                self._doomed.add(correlation)
            await self._forward(frame, self._to_broker)

    async def _answers(self) -> None:
        while frame := await _frame(self._from_broker):
            (correlation,) = ANSWER.unpack_from(frame, LENGTH.size)
            if correlation in self._doomed:
                self.reset()
                return
            await self._forward(frame, self._to_client)

    async def _forward(self, frame: bytes, to: StreamWriter) -> None:
        sent = 0
        while sent < len(frame):
            await self._rules.flowing.wait()
            rate = self._rules.bytes_per_s
            drop = len(frame) - sent if rate is None else max(1, int(rate * TICK_S))
            to.write(frame[sent : sent + drop])
            await to.drain()
            sent += drop
            if rate is not None:
                await asyncio.sleep(TICK_S)


async def _frame(reader: StreamReader) -> bytes | None:
    """A request or an answer with its length in front; None at the end of a connection."""
    try:
        length = await reader.readexactly(LENGTH.size)
        return length + await reader.readexactly(*LENGTH.unpack(length))
    except (OSError, asyncio.IncompleteReadError):
        return None
