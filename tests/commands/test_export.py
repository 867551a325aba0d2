"""``clipveil export label-studio``: the folder is what the topic has, however often and whenever it is run."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stream.clip import SAMPLE_RATE_HZ, Reason, Refusal
from stream.commands.export import TOOL, Export
from stream.export.folder import ExportFolder
from stream.reading.referred import nowhere
from stream.wire import avro
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.local import LocalBroker
from stream.wire.registry_files import FileRegistry
from tests.contract.stand_ins import Topics, until
from tests.export.task_format import audio_name, problems
from tests.publications import Published, Topic, clip, sound, token, value

ROOT = Path(__file__).parents[2]
NAME = "clips.anonymized"


def exported(folder: Path) -> set[str]:
    """Tokens of which there are both files; no others are there."""
    found = {kind: {path.stem for path in (folder / "clips").glob(f"*.{kind}")} for kind in ("wav", "json")}
    assert found["wav"] == found["json"]
    assert 2 * len(found["wav"]) == len(list((folder / "clips").iterdir()))
    return found["wav"]


async def run(broker: LocalBroker, folder: Path, schemas: Published | None = None) -> Export:
    kept = ExportFolder(folder, TOOL, NAME)
    kept.open({})
    export = Export(kept, "https://clips.example/", nowhere)
    await export.whole(broker, schemas or Published(), NAME)
    return export


@pytest.fixture
async def topic() -> Topic:
    broker = LocalBroker()
    await broker.create_topics({NAME: 2})
    return Topic(broker, NAME)


async def test_a_second_run_writes_nothing_anew(topic: Topic, tmp_path: Path) -> None:
    """What is there is left alone, what is new or replaced is written."""
    await topic.publish(1, 2)
    assert "2 clips: 2 written, 0 as they were; 0 removed" == (await run(topic.broker, tmp_path)).summary()
    assert "2 clips: 0 written, 2 as they were; 0 removed" == (await run(topic.broker, tmp_path)).summary()
    await topic.publish(2, text="play jazz")  # a replay
    await topic.publish(3)
    export = await run(topic.broker, tmp_path)
    assert "play jazz" == json.loads((tmp_path / "clips" / f"{token(2)}.json").read_text())["data"]["transcript"]
    assert {token(1), token(2), token(3)} == exported(tmp_path)
    assert 0 == export.counts["removed"]


async def test_what_was_taken_back_is_removed(topic: Topic, tmp_path: Path) -> None:
    """A clip that was exported and erased since, and one that was erased before it was ever exported."""
    await topic.publish(1, 2)
    await run(topic.broker, tmp_path)
    await topic.publish(3)
    await topic.erase(1, 3)
    await run(topic.broker, tmp_path)
    assert {token(2)} == exported(tmp_path)


async def test_what_is_not_on_the_topic_is_removed(topic: Topic, tmp_path: Path) -> None:
    """A tombstone that Kafka has forgotten by now was one all the same."""
    await topic.publish(1, 2)
    await run(topic.broker, tmp_path)
    compacted = LocalBroker()
    await compacted.create_topics({NAME: 2})
    await Topic(compacted, NAME).publish(2)
    await run(compacted, tmp_path)
    assert {token(2)} == exported(tmp_path)


async def test_what_can_not_be_read_any_more_is_removed(topic: Topic, tmp_path: Path) -> None:
    """A record that replaced a clip and is none: what is kept under its token is not what was published last."""
    await topic.publish(1, 2)
    await run(topic.broker, tmp_path)
    await topic.send((token(1).encode(), b"canary"))
    export = await run(topic.broker, tmp_path)
    assert {token(2)} == exported(tmp_path)
    assert 1 == export.counts["unreadable"]


async def test_a_clip_that_can_be_no_file_is_not_exported(
    topic: Topic, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told, and the others come."""
    await topic.send((b"../../escape", value(clip("../../escape"))))
    await topic.publish(1)
    export = await run(topic.broker, tmp_path / "out")
    assert {token(1)} == exported(tmp_path / "out")
    assert 1 == export.counts["unreadable"]
    assert "name of a file" in capsys.readouterr().err


async def test_a_run_that_ends_early_removes_only_what_it_was_told_to(topic: Topic, tmp_path: Path) -> None:
    """Half a topic does not tell what is gone."""
    await topic.publish(1, 2)
    await run(topic.broker, tmp_path)

    class Broken(Published):
        async def writer_schema(self, reference: int | str) -> str:
            raise ValueError

    with pytest.raises(ValueError):
        await run(topic.broker, tmp_path, Broken())
    assert {token(1), token(2)} == exported(tmp_path)


async def test_a_schema_that_nobody_knows_leaves_nothing_behind(topic: Topic, tmp_path: Path) -> None:
    """What can't be vouched for is not there; the next run brings it back."""
    await topic.publish(1)
    await run(topic.broker, tmp_path)

    class Unknown(Published):
        async def writer_schema(self, reference: int | str) -> str:
            raise Refusal(Reason.UNKNOWN_SCHEMA)

    await run(topic.broker, tmp_path, Unknown())
    assert set() == exported(tmp_path)
    await run(topic.broker, tmp_path)
    assert {token(1)} == exported(tmp_path)


class Command:
    """The command line on a real Kafka, set up by the environment alone."""

    def __init__(self, folder: Path, connection: KafkaConnection, topics: Topics) -> None:
        self.out = folder / "out"
        values = {
            "KAFKA__BOOTSTRAP_SERVERS": connection.bootstrap_servers,
            "TOPICS__ANONYMIZED": topics.anonymized,
            "REGISTRY__FOLDER": str(folder / "registry"),
        }
        kept = {name: told for name, told in os.environ.items() if not name.startswith("CLIPVEIL_")}
        self._environment = kept | {f"CLIPVEIL_{name}": told for name, told in values.items()}
        self._command = [sys.executable, "-m", "stream", "export", "label-studio", str(self.out)]

    async def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*self._command, *arguments]
        return await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=120
        )

    def follow(self) -> subprocess.Popen[str]:
        return subprocess.Popen([*self._command, "--follow"], cwd=ROOT, env=self._environment, text=True)


async def test_the_command_on_a_real_kafka(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    """Tasks that Label Studio takes, sound sample for sample; while it follows, clips come and go with the topic."""
    await topics.create(cluster, 2)
    schema = await FileRegistry(tmp_path / "registry").register("a-value", avro.schema_text("anonymized_clip"))
    topic, command = Topic(cluster, topics.anonymized, schema.id), Command(tmp_path, connection, topics)
    await topic.publish(1, 2)
    await topic.erase(2)
    done = await command.run()
    assert (0, "1 clips: 2 written, 0 as they were; 1 removed\n") == (done.returncode, done.stdout), done.stderr
    assert {token(1)} == exported(command.out)
    task = json.loads((command.out / "clips" / f"{token(1)}.json").read_text())
    assert [] == problems(task, (command.out / "labeling.xml").read_text())
    samples, rate = soundfile.read(command.out / "clips" / audio_name(task), dtype="float32")
    assert SAMPLE_RATE_HZ == rate
    assert np.array_equal(sound(), samples)

    process = command.follow()
    try:
        await topic.publish(3)
        await until(lambda: has(command.out, 1, 3))
        await topic.erase(1)
        await until(lambda: has(command.out, 3))
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 30)


async def test_a_record_that_is_no_clip_ends_the_command_with_one(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    """Where it lies and why, never what is in it; the clips are exported."""
    await topics.create(cluster)
    schema = await FileRegistry(tmp_path / "registry").register("a-value", avro.schema_text("anonymized_clip"))
    topic, command = Topic(cluster, topics.anonymized, schema.id), Command(tmp_path, connection, topics)
    await topic.send((b"canary", b"canary"))
    await topic.publish(1)
    done = await command.run()
    assert 1 == done.returncode
    assert f"partition 0 offset 0 of {topics.anonymized}: event_undecodable" in done.stderr
    assert "canary" not in done.stderr + done.stdout
    assert {token(1)} == exported(command.out)


async def has(folder: Path, *numbers: int) -> bool:
    try:
        return {token(number) for number in numbers} == exported(folder)
    except AssertionError:
        return False  # in the middle of a change
