"""The record of a clip that is published by reference: what the gate judged, and where its audio is."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from stream.clip import Reason, Refusal
from stream.wire import avro
from stream.wire.clips import Encoder, decode_anonymized
from stream.wire.published import by_reference, inline_audio, object_of
from tests.publications import clip, token

CLIP = avro.schema_text("anonymized_clip")


def body() -> bytes:
    """Of a published clip, whole."""
    return Encoder().encode(clip(token(1)))


def test_a_reference_changes_nothing_else() -> None:
    """Field by field what the gate judged, but for where the audio is."""
    whole = avro.read(CLIP, "anonymized_clip", body())
    told = avro.read(CLIP, "anonymized_clip", by_reference(body(), "s3://published/x"))
    assert {**whole, "audio": 0} == {**told, "audio": 0}
    content = inline_audio(body())
    assert {"uri": "s3://published/x", "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)} == told[
        "audio"
    ]
    with pytest.raises(Refusal):
        inline_audio(by_reference(body(), "s3://published/x"))


def test_a_reference_that_changes_more_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate judged the clip as it was: a schema or a writer that alters a word of it withholds it."""
    whole = body()
    write = avro.write

    def altering(schema: str, record: dict[str, Any]) -> bytes:
        return write(schema, {**record, "words": [{**word, "text": "diane"} for word in record["words"]]})

    def elsewhere(schema: str, record: dict[str, Any]) -> bytes:
        return write(schema, {**record, "audio": (record["audio"][0], {**record["audio"][1], "uri": "s3://x/y"})})

    for writer in (altering, elsewhere):
        monkeypatch.setattr(avro, "write", writer)
        with pytest.raises(Refusal) as caught:
            by_reference(whole, "s3://published/x")
        assert Reason.INTERNAL_ERROR is caught.value.reason


@pytest.mark.parametrize("of", ["in the record", "by reference"])
def test_a_record_is_only_read_where_it_says(of: str) -> None:
    """Bytes that were fetched never stand in for those of a record that has its own; without any there is no clip."""
    whole = body()
    if of == "in the record":
        assert object_of(CLIP, whole) is None
        assert decode_anonymized(CLIP, whole, b"others").words == decode_anonymized(CLIP, whole).words
        return
    with pytest.raises(Refusal) as caught:
        decode_anonymized(CLIP, by_reference(whole, "s3://published/x"))
    assert Reason.AUDIO_NOT_FETCHED is caught.value.reason
