"""A real Kafka with TLS, passwords, tokens and certificates: who says who they are gets in, and nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.commands.connect import connect
from stream.commands.failure import CommandFailed
from stream.config import Settings
from tests.kafka.secured import STRANGER, WORD, SecuredServer

NO_RIGHT = r"TopicAuthorizationFailedError \(Describe on topic clips.raw\); `clipveil acls` prints"


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
