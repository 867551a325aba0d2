"""What a fault proves: a zombie only by the broker's own answer, an orderly end only by 0."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, ProducerFenced

from tests.faults.disk import TemporaryDirectoryFull
from tests.faults.orders import StruckProducer
from tests.faults.strikes import FENCED, Rebalance, answer_to
from tests.faults.workers import WorkerProcess


class Told:
    """Orders that stop nobody, and what was told of it."""

    def __init__(self) -> None:
        self.deeds: list[dict[str, Any]] = []

    def passed(self, point: str, partition: int, following: int = -1) -> bool:
        return point == "after_send"

    def wants(self, point: str) -> bool:
        return False

    def tell(self, deed: str, **values: Any) -> None:
        self.deeds.append({"deed": deed, **values})


class Asking:
    """A producer whose broker takes its time, and which answers nothing once it was stopped."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def send_offsets_to_transaction(self, *offsets: Any) -> None:
        await self.answer

    async def stop(self) -> None:
        self.answer.cancel()


@pytest.mark.parametrize(
    ("error", "fenced"), [(ProducerFenced, True), (KafkaConnectionError, False), (TimeoutError, False)]
)
async def test_a_zombie_is_answered_although_its_lane_is_gone(error: type[Exception], fenced: bool) -> None:
    """Whoever revokes its partition gives up its producer too; only the broker's refusal counts as fenced."""
    told, asking = Told(), Asking()
    zombie = StruckProducer(asking, told, 3)  # type: ignore[arg-type]
    lane = asyncio.create_task(zombie.send_offsets_to_transaction())
    await asyncio.sleep(0)
    lane.cancel()
    stopping = asyncio.create_task(zombie.stop())
    await asyncio.sleep(0.01)
    asking.answer.set_exception(error())
    await asyncio.gather(lane, stopping, return_exceptions=True)
    assert error.__name__ == answer_to(told.deeds)
    assert fenced == (answer_to(told.deeds) in FENCED)


def test_a_zombie_that_came_through_is_no_other() -> None:
    """Whatever else it was told; and one that was told nothing proves nothing."""
    refused, through = {"deed": "refused", "error": "ProducerFenced"}, {"deed": "came_through"}
    assert "came_through" == answer_to([refused, through])
    assert answer_to([through]) not in FENCED
    assert answer_to([]) not in FENCED


async def ended_by(script: str, folder: Path, grace_s: float = 20.0) -> str:
    """What is said against a process that runs ``script`` and is told to end."""
    worker = await process(script, folder)
    while not (folder / "log").read_text():
        await asyncio.sleep(0.02)
    return await worker.leave(grace_s)


async def process(script: str, folder: Path) -> WorkerProcess:
    with (folder / "log").open("w") as log:
        started = await asyncio.create_subprocess_exec("bash", "-c", script, stdout=log, stderr=log)
    return WorkerProcess(1, started.pid, folder, asyncio.ensure_future(started.wait()))


async def test_an_end_is_told_with_the_last_line_of_its_log(tmp_path: Path) -> None:
    """A status alone would not say why; an end with 0 is nothing to complain of."""
    wait = "while true; do sleep 0.05; done"
    assert "" == await ended_by(f"trap 'exit 0' TERM; echo began; {wait}", tmp_path)
    complaint = await ended_by(f"trap 'echo brokers are away; exit 1' TERM; echo began; {wait}", tmp_path)
    assert complaint.startswith("a worker ended with 1 after SIGTERM")
    assert complaint.endswith("log ends with: brokers are away")
    complaint = await ended_by(f"trap '' TERM; echo began; {wait}", tmp_path, 0.2)
    assert complaint.startswith("a worker still ran 0.2 s after SIGTERM")


async def test_a_worker_that_ends_before_it_is_told_to_is_no_orderly_end(tmp_path: Path) -> None:
    """Another one has to do it; it is counted, and no complaint about SIGTERM."""
    worker = await process("exit 1", tmp_path)
    await worker.ended

    async def hire() -> WorkerProcess:
        return worker

    async def until(look: Any) -> None:
        assert look()

    world: Any = SimpleNamespace(hire=hire, until=until, draw=SimpleNamespace(uniform=lambda *_: 0), complaints=[])
    world.counts = {"workers that ended with 1": 0}
    with pytest.raises(RuntimeError):
        await Rebalance().strike(world)
    assert ({"workers that ended with 1": 1}, []) == (world.counts, world.complaints)


async def test_a_full_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a byte can be written while it lasts, and afterwards the directory is as it was."""
    monkeypatch.setattr("tests.faults.disk.FULL_S", 1.0)
    (tmp_path / "tmp").mkdir()

    async def victim() -> Any:
        return SimpleNamespace(folder=tmp_path)

    world: Any = SimpleNamespace(victim=victim)
    striking = asyncio.create_task(TemporaryDirectoryFull().strike(world))
    while not os.path.ismount(tmp_path / "tmp"):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    with pytest.raises(OSError, match="No space left"), (tmp_path / "tmp" / "new").open("wb", buffering=0) as new:
        new.write(bytes(1))
    await striking
    (tmp_path / "tmp" / "new").write_bytes(bytes(1))


def test_a_signal_for_a_process_that_is_gone(tmp_path: Path) -> None:
    """Nobody has told of its end yet: it is no failure of whoever sends the signal."""
    loop = asyncio.new_event_loop()
    WorkerProcess(1, 2**22 - 1, tmp_path, loop.create_future()).signal(signal.SIGKILL)
    loop.close()
