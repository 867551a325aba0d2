"""One place in an object store (S3, GCS, Azure, or a folder), through obstore, which no other module knows.

Every request has a time limit and is made once: whoever asks decides when to ask again. What a library says of a
failure quotes URIs, and a URI may hold an account: only its class is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar, TypeVarTuple

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from stream.clip import Reason, Refusal
from stream.objects import Place
from stream.ports import ObjectsUnavailable

CHUNK_BYTES: Final = 256 * 1024
THREADS_A_REQUEST: Final = 2  # one may still end what was given up
RENEWED: Final = timedelta(hours=6)  # an object that is older is written again when it is put again: see sweeping

Told = TypeVarTuple("Told")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Access:
    """How stores are reached. Keys that are not here come from where each cloud's own clients look for them."""

    request_s: float = 30.0
    at_once: int = 8
    endpoint: str | None = None  # of a store that speaks S3
    region: str = "us-east-1"
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    azure_account: str | None = None
    encryption: str = ""  # of S3, for what is put
    kms_key_id: str = ""
    certificates: bytes | None = field(default=None, repr=False)  # PEM, beside the well-known ones


@dataclass(frozen=True)
class Listed:
    """An object of a place."""

    key: str = field(repr=False)
    size: int
    modified: datetime


class Store:
    """The objects below one prefix. Every method raises ObjectsUnavailable where the store does not do as asked.

    Requests run in threads of Python's own, which the interpreter waits for as it ends. What obstore's async half
    begins ends in a thread that nobody waits for: a process that ended within milliseconds of an answer was aborted.
    """

    def __init__(self, place: Place, access: Access) -> None:
        self.place = place
        self._request_s = access.request_s
        self._store: Any = _opened(place, access)
        self._threads = ThreadPoolExecutor(THREADS_A_REQUEST * access.at_once, "objects")

    async def get(self, key: str, bytes_max: int, size: int | None = None) -> bytes:
        """The whole object. Raises Refusal(AUDIO_MISSING, AUDIO_TOO_LARGE), and Refusal(AUDIO_CHANGED) where it has not
        as many bytes as ``size`` says; before more of it is read than one chunk."""
        return await self._in_time(self._get, key, bytes_max, size)

    def _get(self, key: str, bytes_max: int, size: int | None) -> bytes:
        self._stay_inside(key)
        found = obstore.get(self._store, key)
        stored = found.meta["size"]
        if stored > bytes_max:
            raise Refusal(Reason.AUDIO_TOO_LARGE)
        if size is not None and stored != size:
            raise Refusal(Reason.AUDIO_CHANGED)
        content = bytearray()
        for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
            content += chunk
            if len(content) > bytes_max:  # whatever the store said
                raise Refusal(Reason.AUDIO_TOO_LARGE)
        if len(content) != stored:
            raise ObjectsUnavailable("Truncated")
        return bytes(content)

    async def put(self, key: str, content: bytes) -> None:
        """Creates the object; one that is there already is the same one, since its key is made of its bytes.

        It is written again only where it is not as long as it should be, or so old that a sweep might take it."""
        await self._in_time(self._put, key, content)

    def _put(self, key: str, content: bytes) -> None:
        self._stay_inside(key)
        given_up = time.monotonic() + self._request_s
        try:
            obstore.put(self._store, key, content, mode="create", use_multipart=False)
        except AlreadyExistsError:
            there = obstore.head(self._store, key)
            worn = there["size"] != len(content) or datetime.now(UTC) - there["last_modified"] > RENEWED
            if worn and time.monotonic() < given_up:  # or it might write what has been deleted meanwhile
                obstore.put(self._store, key, content, mode="overwrite", use_multipart=False)

    async def delete(self, key: str) -> None:
        """Returns when it is gone, also where it never was."""
        await self._in_time(self._delete, key)

    def _delete(self, key: str) -> None:
        self._stay_inside(key)
        with suppress(FileNotFoundError, NotFoundError):
            obstore.delete(self._store, key)

    async def modified(self, key: str) -> datetime | None:
        """When the object was written last; None where it is not there."""
        return await self._in_time(self._modified, key)

    def _modified(self, key: str) -> datetime | None:
        self._stay_inside(key)
        try:
            found: datetime = obstore.head(self._store, key)["last_modified"]
        except (FileNotFoundError, NotFoundError):
            return None
        return found

    async def listed(self) -> AsyncIterator[Listed]:
        """Everything that lies below the prefix."""
        pages = iter(obstore.list(self._store, chunk_size=1000))
        while (page := await self._in_time(next, pages, None)) is not None:
            for entry in page:
                yield Listed(entry["path"], entry["size"], entry["last_modified"])

    async def _in_time(self, request: Callable[[*Told], Answer], *told: *Told) -> Answer:
        """What it answers. A request that is given up here ends by the client's own limit, and nobody hears of it."""
        with self._told():
            async with asyncio.timeout(self._request_s):
                return await asyncio.get_running_loop().run_in_executor(self._threads, request, *told)

    def _stay_inside(self, key: str) -> None:
        """No link in a folder leads out of it."""
        if self.place.scheme == "file":
            root = Path(self.place.folder).resolve()
            if not (root / key).resolve().is_relative_to(root):
                raise Refusal(Reason.AUDIO_ELSEWHERE)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotFoundError):
            raise Refusal(Reason.AUDIO_MISSING) from None
        except ObjectsUnavailable:
            raise
        except (BaseError, OSError, ValueError) as error:  # time-outs are OSErrors
            raise ObjectsUnavailable(type(error).__name__) from None


def _opened(place: Place, access: Access) -> Any:
    """Raises ObjectsUnavailable for settings that obstore does not take."""
    if place.scheme == "file":
        return LocalStore(place.folder)
    limit = timedelta(seconds=access.request_s + 1)  # ends what was given up here
    client: dict[str, Any] = {"timeout": limit, "connect_timeout": min(limit, timedelta(seconds=5))}
    if access.certificates is not None:
        client["root_certificate"] = access.certificates
    if access.endpoint is not None and access.endpoint.startswith("http://"):
        client["allow_http"] = True
    options: dict[str, Any] = {
        "prefix": place.folder.strip("/") or None,
        "client_options": client,
        "retry_config": {"max_retries": 0, "retry_timeout": limit},
    }
    try:
        if place.scheme == "gs":
            return GCSStore(place.bucket, **options)
        if place.scheme == "az":
            account: dict[str, Any] = {} if access.azure_account is None else {"account_name": access.azure_account}
            return AzureStore(place.bucket, **options, **account)
        return S3Store(place.bucket, **options, **_of_s3(access))
    except (BaseError, ValueError, TypeError) as error:
        raise ObjectsUnavailable(type(error).__name__) from None


def _of_s3(access: Access) -> dict[str, Any]:
    given = {
        "endpoint": access.endpoint,
        "access_key_id": access.access_key_id,
        "secret_access_key": access.secret_access_key,
        "server_side_encryption": access.encryption,
        "sse_kms_key_id": access.kms_key_id,
    }
    return {"region": access.region, **{name: value for name, value in given.items() if value}}
