"""Schema registries: where a writer schema is found by the id or GUID in a record's header.

``RestRegistry`` speaks the REST API of Confluent's Schema Registry (Karapace and Apicurio speak it too);
``FileRegistry`` in ``registry_files`` is the embedded default. Both pass the same contract tests.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import time
import uuid
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote

import httpx

from stream.clip import Reason, Refusal
from stream.ports import RegistryUnavailable
from stream.wire.bounds import SCHEMA_CHARS_MAX

SCHEMAS_CACHED_MAX: Final = 1_024
UNKNOWN_S: Final = 10.0  # how long an unknown schema is not asked for again
APPEARS_S: Final = (0.1, 0.3, 0.6)  # a replica of a registry knows a schema a moment later than its leader
RESPONSE_BYTES_MAX: Final = 1024 * 1024

_ID_MAX: Final = 2**32 - 1  # four bytes of a record's header
_MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_NOT_FOUND_CODES: Final = frozenset({404, 40401, 40402, 40403})  # of the body; a bare 404 may come from any proxy


@dataclass(frozen=True)
class Registered:
    """How a registry calls a schema: by a number and, where it has them, by a GUID."""

    id: int
    guid: str | None = None


class SchemaRefused(Exception):
    """The registry does not take a schema of ours, or does not have it: a mistake of deployment, not of a record."""


class Registry(Protocol):
    """A schema registry; it implements ports.Schemas too. Every method may raise RegistryUnavailable."""

    async def writer_schema(self, reference: int | str) -> str:
        """Avro JSON text for an id or a GUID. Raises Refusal(UNKNOWN_SCHEMA)."""

    async def register(self, subject: str, schema: str) -> Registered:
        """The same schema keeps its id. Raises SchemaRefused where it is not compatible with the latest version."""

    async def find(self, subject: str, schema: str) -> Registered:
        """As it was registered under ``subject``. Raises SchemaRefused where it was not."""

    async def compatible(self, subject: str, schema: str) -> bool:
        """Whether ``schema`` could be the next version; the first version always can."""

    async def close(self) -> None: ...


class CachedLookup(ABC):
    """Remembers schemas, which never change, and for a short while that there is none."""

    def __init__(
        self,
        unknown_s: float = UNKNOWN_S,
        clock: Callable[[], float] = time.monotonic,
        appears_s: Sequence[float] = APPEARS_S,
    ) -> None:
        self._known: OrderedDict[int | str, str] = OrderedDict()
        self._unknown: OrderedDict[int | str, float] = OrderedDict()
        self._unknown_s = unknown_s
        self._clock = clock
        self._appears_s = appears_s
        self._asking = asyncio.Lock()

    async def writer_schema(self, reference: int | str) -> str:
        """Avro JSON text for an id or a GUID. Raises Refusal(UNKNOWN_SCHEMA), RegistryUnavailable."""
        if reference not in self._known:
            async with self._asking:
                await self._look_up(reference)
        self._known.move_to_end(reference)
        return self._known[reference]

    async def _look_up(self, reference: int | str) -> None:
        if reference in self._known:  # while we waited
            return
        if self._unknown.get(reference, 0.0) > self._clock():
            raise Refusal(Reason.UNKNOWN_SCHEMA)
        schema = await self.fetch(reference)
        for pause_s in self._appears_s:
            if schema is not None:
                break
            await asyncio.sleep(pause_s * (0.5 + random.random()))  # noqa: S311
            schema = await self.fetch(reference)
        if schema is None:
            self._unknown[reference] = self._clock() + self._unknown_s
            _trim(self._unknown)
            raise Refusal(Reason.UNKNOWN_SCHEMA)
        self._known[reference] = schema
        _trim(self._known)

    @abstractmethod
    async def fetch(self, reference: int | str) -> str | None:
        """From the registry itself; None where it knows no such schema."""


class RestRegistry(CachedLookup):
    """Client of Confluent's REST API, with time limits and retries; use it on one event loop."""

    def __init__(
        self,
        url: str,
        *,
        auth: tuple[str, str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        timeout_s: float = 10.0,
        attempts: int = 4,
        backoff_s: float = 0.2,
        unknown_s: float = UNKNOWN_S,
        appears_s: Sequence[float] = APPEARS_S,
    ) -> None:
        super().__init__(unknown_s, appears_s=appears_s)
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._backoff_s = backoff_s
        self._client = httpx.AsyncClient(
            base_url=url.rstrip("/") + "/",
            auth=auth,
            timeout=timeout_s,
            verify=ssl_context or True,
            headers={
                "Accept": f"{_MEDIA_TYPE}, application/json",
                "Accept-Encoding": "identity",
                "Content-Type": _MEDIA_TYPE,
            },
        )

    async def fetch(self, reference: int | str) -> str | None:
        path = (
            f"schemas/ids/{reference}" if isinstance(reference, int) else f"schemas/guids/{quote(reference, safe='')}"
        )
        status, answer = await self._ask("GET", path)
        if status == 404:
            return None
        _demand(status == 200, status)
        if answer.get("schemaType", "AVRO") != "AVRO" or answer.get("references"):
            return None  # we read Avro, and only schemas that are whole
        schema = _text(answer)
        return schema if len(schema) <= SCHEMA_CHARS_MAX else None  # no record is read with it: not kept either

    async def register(self, subject: str, schema: str) -> Registered:
        status, answer = await self._ask("POST", f"subjects/{quote(subject, safe='')}/versions", _question(schema))
        return await self._registered(status, answer, subject, schema)

    async def find(self, subject: str, schema: str) -> Registered:
        status, answer = await self._ask("POST", f"subjects/{quote(subject, safe='')}", _question(schema))
        if status == 404:
            raise SchemaRefused("the registry does not have this schema")
        return await self._registered(status, answer)

    async def compatible(self, subject: str, schema: str) -> bool:
        path = f"compatibility/subjects/{quote(subject, safe='')}/versions/latest"
        status, answer = await self._ask("POST", path, _question(schema))
        if status == 404:
            return True
        if status == 422:
            return False
        _demand(status == 200 and isinstance(answer.get("is_compatible"), bool), status)
        return bool(answer["is_compatible"])

    async def close(self) -> None:
        await self._client.aclose()

    async def _registered(
        self, status: int, answer: Mapping[str, Any], subject: str | None = None, schema: str = ""
    ) -> Registered:
        if status in (409, 422):
            raise SchemaRefused("the registry does not take this schema")
        number, guid = answer.get("id"), answer.get("guid")
        _demand(status == 200 and type(number) is int and 0 <= number <= _ID_MAX, status)
        _demand(guid is None or _is_guid(guid), status)
        if guid is None and subject is not None:  # registering tells the id alone on older registries
            status, answer = await self._ask("POST", f"subjects/{quote(subject, safe='')}", _question(schema))
            return await self._registered(status, answer)
        return Registered(answer["id"], guid)

    async def _ask(
        self, method: str, path: str, question: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, Any]]:
        """Status 200, 404, 409 or 422 and its JSON object; all else is RegistryUnavailable, at last."""
        trouble = ""
        for attempt in range(self._attempts):
            if attempt:
                await asyncio.sleep(self._backoff_s * 2 ** (attempt - 1) * (0.5 + random.random()))  # noqa: S311
            try:
                async with asyncio.timeout(self._timeout_s):  # all of it: the client's own limit is one byte's
                    status, body = await self._exchange(method, path, question)
            except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError) as error:  # of odd headers too
                trouble = type(error).__name__
                continue
            if status < 500 and status != 429:
                return status, _object(status, body)
            trouble = f"status {status}"
        raise RegistryUnavailable(trouble) from None

    async def _exchange(self, method: str, path: str, question: Mapping[str, str] | None) -> tuple[int, bytes]:
        body = bytearray()
        async with self._client.stream(method, path, json=question) as response:
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise RegistryUnavailable("an answer that is compressed")  # a few bytes could become all memory
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > RESPONSE_BYTES_MAX:
                    raise RegistryUnavailable("answer too large")
            return response.status_code, bytes(body)


def _object(status: int, body: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    _demand(isinstance(answer, dict) and status in (200, 404, 409, 422), status)
    code = answer.get("error_code")
    _demand(status != 404 or (isinstance(code, int) and code in _NOT_FOUND_CODES), status)
    return answer  # type: ignore[no-any-return]  # a dict, as demanded


def _text(answer: Mapping[str, Any]) -> str:
    schema = answer.get("schema")
    if not isinstance(schema, str):
        raise RegistryUnavailable("no schema in the answer")
    return schema


def _is_guid(found: object) -> bool:
    try:
        return isinstance(found, str) and uuid.UUID(found) is not None
    except ValueError:
        return False


def _question(schema: str) -> dict[str, str]:
    return {"schema": schema, "schemaType": "AVRO"}


def _trim(cache: OrderedDict[int | str, Any]) -> None:
    while len(cache) > SCHEMAS_CACHED_MAX:
        cache.popitem(last=False)


def _demand(condition: bool, status: int) -> None:
    if not condition:
        raise RegistryUnavailable(f"status {status}")
