"""``clipveil erase``: the service that answers requests for erasure, and reports."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from typing import TYPE_CHECKING

import typer

from stream.commands import asking
from stream.commands.failure import WRONG_INPUT, CommandFailed, settings_from, told
from stream.commands.options import Config
from stream.commands.probes import serve_probes
from stream.config import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stream.commands.erasing import Desk
    from stream.config.erasing import ErasingSettings
    from stream.lifecycle.keyring import KeyRing
    from stream.lifecycle.receipts import Signer
    from stream.ops.request_metrics import RequestMetrics
    from stream.ports import Broker

app = typer.Typer(help="Take back what was published: of an account that asks for it, or around a reported clip.")
app.command("request")(asking.request)


@app.callback(invoke_without_command=True)
def erase(context: typer.Context, config: Config = None) -> None:
    """Answer requests for erasure and reports from Kafka until SIGTERM or Ctrl-C.

    Needs brokers, a schema registry, the key ring, and a key to sign receipts with: see docs/erasure.md. Probes and
    metrics are served over HTTP: /livez, /readyz, /metrics.
    """
    if context.invoked_subcommand is not None:
        context.obj = config
        return
    from stream.commands.connect import connect
    from stream.ops import log
    from stream.ops.hardening import NotHardened, no_core_dumps
    from stream.ops.request_metrics import RequestMetrics

    settings = settings_from(config)
    signer, ring = _signer(settings.erasing), _ring(settings)
    with told(NotHardened):
        no_core_dumps()
    metrics = RequestMetrics()
    log.configure(settings.log.level, on_dropped=metrics.log_dropped)
    service = Service(settings, ring, signer, metrics, connect)
    asyncio.run(_run_until_signal(service))


def _signer(of: ErasingSettings) -> Signer:
    from stream.lifecycle.receipts import KeyUnusable, signer_of

    name = "erasing.signing_key_file"
    if of.signing_key_file is None:
        raise CommandFailed(f"{name}: needed; make one with: openssl genpkey -algorithm ed25519", WRONG_INPUT)
    try:
        with told(KeyUnusable, code=WRONG_INPUT, prefix=f"{name}: the file that it names "):
            return signer_of(of.signing_key_file)
    except OSError as error:
        raise CommandFailed(f"{name}: the file that it names can't be read ({error.strerror})", WRONG_INPUT) from None


def _ring(settings: Settings) -> Callable[[], KeyRing]:
    from stream.config import ConfigError

    with told(ConfigError, code=WRONG_INPUT):
        return settings.tokens.ring()


async def _run_until_signal(service: Service) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stop)
    await service.run()


class Service:
    """The desk with all that it needs, from the first probe to the last commit. ``run`` it once."""

    def __init__(
        self,
        settings: Settings,
        ring: Callable[[], KeyRing],
        signer: Signer,
        metrics: RequestMetrics,
        connect: Callable[[Settings, tuple[str, ...]], Awaitable[Broker]],
    ) -> None:
        self._settings, self._ring, self._signer = settings, ring, signer
        self._metrics, self._connect_to = metrics, connect
        self._task: asyncio.Task[None] | None = None
        self._desk: Desk | None = None
        self._stopping = False
        self.port: int | None = None  # of the HTTP server, once it listens

    def stop(self) -> None:
        """Commit what is answered, then end. A second call, or one before anything began, ends it at once."""
        if self._desk is not None and not self._stopping:
            for worker in self._desk.workers:
                worker.stop()
        elif self._task is not None:
            self._task.cancel()
        self._stopping = True

    def live(self) -> bool:
        """Whether the workers come round and, while they hold requests, answer some now and then."""
        if self._desk is None:
            return True
        now, waiting_s = time.monotonic(), self._settings.erasing.settle_s(self._settings.kafka.transaction_timeout_s)
        healths = [worker.health for worker in self._desk.workers]
        patience_s = self._settings.http.stalled_seconds_max
        return all(
            now - health.looped_at < patience_s and now - health.progressed_at < patience_s + waiting_s
            for health in healths
        )

    def _stalled_s(self) -> float:
        healths = [worker.health for worker in self._desk.workers] if self._desk is not None else []
        now = time.monotonic()
        return max((now - min(health.looped_at, health.progressed_at) for health in healths), default=0.0)

    def ready(self) -> bool:
        """Whether the index is read and every partition of ours is open for requests."""
        return self._desk is not None and all(worker.health.ready for worker in self._desk.workers)

    async def run(self) -> None:
        """Until ``stop``. Raises CommandFailed where it can't start or can't go on."""
        self._task = asyncio.create_task(self._serve())
        try:
            await self._task
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            if self._desk is not None:
                raise CommandFailed("stopped at once; requests in flight will be done again") from None

    async def _serve(self) -> None:
        from stream.commands.erasing import topics_of
        from stream.ops import log
        from stream.ports import StandingUnknown

        log.get().info(log.Event.STARTING)
        async with contextlib.AsyncExitStack() as stack:
            self._metrics.stalled_of(self._stalled_s)
            self.port = await serve_probes(stack, self._settings.http, self.live, self.ready, self._metrics)
            broker = await self._connect_to(self._settings, topics_of(self._settings))
            stack.push_async_callback(broker.close)
            desk = await self._make_desk(stack, broker)
            with told(StandingUnknown, prefix="the index can't be read: "):
                await desk.start(stack)
            self._desk = desk
            log.get().info(log.Event.STARTED, port=self.port)
            await _until_one_ends(desk)

    async def _make_desk(self, stack: contextlib.AsyncExitStack, broker: Broker) -> Desk:
        from stream.commands.connect import registry_of
        from stream.commands.erasing import Outside, desk_of, destinations_of

        topics = self._settings.topics
        await _demand_partitions(broker, topics.erasure, topics.erasure_audit)
        await _demand_partitions(broker, topics.reports, topics.reports_audit)
        registry = registry_of(self._settings)
        stack.push_async_callback(registry.close)
        destinations = await destinations_of(self._settings, registry)
        return desk_of(
            Outside(
                settings=self._settings,
                broker=broker,
                registry=registry,
                destinations=destinations,
                ring=self._ring,
                signer=self._signer,
                metrics=self._metrics,
            )
        )


async def _demand_partitions(broker: Broker, requests: str, audit: str) -> None:
    """The chain of a partition of requests is in the partition of the same number. Raises CommandFailed."""
    number = len(await broker.end_offsets(requests))
    if len(await broker.end_offsets(audit)) < number:
        raise CommandFailed(f"topic {audit} needs at least as many partitions as {requests}, which has {number}")


async def _until_one_ends(desk: Desk) -> None:
    """Until the workers were stopped. Raises CommandFailed where one of them ends otherwise."""
    from stream.ports import SourceLost
    from stream.worker import Died, NotCommitting, TooManyFaults

    beside = [asyncio.create_task(desk.sweep.run(desk.index)), asyncio.create_task(desk.rolling())]
    working = [asyncio.create_task(worker.run()) for worker in desk.workers]
    try:
        await asyncio.wait({*working, *beside}, return_when=asyncio.FIRST_COMPLETED)
        for worker in desk.workers:
            worker.stop()  # where one has failed; those that were told to stop already do so
        await asyncio.gather(*working)
        for task in beside:
            if task.done():
                raise CommandFailed(f"stopped: {type(task.exception()).__name__}")
    except (SourceLost, Died, NotCommitting, TooManyFaults) as error:  # their messages are class names, counts
        raise CommandFailed(f"stopped: {type(error).__name__}: {error}") from None
    finally:
        for task in (*working, *beside):
            task.cancel()
        await asyncio.gather(*working, *beside, return_exceptions=True)
