"""The settings of what is outside: brokers, topics, schema registry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from stream.config.base import Count, Seconds, Section, Topic, read_secret

_BROKER = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?):(\d{1,5})")
PORT_MAX = 65_535


class KafkaSettings(Section):
    """The Kafka cluster and how to reach it."""

    bootstrap_servers: str = "127.0.0.1:9092"
    """Brokers to ask first: `host:port`, comma-separated."""
    group: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,200}$")] = "clipveil"
    """Consumer group; also the first part of every transactional id, so two deployments need two groups."""
    client_id: str = "clipveil"
    """Name that the brokers' logs and quotas see."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How the connection is protected. Anything but `SASL_SSL` or `SSL` sends voices in the clear."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = "SCRAM-SHA-512"
    """How we say who we are, where the protocol is a SASL one: with name and password, or (OAUTHBEARER) a token."""
    sasl_username: str | None = None
    """SASL user name."""
    sasl_password: SecretStr | None = None
    """SASL password."""
    sasl_password_file: Path | None = None
    """File that holds the SASL password, in place of `sasl_password`."""
    oauth_token_file: Path | None = None
    """OAUTHBEARER: file that holds the token of the moment; it is read at every connection."""
    oauth_token_url: Annotated[str | None, Field(pattern=r"^https://[^@\s#]+$")] = None
    """OAUTHBEARER: token endpoint (https) that is asked for tokens by client credentials, in place of a file."""
    oauth_client_id: str | None = None
    """Who we are to the token endpoint."""
    oauth_client_secret: SecretStr | None = None
    """Our secret at the token endpoint."""
    oauth_client_secret_file: Path | None = None
    """File that holds it, in place of `oauth_client_secret`; it is read at every request."""
    oauth_scope: str | None = None
    """Scope to ask the token endpoint for."""
    oauth_audience: str | None = None
    """Audience to ask it for, where it wants to be told."""
    oauth_ca_file: Path | None = None
    """Certificates (PEM) that may vouch for the token endpoint; the system's when not set."""
    ssl_ca_file: Path | None = None
    """Certificates (PEM) that may vouch for the brokers; the system's when not set. Like the next two it is \
read again when it has changed, for new connections."""
    ssl_certificate_file: Path | None = None
    """Our own certificate (PEM), where the brokers ask for one."""
    ssl_key_file: Path | None = None
    """The private key (PEM) of our certificate."""
    ssl_key_password: SecretStr | None = None
    """Password of `ssl_key_file`."""
    session_timeout_s: Seconds = 45.0
    """Without a heartbeat for this long, a member has left the group."""
    heartbeat_interval_s: Seconds = 3.0
    """Between two heartbeats; at most a third of `session_timeout_s`."""
    rebalance_timeout_s: Seconds = 120.0
    """How long members may take to finish what they hold when partitions change hands."""
    transaction_timeout_s: Seconds = 120.0
    """An open transaction is aborted by the broker after this; the batch must be committed within it."""
    request_timeout_s: Seconds = 40.0
    """A request without answer for this long has failed."""
    max_request_bytes: Count = 8 * 1024 * 1024
    """Largest record sent. A minute of mono 16 kHz as FLAC is about 1.5 MB."""
    fetch_bytes_max: Count = 32 * 1024 * 1024
    """Most bytes fetched at once from one broker."""
    batch_bytes_max: Count = 64 * 1024 * 1024
    """A compressed batch that is larger than this once it is unpacked is given up: its records are withheld. Keep it \
above what producers put into a batch (their `batch.size` and `max.request.size`)."""
    connect_seconds_max: Seconds = 60.0
    """How long to go on trying to reach the brokers at the start before giving up with an error."""

    def problems(self) -> Iterator[tuple[str, str]]:
        if not all(map(_is_broker, self.bootstrap_servers.split(","))):
            yield "bootstrap_servers", "needs host:port, comma-separated, such as broker-1:9092,broker-2:9092"
        if self.sasl_password is not None and self.sasl_password_file is not None:
            yield "sasl_password", "excludes sasl_password_file"
        if self.security_protocol.startswith("SASL"):
            yield from self._by_token() if self.sasl_mechanism == "OAUTHBEARER" else self._by_password()
        if self.heartbeat_interval_s * 3 > self.session_timeout_s:
            yield "heartbeat_interval_s", "must be at most a third of session_timeout_s"
        if self.batch_bytes_max < self.max_request_bytes:
            yield "batch_bytes_max", "must be at least max_request_bytes"
        if self.ssl_key_file is not None and self.ssl_certificate_file is None:
            yield "ssl_key_file", "needs ssl_certificate_file"

    def _by_password(self) -> Iterator[tuple[str, str]]:
        if not self.sasl_username:
            yield "sasl_username", "a SASL protocol needs one"
        if not (self.sasl_password or self.sasl_password_file):
            yield "sasl_password", "a SASL protocol needs one (or sasl_password_file)"

    def _by_token(self) -> Iterator[tuple[str, str]]:
        if self.security_protocol != "SASL_SSL":
            yield "security_protocol", "OAUTHBEARER needs SASL_SSL: whoever sees a token can use it"
        if (self.oauth_token_file is None) == (self.oauth_token_url is None):
            yield "oauth_token_file", "OAUTHBEARER needs it, or else oauth_token_url"
        if self.oauth_token_url is None:
            return
        if not self.oauth_client_id:
            yield "oauth_client_id", "oauth_token_url needs one"
        if (self.oauth_client_secret is None) == (self.oauth_client_secret_file is None):
            yield "oauth_client_secret", "oauth_token_url needs one, or else oauth_client_secret_file"

    def client_secret(self) -> str:
        """Our secret at the token endpoint, as it is now."""
        if self.oauth_client_secret_file is not None:
            return read_secret("kafka.oauth_client_secret_file", self.oauth_client_secret_file)
        return "" if self.oauth_client_secret is None else self.oauth_client_secret.get_secret_value()

    def password(self) -> str | None:
        """The SASL password, from wherever it is set."""
        if self.sasl_password_file is not None:
            return read_secret("kafka.sasl_password_file", self.sasl_password_file)
        return None if self.sasl_password is None else self.sasl_password.get_secret_value()


class TopicSettings(Section):
    """Names of the topics."""

    raw: Topic = "clips.raw"
    """Clip events come in here."""
    anonymized: Topic = "clips.anonymized"
    """What annotators may have. Compacted: a tombstone erases."""
    withheld: Topic = "clips.withheld"
    """Coordinates and reasons of what was withheld; never content."""
    audit: Topic = "clips.audit"
    """One audit record an outcome, chained by input partition: it needs as many partitions as `raw`."""
    escalations: Topic = "clips.escalations"
    """Coordinates of clips whose content somebody has a procedure for; for those people alone."""
    consent: Topic = "clips.consent"
    """Opt-outs and opt-ins by account. Compacted."""
    recalls: Topic = "clips.recalls"
    """Accounts, as keyed MACs, whose clips of some time are not published any more. Compacted."""
    sampling: Topic = "clips.sampling"
    """What quotas and caps have counted, by input partition: it needs as many partitions as `raw`. Compacted."""
    index: Topic = "clips.index"
    """Sealed: what leads from a published token back to its account, for erasure alone. Compacted."""
    erasure: Topic = "clips.erasure"
    """Requests to erase what was published of an account."""
    erasure_receipts: Topic = "clips.erasure-receipts"
    """Signed answers to these."""
    reports: Topic = "clips.reports"
    """Tokens of clips that an annotator reported as critical."""
    erasure_audit: Topic = "clips.erasure-audit"
    """One audit record a request for erasure, chained by partition of `erasure`: it needs as many."""
    reports_audit: Topic = "clips.reports-audit"
    """One audit record a report, chained by partition of `reports`: it needs as many."""
    audit_heads: Topic = "clips.audit-heads"
    """Signed ends of the audit chains."""
    replays: Topic = "clips.replays"
    """Which withheld records were replayed, by `clipveil replay`. Compacted."""
    create: bool = False
    """Create the topics that are missing, at the start. For trying out; in production they exist."""
    partitions: Count = 6
    """Partitions of a topic that is created."""
    replication_max: Count = 3
    """Replicas of a topic that is created; fewer where there are fewer brokers."""

    def problems(self) -> Iterator[tuple[str, str]]:
        names = {setting: value for setting, value in self if isinstance(value, str)}
        for number, (setting, topic) in enumerate(names.items()):
            if topic in list(names.values())[:number]:
                yield setting, "is another topic's name too; every topic needs a name of its own"

    @property
    def all(self) -> tuple[str, ...]:
        """The name of every topic."""
        return tuple(value for _, value in self if isinstance(value, str))

    @property
    def compacted(self) -> frozenset[str]:
        """Topics of which only the newest record of a key counts."""
        return frozenset({self.anonymized, self.consent, self.recalls, self.sampling, self.index, self.replays})


class RegistrySettings(Section):
    """Where Avro schemas are registered and looked up."""

    url: str | None = Field(default=None, pattern=r"^https?://[^@\s?#]+$")
    """Schema registry with Confluent's API, such as `https://registry.example:8081` (no password in it)."""
    folder: Path | None = None
    """A folder that serves as registry, in place of `url`."""
    username: str | None = None
    """User name for basic authentication."""
    password: SecretStr | None = None
    """Password for basic authentication."""
    ca_file: Path | None = None
    """Certificates (PEM) that may vouch for the registry; the system's when not set."""
    register_schemas: bool = True
    """Register our output schemas at the start; otherwise they must be there."""
    request_timeout_s: Seconds = 10.0
    """A request without answer for this long has failed."""

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.url is not None and self.folder is not None:
            yield "url", "excludes folder"
        if self.username is None and self.password is not None:
            yield "username", "needed with password"
        if self.password is None and self.username is not None:
            yield "password", "needed with username"


def _is_broker(text: str) -> bool:
    found = _BROKER.fullmatch(text.strip())
    return found is not None and 1 <= int(found[1]) <= PORT_MAX
