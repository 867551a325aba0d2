"""Logs carelessly in every way that a program can; run in a process of its own, since the log belongs to a process."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import warnings

import structlog

from stream.ops import log

CANARY = "canary"


class CanaryInRepr:
    """An object whose repr holds content."""

    def __repr__(self) -> str:
        return CANARY

    def __del__(self) -> None:
        raise ValueError(CANARY)


def carelessly() -> None:
    """Content in the event, in listed and unlisted keys, in exceptions, through foreign loggers, in warnings."""
    ours = log.get()
    ours.info(f"about {CANARY}")
    ours.info([CANARY])  # type: ignore[arg-type]
    ours.info("started %s", CANARY)
    ours.info(log.Event.STARTED, words=CANARY, body=CANARY.encode())
    ours.info(log.Event.STARTED, topic=f"{CANARY} has a space", reason=CANARY, where=CANARY, cause=CANARY)
    ours.info(log.Event.STARTED, partition=CanaryInRepr(), offset=[CANARY], error=f"ValueError: {CANARY}")
    structlog.get_logger(CANARY).bind(name=CANARY).error(log.Event.FAILED, exc_info=True, stack_info=True)
    structlog.get_logger().exception(CANARY)
    for name in ("aiokafka", "aiokafka.consumer.fetcher", "presidio-analyzer", "made.up.now"):
        foreign = logging.getLogger(name)
        foreign.setLevel(logging.DEBUG)
        foreign.debug("record %s", CANARY)
        foreign.error("record %s", CANARY, exc_info=ValueError(CANARY), extra={"record_value": CANARY})
    logging.getLogger("bad.format").error("%d", CANARY)
    warnings.warn(CANARY, stacklevel=1)


async def in_a_loop() -> None:
    """An exception in a task that nobody waits for, and one in a callback."""

    async def fail() -> None:
        raise ValueError(CANARY)

    def fail_in_callback() -> None:
        raise ValueError(CANARY)

    task = asyncio.create_task(fail())
    asyncio.get_running_loop().call_soon(fail_in_callback)
    await asyncio.sleep(0.01)
    del task


def fail_deep_inside() -> None:
    """Content in a chain of exceptions and in local variables."""
    heard = CANARY
    try:
        int(heard)
    except ValueError as error:
        raise RuntimeError(f"could not read {heard}") from error


if __name__ == "__main__":
    logging.getLogger("early").addHandler(logging.StreamHandler(sys.stderr))
    log.configure("DEBUG")
    logging.getLogger("early").error(CANARY)
    try:
        int(CANARY)
    except ValueError as error:
        log.get().error(log.Event.FAILED, **log.fault(error))
        carelessly()
    CanaryInRepr()
    thread = threading.Thread(target=fail_deep_inside)
    thread.start()
    thread.join()
    asyncio.run(in_a_loop(), debug=True)
    fail_deep_inside()
