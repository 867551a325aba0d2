"""Published clips on an anonymized topic, for tests of what reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from stream.clip import (
    SAMPLE_RATE_HZ,
    AnonymizedClip,
    Metadata,
    Mute,
    PublishedWord,
    Receipt,
    Samples,
    Segment,
    Why,
)
from stream.lifecycle.rolling import ROLL_KEY
from stream.ports import Broker, Message
from stream.wire import avro
from stream.wire.clips import CLIP_SCHEMA, Encoder

SCHEMA_ID = 7
HOUR = datetime(2026, 11, 3, 14, tzinfo=UTC)


class Published:
    """ports.Schemas that knows the one schema of published clips, under SCHEMA_ID."""

    async def writer_schema(self, reference: int | str) -> str:
        assert SCHEMA_ID == reference
        return avro.schema_text(CLIP_SCHEMA)


def token(number: int) -> str:
    return f"{number:032x}"


def clip(of: str, text: str = "call <PERSON> now", policy: str = "1") -> AnonymizedClip:
    """Three seconds, of which the first and the last are audible; "<PERSON>" lies in the middle."""
    samples = sound()
    words = tuple(PublishedWord(word, Segment(0.2 + n, 0.8 + n)) for n, word in enumerate(text.split()))
    mutes = (Mute(Segment(1.0, 2.0), Why.IDENTIFIER, "PERSON"),)
    receipts = (Receipt("speakers", "model-1", complete=True),)
    return AnonymizedClip(
        Metadata(of, "spring", "2026-11", HOUR, "en", "speaker"), samples, words, mutes, receipts, policy
    )


def sound() -> Samples:
    """A tone with a silent second in its middle, in steps of 16 bits as published sound is."""
    time = np.arange(3 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tone = np.rint(8_000 * np.sin(2 * np.pi * 220 * time)) / 32_768
    tone[SAMPLE_RATE_HZ : 2 * SAMPLE_RATE_HZ] = 0
    return tone.astype(np.float32)


def value(of: AnonymizedClip, schema_id: int = SCHEMA_ID) -> bytes:
    return avro.frame(schema_id, Encoder().encode(of))


@dataclass
class Topic:
    """Writes to one anonymized topic."""

    broker: Broker
    name: str
    schema_id: int = SCHEMA_ID

    async def publish(self, *numbers: int, text: str = "call <PERSON> now", partition: int | None = None) -> None:
        clips = [clip(token(number), text) for number in numbers]
        await self.send(*((of.metadata.token.encode(), value(of, self.schema_id)) for of in clips), partition=partition)

    async def erase(self, *numbers: int, partition: int | None = None) -> None:
        await self.send(*((token(number).encode(), None) for number in numbers), partition=partition)

    async def roll(self, partition: int = 0) -> None:
        await self.send((ROLL_KEY, None), partition=partition)

    async def send(self, *records: tuple[bytes, bytes | None], partition: int | None = None) -> None:
        await self.broker.send([Message(self.name, key, content, None, partition) for key, content in records])


@dataclass
class Store:
    """What a labeling tool keeps, by token, and all that it was told."""

    kept: dict[str, AnonymizedClip] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def put(self, of: AnonymizedClip) -> None:
        self.kept[of.metadata.token] = of
        self.told.append(f"clip {int(of.metadata.token, 16)}")

    async def drop(self, erased: str) -> None:
        self.kept.pop(erased, None)
        self.told.append(f"erased {int(erased, 16)}")
