"""A service that traces: every clip that was committed, from the poll to the transaction, and not a word of any."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from stream.commands import checking
from stream.commands.failure import CommandFailed
from stream.commands.run import Service
from stream.config import Settings
from stream.ops import otlp
from stream.ops.metrics import STAGES, Metrics
from stream.ports import Broker, Message
from stream.wire import avro
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.local import LocalBroker
from stream.wire.registry_files import FileRegistry
from tests import events
from tests.commands.test_run import service
from tests.contract.stand_ins import Topics
from tests.egress.shapes import NUMBER, SPOKEN, WORD, found
from tests.lifecycle.erasing_world import Kept
from tests.ops.collector import Collector, collecting, values
from tests.withheld.cases import CASES, event

ROOT = Path(__file__).parents[2]
CHOSEN = (
    "no frame", "cut off", "unknown id", "no consent", "no audio file", "cut-off WAV", "a word backwards",
    "speaker model raises", "word model raises", "process killed", "44.1 kHz stereo MP3",
)  # fmt: skip
STEPS = {"admit", "hear", "settle", "commit"}


def settings_in(folder: Path, endpoint: str | None, **traces: object) -> Settings:
    return Settings.model_validate(
        {
            "registry": {"folder": folder / "registry"},
            "engine": {"processes": 1, "clip_seconds_max": 60},
            "http": {"port": 0},
            "topics": {"create": True, "partitions": 2},
            "traces": {"endpoint": endpoint, "share": 1.0, **traces},
        }
    )


def records() -> list[bytes | None]:
    """Bad ones of many kinds, a good one, and one that says a number."""
    said = [{"text": "", "confidence": 0.9, "words": events.words(SPOKEN, word_s=0.1, gap_s=0.02)}]
    spoken = events.value(event(transcripts=said, slots={"card": NUMBER}, attributes={NUMBER: SPOKEN}, intent=SPOKEN))
    chosen = [case.value() for case in CASES if case.name in CHOSEN]
    assert len(CHOSEN) == len(chosen)
    return [*chosen, spoken, events.value(event())]


async def send(broker: Broker, folder: Path, what: Sequence[bytes | None]) -> None:
    await FileRegistry(folder / "registry").register("clips.raw-value", avro.schema_text("clip_event"))
    await broker.create_topics({"clips.raw": 2})
    await broker.send([Message("clips.raw", WORD.encode(), value) for value in what])


async def committed(running: Service, broker: Broker, expected: int, topic: str = "clips.raw") -> None:
    """The service, until so many records have their outcomes; then it is stopped."""
    task = asyncio.create_task(running.run())
    async with asyncio.timeout(200):
        while sum((await broker.committed(topic, "clipveil")).values()) < expected:
            assert not task.done(), task
            await asyncio.sleep(0.05)
    running.stop()
    await task


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Collector:
    """What a collector was sent of a service that met all records."""
    folder, broker, what = tmp_path_factory.mktemp("traced"), LocalBroker(), records()

    async def run(collector: Collector) -> None:
        await send(broker, folder, what)
        await committed(
            service(settings_in(folder, collector.url), broker, "tests.withheld.parts:build"), broker, len(what)
        )

    with collecting() as collector:
        asyncio.run(run(collector))
    return collector


def test_every_clip_has_a_trace(ran: Collector) -> None:
    """One root for each record that was committed, with where it was and what became of it; sent by the end at last."""
    assert len(CHOSEN) + 2 == len(ran.roots())
    assert {"clip"} == {root.name for root in ran.roots()}
    assert {"clips.raw"} == {values(root)["topic"] for root in ran.roots()}
    assert {"published", "withheld"} == {values(root)["outcome"] for root in ran.roots()}
    machinery = {values(root).get("reason") for root in ran.roots()} - {None}
    assert {"inference_died", "detector_failed"} == machinery


def test_a_published_clip_has_all_its_steps(ran: Collector) -> None:
    """From admission to commit, and the stages of the pipeline inside of the hearing."""
    published = [root for root in ran.roots() if values(root)["outcome"] == "published"]
    assert published
    for root in published:
        steps = {span.name: span for span in ran.inside(root)}
        assert steps.keys() == STEPS
        stages = [span.name for span in ran.inside(steps["hear"])]
        assert {"decode", "find/speakers", "find/words", "plan", "edit", "encode", "gate"} <= set(stages) <= set(STAGES)
        assert len(stages) == len(set(stages))


def test_a_clip_that_nobody_may_hear_was_not_heard(ran: Collector) -> None:
    """No consent, or nothing to decode: it was admitted to be refused, and its refusal committed."""
    refused = [root for root in ran.roots() if "hear" not in {span.name for span in ran.inside(root)}]
    assert len([name for name in CHOSEN if name in ("no frame", "cut off", "unknown id", "no consent")]) <= len(refused)
    assert all(STEPS - {"hear"} == {span.name for span in ran.inside(root)} for root in refused)


def test_nothing_that_was_said_is_exported(ran: Collector) -> None:
    """No canary in any shape in any byte of any request; no event, link, status or message in any span."""
    assert [] == found(b"".join(ran.raw))
    for span in ran.spans:
        assert (0, 0, "", "", 0) == (
            len(span.events), len(span.links), span.trace_state, span.status.message, span.status.code,
        )  # fmt: skip
    assert {"topic", "partition", "outcome", "reason"} == {key for span in ran.spans for key in values(span)}


def test_a_canary_would_be_found(ran: Collector) -> None:
    """The search finds one that is planted in a request."""
    assert found(ran.raw[0] + WORD.encode())


async def test_a_trace_joins_no_other(
    tmp_path: Path, connection: KafkaConnection, cluster: KafkaBroker, topics: Topics
) -> None:
    """On a real Kafka: what an upstream service says of its own trace in headers is not taken over nor passed on."""
    upstream = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "baggage": f"account={WORD}"}
    await topics.create_all(cluster, 1)
    await FileRegistry(tmp_path / "registry").register(f"{topics.raw}-value", avro.schema_text("clip_event"))
    async with AIOKafkaProducer(**connection.producer()) as producer:
        headers = [(name, told.encode()) for name, told in upstream.items()]
        await producer.send_and_wait(topics.raw, events.value(event()), headers=headers)
    with collecting() as collector:
        settings = settings_in(tmp_path, collector.url).model_copy(update={"topics": topics.settings()})
        running = service(settings, Kept(cluster), "tests.withheld.parts:build")
        await committed(running, cluster, 1, topics.raw)
    exported = b"".join(collector.raw)
    assert ["published"] == [values(root)["outcome"] for root in collector.roots()]
    trace_id, span_id = upstream["traceparent"].split("-")[1:3]
    secrets = [trace_id.encode(), span_id.encode(), bytes.fromhex(trace_id), bytes.fromhex(span_id), WORD.encode()]
    assert [] == [secret for secret in secrets if secret in exported]
    async with AIOKafkaConsumer(topics.anonymized, topics.audit, topics.index, **connection.consumer()) as consumer:
        found = [await asyncio.wait_for(consumer.getone(), 60) for _ in range(3)]
    assert {topics.anonymized, topics.audit, topics.index} == {record.topic for record in found}
    assert [()] * 3 == [record.headers for record in found]


async def test_clips_go_on_while_the_collector_is_down(tmp_path: Path) -> None:
    """Nobody listens: every clip is committed, the end comes, and the counter says what was lost."""
    broker, what = LocalBroker(), [events.value(events.event(intent="refuse", event_id=f"e{n}")) for n in range(6)]
    await send(broker, tmp_path, what)
    metrics = Metrics()
    running = service(settings_in(tmp_path, "http://127.0.0.1:1/v1/traces", flush_seconds_max=0.5), broker)
    running._metrics = metrics
    await committed(running, broker, len(what))
    assert 6.0 == metrics.registry.get_sample_value("clipveil_traces_total", {"outcome": "lost"})
    assert 0.0 == metrics.registry.get_sample_value("clipveil_traces_total", {"outcome": "sent"})


OFF = """
import asyncio, sys
from pathlib import Path
from tests.ops.test_traced_service import committed, send, settings_in
from tests.commands.test_run import service
from stream.wire.local import LocalBroker
from tests import events
for name in [name for name in sys.modules if name.split(".")[0] == "opentelemetry" or name == "stream.ops.otlp"]:
    del sys.modules[name]  # the test's own

async def main(folder):
    broker = LocalBroker()
    await send(broker, folder, [events.value(events.event(intent="refuse"))])
    await committed(service(settings_in(folder, None), broker), broker, 1)

asyncio.run(main(Path(sys.argv[1])))
print([name for name in sys.modules if name.split(".")[0] == "opentelemetry" or name == "stream.ops.otlp"])
"""


def test_nothing_is_imported_while_traces_are_off(tmp_path: Path) -> None:
    """Neither OpenTelemetry nor what sends traces, by a service that has done its work."""
    run = [sys.executable, "-c", OFF, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": "."}
    said = subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True, env=environment)
    assert "[]" == said.stdout.splitlines()[-1]


def test_traces_without_their_packages_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is loaded, by name, with the command that helps; without an endpoint nobody misses them."""
    monkeypatch.setitem(sys.modules, "opentelemetry.proto.collector.trace.v1.trace_service_pb2", None)
    with pytest.raises(CommandFailed) as told:
        checking.check(settings_in(tmp_path, "http://127.0.0.1:1/v1/traces"))
    assert "traces.endpoint: traces need more packages: pip install 'clipveil[traces]'" in str(told.value)
    assert [] == [line for line in checking.problems(settings_in(tmp_path, None)) if line.startswith("traces")]


def test_certificates_that_are_none_are_refused(tmp_path: Path) -> None:
    """Before anything is loaded, by the setting's name."""
    (tmp_path / "ca.pem").write_text("none")
    settings = settings_in(tmp_path, "https://127.0.0.1:1/v1/traces", ca_file=tmp_path / "ca.pem")
    told = [line for line in checking.problems(settings) if line.startswith("traces")]
    assert ["traces.ca_file: the file that it names holds no certificates"] == told


@pytest.mark.parametrize(
    "endpoint",
    ["collector:4318", "grpc://collector:4317", "http://user:canary@host/v1/traces", "http://host/?key=canary"],
)
def test_endpoints_are_urls_without_secrets(endpoint: str) -> None:
    """Plain HTTP or HTTPS; a password or a key in it would be told by whatever tells the settings."""
    with pytest.raises(ValueError) as told:
        Settings.model_validate({"traces": {"endpoint": endpoint}})
    assert "canary" not in str(told.value)


def test_inference_processes_are_told_nothing_of_traces(tmp_path: Path) -> None:
    """They export nothing: they don't know where to."""
    of = settings_in(tmp_path, "http://127.0.0.1:1/v1/traces")
    assert None is of.without_secrets().traces.endpoint
    assert otlp.SERVICE not in repr(of.without_secrets().traces)
