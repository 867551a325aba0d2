"""``clipveil erase request`` and ``clipveil report``: write a request, to try the service or by hand."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from stream.commands.failure import settings_from
from stream.commands.options import Config
from stream.config import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.ports import Message
    from stream.wire.outcomes import Destination


def request(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="The account whose published clips are to be erased.")],
) -> None:
    """Write a request for erasure, of everything that was recorded up to now; prints its id, which the receipt has."""
    from stream.whose import ErasureRequest
    from stream.wire.request_records import ERASURE_SCHEMA, erasure_message

    settings = settings_from(context.obj)
    request_id = str(uuid.uuid4())
    asked = ErasureRequest(request_id, account, datetime.now(UTC))
    asyncio.run(_send(settings, ERASURE_SCHEMA, settings.topics.erasure, lambda to: erasure_message(asked, to)))
    typer.echo(request_id)


def report(
    token: Annotated[str, typer.Argument(help="The token of the published clip.")],
    config: Config = None,
) -> None:
    """Report a published clip as critical: it is taken back, with what the account said around it."""
    from stream.whose import Report
    from stream.wire.request_records import REPORT_SCHEMA, report_message

    settings = settings_from(config)
    reported = Report(token, datetime.now(UTC))
    asyncio.run(_send(settings, REPORT_SCHEMA, settings.topics.reports, lambda to: report_message(reported, to)))


async def _send(settings: Settings, schema: str, topic: str, message: Callable[[Destination], Message]) -> None:
    from stream.commands.connect import connect, register, registry_of, trouble_told

    async with contextlib.AsyncExitStack() as stack:
        registry = registry_of(settings)
        stack.push_async_callback(registry.close)
        broker = await connect(settings, [topic])
        stack.push_async_callback(broker.close)
        to = (await register(registry, {schema: topic}, settings))[schema]
        with trouble_told():
            await broker.send([message(to)])
