"""A real Kafka with TLS, passwords, tokens and certificates: who says who they are gets in, and nobody else."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from stream.commands.acls_forms import Right, commands
from stream.commands.connect import connect, connection_of
from stream.commands.failure import CommandFailed
from stream.config import Settings
from stream.ops import log
from stream.ports import CommitFailed, Message, NoRight, Partition
from stream.wire.kafka import KafkaBroker
from tests.contract.stand_ins import everything
from tests.kafka.grants import grants
from tests.kafka.secured import SESSION_S, STRANGER, WORD, SecuredServer
from tests.wire.token_server import NAME, SECRET, TokenServer, issuing

NO_RIGHT = r"TopicAuthorizationFailedError \(Describe on topic clips.raw\); `clipveil acls` prints"


@pytest.fixture
def tokens(secured: SecuredServer, tmp_path: Path) -> Iterator[TokenServer]:
    """A token endpoint whose tokens the broker believes."""
    with issuing(tmp_path, secured.authority) as server:
        token = {"token_type": "Bearer", "expires_in": 60}
        server.issue = lambda: {"access_token": secured.tokens.issue(STRANGER), **token}
        yield server


@pytest.fixture
async def topic(secured: SecuredServer) -> AsyncIterator[str]:
    """One that the stranger may write and read, by its transactions too."""
    name, broker = f"given-{uuid4().hex[:6]}", operator(secured)
    await broker.create_topics({name: 1})
    async with grants(secured.bootstrap) as granting:
        needed = [Right("topic", name, operation) for operation in ("Read", "Write")]
        member = [Right("group", name, "Read"), Right("transactional-id", f"{name}-", "Write", prefixed=True)]
        await granting.add(commands({STRANGER: (*needed, *member)}))
        yield name
    await broker.close()


def operator(server: SecuredServer) -> KafkaBroker:
    return KafkaBroker(connection_of(Settings.model_validate({"kafka": {"bootstrap_servers": server.bootstrap}})))


def way_in(server: SecuredServer, how: str, folder: Path) -> Settings:
    """Settings by which somebody without rights says who it is."""
    (folder / "token").write_text(server.tokens.issue(STRANGER), encoding="utf-8")
    server.authority.issue(STRANGER, folder / "crt", folder / "key")
    ways = {
        "password": (server.scram, {"sasl_username": STRANGER, "sasl_password": WORD}),
        "token": (server.oauth, {"sasl_mechanism": "OAUTHBEARER", "oauth_token_file": folder / "token"}),
        "certificate": (server.mtls, {"ssl_certificate_file": folder / "crt", "ssl_key_file": folder / "key"}),
    }
    where, more = ways[how]
    protocol = "SSL" if how == "certificate" else "SASL_SSL"
    reach = {"bootstrap_servers": where, "security_protocol": protocol, "ssl_ca_file": server.ca}
    return Settings.model_validate({"kafka": reach | more})


@pytest.mark.parametrize("how", ["password", "token", "certificate"])
async def test_who_is_known_is_told_which_right_is_missing(secured: SecuredServer, tmp_path: Path, how: str) -> None:
    """At once, with the topic: the brokers know who it is, and that it may do nothing."""
    with pytest.raises(CommandFailed, match=NO_RIGHT):
        await connect(way_in(secured, how, tmp_path))


@pytest.mark.parametrize(
    ("how", "changes", "refusal"),
    [
        ("password", {"sasl_password": "wrong"}, "SaslAuthenticationFailed"),
        ("password", {"ssl_ca_file": None}, "SSLCertVerificationError"),
        ("certificate", {"ssl_certificate_file": None, "ssl_key_file": None}, "SSLError"),
    ],
)
async def test_who_is_not_known_is_refused(
    secured: SecuredServer, tmp_path: Path, how: str, changes: dict[str, object], refusal: str
) -> None:
    """At once, without the password in what is told."""
    settings = way_in(secured, how, tmp_path)
    changed = settings.kafka.model_dump(exclude_unset=True) | changes
    with pytest.raises(CommandFailed, match=f"refuses us: {refusal}"):
        await connect(Settings.model_validate({"kafka": changed}))


# ------------------------------------------------------------------ tokens of an endpoint
def by_endpoint(server: SecuredServer, tokens: TokenServer) -> Settings:
    asks = {"oauth_token_url": tokens.url, "oauth_client_id": NAME, "oauth_client_secret": SECRET}
    reach = {"bootstrap_servers": server.oauth, "security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}
    files = {"ssl_ca_file": server.ca, "oauth_ca_file": server.ca}
    return Settings.model_validate({"kafka": {**reach, **asks, **files, "connect_seconds_max": 20}})


async def test_work_goes_on_when_a_connection_ends_with_its_token(
    secured: SecuredServer, tokens: TokenServer, topic: str
) -> None:
    """The broker ends every connection a few seconds after its token came: sends and transactions go on by new
    connections with new tokens, and nothing is lost or there twice."""
    tokens.issue = lambda: {"access_token": secured.tokens.issue(STRANGER), "token_type": "Bearer", "expires_in": 1}
    connection = connection_of(by_endpoint(secured, tokens))
    broker, number = KafkaBroker(connection), 0
    outbox = broker.outbox(Partition(topic, 0), topic)
    await outbox.start()
    until = asyncio.get_running_loop().time() + 2.5 * SESSION_S
    while asyncio.get_running_loop().time() < until:
        await broker.send([Message(topic, b"sent", b"%d" % number)])
        try:
            await outbox.commit([Message(topic, b"committed", b"%d" % number)], number)
        except CommitFailed:  # done again, as a lane does, unless it is there
            await outbox.stop()
            outbox = broker.outbox(Partition(topic, 0), topic)
            await outbox.start()
            if (await broker.committed(topic, topic)).get(0) != number:
                await outbox.commit([Message(topic, b"committed", b"%d" % number)], number)
        number += 1
        await asyncio.sleep(0.2)
    await outbox.stop()
    records = await everything(broker, topic)
    for key in (b"sent", b"committed"):
        assert [b"%d" % each for each in range(number)] == [record.value for record in records if record.key == key]
    await broker.close()
    assert 2 < len(tokens.forms)


@pytest.mark.parametrize("valid_s", [-30.0, None])
async def test_a_token_that_is_over_or_forged_is_refused(
    secured: SecuredServer, tokens: TokenServer, valid_s: float | None
) -> None:
    """At once, without the token in what is told."""
    token = secured.tokens.issue(STRANGER, valid_s=valid_s or 300.0)
    forged = token[:-8] + ("AAAAAAAA" if not token.endswith("AAAAAAAA") else "BBBBBBBB")
    presented = forged if valid_s is None else token
    tokens.issue = lambda: {"access_token": presented, "token_type": "Bearer", "expires_in": 60}
    with pytest.raises(CommandFailed, match="refuses us: TokenRefused") as caught:
        await connect(by_endpoint(secured, tokens))
    assert presented not in str(caught.value)


async def test_an_endpoint_that_refuses_us_is_told_at_once_and_one_that_fails_is_waited_for(
    secured: SecuredServer, tokens: TokenServer
) -> None:
    """The next try asks it again."""
    tokens.faults.append((403, b"{}", 0.0))
    settings = by_endpoint(secured, tokens)
    tokens.faults += [(403, b"{}", 0.0)] * 4
    with pytest.raises(CommandFailed, match="refuses us: TokenRefused"):
        await connect(settings)
    tokens.faults[:] = [(500, b"", 0.0), (503, b"", 0.0)]
    with pytest.raises(CommandFailed, match=NO_RIGHT):
        await connect(settings)


# ------------------------------------------------------------------ certificates that are renewed
async def test_a_renewed_certificate_is_in_force_for_the_next_connection(
    secured: SecuredServer, tmp_path: Path, topic: str
) -> None:
    """The broker knows us by the new one while the process goes on; files of no use are told, and change nothing."""
    lines = io.StringIO()
    log.configure("INFO", lines)
    settings = way_in(secured, "certificate", tmp_path)
    secured.authority.issue("nobody", tmp_path / "crt", tmp_path / "key")
    connection = connection_of(settings)

    async def reached() -> None:
        broker = KafkaBroker(connection)
        try:
            await broker.end_offsets(topic)
        finally:
            await broker.close()

    with pytest.raises(NoRight):
        await reached()
    secured.authority.issue(STRANGER, tmp_path / "crt", tmp_path / "key")
    await reached()
    assert '"certificates_renewed"' in lines.getvalue()
    assert "certificates_unusable" not in lines.getvalue()
    (tmp_path / "crt").write_text("half", encoding="utf-8")
    await reached()
    assert '"certificates_unusable"' in lines.getvalue()
