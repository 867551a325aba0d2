"""A published clip whose audio lies in an object store: the same record, but for where its audio is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from stream.clip import AudioObject, Reason, Refusal
from stream.wire import avro
from stream.wire.clips import CLIP_SCHEMA

OBJECT: Final = "clipveil.PublishedAudioObject"
INLINE: Final = "clipveil.PublishedAudio"


def inline_audio(body: bytes) -> bytes:
    """The encoded audio of a body that we wrote. Raises Refusal(INTERNAL_ERROR) where it holds none."""
    return _content(_read(body))


def by_reference(body: bytes, uri: str) -> bytes:
    """The body with its audio's address in place of its audio. Raises Refusal(INTERNAL_ERROR) unless nothing else is
    different: the gate judged the body as it was."""
    whole = _read(body)
    content = _content(whole)
    told = {"uri": uri, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    written = avro.write(CLIP_SCHEMA, {**whole, "audio": (OBJECT, told)})
    back = _read(written)
    if back["audio"] != told or {**back, "audio": whole["audio"]} != whole:
        raise Refusal(Reason.INTERNAL_ERROR)
    return written


def object_of(writer_schema: str, body: bytes) -> AudioObject | None:
    """Where the audio of a published clip lies; None where it is in the record. Raises Refusal."""
    audio = avro.read(writer_schema, CLIP_SCHEMA, body)["audio"]
    return None if "content" in audio else AudioObject(audio["uri"], audio["sha256"], audio["bytes"])


def _read(body: bytes) -> dict[str, Any]:
    return dict(avro.read(avro.schema_text(CLIP_SCHEMA), CLIP_SCHEMA, body))


def _content(record: Mapping[str, Any]) -> bytes:
    content = record["audio"].get("content")
    if not isinstance(content, bytes):
        raise Refusal(Reason.INTERNAL_ERROR)
    return content
