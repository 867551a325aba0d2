"""``clipveil`` as somebody runs it who wants to see everything: every logger at DEBUG, with handlers of their own that
are added again and again, so that it does not help to take them away once.

The parts that hear are those of ``tests.withheld``: all real but the speaker model, which misbehaves as it is told.
"""

from __future__ import annotations

import logging
import sys
import threading
import time

from stream import __main__
from stream.inference import pool

LOGGERS = ("", "aiokafka", "aiokafka.conn", "aiokafka.producer.sender", "aiokafka.consumer.fetcher", "asyncio", "httpx")


def curious() -> None:
    """Somebody's logging configuration."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    while True:
        for name in LOGGERS:
            logger = logging.getLogger(name)
            logger.setLevel(logging.DEBUG)
            if handler not in logger.handlers:
                logger.addHandler(handler)
        time.sleep(0.02)


if __name__ == "__main__":
    pool.BUILDER = "tests.withheld.parts:build"
    threading.Thread(target=curious, daemon=True).start()
    __main__.main()
