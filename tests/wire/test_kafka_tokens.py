"""Tokens by which brokers know us, from a real endpoint that fails in every way, and from files."""

from __future__ import annotations

import logging
import math
import ssl
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiokafka.conn import AIOKafkaConnection

from stream.wire import kafka_tokens
from stream.wire.kafka_tokens import Client, TokenEndpoint, TokenFile, TokenRefused, TokenUnavailable
from tests.kafka.certificates import Authority
from tests.wire.token_server import NAME, SECRET, TokenServer, issuing

TOKEN = "canary.token.one"


class Clock:
    """``time`` for the module under test: a token's life passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(kafka_tokens, "time", clock)
    return clock


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def server(tmp_path: Path, authority: Authority) -> Iterator[TokenServer]:
    with issuing(tmp_path, authority) as server:
        server.issue = lambda: {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 100}
        yield server


def endpoint(server: TokenServer, authority: Authority, folder: Path, secret: str = SECRET) -> TokenEndpoint:
    tls = ssl.create_default_context(cafile=authority.write(folder / "ca.pem"))
    return TokenEndpoint(Client(server.url, NAME, lambda: secret, "kafka", "brokers"), tls, 2.0)


async def test_a_token_is_asked_for_by_name_and_secret_and_used_again(
    server: TokenServer, authority: Authority, tmp_path: Path, clock: Clock
) -> None:
    """With scope and audience; anew once four fifths of its life are over, and not before."""
    tokens = endpoint(server, authority, tmp_path)
    assert [TOKEN, TOKEN] == [await tokens.token(), await tokens.token()]
    wanted = {"grant_type": ["client_credentials"], "scope": ["kafka"], "audience": ["brokers"]}
    assert [wanted] == server.forms
    clock.now += 79
    await tokens.token()
    assert 1 == len(server.forms)
    clock.now += 2
    server.issue = lambda: {"access_token": "two", "token_type": "bearer", "expires_in": 100}
    assert "two" == await tokens.token()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ((500, b"canary", 0.0), TokenUnavailable),
        ((503, b"canary", 0.0), TokenUnavailable),
        ((302, b"", 0.0), TokenUnavailable),
        ((500, b'{"access_token": "canary", "token_type": "bearer"}', 0.0), TokenUnavailable),
        ((200, b"{}", 5.0), TokenUnavailable),
        ((200, b"canary, not JSON", 0.0), TokenUnavailable),
        ((200, b"[]", 0.0), TokenUnavailable),
        ((200, b'{"access_token": "canary"}', 0.0), TokenUnavailable),
        ((200, b'{"access_token": "canary\\u0001a=b", "token_type": "bearer"}', 0.0), TokenUnavailable),
        ((200, b'{"access_token": 7, "token_type": "bearer"}', 0.0), TokenUnavailable),
        (
            (200, b'{"access_token": "canary", "token_type": "bearer", "expires_in": 1%s}' % (b"0" * 400), 0.0),
            TokenUnavailable,
        ),
        ((200, b'{"canary": ' + b"[" * 100_000, 0.0), TokenUnavailable),
        ((200, b'{"access_token": "canary", "token_type": "mac"}', 0.0), TokenRefused),
        ((200, b'{"access_token": "canary", "token_type": "bearer"}' + b" " * 300_000, 0.0), TokenUnavailable),
        ((400, b'{"error": "canary"}', 0.0), TokenRefused),
        ((403, b"canary", 0.0), TokenRefused),
    ],
)
async def test_an_endpoint_that_fails_gives_no_token_and_nothing_of_its_answer_is_told(
    server: TokenServer,
    authority: Authority,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fault: tuple[int, bytes, float],
    error: type[Exception],
) -> None:
    """An outage passes, a refusal does not; what was asked next is answered."""
    caplog.set_level(logging.DEBUG)
    tokens = endpoint(server, authority, tmp_path)
    server.faults.append(fault)
    with pytest.raises(error) as caught:
        await tokens.token()
    assert "canary" not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    assert TOKEN == await tokens.token()
    assert "canary" not in caplog.text


async def test_a_token_whose_end_nobody_tells_is_used_once(
    server: TokenServer, authority: Authority, tmp_path: Path
) -> None:
    """So is one that is over when it comes, and one whose life is no number that a clock can reach."""
    tokens = endpoint(server, authority, tmp_path)
    for life in ({}, {"expires_in": 0}, {"expires_in": -5}, {"expires_in": math.nan}, {"expires_in": math.inf}):
        server.issue = lambda life=life: {"access_token": TOKEN, "token_type": "bearer", **life}
        await tokens.token()
    assert 5 == len(server.forms)


async def test_an_answer_that_comes_drop_by_drop_is_given_up(
    server: TokenServer, authority: Authority, tmp_path: Path
) -> None:
    """The whole of it has a limit, not each byte: all other connections wait for it."""
    server.dripping = True
    with pytest.raises(TokenUnavailable, match="TimeoutError"):
        await endpoint(server, authority, tmp_path).token()


@pytest.mark.parametrize("life", [float("nan"), float("inf"), 1e300])
async def test_no_token_is_used_for_ever(
    server: TokenServer, authority: Authority, tmp_path: Path, clock: Clock, life: float
) -> None:
    """Whatever an endpoint says of its life, after a day another one is asked for."""
    tokens = endpoint(server, authority, tmp_path)
    server.issue = lambda: {"access_token": TOKEN, "token_type": "bearer", "expires_in": life}
    await tokens.token()
    clock.now += 86_400
    server.issue = lambda: {"access_token": "two", "token_type": "bearer"}
    assert "two" == await tokens.token()


async def test_an_endpoint_that_nobody_vouches_for_is_told_no_secret(
    server: TokenServer, authority: Authority, tmp_path: Path
) -> None:
    """The connection ends before anything is said."""
    tokens = endpoint(server, Authority("another"), tmp_path)
    with pytest.raises(TokenUnavailable, match="ConnectError"):
        await tokens.token()
    assert [] == server.forms


async def test_a_wrong_secret_is_refused_and_not_told(
    server: TokenServer, authority: Authority, tmp_path: Path
) -> None:
    """By the endpoint's status alone."""
    with pytest.raises(TokenRefused, match=r"^.*answers 401$") as caught:
        await endpoint(server, authority, tmp_path, "canary-wrong").token()
    assert "canary" not in str(caught.value)
    assert SECRET not in repr(Client(server.url, NAME, lambda: SECRET))


async def test_a_token_in_a_file_is_read_at_every_connection(tmp_path: Path) -> None:
    """What is no token, or is not there, is an outage: the next look may find one."""
    path = tmp_path / "token"
    tokens = TokenFile(path)
    with pytest.raises(TokenUnavailable):
        await tokens.token()
    for text in ("one\n", "two"):
        path.write_text(text, encoding="utf-8")
        assert text.strip() == await tokens.token()
    for wrong in ("", "canary two", "canary\x01auth=Bearer", "x" * 70_000):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(TokenUnavailable) as caught:
            await tokens.token()
        assert "canary" not in str(caught.value)


async def test_a_broker_that_does_not_believe_a_token_is_heard(tmp_path: Path) -> None:
    """It says so without an error code; aiokafka's own connections take that for a refusal once there is a provider."""
    (tmp_path / "token").write_text("one", encoding="utf-8")
    tokens = TokenFile(tmp_path / "token")
    authenticator = AIOKafkaConnection.authenticator_oauth(SimpleNamespace(_sasl_oauth_token_provider=tokens))
    sent = await authenticator.step(None)
    assert (b"n,,\x01auth=Bearer one\x01\x01", True) == sent
    assert await authenticator.step(b"") is None, "a welcome"
    with pytest.raises(TokenRefused, match="does not believe") as caught:
        await authenticator.step(b'{"status":"canary"}')
    assert "canary" not in str(caught.value)
