"""``clipveil run`` where only the broker can be reached, and the registry where one is used: clips go through from end
to end, and nobody else is asked.

Once with the built-in model, which is no pickle, and once with a pyannote directory, whose networks are pickles: they
are unpickled from memory after their sha256 was compared, and nothing else is unpickled by any process.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from stream.demo.conversation import conversation_clips
from stream.demo.own import own_clips
from stream.find.fingerprint import fingerprint, read_files
from stream.ports import Message
from stream.wire import avro
from stream.wire.events import event_body
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.registry_files import FileRegistry
from tests.contract.stand_ins import Topics, everything, until
from tests.egress.apart import Apart, Tried, apart
from tests.find.speakers.layout import write_directory
from tests.ops.collector import collecting
from tests.registry_server import serving

pytestmark = pytest.mark.timeout(900)  # only ends one that hangs, on a machine with much else to do
COMMAND = [sys.executable, "-m", "stream", "run"]
CLIPS = 8


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In pyannote's own layout."""
    return write_directory(tmp_path_factory.mktemp("pipeline") / "model")


@dataclass(frozen=True)
class Ran:
    """What a worker did apart, and what came of it."""

    tried: Tried
    published: int
    withheld: int
    said: str


def settings(connection: KafkaConnection, topics: Topics, **more: str) -> dict[str, str]:
    """``clipveil run`` set up by the environment alone, at DEBUG, with a TMPDIR that can't be written to."""
    told = {
        "KAFKA__BOOTSTRAP_SERVERS": connection.bootstrap_servers,
        "KAFKA__GROUP": topics.group,
        "TOKENS__KEY": base64.b64encode(bytes(range(32))).decode(),
        "ENGINE__PROCESSES": "1",
        "HTTP__PORT": "0",
        "LOG__LEVEL": "DEBUG",
        **{f"TOPICS__{setting.upper()}": name for setting, name in topics.settings() if isinstance(name, str)},
        **more,
    }
    return {f"CLIPVEIL_{name}": value for name, value in told.items()} | {"TMPDIR": "/proc/nowhere"}


async def send_clips(cluster: KafkaBroker, topics: Topics, folder: Path) -> None:
    """Clips of the demonstration, of which some are published, and an event that can't be decoded."""
    await topics.create_all(cluster, 2)
    registered = await FileRegistry(folder / "registry").register(f"{topics.raw}-value", avro.schema_text("clip_event"))
    clips = [*own_clips(), *conversation_clips()][: CLIPS - 1]
    bodies = [event_body(replace(clip.event, clip_id=f"clip-{number}")) for number, clip in enumerate(clips)]
    await cluster.send(
        [
            Message(topics.raw, b"%d" % number, avro.frame(registered.id, body), None, number % 2)
            for number, body in enumerate([*bodies, b"broken"])
        ]
    )


async def all_committed(run: Apart, cluster: KafkaBroker, topics: Topics) -> bool:
    assert run.process.poll() is None, run.process.communicate()[0][-3000:]
    return sum((await cluster.committed(topics.raw, topics.group)).values()) == CLIPS


async def worked(
    folder: Path, connection: KafkaConnection, cluster: KafkaBroker, topics: Topics, more: Mapping[str, str]
) -> Ran:
    """One worker apart, until every clip has its outcome; SIGTERM ends it with 0."""
    await send_clips(cluster, topics, folder)
    reached = (f"//{connection.bootstrap_servers}", more.get("REGISTRY__URL", ""), more.get("TRACES__ENDPOINT", ""))
    ports = [urlsplit(url).port or 0 for url in reached]
    with apart(COMMAND, folder, [port for port in ports if port], settings(connection, topics, **more)) as run:
        await until(partial(all_committed, run, cluster, topics), 600)
        run.process.terminate()
        said, _ = run.process.communicate(timeout=60)
        assert 0 == run.process.returncode, said[-3000:]
        tried = run.tried()
    published, withheld = [len(await everything(cluster, topic)) for topic in (topics.anonymized, topics.withheld)]
    return Ran(tried, published, withheld, said)


def only_asked(ran: Ran, *allowed: str) -> None:
    """Nobody but ``allowed``, URLs without names, each of which was seen to be called."""
    assert frozenset() == ran.tried.names
    assert {(urlsplit(url).hostname, urlsplit(url).port) for url in allowed} == ran.tried.called
    assert ran.tried.processes >= 2, "the service and its inference process were watched"
    assert ran.tried.processes >= 2, "the service and its inference process were watched"


async def test_a_worker_with_the_builtin_model_reaches_only_the_broker(
    tmp_path: Path, connection: KafkaConnection, cluster: KafkaBroker, topics: Topics
) -> None:
    """Every clip has its outcome, some are published; nothing is unpickled and no file is written."""
    more = {"REGISTRY__FOLDER": str(tmp_path / "registry")}
    ran = await worked(tmp_path, connection, cluster, topics, more)
    only_asked(ran, f"//{connection.bootstrap_servers}")
    assert ran.published + ran.withheld == CLIPS
    assert ran.published > 0
    assert {} == ran.tried.unpickled
    assert [] == ran.tried.left(str(tmp_path / "registry"))


async def test_a_worker_that_traces_reaches_only_broker_and_collector(
    tmp_path: Path, connection: KafkaConnection, cluster: KafkaBroker, topics: Topics
) -> None:
    """The collector of the settings, not the one of the environment; nothing of pyannote's goes there either."""
    with collecting() as collector:
        more = {"REGISTRY__FOLDER": str(tmp_path / "registry"), "TRACES__ENDPOINT": collector.url, "TRACES__SHARE": "1"}
        ran = await worked(tmp_path, connection, cluster, topics, more)
        only_asked(ran, f"//{connection.bootstrap_servers}", collector.url)
        assert CLIPS == len(collector.roots())
        assert {b"POST /v1/traces HTTP/1.1"} == {raw.splitlines()[0] for raw in collector.raw}
    assert ran.published > 0
    assert [] == ran.tried.left(str(tmp_path / "registry"))


async def test_a_worker_with_a_pyannote_directory_reaches_only_broker_and_registry(
    tmp_path: Path, directory: Path, connection: KafkaConnection, cluster: KafkaBroker, topics: Topics
) -> None:
    """pyannote reports nothing though its switch is on, and what is unpickled are pinned bytes of its directory."""
    files = read_files(directory)
    more = {"SPEAKERS__MODEL": str(directory), "SPEAKERS__SHA256": fingerprint(files)}
    with serving(tmp_path / "registry") as registry:
        more |= {"REGISTRY__URL": registry.url}
        ran = await worked(tmp_path, connection, cluster, topics, more)
        only_asked(ran, f"//{connection.bootstrap_servers}", registry.url)
    assert ran.published + ran.withheld == CLIPS
    checkpoints = {path: content for path, content in files.items() if path.endswith(".bin")}
    assert {hashlib.sha256(content).hexdigest() for content in checkpoints.values()} == set(ran.tried.unpickled)
    assert [] == ran.tried.left()


def test_a_changed_directory_is_never_unpickled(tmp_path: Path, directory: Path) -> None:
    """One byte more in a checkpoint: the service says so and ends before any class is looked up."""
    pinned = fingerprint(read_files(directory))
    changed = tmp_path / "model"
    subprocess.run(["cp", "-r", str(directory), str(changed)], check=True)
    with (changed / "segmentation/pytorch_model.bin").open("ab") as checkpoint:
        checkpoint.write(b"\0")
    environment = {
        "CLIPVEIL_SPEAKERS__MODEL": str(changed),
        "CLIPVEIL_SPEAKERS__SHA256": pinned,
        "CLIPVEIL_REGISTRY__FOLDER": str(tmp_path / "registry"),
        "CLIPVEIL_TOKENS__KEY": base64.b64encode(bytes(32)).decode(),
        "CLIPVEIL_HTTP__PORT": "0",
    }
    with apart(COMMAND, tmp_path, environment=environment) as run:
        said, _ = run.process.communicate(timeout=600)
        tried = run.tried()
    assert 1 == run.process.returncode
    assert "is not the one that the settings name" in said
    assert {} == tried.unpickled
    assert frozenset() == tried.names | tried.called
