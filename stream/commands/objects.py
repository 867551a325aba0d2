"""``clipveil objects``: what lies in the object store."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from stream.commands.failure import WRONG_INPUT, CommandFailed, settings_from, told
from stream.commands.options import Config
from stream.config import Settings

if TYPE_CHECKING:
    from stream.lifecycle.orphans import Swept
    from stream.ports import Broker, Schemas
    from stream.wire.objects_store import Store

app = typer.Typer(no_args_is_help=True, help="Audio of published clips that lies in an object store.")


@app.callback()
def _group() -> None:
    """A group, though it has one command so far."""


@app.command()
def sweep(
    older_than: Annotated[str, typer.Option(help="Age of objects to look at, such as 36h or 2d; at least 1d.")] = "2d",
    delete: Annotated[bool, typer.Option("--delete", help="Delete them; otherwise they are only counted.")] = False,
    config: Config = None,
) -> None:
    """Find objects that no published clip refers to, and delete them with --delete.

    A worker that ends between a put and its commit leaves such objects behind. Run it now and then, one at a time.
    """
    age = _age(older_than)
    settings = settings_from(config)
    swept = asyncio.run(_sweep(settings, age, delete=delete))
    done = "deleted" if delete else "found; --delete deletes them"
    typer.echo(f"{swept.objects} objects, {swept.orphans} orphans ({swept.orphan_bytes / 1e6:.1f} MB) {done}")


def _age(told_age: str) -> timedelta:
    from stream.lifecycle.orphans import AGE_MIN

    found = re.fullmatch(r"(\d{1,5})([hd])", told_age)
    if found is None:
        raise CommandFailed("--older-than: needs hours or days, such as 36h or 2d", WRONG_INPUT)
    age = timedelta(hours=int(found[1])) if found[2] == "h" else timedelta(days=int(found[1]))
    if age < AGE_MIN:
        raise CommandFailed("--older-than: what is younger than a day may still be published", WRONG_INPUT)
    return age


async def _sweep(settings: Settings, age: timedelta, *, delete: bool) -> Swept:
    from stream.clip import Refusal
    from stream.commands.connect import connect, registry_of, trouble_told
    from stream.commands.stores import output_of
    from stream.lifecycle import orphans
    from stream.ports import ObjectsUnavailable

    output = output_of(settings)
    if output is None:
        raise CommandFailed("objects.output: needed, to know where published audio lies", WRONG_INPUT)
    topic = settings.topics.anonymized
    registry = registry_of(settings)
    broker = await connect(settings, [topic])
    try:
        with trouble_told(), told(ObjectsUnavailable, prefix="the object store does not answer: "):
            return await orphans.sweep(output, lambda: referred(broker, registry, topic, output), age, delete=delete)
    except Refusal:
        raise CommandFailed(f"a record of {topic} can't be read, so nobody knows what it refers to") from None
    finally:
        await registry.close()
        await broker.close()


async def referred(broker: Broker, schemas: Schemas, topic: str, output: Store) -> frozenset[str]:
    """Keys of all objects that the clips on ``topic`` refer to, as of now. Raises Refusal where one can't be read."""
    from stream.wire import avro
    from stream.wire.published import object_of

    keys: dict[bytes | None, str] = {}  # by token: of its records the newest counts
    async for record in broker.read(topic):
        keys.pop(record.key, None)
        if record.value is not None:  # what nobody could look into is empty, and no tombstone
            reference, body = avro.unframe(record.value)
            audio = object_of(await schemas.writer_schema(reference), body)
            if audio is not None and (key := output.place.key(audio.uri)) is not None:
                keys[record.key] = key
    return frozenset(keys.values())
