"""The embedded schema registry: a folder. Several processes of one machine may share it.

    schemas/7.json      id 7: its GUID and its text
    guids/<guid>.json   the id behind a GUID
    subjects/s-<name>/3.json   the id of version 3 of a subject

Files appear whole and are never changed, so that reading needs no lock; registering takes one.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import avro.errors
import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from stream.ports import RegistryUnavailable
from stream.wire.registry import UNKNOWN_S, CachedLookup, Registered, SchemaRefused


class FileRegistry(CachedLookup):
    """A folder with the interface of a registry; compatibility is BACKWARD, as is Confluent's default."""

    def __init__(self, folder: Path, unknown_s: float = UNKNOWN_S) -> None:
        super().__init__(unknown_s)
        self._folder = folder

    async def fetch(self, reference: int | str) -> str | None:
        return await asyncio.to_thread(self._fetch, reference)

    async def register(self, subject: str, schema: str) -> Registered:
        return await asyncio.to_thread(self._register, subject, schema)

    async def find(self, subject: str, schema: str) -> Registered:
        return await asyncio.to_thread(self._find, subject, schema)

    async def compatible(self, subject: str, schema: str) -> bool:
        return await asyncio.to_thread(self._compatible, subject, schema)

    async def close(self) -> None:
        """Nothing is held open."""

    def _fetch(self, reference: int | str) -> str | None:
        if isinstance(reference, str):
            pointer = _load(self._folder / "guids" / f"{uuid.UUID(reference)}.json")
            if pointer is None:
                return None
            reference = int(pointer["id"])
        stored = _load(self._folder / "schemas" / f"{reference}.json")
        return None if stored is None else str(stored["schema"])

    def _register(self, subject: str, schema: str) -> Registered:
        _parsed(schema)
        with self._locked():
            registered = self._registered(schema)
            versions = self._versions(subject)
            if registered is not None and registered.id in versions:
                return registered
            if not self._compatible(subject, schema):
                raise SchemaRefused("not compatible with the latest version")
            registered = registered or self._add(schema)
            _create(self._subject(subject) / f"{len(versions) + 1}.json", {"id": registered.id})
            return registered

    def _find(self, subject: str, schema: str) -> Registered:
        _parsed(schema)
        registered = self._registered(schema)
        if registered is None or registered.id not in self._versions(subject):
            raise SchemaRefused("the registry does not have this schema")
        return registered

    def _registered(self, schema: str) -> Registered | None:
        guid = _guid(schema)
        pointer = _load(self._folder / "guids" / f"{guid}.json")
        return None if pointer is None else Registered(int(pointer["id"]), guid)

    def _add(self, schema: str) -> Registered:
        folder = self._folder / "schemas"
        taken = [int(path.stem) for path in folder.glob("*.json")] if folder.exists() else []
        registered = Registered(max(taken, default=0) + 1, _guid(schema))
        _create(folder / f"{registered.id}.json", {"guid": registered.guid, "schema": schema})
        _create(self._folder / "guids" / f"{registered.guid}.json", {"id": registered.id})
        return registered

    def _compatible(self, subject: str, schema: str) -> bool:
        versions = self._versions(subject)
        if not versions:
            return True
        latest = self._fetch(versions[-1])
        if latest is None:
            raise RegistryUnavailable("a version without its schema")
        try:
            return reads(schema, latest)
        except SchemaRefused:
            return False

    def _versions(self, subject: str) -> list[int]:
        """Ids, oldest version first."""
        paths = sorted(self._subject(subject).glob("*.json"), key=lambda path: int(path.stem))
        return [int(version["id"]) for path in paths if (version := _load(path)) is not None]

    def _subject(self, subject: str) -> Path:
        return self._folder / "subjects" / f"s-{quote(subject, safe='')}"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file is closed, whatever happens
            yield


def reads(reader: str, writer: str) -> bool:
    """Whether ``reader`` resolves everything that ``writer`` wrote (Avro specification, schema resolution)."""
    result = ReaderWriterCompatibilityChecker().get_compatibility(_parsed(reader), _parsed(writer))
    return bool(result.compatibility is SchemaCompatibilityType.compatible)


def _parsed(schema: str) -> avro.schema.Schema:
    try:
        return avro.schema.parse(schema)
    except (avro.errors.AvroException, ValueError, RecursionError):
        raise SchemaRefused("not an Avro schema") from None


def _guid(schema: str) -> str:
    """The same for the same schema, whatever its white space."""
    canonical = json.dumps(json.loads(schema), separators=(",", ":"), ensure_ascii=False)
    return str(uuid.uuid5(uuid.NAMESPACE_OID, canonical))


def _load(path: Path) -> dict[str, Any] | None:
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise RegistryUnavailable("a file of the registry can't be read") from None
    return stored


def _create(path: Path, content: dict[str, Any]) -> None:
    """A whole new file, or none: written aside, and then given its name, which must be free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(aside, path)
    finally:
        aside.unlink()
