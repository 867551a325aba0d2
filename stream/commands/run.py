"""``clipveil run``: the service. Everything is put together here."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

from stream.commands.failure import CommandFailed, settings_from, told
from stream.commands.options import Config
from stream.commands.probes import serve_probes
from stream.config import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stream.inference.pool import InferencePool
    from stream.lifecycle.bulk import BadLimits
    from stream.lifecycle.keyring import KeyRing
    from stream.ops.memory import Watch
    from stream.ops.metrics import Metrics
    from stream.ports import Broker
    from stream.wire.registry import Registry
    from stream.worker import Limits, Worker


def run(config: Config = None) -> None:
    """De-identify clip events from Kafka until SIGTERM or Ctrl-C, which finish what was begun and exit with 0.

    Needs brokers, a schema registry and a token key: see docs/configuration.md, and check with `clipveil config check`.
    Probes and metrics are served over HTTP: /livez, /readyz, /metrics.
    """
    signal.signal(signal.SIGTERM, _nothing_begun)  # the first process of a container is not ended by it otherwise
    from stream.commands.checking import check
    from stream.ops import log
    from stream.ops.hardening import NotHardened, no_core_dumps
    from stream.ops.metrics import Metrics

    settings = settings_from(config)
    ring = check(settings)
    with told(NotHardened):
        no_core_dumps()
    metrics = Metrics()
    log.configure(settings.log.level, on_dropped=metrics.log_dropped)
    asyncio.run(_run_until_signal(Service(settings, ring, metrics, connected)))


def _nothing_begun(*_: object) -> None:
    """What SIGTERM does until the service listens: there is nothing to finish."""
    raise SystemExit(0)


async def _run_until_signal(service: Service) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stop)
    await service.run()


async def connected(settings: Settings) -> Broker:
    """The cluster, with topics as a worker needs them. Raises CommandFailed."""
    from stream.commands.connect import connect
    from stream.commands.topics import check_at_start

    broker = await connect(settings)
    try:
        await check_at_start(settings)
    except BaseException:
        await broker.close()
        raise
    return broker


class Service:
    """The worker with all that it needs, from the first probe to the last commit. ``run`` it once."""

    def __init__(
        self,
        settings: Settings,
        ring: Callable[[], KeyRing],
        metrics: Metrics,
        connect: Callable[[Settings], Awaitable[Broker]],
        builder: str | None = None,
    ) -> None:
        self._settings, self._ring, self._metrics = settings, ring, metrics
        self._connect_to, self._builder = connect, builder
        self._task: asyncio.Task[None] | None = None
        self._pool: InferencePool | None = None
        self._worker: Worker | None = None
        self._memory: Watch | None = None
        self._stopping = False
        self.port: int | None = None  # of the HTTP server, once it listens

    def stop(self) -> None:
        """Finish what was begun, then end. A second call, or one before anything began, ends it at once."""
        if self._worker is not None and not self._stopping:
            self._worker.stop()
        elif self._task is not None:
            self._task.cancel()
        self._stopping = True

    def live(self) -> bool:
        """Whether the worker comes round and, while it holds records, commits some now and then; and whether memory
        that is short comes back."""
        return self._stalled_s() < self._settings.http.stalled_seconds_max

    def _stalled_s(self) -> float:
        if self._worker is None or self._memory is None:
            return 0.0
        health, now = self._worker.health, time.monotonic()
        return max(0.0, now - min(health.looped_at, health.progressed_at), self._memory.stuck_s)

    def ready(self) -> bool:
        """Whether models are loaded, every partition of ours is open for records, and there is memory for some."""
        if self._pool is None or self._worker is None or self._memory is None:
            return False
        return self._pool.ready and self._worker.health.ready and not self._memory.stuck

    async def run(self) -> None:
        """Until ``stop``. Raises CommandFailed where it can't start or can't go on."""
        self._task = asyncio.create_task(self._serve())
        try:
            await self._task
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            if self._worker is not None:
                raise CommandFailed("stopped at once; clips in flight will be done again") from None

    async def _serve(self) -> None:
        from stream.commands.connect import trouble_told
        from stream.ops import log

        log.get().info(log.Event.STARTING)
        async with contextlib.AsyncExitStack() as stack:
            self._metrics.stalled_of(self._stalled_s)
            self.port = await serve_probes(stack, self._settings.http, self.live, self.ready, self._metrics)
            pool = await self._start_pool(stack)
            broker = await self._connect(stack)
            memory = self._memory = self._make_watch(pool)
            with trouble_told():  # brokers may go away again
                worker = self._worker = await self._make_worker(stack, broker, pool, memory)
            if self._stopping:  # libraries can swallow a cancellation
                worker.stop()
            watching = asyncio.create_task(memory.run(lambda: not worker.health.in_flight))
            stack.callback(watching.cancel)
            log.get().info(log.Event.STARTED, processes=self._settings.engine.processes, port=self.port)
            await _until_either_ends(worker, pool)

    async def _start_pool(self, stack: contextlib.AsyncExitStack) -> InferencePool:
        from stream.inference.pool import BUILDER, make_pool
        from stream.inference.process import StartFailed

        pool = make_pool(self._settings, self._metrics, self._builder or BUILDER)
        stack.push_async_callback(pool.stop)
        with told(StartFailed, prefix="the models can't be loaded: "):
            await pool.start()
        self._pool = pool
        return pool

    async def _connect(self, stack: contextlib.AsyncExitStack) -> Broker:
        broker = await self._connect_to(self._settings)
        stack.push_async_callback(broker.close)
        return broker

    def _make_watch(self, pool: InferencePool) -> Watch:
        from stream.ops.memory import Marks, Watch, reader

        of = self._settings.memory
        self._metrics.tasks_of(lambda: len(asyncio.all_tasks()))
        return Watch(reader(of.bytes_max), pool.relieve, self._metrics, Marks(of.high_share, of.low_share))

    async def _make_worker(
        self, stack: contextlib.AsyncExitStack, broker: Broker, pool: InferencePool, memory: Watch
    ) -> Worker:
        from stream.commands.chains import bad_watch_of
        from stream.commands.connect import registry_of
        from stream.commands.office import office_of
        from stream.commands.tracing import tracer
        from stream.intake import ClipIntake
        from stream.worker import Worker

        settings = self._settings
        registry: Registry = registry_of(settings)
        stack.push_async_callback(registry.close)
        office = await stack.enter_async_context(office_of(settings, self._ring, pool, broker, registry, self._metrics))
        raw, group = settings.topics.raw, settings.kafka.group
        watch = partial(
            bad_watch_of, broker, registry, settings.topics.audit, bad_limits_of(settings), self._metrics.bad
        )
        return Worker(
            broker.source(raw, group),
            lambda partition: broker.outbox(partition, group),
            lambda partition: ClipIntake(office, partition),
            self._metrics,
            limits_of(settings),
            watch,
            lambda: memory.shedding,
            await tracer(stack, settings, self._metrics),
        )


def limits_of(settings: Settings) -> Limits:
    """The worker's bounds."""
    from stream.worker import Limits

    of = settings.worker
    return Limits(
        lane_records=of.partition_records_max,
        held_records=of.records_in_flight_max,
        held_bytes=of.bytes_in_flight_max,
        batch_records=of.batch_records_max,
        faults_in_a_row=of.faults_in_a_row_max,
        failures_in_a_row=of.commit_failures_in_a_row_max,
        drain_s=of.drain_seconds_max,
    )


def bad_limits_of(settings: Settings) -> BadLimits:
    """When bad records in bulk stop it."""
    from stream.lifecycle.bulk import BadLimits

    of = settings.worker
    return BadLimits(of.bad_window, of.bad_share_max, of.bad_records_min, of.bad_accepted)


async def _until_either_ends(worker: Worker, pool: InferencePool) -> None:
    """Until the worker was stopped. Raises CommandFailed where it ends otherwise, or processes can't be replaced."""
    from stream.lifecycle.bulk import TooManyBad
    from stream.ports import SourceLost
    from stream.worker import Died, NotCommitting, TooManyFaults

    working, failing = asyncio.create_task(worker.run()), asyncio.create_task(pool.failed())
    try:
        await asyncio.wait({working, failing}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise CommandFailed(f"inference processes can't be replaced: {failing.result()}")
        try:
            await working
        except (SourceLost, Died, NotCommitting, TooManyFaults, TooManyBad) as error:  # they tell classes and counts
            raise CommandFailed(f"stopped: {type(error).__name__}: {error}") from None
    finally:
        for task in (working, failing):
            task.cancel()
        await asyncio.gather(working, failing, return_exceptions=True)
