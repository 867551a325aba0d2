"""Tokens by which brokers know us (OAUTHBEARER): from a file that somebody else keeps fresh, or from a token endpoint.

A token is asked for at every new connection. Nothing of it, nor of what an endpoint answers, goes into an error.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from aiokafka import conn
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed

FRESH_SHARE = 0.8  # of its life for which a token is used again
LIFE_S_MAX = 86_400.0  # whatever an endpoint says: one that is never over would be shown for ever, refused or not
TOKEN_BYTES_MAX = 64 * 2**10
ANSWER_BYTES_MAX = 4 * TOKEN_BYTES_MAX
_HEADERS = {"Accept-Encoding": "identity"}
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750; nothing else may get into the first message


class TokenRefused(SaslAuthenticationFailed):  # type: ignore[misc] # aiokafka has no hints
    """There is no token for us, until somebody changes something."""


class TokenUnavailable(KafkaConnectionError):  # type: ignore[misc]
    """There is no token now; later there may be one."""


class Heard(conn.OAuthAuthenticator):  # type: ignore[misc]
    """A broker that refuses a token says so in a message that no error code marks (RFC 7628, 3.2.2). aiokafka takes it
    for a welcome, and then finds a broker that ends every connection."""

    async def step(self, payload: bytes | None) -> tuple[bytes, bool] | None:
        if payload:
            raise TokenRefused("the broker does not believe the token")
        return await super().step(payload)  # type: ignore[no-any-return]


def hear_refusals() -> None:
    """For all connections of the process."""
    conn.OAuthAuthenticator = Heard


class TokenFile(AbstractTokenProvider):  # type: ignore[misc]
    """A file that holds the token of the moment, as Kubernetes projects them."""

    def __init__(self, path: Path) -> None:
        hear_refusals()
        self._path = path

    async def token(self) -> str:
        try:
            text = await asyncio.to_thread(self._read)
        except OSError as error:
            raise TokenUnavailable(os.strerror(error.errno or 0)) from None
        return _checked(text.strip())

    def _read(self) -> str:
        with self._path.open("rb") as file:
            return file.read(TOKEN_BYTES_MAX + 1).decode("ascii", errors="replace")


@dataclass(frozen=True)
class Client:
    """Who asks a token endpoint, and for what. ``secret`` is read at every request, so that it can be rotated; it may
    raise OSError."""

    url: str
    name: str
    secret: Callable[[], str] = field(repr=False)
    scope: str | None = None
    audience: str | None = None


class TokenEndpoint(AbstractTokenProvider):  # type: ignore[misc]
    """Client credentials (RFC 6749, 4.4) for a token, which is used until most of its life is over."""

    def __init__(self, client: Client, tls: ssl.SSLContext, timeout_s: float) -> None:
        hear_refusals()
        self._client, self._tls, self._timeout_s = client, tls, timeout_s
        self._held, self._until = "", 0.0
        self._asking: asyncio.Lock | None = None

    async def token(self) -> str:
        self._asking = self._asking or asyncio.Lock()  # the loop that connects is not there yet when we are made
        async with self._asking:
            if time.monotonic() >= self._until:
                began = time.monotonic()
                self._held, life_s = await self._asked()
                self._until = began + FRESH_SHARE * life_s
            return self._held

    async def _asked(self) -> tuple[str, float]:
        of = self._client
        wish = {"grant_type": "client_credentials", "scope": of.scope, "audience": of.audience}
        form = {name: value for name, value in wish.items() if value is not None}
        # Neither a proxy of the environment nor a redirection is to have the secret.
        async with httpx.AsyncClient(verify=self._tls, timeout=self._timeout_s, trust_env=False) as http:
            try:
                secret = await asyncio.to_thread(of.secret)
                async with (
                    asyncio.timeout(self._timeout_s),  # all of it: the client's own limit is one byte's
                    http.stream("POST", of.url, data=form, auth=(of.name, secret), headers=_HEADERS) as answer,
                ):
                    body = await _body(answer)
            except (httpx.HTTPError, OSError) as error:
                raise TokenUnavailable(type(error).__name__) from None
        if answer.status_code in (400, 401, 403):
            raise TokenRefused(f"the token endpoint answers {answer.status_code}")
        if answer.status_code != httpx.codes.OK:
            raise TokenUnavailable(f"the token endpoint answers {answer.status_code}")
        return _of(body)


async def _body(answer: httpx.Response) -> bytes:
    """As it came: a few bytes that are compressed could become all memory."""
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise TokenUnavailable("what the token endpoint answers is too large")
    return bytes(body)


def _of(body: bytes) -> tuple[str, float]:
    """The token and the seconds that it lives. One whose end is not told is used once."""
    try:
        told = json.loads(body)
        token, kind, life_s = told["access_token"], told["token_type"], float(told.get("expires_in", 0))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise TokenUnavailable("what the token endpoint answers is no token") from None
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenRefused("the token endpoint gives no bearer tokens")
    return _checked(token), min(LIFE_S_MAX, life_s) if math.isfinite(life_s) else 0.0  # else it would be used for ever


def _checked(token: object) -> str:
    if not isinstance(token, str) or len(token) > TOKEN_BYTES_MAX or _TOKEN.fullmatch(token) is None:
        raise TokenUnavailable("this is no token")
    return token
