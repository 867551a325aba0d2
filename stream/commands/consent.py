"""``clipveil consent``: write an account's word on human review, to try the service out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from stream.commands.failure import WRONG_INPUT, settings_from, told
from stream.commands.options import Config

if TYPE_CHECKING:
    from stream.config import Settings
    from stream.ports import Message
    from stream.wire.outcomes import Destination

app = typer.Typer(no_args_is_help=True, help="What accounts say on human review.")
DEFAULT_TOPIC = "clips.consent"


@app.callback()
def _consent() -> None:
    pass


@app.command(name="set")
def set_(
    account: Annotated[str, typer.Argument(help="The account id, as in the clip events.")],
    config: Config = None,
    yes: Annotated[bool | None, typer.Option("--yes/--no", help="Whether people may listen.")] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Know nothing of the account any more.")] = False,
    topic: Annotated[str, typer.Option(help="Topic to write to.")] = DEFAULT_TOPIC,
) -> None:
    """Write one record: a "yes" or a "no" as of now, or a tombstone that forgets the account."""
    if (yes is None) != forget:
        raise typer.BadParameter("say one of --yes, --no and --forget")
    asyncio.run(_write(settings_from(config), account, yes, topic))


async def _write(settings: Settings, account: str, yes: bool | None, topic: str) -> None:
    from stream.commands.connect import connect, register, registry_of, trouble_told
    from stream.wire.standing_records import CONSENT_SCHEMA

    registry = registry_of(settings)
    broker = await connect(settings, [topic])
    try:
        to = (await register(registry, {CONSENT_SCHEMA: topic}, settings))[CONSENT_SCHEMA]
        with told(ValueError, code=WRONG_INPUT), trouble_told():
            await broker.send([message_of(account, yes, to)])
    finally:
        await registry.close()
        await broker.close()
    typer.echo(f"written to {topic}")


def message_of(account: str, yes: bool | None, to: Destination) -> Message:
    """The record. Raises ValueError where no event could have such an account."""
    from stream.whose import ConsentChange
    from stream.wire.standing_records import ConsentWriter

    writer = ConsentWriter(to)
    if yes is None:
        return writer.forget(account)
    return writer.change(ConsentChange(account, yes, datetime.now(tz=UTC)))
