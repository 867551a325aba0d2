"""A worker with the stand-in engine as a process of its own, to be killed: ``worker_process BOOTSTRAP RUN``."""

from __future__ import annotations

import asyncio
import random
import signal
import sys

from stream.clip import Job
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.worker import Limits
from tests.contract.stand_ins import Topics, WishEngine, worker


async def slowly(job: Job) -> None:
    await asyncio.sleep(random.Random(job.coordinates.offset).uniform(0, 0.05))


async def main(bootstrap: str, run: str) -> None:
    connection = KafkaConnection(bootstrap, session_timeout_s=6, heartbeat_interval_s=1, rebalance_timeout_s=20)
    broker = KafkaBroker(connection)
    one = worker(broker, Topics(run), WishEngine(before=slowly), Limits(lane_records=8, batch_records=4))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, one.stop)
    await one.run()
    await broker.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
