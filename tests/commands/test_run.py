"""``clipveil run``: everything put together, on the embedded broker with obedient parts, and as a process on Kafka."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
import yaml

from stream.commands import checking, erase, run
from stream.commands.connect import topics_of
from stream.commands.failure import CommandFailed
from stream.commands.run import Service
from stream.config import Settings
from stream.config.outside import TopicSettings
from stream.lifecycle.keyring import single_ring
from stream.ops import hardening, memory
from stream.ops.hardening import NotHardened
from stream.ops.metrics import Metrics
from stream.ports import Broker, BrokerUnavailable, Message
from stream.wire import avro
from stream.wire.kafka import KafkaBroker
from stream.wire.local import LocalBroker
from stream.wire.registry_files import FileRegistry
from tests import events
from tests.kafka.server import KafkaServer

ROOT = Path(__file__).parents[2]
SECRET = b"k" * 32
RING = single_ring("test", "1", SECRET)
OBEDIENT = "tests.inference.parts:obedient"
Connect = Callable[[Settings], Awaitable[Broker]]


def settings_in(folder: Path, **engine: float) -> Settings:
    return Settings.model_validate(
        {
            "registry": {"folder": folder / "registry"},
            "engine": {"processes": 1, "clip_seconds_max": 20, **engine},
            "http": {"port": 0},
            "topics": {"create": True, "partitions": 2},
        }
    )


def service(settings: Settings, broker: Broker, builder: str = OBEDIENT) -> Service:
    async def connect(settings: Settings) -> Broker:
        await broker.create_topics(dict.fromkeys(topics_of(settings), 2))
        return broker

    return Service(settings, lambda: RING, Metrics(), connect, builder)


def body(order: str) -> bytes:
    return events.body(events.event(intent=order))


async def send(broker: Broker, folder: Path, orders: list[str]) -> None:
    """Clip events whose intents tell the obedient parts what to do."""
    registered = await FileRegistry(folder / "registry").register("clips.raw-value", avro.schema_text("clip_event"))
    await broker.create_topics({"clips.raw": 2})
    await broker.send([Message("clips.raw", None, avro.frame(registered.id, body(order))) for order in orders])


async def withheld(broker: Broker) -> list[str]:
    schema = avro.schema_text("withheld")
    values = [record.value async for record in broker.read("clips.withheld")]
    return [avro.read(schema, "withheld", avro.unframe(value)[1])["reason"] for value in values if value]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.05)


async def test_the_service_works_until_it_is_stopped(tmp_path: Path) -> None:
    """Ready once models are loaded and partitions open; every record is withheld or published; stop drains."""
    broker = LocalBroker()
    await send(broker, tmp_path, ["refuse", "kill", "raise canary", "refuse"])
    running = service(settings_in(tmp_path), broker)
    assert (True, False) == (running.live(), running.ready()), "before it starts"
    task = asyncio.create_task(running.run())
    await until(running.ready)
    assert running.live()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as client:
        await _until_withheld(broker, 4)
        assert 200 == (await client.get("/readyz")).status_code
        assert 'clipveil_withheld_total{reason="inference_died"} 1.0' in (await client.get("/metrics")).text
    running.stop()
    await task
    assert ["inference_died", "internal_error", "no_consent", "no_consent"] == sorted(await withheld(broker))
    assert 4 == sum((await broker.committed("clips.raw", "clipveil")).values())


async def test_a_service_whose_memory_does_not_come_back_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above its limit whatever it does: no clip is begun, none is withheld, it stops to be ready, and then to live."""
    hasty = functools.partial(memory.Marks, look_s=0.02, relief_s=0.1, stuck_s=0.2)
    monkeypatch.setattr(memory, "Marks", hasty)
    broker, settings = LocalBroker(), settings_in(tmp_path)
    await send(broker, tmp_path, ["refuse"] * 3)
    small = settings.model_copy(
        update={
            "memory": settings.memory.model_copy(update={"bytes_max": 1}),
            "http": settings.http.model_copy(update={"stalled_seconds_max": 3.0}),
        }
    )
    running = service(small, broker)
    task = asyncio.create_task(running.run())
    await until(lambda: running._worker is not None and running._memory is not None and running._memory.stuck)
    await until(lambda: running._worker is not None and running._worker.health.ready)
    async with asyncio.timeout(60):  # a process that was replaced is there again
        while not (running._pool is not None and running._pool.ready):
            await asyncio.sleep(0.001)
    assert not running.ready()
    await until(lambda: not running.live())
    assert {} == dict(await broker.committed("clips.raw", "clipveil"))
    running.stop()
    await task
    assert [] == await withheld(broker)


async def _until_withheld(broker: Broker, number: int) -> None:
    async with asyncio.timeout(60):
        while len(await withheld(broker)) < number:
            await asyncio.sleep(0.1)


async def test_bad_records_in_bulk_stop_the_service_and_wait(tmp_path: Path) -> None:
    """It ends with counts and offsets, again after a restart, and withholds no more; the metric showed it before."""
    broker = LocalBroker()
    await send(broker, tmp_path, ["refuse"])
    await broker.send([Message("clips.raw", b"k", b"canary", None, 1)] * 30)
    of = settings_in(tmp_path)
    settings = of.model_copy(update={"worker": of.worker.model_copy(update={"bad_window": 10, "bad_records_min": 5})})
    for _ in range(2):
        running = service(settings, broker)
        with pytest.raises(CommandFailed, match=r"TooManyBad: 5 of the last \d records of partition 1 ") as caught:
            await running.run()
        assert "canary" not in str(caught.value)
        assert 'clipveil_bad_records{partition="1"}' in running._metrics.render().decode()
    assert 4 == (await withheld(broker)).count("event_undecodable")


async def test_models_that_cant_be_loaded_are_told(tmp_path: Path) -> None:
    """The start fails once, with the reason."""
    with pytest.raises(CommandFailed, match="can't be loaded: ValueError: the model is not the one") as caught:
        await service(settings_in(tmp_path), LocalBroker(), "tests.inference.parts:unloadable").run()
    assert 1 == caught.value.code


async def test_models_that_go_away_stop_the_service_and_withhold_nothing(tmp_path: Path) -> None:
    """When processes can't be replaced the service ends with an error; what it held is done after a restart."""
    broker = LocalBroker()
    settings = settings_in(tmp_path, recycle_clips=1, start_attempts_max=1)
    speakers = settings.speakers.model_copy(update={"model": str(tmp_path / "marker"), "sha256": "0" * 64})
    await send(broker, tmp_path, ["refuse"] * 6)
    gone = service(settings.model_copy(update={"speakers": speakers}), broker, "tests.inference.parts:once")
    with pytest.raises(CommandFailed, match="can't be replaced: ValueError: gone"):
        await gone.run()
    assert ["no_consent"] == await withheld(broker)
    running = service(settings_in(tmp_path), broker)
    task = asyncio.create_task(running.run())
    await _until_withheld(broker, 6)
    running.stop()
    await task
    assert ["no_consent"] * 6 == await withheld(broker)


async def test_a_stop_during_the_start_ends_it(tmp_path: Path) -> None:
    """SIGTERM while models are loading does not wait for them, and leaves nothing behind."""
    starting = service(settings_in(tmp_path), LocalBroker(), "tests.inference.parts:slow")
    task = asyncio.create_task(starting.run())
    await until(lambda: starting.port is not None)
    await asyncio.sleep(0.2)
    starting.stop()
    async with asyncio.timeout(10):
        await task


async def test_a_stop_that_a_library_swallows_ends_it_all_the_same(tmp_path: Path) -> None:
    """Whoever was told to end must not begin to work because a cancellation got lost on its way."""
    broker, connecting = LocalBroker(), asyncio.Event()

    async def connect(settings: Settings) -> Broker:
        connecting.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await broker.create_topics(dict.fromkeys(topics_of(settings), 2))
        return broker

    starting = Service(settings_in(tmp_path), lambda: RING, Metrics(), connect, OBEDIENT)
    task = asyncio.create_task(starting.run())
    await connecting.wait()
    starting.stop()
    async with asyncio.timeout(60):
        await task


def test_a_process_that_is_not_hardened_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words: neither the worker nor the eraser goes on to hold what people said."""

    def dumpable() -> None:
        raise NotHardened("this process can still be dumped")

    monkeypatch.setattr(hardening, "no_core_dumps", dumpable)
    monkeypatch.setattr(checking, "check", lambda _: lambda: RING)
    for command in (run, erase):
        monkeypatch.setattr(command, "settings_from", lambda _: settings_in(tmp_path))
    monkeypatch.setattr(erase, "_signer", lambda _: None)
    monkeypatch.setattr(erase, "_ring", lambda _: None)
    with pytest.raises(CommandFailed, match="can still be dumped"):
        run.run(None)
    with pytest.raises(CommandFailed, match="can still be dumped"):
        erase.erase(cast(Any, SimpleNamespace(invoked_subcommand=None)), None)


def test_sigterm_before_anything_began_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also as a container's first process, which no signal ends by itself: it would be killed after its grace."""

    def settings(_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("it went on")

    monkeypatch.setattr(run, "settings_from", settings)
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit) as ended:
            run.run(None)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert 0 == ended.value.code


async def test_brokers_that_go_away_during_the_start_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once they were reached: in words, as at any other time, and not as something that nobody thought of."""
    broker = LocalBroker()

    async def away(topic: str) -> None:
        raise BrokerUnavailable("NodeNotReadyError")

    monkeypatch.setattr(broker, "end_offsets", away)
    with pytest.raises(CommandFailed, match="Kafka does not answer: NodeNotReadyError"):
        await service(settings_in(tmp_path), broker).run()


async def test_a_second_stop_does_not_wait(tmp_path: Path) -> None:
    """Whoever insists gets an end at once, an exit code that says so, and the clip is done again later."""
    broker = LocalBroker()
    await send(broker, tmp_path, ["hang"])
    running = service(settings_in(tmp_path, clip_seconds_max=60), broker)
    task = asyncio.create_task(running.run())
    await until(lambda: running.ready() and running._worker is not None and running._worker.health.in_flight)
    running.stop()
    await asyncio.sleep(0.1)
    running.stop()
    with pytest.raises(CommandFailed, match="will be done again"):
        await task
    assert {} == dict(await broker.committed("clips.raw", "clipveil"))


async def test_no_schema_registered_by_others_is_told(tmp_path: Path) -> None:
    """Where schemas are registered by others, a missing one ends the start."""
    settings = settings_in(tmp_path)
    registry = settings.registry.model_copy(update={"register_schemas": False})
    with pytest.raises(CommandFailed, match=r"schema anonymized_clip, subject clips\.anonymized-value"):
        await service(settings.model_copy(update={"registry": registry}), LocalBroker()).run()


def written(folder: Path, kafka: KafkaServer) -> Path:
    """A file of settings for the whole command."""
    config = folder / "clipveil.yaml"
    names = {name: f"run-{folder.name}-{name}" for name, value in TopicSettings() if isinstance(value, str)}
    config.write_text(
        yaml.safe_dump(
            {
                "kafka": {"bootstrap_servers": kafka.bootstrap, "group": f"run-{folder.name}"},
                "topics": {**names, "create": True, "partitions": 2, "replication_max": 1},
                "registry": {"folder": str(folder / "registry")},
                "tokens": {"key": base64.b64encode(SECRET).decode()},
                "engine": {"processes": 1},
                "http": {"port": 0},
                "log": {"level": "DEBUG"},
            }
        )
    )
    return config


def test_the_whole_command_on_kafka(kafka: KafkaServer, tmp_path: Path) -> None:
    """Real models, real brokers: records end up withheld or published, SIGINT to the group drains and exits 0, and the
    log is JSON without a word of any event."""
    config = written(tmp_path, kafka)
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    for number in range(3):
        (recordings / f"canary-{number}.wav").write_bytes(events.encoded(events.sound(seed=number)))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLIPVEIL_")}
    command = [sys.executable, "-m", "stream"]
    subprocess.run([*command, "produce", recordings, "-c", config], cwd=ROOT, env=environment, check=True, timeout=60)
    process = subprocess.Popen(
        [*command, "run", "-c", config],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    lines = []
    try:
        for line in process.stderr:
            lines.append(line)
            told = json.loads(line)
            if told["event"] == "started":
                _until_committed(told["port"], 3)
                os.killpg(process.pid, signal.SIGINT)
        assert 0 == process.wait(timeout=60), lines
    finally:
        process.kill()
    told = [json.loads(line)["event"] for line in lines]
    assert ["starting", "stopped"] == [told[0], told[-1]]
    assert "canary" not in "".join(lines)


HANGING = """
import stream.inference.pool
stream.inference.pool.BUILDER = "tests.inference.parts:obedient"
from stream.__main__ import main
main()
"""


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_sigterm_ends_the_process_at_once(
    kafka: KafkaServer, cluster: KafkaBroker, tmp_path: Path, first: signal.Signals
) -> None:
    """While it waits for a clip: with an exit code and a line that say so, without a commit, and with its inference
    process gone; the one that is started next does the clip again."""
    config, names = written(tmp_path, kafka), f"run-{tmp_path.name}"
    registered = await FileRegistry(tmp_path / "registry").register(
        f"{names}-raw-value", avro.schema_text("clip_event")
    )
    began = tmp_path / "began"
    await cluster.create_topics({f"{names}-raw": 2})
    await cluster.send([Message(f"{names}-raw", None, avro.frame(registered.id, body(f"hang {began}")))])
    for _ in range(2):
        began.unlink(missing_ok=True)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", HANGING, "run", "-c", config),
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("CLIPVEIL_")},
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        try:
            await until(began.exists)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            process.send_signal(first)
            lines = [line.decode() async for line in _to_event(process.stderr, "stopping")]
            process.send_signal(signal.SIGTERM)
            lines += (await process.stderr.read()).decode().splitlines()
            assert 1 == await asyncio.wait_for(process.wait(), 30), lines
        finally:
            if process.returncode is None:
                process.kill()
        assert "clipveil: stopped at once; clips in flight will be done again" == lines[-1]
        assert not any(Path(f"/proc/{child}").exists() for child in children)
        assert {} == dict(await cluster.committed(f"{names}-raw", names))


async def _to_event(log: asyncio.StreamReader, event: str) -> AsyncIterator[bytes]:
    while line := await log.readline():
        yield line
        if json.loads(line)["event"] == event:
            return
    raise AssertionError(f"it ended before {event}")


def _until_committed(port: int, number: int) -> None:
    for _ in range(600):
        scraped = httpx.get(f"http://127.0.0.1:{port}/metrics").text.splitlines()
        outcomes = [
            line for line in scraped if line.startswith(("clipveil_published_total", "clipveil_withheld_total"))
        ]
        if sum(float(line.split()[-1]) for line in outcomes) >= number:
            return
        time.sleep(0.1)
    raise AssertionError("clips were not committed within a minute")
