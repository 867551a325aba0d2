"""The two decoders of one event must read one account, one time and one consent out of the same bytes, or refuse."""

from __future__ import annotations

from functools import cache

from stream.clip import ClipEvent, Coordinates, Header, Job, Reason, Refusal
from stream.policy import Policy
from stream.wire import avro
from stream.wire.clips import Decoder
from stream.wire.fields import milliseconds
from stream.wire.headers import header
from tests import events
from tests.fuzz.evolving import Written, written
from tests.fuzz.source import Source, mutated
from tests.fuzz.target import Target, promise
from tests.values import LABEL

HERE = Coordinates("clips.raw", 0, 0)
HEADER_REASONS = frozenset({Reason.UNKNOWN_SCHEMA, Reason.EVENT_UNDECODABLE})
EVENT_REASONS = HEADER_REASONS | {Reason.WORDS_TOO_MANY, Reason.WORDS_OUT_OF_BOUNDS}
FRAME_REASONS = frozenset({Reason.EVENT_TOO_LARGE, Reason.EVENT_UNDECODABLE})

_DECODER = Decoder(Policy())


def agree(schema: str, body: bytes) -> tuple[Header | None, str]:
    """What the header decoder reads, and how it ended."""
    head: Header | None = None
    whole: ClipEvent | None = None
    try:
        head = header(schema, body)
        outcome = "read"
    except Refusal as refusal:
        promise(refusal.reason in HEADER_REASONS, f"a header refused for {refusal.reason}")
        outcome = refusal.reason.value
    try:
        whole = _DECODER.event(Job(HERE, schema, body, LABEL))
    except Refusal as refusal:
        promise(refusal.reason in EVENT_REASONS, f"an event refused for {refusal.reason}")
        outcome = f"{outcome}, event {refusal.reason.value}" if head else outcome
    if head and whole:
        promise(_of_header(head) == _of_event(whole), "header and event differ")
    promise(head or not whole, "an event without a header")
    return head, outcome


def _of_header(head: Header) -> tuple[object, ...]:
    who = head.account_id, head.clip_id, head.captured_at, head.locale, head.device_model
    return *who, head.consent, head.woken, head.wake_score


def _of_event(whole: ClipEvent) -> tuple[object, ...]:
    who = whole.subject.account_id, whole.clip_id, whole.captured_at, whole.locale, whole.device_model
    return *who, whole.consent, whole.wake_word is not None, whole.wake_word and whole.wake_word.score


def run_events(data: bytes) -> str:
    """An event of a writer whose schema is like ours, whole or broken."""
    source = Source(data)
    event = written(source, "clip_event")
    body = mutated(source, event.body, 2) if source.seldom(3) else event.body
    head, outcome = agree(event.schema, body)
    if head and body == event.body and event.known is not None:
        _as_written(head, event)
    return outcome


def _as_written(head: Header, event: Written) -> None:
    """What an honest writer wrote is what is read, and nobody agreed who did not say so."""
    known = event.known or {}
    promise(head.account_id == known.get(("account_id",)), "another account than was written")
    promise(milliseconds(head.captured_at) == known.get(("captured_at",)), "another time than was written")
    said = known.get(("consent", "human_review"), 0)
    promise(not head.consent.human_review or said, "consent that was not written")


def run_bytes(data: bytes) -> str:
    """Any bytes as a framed record of our own schema, or as a schema and a body."""
    source = Source(data)
    if source.seldom(32):
        text = mutated(source, avro.schema_text("clip_event").encode(), 6).decode("utf-8", "replace")
        return agree(text, source.take(250))[1]
    framed = mutated(source, _seed(source.number(3)), 6) if source.seldom(2) else data[2:]
    try:
        _, body = avro.unframe(framed)
    except Refusal as refusal:
        promise(refusal.reason in FRAME_REASONS, f"a frame refused for {refusal.reason}")
        return f"frame {refusal.reason.value}"
    return agree(avro.schema_text("clip_event"), body)[1]


@cache
def _seed(number: int) -> bytes:
    return events.value(events.event(**_SEEDS[number]))


_SEEDS: tuple[dict[str, object], ...] = (
    {"audio": {"content": b"RIFF", "codec": "wav"}},
    {"audio": {"uri": "s3://clips/1", "sha256": "0" * 64, "bytes": None}, "consent": None, "location": None},
    {"audio": {"content": b"", "codec": ""}, "transcripts": [], "slots": {}, "wake_word": None},
)


def seeds_of_bytes() -> list[bytes]:
    return [b"\0\0" + _seed(number) for number in range(len(_SEEDS))] + [b"\1\0\0", b"\0\1\1\0\4\0\6"]


def seeds_of_events() -> list[bytes]:
    """No change, each change, and long rows of equal choices."""
    return [b"\0" * 200, *(bytes([1, 7, at, kind]) + b"\2" * 200 for kind in range(13) for at in (0, 3, 11))]


TARGETS = (
    Target("avro-events", run_events, seeds_of_events),
    Target("avro-bytes", run_bytes, seeds_of_bytes),
)
