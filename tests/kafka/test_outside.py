"""Whoever is outside: the producers of docs/examples, in Python and in Java, and readers of what becomes of it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from stream.clip import Coordinates, Job
from stream.policy import Policy
from stream.reader import ReadingFailed, Settings, open_clips
from stream.wire import avro
from stream.wire.clips import Decoder
from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests.contract.stand_ins import Topics, everything, until
from tests.kafka.fetch import example_libs
from tests.publications import Store, Topic
from tests.registry_server import serving
from tests.values import LABEL

ROOT = Path(__file__).parents[2]
EXAMPLES, OWN = ROOT / "docs" / "examples", ROOT / "stream" / "demo" / "own"
SCHEMA = ROOT / "schemas" / "clip_event.avsc"


@dataclass
class Outside:
    """What is said to producers, readers and the service: one cluster, one registry over HTTP."""

    folder: Path
    connection: KafkaConnection
    topics: Topics
    registry: str

    def produce_in_python(self, recording: Path, known: Path) -> None:
        self._produce(sys.executable, str(EXAMPLES / "produce_clip.py"), str(recording), str(known))

    def produce_in_java(self, recording: Path, known: Path) -> None:
        program = str(EXAMPLES / "ProduceClip.java")
        self._produce("java", "-cp", f"{example_libs()}/*", program, str(SCHEMA), str(recording), str(known))

    def _produce(self, *command: str) -> None:
        told = {
            "KAFKA_BOOTSTRAP_SERVERS": self.connection.bootstrap_servers,
            "SCHEMA_REGISTRY_URL": self.registry,
            "CLIPS_TOPIC": self.topics.raw,
        }
        done = subprocess.run(command, env={**os.environ, **told}, capture_output=True, text=True, timeout=120)
        assert 0 == done.returncode, done.stderr

    def recording(self, name: str, account: str) -> tuple[Path, Path]:
        """A recording of the demonstration, and what the backend of its device knows."""
        rows = (json.loads(line) for line in (OWN / "clips.jsonl").read_text(encoding="utf-8").splitlines())
        row = next(row for row in rows if row["clip_id"] == name)
        known = {
            "clip_id": f"clip-of-{name}",
            "account_id": account,
            "device_model": row["event"]["device_model"],
            "locale": row["event"]["locale"],
            "human_review": True,
            "wake_word": row["wake_word"],
            "words": row["words"],
        }
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(known), encoding="utf-8")
        return OWN / row["audio"], path

    @property
    def settings(self) -> Settings:
        names = {setting: name for setting, name in self.topics.settings() if isinstance(name, str)}
        return Settings.model_validate(
            {
                "kafka": {"bootstrap_servers": self.connection.bootstrap_servers, "connect_seconds_max": 20},
                "registry": {"url": self.registry},
                "topics": names,
            }
        )

    @contextmanager
    def service(self) -> Iterator[subprocess.Popen[bytes]]:
        """``clipveil run``."""
        settings = {
            "KAFKA__BOOTSTRAP_SERVERS": self.connection.bootstrap_servers,
            "KAFKA__GROUP": self.topics.group,
            **{f"TOPICS__{name.upper()}": topic for name, topic in self.topics.settings() if isinstance(topic, str)},
            "REGISTRY__URL": self.registry,
            "TOKENS__KEY": base64.b64encode(bytes(range(32))).decode(),
            "ENGINE__PROCESSES": "1",
            "HTTP__PORT": "0",
        }
        kept = {name: told for name, told in os.environ.items() if not name.startswith("CLIPVEIL_")}
        environment = kept | {f"CLIPVEIL_{name}": told for name, told in settings.items()}
        with (self.folder / "log").open("wb") as log:
            command = [sys.executable, "-m", "stream", "run"]
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@pytest.fixture
def outside(tmp_path: Path, connection: KafkaConnection, topics: Topics) -> Iterator[Outside]:
    with serving(tmp_path / "registry") as registry:
        yield Outside(tmp_path, connection, topics, registry.url)


@pytest.mark.timeout(600)
async def test_from_the_examples_to_a_reader(outside: Outside, cluster: KafkaBroker, topics: Topics) -> None:
    """What both examples write is keyed by account, read by the service, and published; a reader gets sound and words
    without what identified somebody, by the same registry."""
    await topics.create_all(cluster, 2)
    await asyncio.to_thread(outside.produce_in_python, *outside.recording("own-email", "account-python"))
    await asyncio.to_thread(outside.produce_in_java, *outside.recording("own-name", "account-java"))
    events = await everything(cluster, topics.raw)
    assert {b"account-python", b"account-java"} == {record.key for record in events}

    found = {}
    with outside.service() as process:

        async def done() -> bool:
            assert process.poll() is None, (outside.folder / "log").read_text()[-2000:]
            return 2 <= sum((await cluster.committed(topics.raw, topics.group)).values())

        await until(done, 240)
        store = Store()
        async with open_clips(outside.settings, group=f"reader-{topics.run}", erased=store.drop) as clips:
            async with asyncio.timeout(60):
                while len(found) < 2:
                    one = await anext(clips)
                    found[" ".join(word.text for word in one.words)] = one
                    await clips.commit()
    assert [True, True] == ["<EMAIL_ADDRESS>" in " ".join(found), "<PERSON>" in " ".join(found)]
    for one in found.values():
        assert one.samples.dtype == np.float32
        assert 0 < sum(kept.duration for kept in one.kept) < one.duration
        assert {mute.why.value for mute in one.mutes} >= {"identifier"}
    assert await committed_to_the_end(cluster, topics, f"reader-{topics.run}")


async def committed_to_the_end(cluster: KafkaBroker, topics: Topics, group: str) -> bool:
    """Whether no clip is left for the group: behind its offsets there are markers of transactions alone."""
    at = await cluster.committed(topics.anonymized, group)
    left = [record.coordinates for record in await everything(cluster, topics.anonymized)]
    return all(here.offset < at[here.partition] for here in left)


@pytest.mark.parametrize("language", ["python", "java"])
async def test_an_example_writes_what_it_was_told(
    outside: Outside, cluster: KafkaBroker, topics: Topics, language: str
) -> None:
    """The service reads from it the account, the consent, the wake word, the words with their times, and the file."""
    await topics.create(cluster)
    recording, known_path = outside.recording("own-phone", "account-7")
    produce = {"python": outside.produce_in_python, "java": outside.produce_in_java}[language]
    await asyncio.to_thread(produce, recording, known_path)
    (record,) = await everything(cluster, topics.raw)
    reference, body = avro.unframe(record.value or b"")
    assert 1 == reference
    event = Decoder(Policy()).event(Job(Coordinates("raw", 0, 0), avro.schema_text("clip_event"), body, LABEL))
    known = json.loads(known_path.read_text())
    assert (b"account-7", "account-7") == (record.key, event.subject.account_id)
    assert (known["clip_id"], known["locale"], known["device_model"]) == (
        event.clip_id,
        event.locale,
        event.device_model,
    )
    assert event.consent.human_review
    assert event.wake_word is not None
    assert known["wake_word"]["end"] == event.wake_word.segment.end
    assert [word["text"] for word in known["words"]] == [word.text for word in event.transcripts[0].words]
    assert recording.read_bytes() == event.audio.content


# ------------------------------------------------------------------ the reader by itself
async def test_a_schema_file_in_place_of_a_registry(outside: Outside, cluster: KafkaBroker, topics: Topics) -> None:
    """A reader that has the schema as a file asks nobody for it; positions lead on."""
    await topics.create(cluster)
    topic = Topic(cluster, topics.anonymized)
    await topic.publish(1, 2)
    store, no_registry = Store(), outside.settings.model_copy(update={"registry": Settings().registry})
    schema = ROOT / "schemas" / "anonymized_clip.avsc"
    async with open_clips(no_registry, erased=store.drop, follow=False, schema=schema) as clips:
        async for one in clips:
            store.put(one)
        behind = await clips.positions()
    await topic.publish(3)
    async with open_clips(no_registry, erased=store.drop, follow=False, schema=schema, start=behind) as clips:
        async for one in clips:
            store.put(one)
    assert ["clip 1", "clip 2", "clip 3"] == store.told


async def test_a_reader_that_can_not_begin_says_why(outside: Outside, topics: Topics, tmp_path: Path) -> None:
    """A line that a person can act on, and no traceback of a library's."""
    store, settings = Store(), outside.settings
    away = settings.model_copy(
        update={
            "kafka": settings.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1", "connect_seconds_max": 1})
        }
    )
    nowhere = settings.model_copy(update={"registry": Settings().registry})
    for told, config, schema in (
        ("Kafka at 127.0.0.1:1 does not answer", away, None),
        ("registry.url or registry.folder: needed", nowhere, None),
        ("missing.avsc can't be read", nowhere, tmp_path / "missing.avsc"),
        ("the settings can't be used", tmp_path / "missing.yaml", None),
    ):
        with pytest.raises(ReadingFailed, match=told):
            async with open_clips(config, erased=store.drop, schema=schema):
                pass
    with pytest.raises(ValueError, match="a group keeps its own offsets"):
        async with open_clips(settings, erased=store.drop, group="g", follow=False):
            pass
