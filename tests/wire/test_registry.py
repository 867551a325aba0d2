"""One suite for both registries, and Confluent's own serializers against ours."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import (
    Schema,
    SchemaRegistryClient,
    header_schema_id_serializer,
    prefix_schema_id_deserializer,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from stream.clip import Reason, Refusal
from stream.ports import RegistryUnavailable
from stream.wire import avro
from stream.wire.registry import SCHEMAS_CACHED_MAX, CachedLookup, Registry, RestRegistry, SchemaRefused
from stream.wire.registry_files import FileRegistry
from tests import events
from tests.registry_server import RegistryServer, serving

EVENT = avro.schema_text("clip_event")
SUBJECT = "clips.raw-value"


def small(*names: str, default: bool = True) -> str:
    """A record of strings."""
    fields: list[dict[str, Any]] = [{"name": name, "type": "string"} for name in names]
    if default:
        fields = [{**field, "default": ""} for field in fields]
    return json.dumps({"type": "record", "name": "Small", "fields": fields})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    with serving(tmp_path) as running:
        yield running


def rest(server: RegistryServer, **options: Any) -> RestRegistry:
    return RestRegistry(server.url, **{"attempts": 3, "backoff_s": 0.001, "timeout_s": 5.0, "appears_s": (), **options})


@pytest.fixture(params=["rest", "rest, older", "files"])
async def registry(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Registry]:
    if request.param == "files":
        yield FileRegistry(tmp_path)
        return
    with serving(tmp_path) as running:
        running.tells_guid = request.param == "rest"
        client = rest(running)
        yield client
        await client.close()


async def unknown(registry: Registry, reference: int | str) -> Reason:
    with pytest.raises(Refusal) as caught:
        await registry.writer_schema(reference)
    return caught.value.reason


# ------------------------------------------------------------------ both
async def test_what_is_registered_is_found_by_id_and_by_guid(registry: Registry) -> None:
    """Register, then look up both ways."""
    made = await registry.register(SUBJECT, EVENT)
    assert made.guid is not None
    assert json.loads(EVENT) == json.loads(await registry.writer_schema(made.id))
    assert json.loads(EVENT) == json.loads(await registry.writer_schema(made.guid))


async def test_a_schema_keeps_its_id(registry: Registry) -> None:
    """Registered again, with other white space, or under another subject: the same id; another schema: another."""
    first = await registry.register(SUBJECT, EVENT)
    assert first == await registry.register(SUBJECT, EVENT)
    assert first == await registry.register(SUBJECT, json.dumps(json.loads(EVENT), indent=3))
    assert first == await registry.register("other-value", EVENT)
    assert first == await registry.find("other-value", EVENT)
    assert first.id != (await registry.register("third-value", small("a"))).id


async def test_an_unknown_schema_is_refused(registry: Registry) -> None:
    """By id and by GUID: a record that names it is withheld."""
    assert Reason.UNKNOWN_SCHEMA is await unknown(registry, 4711)
    assert Reason.UNKNOWN_SCHEMA is await unknown(registry, str(uuid.uuid4()))


async def test_finding_what_was_never_registered(registry: Registry) -> None:
    """Neither an unknown schema nor a known one under a subject that does not have it."""
    await registry.register(SUBJECT, EVENT)
    for subject, schema in ((SUBJECT, small("a")), ("other-value", EVENT)):
        with pytest.raises(SchemaRefused):
            await registry.find(subject, schema)


async def test_compatibility_is_backward(registry: Registry) -> None:
    """A new version must read what the latest wrote; the first version may be anything."""
    assert await registry.compatible(SUBJECT, small("a"))
    await registry.register(SUBJECT, small("a"))
    assert await registry.compatible(SUBJECT, small("a", "b"))
    assert await registry.compatible(SUBJECT, small())
    assert not await registry.compatible(SUBJECT, small("b", default=False))
    assert not await registry.compatible(SUBJECT, "no schema")


async def test_an_incompatible_version_is_not_registered(registry: Registry) -> None:
    """And leaves no trace: the next good one is compared with the last good one."""
    await registry.register(SUBJECT, small("a"))
    with pytest.raises(SchemaRefused):
        await registry.register(SUBJECT, small("b", default=False))
    with pytest.raises(SchemaRefused):
        await registry.find(SUBJECT, small("b", default=False))
    await registry.register(SUBJECT, small("a", "b"))


@pytest.mark.parametrize("subject", ["../../outside", "a/b", "with space", "ümläut-value", "%2e%2e"])
async def test_a_subject_may_have_any_name(registry: Registry, tmp_path: Path, subject: str) -> None:
    """No name of a subject leads out of the registry's folder or into another subject."""
    made = await registry.register(subject, small("a"))
    assert made == await registry.find(subject, small("a"))
    assert {"schemas", "guids", "subjects", "lock"} == {path.name for path in tmp_path.iterdir()}
    assert 1 == len(list((tmp_path / "subjects").iterdir()))


# ------------------------------------------------------------------ a folder
@pytest.mark.parametrize("subject", ["..", ".", ""])
async def test_a_subject_is_never_a_path(tmp_path: Path, subject: str) -> None:
    """Not even one that a URL could not hold."""
    await FileRegistry(tmp_path).register(subject, small("a"))
    assert [f"s-{subject}"] == [path.name for path in (tmp_path / "subjects").iterdir()]


def _register(folder: Path, subject: str, number: int, ids: Any) -> None:
    made = asyncio.run(FileRegistry(folder).register(f"{subject}{number % 3}", small(f"f{number % 5}")))
    ids.put((number % 5, made.id))


def test_processes_share_a_folder(tmp_path: Path) -> None:
    """Twenty registrations of five schemas at once, in four processes: five ids, the same for everybody."""
    spawn = multiprocessing.get_context("fork")
    ids = spawn.Queue()
    started = [spawn.Process(target=_register, args=(tmp_path, "s", n, ids)) for n in range(20)]
    for process in started:
        process.start()
    given = {ids.get(timeout=60) for _ in started}
    for process in started:
        process.join()
    assert 5 == len(given)
    assert {1, 2, 3, 4, 5} == {number for _, number in given}


async def test_a_half_written_registration_is_not_seen(tmp_path: Path) -> None:
    """A process that died between its two steps leaves nothing that is read, and the next one goes on."""
    registry = FileRegistry(tmp_path)
    await registry.register(SUBJECT, small("a"))
    (tmp_path / "schemas" / ".2.json.999").write_text('{"guid": "x", "sch')
    made = await registry.register(SUBJECT, small("a", "b"))
    assert small("a", "b") == await FileRegistry(tmp_path).writer_schema(made.id)


async def test_a_damaged_folder_is_unavailable_not_unknown(tmp_path: Path) -> None:
    """What can't be read says nothing about the record."""
    registry = FileRegistry(tmp_path)
    made = await registry.register(SUBJECT, small("a"))
    (tmp_path / "schemas" / f"{made.id}.json").write_text("{")
    with pytest.raises(RegistryUnavailable):
        await registry.writer_schema(made.id)


# ------------------------------------------------------------------ over the network
async def test_a_schema_is_asked_for_once(server: RegistryServer) -> None:
    """Schemas never change: one request serves all records, also those that ask at the same moment."""
    registry = rest(server)
    made = await registry.register(SUBJECT, EVENT)
    await asyncio.gather(*(registry.writer_schema(made.id) for _ in range(20)))
    assert 1 == server.requests.count(f"GET /schemas/ids/{made.id}")


async def test_an_unknown_schema_is_asked_for_again_after_a_while(server: RegistryServer) -> None:
    """A flood of records with one unknown id is one request; once registered, it is found."""
    now = [0.0]
    registry = rest(server, unknown_s=10.0)
    registry._clock = lambda: now[0]
    for _ in range(5):
        assert Reason.UNKNOWN_SCHEMA is await unknown(registry, 1)
    assert 1 == server.requests.count("GET /schemas/ids/1")
    await registry.register(SUBJECT, EVENT)
    now[0] = 10.1
    assert json.loads(EVENT) == json.loads(await registry.writer_schema(1))


async def test_a_schema_that_appears_a_moment_later_is_waited_for(server: RegistryServer) -> None:
    """A registry that follows its leader: the record is not withheld for a schema that is known right after."""
    made = await rest(server).register(SUBJECT, EVENT)
    nothing = (404, b'{"error_code": 40403, "message": "Schema not found"}')
    server.raw_answers += [nothing, nothing]
    registry = rest(server, appears_s=(0.001, 0.001))
    assert json.loads(EVENT) == json.loads(await registry.writer_schema(made.id))
    assert not server.raw_answers
    await registry.close()


@pytest.mark.parametrize("status", [500, 502, 503, 429])
async def test_a_passing_failure_is_waited_out(server: RegistryServer, status: int) -> None:
    """Two failures, then the answer."""
    registry = rest(server)
    made = await registry.register(SUBJECT, EVENT)
    server.failures = [status, status]
    assert json.loads(EVENT) == json.loads(await registry.writer_schema(made.id))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (503, b"<html>"),
        (401, b'{"error_code": 401}'),
        (403, b"{}"),
        (404, b"<html>no such page</html>"),
        (404, b'{"error_code": 40399}'),
        (404, b"{}"),
        (200, b"<html>sign in</html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"schema": 7}'),
        (200, b'{"schema": "' + b"x" * 2_000_000 + b'"}'),
        (302, b"{}"),
    ],
)
async def test_an_answer_that_is_none_is_not_an_unknown_schema(
    server: RegistryServer, status: int, body: bytes
) -> None:
    """A registry that is down, a proxy in front of it, wrong credentials: the record is not to blame."""
    server.raw_answers = [(status, body)] * 3
    with pytest.raises(RegistryUnavailable):
        await rest(server).writer_schema(1)


async def test_nobody_listens() -> None:
    """A refused connection is RegistryUnavailable too."""
    with pytest.raises(RegistryUnavailable):
        await RestRegistry("http://127.0.0.1:9", attempts=2, backoff_s=0.001).writer_schema(1)


async def test_an_unavailable_registry_is_not_remembered(server: RegistryServer) -> None:
    """When it is back, the schema is found at once."""
    registry = rest(server)
    made = await registry.register(SUBJECT, EVENT)
    server.failures = [500] * 3
    with pytest.raises(RegistryUnavailable):
        await registry.writer_schema(made.id)
    assert json.loads(EVENT) == json.loads(await registry.writer_schema(made.id))


async def test_what_is_remembered_is_bounded() -> None:
    """A producer that makes up a schema for each record fills no memory; what is used stays."""

    class Endless(CachedLookup):
        async def fetch(self, reference: int | str) -> str | None:
            return f'"{reference}"' if int(reference) % 2 else None

    registry = Endless(appears_s=())
    for reference in range(2 * SCHEMAS_CACHED_MAX + 100):
        if reference % 2:
            await registry.writer_schema(reference)
            await registry.writer_schema(1)
        else:
            with pytest.raises(Refusal):
                await registry.writer_schema(reference)
    assert (SCHEMAS_CACHED_MAX, SCHEMAS_CACHED_MAX) == (len(registry._known), len(registry._unknown))
    assert 1 in registry._known


async def test_credentials(tmp_path: Path) -> None:
    """Basic authentication; without it nothing is known."""
    with serving(tmp_path, auth=("clipveil", "correct horse")) as server:
        made = await rest(server, auth=("clipveil", "correct horse")).register(SUBJECT, EVENT)
        assert 1 == made.id
        with pytest.raises(RegistryUnavailable) as caught:
            await rest(server, auth=("clipveil", "wrong battery")).writer_schema(1)
        assert "battery" not in str(caught.value)


@pytest.mark.parametrize("extra", [{"schemaType": "PROTOBUF"}, {"references": [{"name": "x", "subject": "y"}]}])
async def test_a_schema_that_is_not_avro_or_not_whole(server: RegistryServer, extra: dict[str, Any]) -> None:
    """We read neither: unknown to us."""
    server.raw_answers = [(200, json.dumps({"schema": EVENT, **extra}).encode())]
    assert Reason.UNKNOWN_SCHEMA is await unknown(rest(server), 1)


# ------------------------------------------------------------------ Confluent's own serializers
CONTEXT = SerializationContext("clips.raw", MessageField.VALUE, [])
RECORD = events.event(audio={"content": b"\x00\x01", "codec": "wav"})


@pytest.fixture
def confluent(server: RegistryServer) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": server.url})


async def test_what_confluents_serializer_writes_we_read(
    server: RegistryServer, confluent: SchemaRegistryClient
) -> None:
    """It registers the schema over HTTP and frames with an id."""
    value = await asyncio.to_thread(AvroSerializer(confluent, EVENT), RECORD, CONTEXT)
    reference, body = avro.unframe(value)
    read = avro.read(await rest(server).writer_schema(reference), "clip_event", body)
    assert (1, RECORD) == (reference, read)


@pytest.mark.parametrize("by", [lambda made: made.id, lambda made: made.guid], ids=["id", "guid"])
async def test_what_we_write_confluents_deserializer_reads(
    server: RegistryServer, confluent: SchemaRegistryClient, by: Callable[[Any], int | str]
) -> None:
    """With either magic byte."""
    made = await rest(server).register(SUBJECT, EVENT)
    value = events.value(RECORD, by(made))
    for options in ({}, {"schema.id.deserializer": prefix_schema_id_deserializer}):
        read = await asyncio.to_thread(AvroDeserializer(confluent, conf=options), value, CONTEXT)
        assert RECORD["clip_id"] == read["clip_id"]
        assert RECORD["transcripts"] == read["transcripts"]


async def test_the_guid_that_confluents_serializer_writes_is_ours(
    server: RegistryServer, confluent: SchemaRegistryClient
) -> None:
    """It puts magic 1 and the GUID into a header; the same bytes in front of the body are a frame that we read."""
    headers: list[tuple[str, str | bytes | None]] = []
    serializer = AvroSerializer(confluent, EVENT, conf={"schema.id.serializer": header_schema_id_serializer})
    context = SerializationContext("clips.raw", MessageField.VALUE, headers)
    payload = await asyncio.to_thread(serializer, RECORD, context)
    _, header = headers[0]
    assert isinstance(header, bytes)
    reference, body = avro.unframe(header + payload)
    assert isinstance(reference, str)
    assert RECORD == avro.read(await rest(server).writer_schema(reference), "clip_event", body)


async def test_confluents_client_and_ours_agree(server: RegistryServer, confluent: SchemaRegistryClient) -> None:
    """Ids, look-ups and compatibility, asked of the same registry by both."""
    made = await rest(server).register(SUBJECT, small("a"))

    def theirs() -> tuple[int, str, bool, bool]:
        return (
            confluent.register_schema(SUBJECT, Schema(small("a"), "AVRO")),
            confluent.get_schema(made.id).schema_str or "",
            confluent.test_compatibility(SUBJECT, Schema(small("a", "b"), "AVRO")),
            confluent.test_compatibility(SUBJECT, Schema(small("b", default=False), "AVRO")),
        )

    assert (made.id, small("a"), True, False) == await asyncio.to_thread(theirs)
