"""At DEBUG, with every switch that makes Python talk, and somebody's own handlers on every logger, a service that meets
bad records of every kind says nothing of what they hold; its end leaves no core file, and its processes no memory."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import resource
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import pytest

from stream.ports import Message
from stream.wire import avro
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.registry_files import FileRegistry
from tests import events
from tests.contract.stand_ins import Topics, until
from tests.egress.memory import occurrences
from tests.egress.shapes import NUMBER, SPOKEN, WORD, found, shapes
from tests.withheld.cases import CASES, event

pytestmark = pytest.mark.timeout(900)  # only ends one that hangs, on a machine with much else to do
ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-X", "dev", "-W", "always", "-m", "tests.egress.careless", "run"]
LOUD = {"PYTHONASYNCIODEBUG": "1", "PYTHONFAULTHANDLER": "1", "PYTHONWARNINGS": "always", "PYTHONVERBOSE": ""}
CHOSEN = (
    "no frame", "cut off", "no UTF-8", "unknown id", "schema of another record", "no consent", "no audio file",
    "cut-off WAV", "cut-off FLAC", "cut-off Opus", "NaN", "a word backwards", "speaker model raises",
    "word model raises", "process killed", "44.1 kHz stereo MP3",
)  # fmt: skip
RECYCLE_CLIPS = 9


@dataclass
class Ran:
    """What was told and left by one service that met all records."""

    said: bytes
    metrics: bytes
    folder: Path
    code: int
    ended: list[int] = field(default_factory=list)  # pids of inference processes that were replaced
    memory: list[Counter[bytes]] = field(default_factory=list)  # of the service: after the work, after more work


def spoken() -> bytes:
    """An event with a number in digits and as it is spoken, in its words and beside them."""
    said = [{"text": "", "confidence": 0.9, "words": events.words(SPOKEN, word_s=0.1, gap_s=0.02)}]
    return events.value(event(transcripts=said, slots={"card": NUMBER}, attributes={NUMBER: SPOKEN}, intent=SPOKEN))


def values() -> list[bytes | None]:
    """Bad records, and good ones between them."""
    chosen = [case.value() for case in CASES if case.name in CHOSEN]
    assert len(chosen) == len(CHOSEN)
    mp3 = events.encoded(events.sound(), container="MP3")
    hostile = events.value(event(audio={"content": mp3[:3000] + WORD.encode() * 500 + mp3[3500:], "codec": WORD}))
    return [*chosen, hostile, spoken(), events.value(event())]


def settings(folder: Path, connection: KafkaConnection, topics: Topics) -> dict[str, str]:
    told = {
        "KAFKA__BOOTSTRAP_SERVERS": connection.bootstrap_servers,
        "KAFKA__GROUP": topics.group,
        "REGISTRY__FOLDER": str(folder / "registry"),
        "TOKENS__KEY": base64.b64encode(bytes(range(32))).decode(),
        "ENGINE__PROCESSES": "1",
        "ENGINE__RECYCLE_CLIPS": str(RECYCLE_CLIPS),
        "HTTP__PORT": "0",
        "LOG__LEVEL": "DEBUG",
        **{f"TOPICS__{setting.upper()}": name for setting, name in topics.settings() if isinstance(name, str)},
    }
    return {f"CLIPVEIL_{name}": value for name, value in told.items()}


def lines(folder: Path) -> list[dict[str, object]]:
    """The service's own lines; handlers of others write beside them."""
    return [json.loads(line) for line in (folder / "log").read_bytes().splitlines() if line.startswith(b'{"')]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, connection: KafkaConnection) -> Ran:
    return asyncio.run(all_done(tmp_path_factory.mktemp("debug"), connection))


async def all_done(folder: Path, connection: KafkaConnection) -> Ran:
    """The service, until it has done all records, was asked for its metrics, and is ended by a signal that dumps."""
    topics, cluster = Topics(), KafkaBroker(connection)
    for name in ("cwd", "temporary"):
        (folder / name).mkdir()
    await topics.create_all(cluster, 1)
    await FileRegistry(folder / "registry").register(f"{topics.raw}-value", avro.schema_text("clip_event"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLIPVEIL_")}
    environment = kept | LOUD | settings(folder, connection, topics)
    with (folder / "log").open("wb") as log:
        service = subprocess.Popen(
            COMMAND,
            cwd=folder / "cwd",
            env=environment | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "temporary")},
            stdout=log,
            stderr=log,
            preexec_fn=partial(resource.setrlimit, resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2),
        )
    try:
        memory = []
        others = [events.value(events.event(event_id=f"e-{n}", clip_id=f"c-{n}")) for n in range(6)]
        for key, batch in ((WORD.encode(), values()), (b"another", others)):
            await cluster.send([Message(topics.raw, key, value, None, 0) for value in batch])
            await until(partial(_all_committed, service, cluster, topics, folder), 600)
            memory.append(occurrences(service.pid, [shape for c in (WORD, NUMBER) for shape in shapes(c).values()]))
        port = next(line["port"] for line in lines(folder) if line["event"] == "started")
        async with httpx.AsyncClient() as client:
            metrics = (await client.get(f"http://127.0.0.1:{port}/metrics")).content
        service.send_signal(signal.SIGABRT)
        code = await asyncio.to_thread(service.wait, 60)
    finally:
        service.kill()
        service.wait()
        await cluster.close()
    ended = [int(str(line["pid"])) for line in lines(folder) if line["event"] == "inference_replaced"]
    return Ran((folder / "log").read_bytes(), metrics, folder, code, ended, memory)


async def _all_committed(service: subprocess.Popen[bytes], cluster: KafkaBroker, topics: Topics, folder: Path) -> bool:
    assert service.poll() is None, (folder / "log").read_bytes()[-3000:]
    committed, ends = await cluster.committed(topics.raw, topics.group), await cluster.end_offsets(topics.raw)
    return dict(committed) == dict(ends)


def test_nothing_is_told_at_debug(ran: Ran) -> None:
    """No canary in any shape in stdout, stderr or the log, though foreign handlers print what libraries say."""
    assert b"aiokafka.conn" in ran.said, "somebody's handlers did print"
    assert {"started", "inference_replaced", "library_message"} <= {line["event"] for line in lines(ran.folder)}
    assert [] == found(ran.said)


def test_nothing_is_told_by_metrics(ran: Ran) -> None:
    """Nor in any metric, though clips were withheld for many reasons."""
    assert b'clipveil_withheld_total{reason="inference_died"} 1.0' in ran.metrics
    assert [] == found(ran.metrics)


def test_an_abort_leaves_no_file(ran: Ran) -> None:
    """A signal that dumps core, where core files are allowed without limit: none, and no temporary file."""
    assert -signal.SIGABRT == ran.code
    left = [path for name in ("cwd", "temporary") for path in (ran.folder / name).rglob("*") if path.is_file()]
    assert [] == left


def test_what_a_process_heard_goes_with_it(ran: Ran, record_property: Callable[[str, object], None]) -> None:
    """Inference processes were recycled, and are gone with their memory. What the service itself still holds is told
    with the test's result, not promised: Python erases nothing for sure."""
    assert len(ran.ended) >= 2
    assert [] == [pid for pid in ran.ended if Path(f"/proc/{pid}").exists()]
    for when, counted in zip(("after the work", "after more work"), ran.memory, strict=True):
        told = ", ".join(f"{name}: {counted[shape]}" for name, shape in shapes(WORD).items() if counted[shape])
        record_property(f"{WORD} in the service's memory {when}", told or "none")
        print(f"{WORD} in the service's memory {when}: {told or 'none'}; {NUMBER}: {counted[NUMBER.encode()]}")


def test_every_shape_would_be_found() -> None:
    """The search finds each of the shapes when it is planted, the number with separators and the words in any case."""
    for canary in (WORD, NUMBER, SPOKEN):
        for name, shape in shapes(canary).items():
            assert f"{canary} {name}" in found(b'{"event": "' + shape + b'"}')
    assert ["number"] == found(b"4929-8813-0072")
    assert "spoken" in found(b"Four Nine two, nine eight EIGHT one three zero zero seven two")
    assert [] == found(b'{"event": "started", "port": 8080}')
