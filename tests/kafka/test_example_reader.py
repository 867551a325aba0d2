"""docs/examples/read_clips.py on a real Kafka: it keeps what is published, and drops what is taken back."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stream.wire import avro
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.registry_files import FileRegistry
from tests.contract.stand_ins import Topics, until
from tests.publications import Topic, token

ROOT = Path(__file__).parents[2]
GROUP = "example-reader"


@contextmanager
def reading(folder: Path, connection: KafkaConnection, topics: Topics) -> Iterator[subprocess.Popen[str]]:
    told = {
        "CLIPVEIL_KAFKA__BOOTSTRAP_SERVERS": connection.bootstrap_servers,
        "CLIPVEIL_KAFKA__SESSION_TIMEOUT_S": "6",  # how long one that was killed keeps its partitions
        "CLIPVEIL_KAFKA__HEARTBEAT_INTERVAL_S": "1",
        "CLIPVEIL_TOPICS__ANONYMIZED": topics.anonymized,
        "CLIPVEIL_REGISTRY__FOLDER": str(folder / "registry"),
        "PYTHONPATH": str(ROOT),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLIPVEIL_")}
    command = [sys.executable, str(ROOT / "docs" / "examples" / "read_clips.py"), str(folder / "kept")]
    process = subprocess.Popen(command, env=kept | told, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


async def test_the_example_keeps_what_the_topic_has(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    """Also when it was killed in between; a record that is no clip is told, and does not stop it."""
    await topics.create(cluster)
    kept = tmp_path / "kept"
    kept.mkdir()
    schema = await FileRegistry(tmp_path / "registry").register("a-value", avro.schema_text("anonymized_clip"))
    topic = Topic(cluster, topics.anonymized, schema.id)

    async def has(*numbers: int) -> bool:
        return {token(number) for number in numbers} == {path.stem for path in kept.iterdir()}

    async def all_is_committed() -> bool:
        return await cluster.end_offsets(topics.anonymized) == await cluster.committed(topics.anonymized, GROUP)

    await topic.publish(1, 2)
    with reading(tmp_path, connection, topics):
        await until(lambda: has(1, 2))
        await until(all_is_committed)
    await topic.erase(1)
    await topic.send((b"canary", b"canary"))
    await topic.publish(3)
    with reading(tmp_path, connection, topics) as process:
        await until(lambda: has(2, 3))
        await until(all_is_committed)
        assert process.poll() is None
    said = await asyncio.to_thread(process.stderr.read) if process.stderr else ""
    assert "offset 3" in said
    assert "canary" not in said
    assert "call <PERSON> now (2.0 of 3.0 s)\n" == (kept / f"{token(3)}.txt").read_text()
