"""Withheld, never lost: every bad input through the whole worker, with real inference processes, on the embedded
broker. Each is withheld with coordinates, reason and policy version; the record behind it is published; and of what
the events held nothing is in any topic, log line or metric.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stream.clip import Coordinates, Reason, Record, Refusal
from stream.intake import ClipIntake
from stream.policy import Policy
from stream.ports import Partition, RegistryUnavailable
from stream.wire import avro
from stream.wire.clips import decode_anonymized
from stream.wire.outcomes import Destination, Outcomes
from tests import events
from tests.contract.stand_ins import WishEngine
from tests.offices import real_office
from tests.withheld.cases import CANARY, CASES, SPOKEN, Case, event, good
from tests.withheld.run import POLICY_VERSION, RAW, TOPICS

pytestmark = pytest.mark.timeout(600)  # the first test waits for the whole run
OFFSETS = [(2 * number, case) for number, case in enumerate(CASES)]
BAD = [pytest.param(offset, case, id=case.name) for offset, case in OFFSETS if case.reason]
GOOD = [pytest.param(offset, id=case.name) for offset, case in OFFSETS if not case.reason]
BEHIND = [pytest.param(offset + 1, id=f"after {case.name}") for offset, case in OFFSETS]
HOUR_MS = int(datetime(2026, 5, 28, 20, tzinfo=UTC).timestamp() * 1000)


@dataclass
class Ran:
    """All that came out of one run, by topic; ``log`` is stdout and stderr of the whole service."""

    records: dict[str, list[dict[str, Any]]]
    metrics: bytes
    log: bytes
    offsets: dict[str, dict[str, int]]
    decoded: dict[str, dict[int, list[dict[str, Any]]]] = field(default_factory=dict)

    def about(self, topic: str, offset: int) -> list[dict[str, Any]]:
        """Decoded withheld or audit records about one input offset."""
        return self.decoded[topic].get(offset, [])

    def everything(self) -> Iterator[tuple[str, bytes]]:
        """Every byte that left the service, and where it went."""
        for topic, records in self.records.items():
            for record in records:
                yield topic, bytes.fromhex(record["key"])
                yield topic, bytes.fromhex(record["value"])
                yield topic, str(record["timestamp_ms"]).encode()
        yield "metrics", self.metrics
        yield "log", self.log


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All cases, each followed by a good event, in a process of its own, so that all it prints can be looked at."""
    folder = tmp_path_factory.mktemp("withheld")
    process = subprocess.run(
        [sys.executable, "-m", "tests.withheld.run", str(folder)],
        capture_output=True,
        check=False,
        timeout=560,
        cwd=Path(__file__).parents[1],
    )
    assert 0 == process.returncode, process.stderr.decode()[-2000:]
    found = Ran(
        {topic: json.loads((folder / f"{topic}.json").read_text()) for topic in TOPICS.values()},
        (folder / "metrics.txt").read_bytes(),
        process.stdout + process.stderr,
        json.loads((folder / "offsets.json").read_text()),
    )
    for schema in ("withheld", "audit"):
        by_offset = found.decoded[TOPICS[schema]] = {}
        for record in found.records[TOPICS[schema]]:
            _, body = avro.unframe(bytes.fromhex(record["value"]))
            decoded = dict(avro.read(avro.schema_text(schema), schema, body))
            assert (RAW, 0) == (decoded["topic"], decoded["partition"])
            by_offset.setdefault(decoded["offset"], []).append(decoded)
    return found


def published_of(ran: Ran, offset: int) -> dict[str, Any]:
    """The published record of an input offset, found through its audit record."""
    (audit,) = ran.about("clips.audit", offset)
    assert ("published", None, POLICY_VERSION) == (audit["outcome"], audit["reason"], audit["policy_version"])
    assert [] == ran.about("clips.withheld", offset)
    hashes = {hashlib.sha256(bytes.fromhex(r["value"])).hexdigest(): r for r in ran.records["clips.anonymized"]}
    return hashes[audit["published_sha256"]]


@pytest.mark.parametrize(("offset", "case"), BAD)
def test_a_bad_input_is_withheld(ran: Ran, offset: int, case: Case) -> None:
    """Exactly once, with coordinates, reason and policy version, and audited as withheld."""
    (withheld,) = ran.about("clips.withheld", offset)
    assert withheld.pop("decided_at") > events.CAPTURED_AT_MS
    assert {
        "topic": RAW,
        "partition": 0,
        "offset": offset,
        "reason": case.reason,
        "fault": case.fault,
        "policy_version": POLICY_VERSION,
    } == withheld
    (audit,) = ran.about("clips.audit", offset)
    assert ("withheld", case.reason, POLICY_VERSION) == (audit["outcome"], audit["reason"], audit["policy_version"])
    assert (None, []) == (audit["published_sha256"], audit["receipts"])


@pytest.mark.parametrize("offset", BEHIND)
def test_the_next_record_is_published(ran: Ran, offset: int) -> None:
    """Whatever came before it, and whatever it did to the process."""
    assert published_of(ran, offset)


@pytest.mark.parametrize("offset", GOOD)
def test_what_only_looks_bad_is_published(ran: Ran, offset: int) -> None:
    """Other rates, channels and codecs, and schemas with fields that we don't know."""
    record = published_of(ran, offset)
    _, body = avro.unframe(bytes.fromhex(record["value"]))
    clip = decode_anonymized(avro.schema_text("anonymized_clip"), body)
    assert SPOKEN == " ".join(word.text for word in clip.words)
    assert 48_000 == pytest.approx(len(clip.samples), abs=20)
    assert (HOUR_MS, clip.metadata.token.encode().hex()) == (record["timestamp_ms"], record["key"])


def secrets() -> dict[str, bytes]:
    """What no output may hold, in the shapes in which it could get there."""
    return {
        "canary": CANARY.encode(),
        "upper case": CANARY.upper().encode(),
        "UTF-16": CANARY.encode("utf-16-le"),
        "hexadecimal": CANARY.encode().hex().encode(),
        **{f"base64 {n}": base64.b64encode(b"x" * n + CANARY.encode())[4:-4] for n in range(3)},
        "latitude": struct.pack("<d", 52.3702),
        "longitude": struct.pack("<d", 4.8952),
        "latitude in text": b"52.3702",
        "time of capture": str(events.CAPTURED_AT_MS)[:8].encode(),
    }


@pytest.mark.parametrize("shape", secrets())
def test_nothing_of_any_event_is_in_any_topic_log_line_or_metric(ran: Ran, shape: str) -> None:
    """Canaries were in every text of every event, in the keys, and in the tags of the audio files."""
    assert [] == [place for place, content in ran.everything() if secrets()[shape] in content]


def test_the_canaries_would_have_been_found() -> None:
    """They are in the events that were sent: the search above is for the right thing."""
    for case in CASES:
        value = case.value()
        assert not value or CANARY.encode() in value
    assert struct.pack("<d", 52.3702) in good()()


def test_nothing_is_lost_and_nothing_is_twice(ran: Ran) -> None:
    """One audit record for every input, in the order of the input; published plus withheld is all; all committed."""
    audited = [record for records in ran.decoded["clips.audit"].values() for record in records]
    assert list(range(2 * len(CASES))) == [record["offset"] for record in audited]
    outputs = len(ran.records["clips.anonymized"]) + len(ran.records["clips.withheld"])
    assert 2 * len(CASES) == outputs
    assert ran.offsets["committed"] == ran.offsets["ends"] == {"0": 2 * len(CASES)}


def test_only_the_hour_is_told_of_when_a_clip_was_recorded(ran: Ran) -> None:
    """The published timestamps are all the same hour; the others are of today."""
    assert {HOUR_MS} == {record["timestamp_ms"] for record in ran.records["clips.anonymized"]}


def test_every_published_clip_has_its_own_token(ran: Ran) -> None:
    """The clips of the run can't be told to be one household's."""
    keys = [record["key"] for record in ran.records["clips.anonymized"]]
    assert len(keys) == len(set(keys))


def test_reasons_are_counted(ran: Ran) -> None:
    """The metrics tell how many were withheld for which reason."""
    for reason in {case.reason for case in CASES if case.reason}:
        count = sum(case.reason is reason for case in CASES)
        assert f'clipveil_withheld_total{{reason="{reason}"}} {count}.0'.encode() in ran.metrics


# ------------------------------------------------------------------ a registry that is down
class ComingRegistry:
    """Does not answer at first."""

    def __init__(self, failures: int, then: str | None) -> None:
        self.failures, self.then = failures, then

    async def writer_schema(self, reference: int | str) -> str:
        assert events.SCHEMA_ID == reference
        if self.failures:
            self.failures -= 1
            raise RegistryUnavailable("status 503")
        if self.then is None:
            raise Refusal(Reason.UNKNOWN_SCHEMA)
        return self.then


@pytest.mark.parametrize(
    ("then", "reason"), [(avro.schema_text("clip_event"), Reason.INTERNAL_ERROR), (None, Reason.UNKNOWN_SCHEMA)]
)
async def test_a_registry_that_is_down_withholds_nothing(
    then: str | None, reason: Reason, capfd: pytest.CaptureFixture[str]
) -> None:
    """Records wait for it; what becomes of them depends on what it says when it is back."""
    registry = ComingRegistry(3, then)
    writer = Outcomes({name: Destination(topic, 1) for name, topic in TOPICS.items()})
    office = real_office(WishEngine(), registry, writer, Policy(version=POLICY_VERSION), registry_retry_s=0.001)
    intake = ClipIntake(office, Partition(RAW, 0))
    await intake.open()
    outcome = await intake.finish(Record(Coordinates(RAW, 0, 0), events.value(event(CANARY)), b"key"))
    assert 0 == registry.failures
    # The stand-in engine can't read the event and raises: that it was asked at all is what counts here.
    assert reason is getattr(outcome, "reason", None)
    assert CANARY not in "".join(capfd.readouterr())
