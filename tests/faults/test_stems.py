"""The one pass over bytes finds a canary in every form and place, and nothing where there is none."""

from __future__ import annotations

import base64
import json
import random
import struct

import pytest

from stream.wire import avro
from tests.faults.events import Events, newer_schema, record
from tests.faults.stems import Scanner, Stem

STEM = Stem.of(1)
SCANNER = Scanner(STEM)
WORD, DIGITS, IP, MAC = STEM.text("city", 4711), STEM.number(4711), STEM.ip(4711), STEM.mac(4711)
TEXTS = [WORD, WORD.upper(), WORD.capitalize(), DIGITS, IP, IP.upper(), MAC, MAC.lower()]


def anywhere(planted: bytes) -> list[bytes]:
    """At the beginning, the end, in the middle of noise, of text, of JSON."""
    noise = random.Random(5).randbytes(4000)
    return [planted, noise + planted, planted + noise, noise[:1999] + planted + noise[1999:], b'{"a": "' + planted]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("before", range(3))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_found_in_every_alignment(text: str, before: int, encode: object) -> None:
    """Whatever stands before and behind it."""
    for around in (b"\0", b"\xff", b"q"):
        planted = encode(around * before + text.encode() + around * 5)  # type: ignore[operator]
        assert all(SCANNER.forms(place) for place in anywhere(planted)), planted


@pytest.mark.parametrize("text", TEXTS)
def test_plain_hex_and_utf_16_are_found(text: str) -> None:
    """In either case and byte order."""
    hexed = text.encode().hex()
    for planted in (
        text.encode(),
        text.upper().encode(),
        text.lower().encode(),
        hexed.encode(),
        hexed.upper().encode(),
        text.encode("utf-16-le"),
        text.encode("utf-16-be"),
        text.upper().encode("utf-16"),
    ):
        assert all(SCANNER.forms(place) for place in anywhere(planted)), planted


@pytest.mark.parametrize("planted", [WORD.encode("utf-32-be"), WORD.encode("utf-32-le"), ", ".join(WORD).encode()])
def test_letters_that_stand_apart_are_found(planted: bytes) -> None:
    """Four bytes each, or spelled."""
    assert all(SCANNER.forms(place) for place in anywhere(planted))


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("column", range(0, 76, 5))
def test_base64_in_lines_and_hex_with_separators_are_found(text: str, column: int) -> None:
    """As letters and dumps have them, wherever a line ends."""
    said = text.encode()
    for planted in (
        base64.encodebytes(bytes(column) + said + bytes(60)),
        base64.encodebytes(bytes(column) + said + bytes(60)).replace(b"\n", b"\r\n"),
        said.hex(":").encode(),
        said.hex(" ", 2).upper().encode(),
    ):
        assert all(SCANNER.forms(place) for place in anywhere(planted)), planted


@pytest.mark.parametrize("separator", [" ", "-", ".", ", ", " - ", "\n", '", "'])
def test_digits_are_found_whatever_lies_between_them(separator: str) -> None:
    """In figures and in words, and a network's address without its colons."""
    spoken = separator.join(STEM.spoken(4711))
    for planted in (separator.join(DIGITS), spoken, spoken.upper(), spoken.replace("zero", "oh")):
        assert all(SCANNER.forms(place) for place in anywhere(planted.encode())), planted
    assert SCANNER.forms(STEM.network.hex().encode())
    assert SCANNER.forms(STEM.network)


@pytest.mark.parametrize("degrees", [STEM.latitude(77), STEM.longitude(77_123)])
def test_coordinates_are_found(degrees: float) -> None:
    """As eight bytes either way round, and as a person reads them."""
    for planted in (struct.pack("<d", degrees), struct.pack(">d", degrees), str(degrees).encode()):
        assert all(SCANNER.forms(place) for place in anywhere(planted)), planted


@pytest.mark.parametrize("said", [STEM.spoken(4711), list(DIGITS)])
def test_words_of_a_published_transcript_are_found(said: list[str]) -> None:
    """One word each entry, with their times between them."""
    words = [{"text": word, "start": 0.3 * place, "end": 0.3 * place + 0.33} for place, word in enumerate(said)]
    clip = {
        "clip_token": "t",
        "account_token": None,
        "campaign": "c",
        "key_epoch": "1",
        "captured_hour": 0,
        "captured_precision": "hour",
        "language": "en",
        "device_family": "other",
        "audio": ("clipveil.PublishedAudio", {"content": b""}),
        "words": words,
        "mutes": [],
        "receipts": [],
        "policy_version": "1",
        "critical": [],
    }
    assert SCANNER.forms(avro.write("anonymized_clip", clip))


def test_every_text_of_an_event_is_a_canary() -> None:
    """But for its language: what is not found would not be missed."""
    event = record(STEM, 4711)
    plain = {"locale"}
    for name, value in event.items():
        if isinstance(value, str | bytes) and name not in plain:
            assert SCANNER.forms(value.encode() if isinstance(value, str) else value), name
    for name in ("location", "wake_word", "slots", "attributes", "consent"):
        for key, value in event[name].items():
            if isinstance(value, str):
                assert SCANNER.forms(value.encode()), (name, key)
    assert SCANNER.forms(event["audio"]["content"])


@pytest.mark.parametrize("number", range(40))
def test_every_record_is_full_of_them(number: int) -> None:
    """Key, headers and value of events of every kind, tombstones too."""
    event = Events(STEM, 1).make(number)
    assert SCANNER.forms(event.key)
    assert all(SCANNER.forms(value) for _, value in event.headers)
    assert event.value is None or SCANNER.forms(event.value)


def test_nothing_is_found_where_nothing_is() -> None:
    """Noise, digests, figures, our schemas, other stems: a checker that cries wolf would be turned off."""
    draw = random.Random(9)
    figures = " ".join(str(draw.random()) for _ in range(50_000))
    other = Stem.of(2)
    quiet = [
        draw.randbytes(2_000_000),
        draw.randbytes(500_000).hex().encode(),
        figures.encode(),
        json.dumps([other.text("city", 1), other.number(1), other.spoken(1), other.ip(1), other.mac(1)]).encode(),
        newer_schema().encode(),
    ]
    assert [[]] * len(quiet) == [SCANNER.forms(data) for data in quiet]
