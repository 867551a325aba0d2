"""The settings themselves, by section. What each one means is written here and nowhere else."""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from stream.clip import TokenKey
from stream.policy import OPERATING_POINTS, Policy

TOKEN_KEY_BYTES_MIN = 32

_DEFAULT = Policy()


class ConfigError(Exception):
    """The settings can't be used. One line a problem; never a value, since a value may be a secret."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _read_secret(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise ConfigError(f"{name}: the file that it names can't be read ({reason})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{name}: the file that it names holds bytes that are no text") from None


def _cores() -> int:
    """Those that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Names = Annotated[frozenset[str], NoDecode, BeforeValidator(_split)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Topic = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
Sha256 = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


class Section(BaseModel):
    """A group of settings that belong together."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)


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
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How the name and password are presented, where the protocol is a SASL one."""
    sasl_username: str | None = None
    """SASL user name."""
    sasl_password: SecretStr | None = None
    """SASL password."""
    sasl_password_file: Path | None = None
    """File that holds the SASL password, in place of `sasl_password`."""
    ssl_ca_file: Path | None = None
    """Certificates (PEM) that may vouch for the brokers; the system's when not set."""
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
    connect_seconds_max: Seconds = 60.0
    """How long to go on trying to reach the brokers at the start before giving up with an error."""

    @model_validator(mode="after")
    def _complete(self) -> KafkaSettings:
        if self.sasl_password is not None and self.sasl_password_file is not None:
            raise ValueError("sasl_password and sasl_password_file exclude each other")
        password = self.sasl_password or self.sasl_password_file
        if self.security_protocol.startswith("SASL") and not (self.sasl_username and password):
            raise ValueError("a SASL protocol needs sasl_username and sasl_password (or sasl_password_file)")
        if self.heartbeat_interval_s * 3 > self.session_timeout_s:
            raise ValueError("heartbeat_interval_s must be at most a third of session_timeout_s")
        if self.ssl_key_file is not None and self.ssl_certificate_file is None:
            raise ValueError("ssl_key_file needs ssl_certificate_file")
        return self

    def password(self) -> str | None:
        """The SASL password, from wherever it is set."""
        if self.sasl_password_file is not None:
            return _read_secret("kafka.sasl_password_file", self.sasl_password_file)
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
    """One audit record an outcome."""
    create: bool = False
    """Create the topics that are missing, at the start. For trying out; in production they exist."""
    partitions: Count = 6
    """Partitions of a topic that is created."""
    replication_max: Count = 3
    """Replicas of a topic that is created; fewer where there are fewer brokers."""

    @model_validator(mode="after")
    def _distinct(self) -> TopicSettings:
        if len({self.raw, self.anonymized, self.withheld, self.audit}) != 4:
            raise ValueError("the four topics need four different names")
        return self


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

    @model_validator(mode="after")
    def _one_place(self) -> RegistrySettings:
        if self.url is not None and self.folder is not None:
            raise ValueError("url and folder exclude each other")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        return self


class SpeakerSettings(Section):
    """The model that says who speaks when."""

    model: str = "builtin"
    """`builtin`, or a local directory in pyannote's pipeline layout (`config.yaml`, `segmentation/`, ...)."""
    sha256: Sha256 = ""
    """Expected fingerprint of that directory (see `clipveil fingerprint`). Loading a checkpoint can run code from it, \
so a directory needs one."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where it runs. On `cuda` one process owns the GPU and hears the clips of all inference processes in batches."""

    @model_validator(mode="after")
    def _pinned(self) -> SpeakerSettings:
        if self.model != "builtin" and not self.sha256:
            raise ValueError("a model directory needs its sha256 (`clipveil fingerprint DIRECTORY` prints it)")
        return self


class NameSettings(Section):
    """The models that say which words are names."""

    model: str = "builtin"
    """`builtin`, or a local directory whose findings are added to the built-in model's: a transformers token \
classifier (`config.json`, `tokenizer.json`, `model.safetensors`) or GLiNER (`gliner_config.json`). Needs \
`clipveil[names]`. Words come in lower case: take a model that was trained so."""
    sha256: Sha256 = ""
    """Expected fingerprint of that directory (see `clipveil fingerprint`)."""
    unsure_below: Annotated[float, Field(ge=0, le=1)] = 0.6
    """Words that the recogniser was less sure of than this are masked where a name belongs ("call ...", "my name is \
..."), whatever they look like: it often hears another word for a name. 0 turns it off."""

    @model_validator(mode="after")
    def _pinned(self) -> NameSettings:
        if self.model != "builtin" and not self.sha256:
            raise ValueError("a model directory needs its sha256 (`clipveil fingerprint DIRECTORY` prints it)")
        return self


class RecogniserSettings(Section):
    """The model that hears what is said in clips that come without a transcript."""

    directory: Path | None = None
    """Local directory of a Whisper model as CTranslate2 reads it (`model.bin`, `config.json`, `tokenizer.json`, ...); \
needs `clipveil[recogniser]`. Without one, clips without a transcript are withheld."""
    sha256: Sha256 = ""
    """Expected fingerprint of that directory (see `clipveil fingerprint`)."""
    log_probability_min: Annotated[float, Field(le=0)] = -0.7
    """A clip is withheld where a stretch of its text has a lower mean log probability."""
    no_speech_max: Annotated[float, Field(ge=0, le=1)] = 0.5
    """A clip is withheld where a stretch of its text is more likely than this no speech at all."""

    @model_validator(mode="after")
    def _pinned(self) -> RecogniserSettings:
        if self.directory is not None and not self.sha256:
            raise ValueError("a model directory needs its sha256 (`clipveil fingerprint DIRECTORY` prints it)")
        return self


class PolicySettings(Section):
    """What may leave, and how sure we must be."""

    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = _DEFAULT.version
    """Written beside every outcome; change it with every change of this section."""
    operating_point: Literal["safe", "throughput"] = "safe"
    """`safe` withholds what is uncertain; `throughput` publishes more and leaks more (figures in the model card)."""
    transcript_required: bool = _DEFAULT.transcript_required
    """Withhold clips without a transcript: without words nobody knows which identifiers are audible."""
    languages: Annotated[Names, Field(min_length=1)] = _DEFAULT.languages
    """Languages (first part of the locale) that the detectors know; others are withheld. English is complete."""
    names_by_phrase: Names = _DEFAULT.names_by_phrase
    """Languages that no names model reads, and may be used all the same: only introduced names are found in them."""
    audio_seconds_min: Seconds = _DEFAULT.audio_seconds_min
    """Shorter clips are withheld."""
    audio_seconds_max: Annotated[float, Field(gt=0, le=600)] = _DEFAULT.audio_seconds_max
    """Longer clips are withheld; decoding stops there, whatever a header promises."""
    words_max: Count = _DEFAULT.words_max
    """Transcripts with more words are withheld."""
    word_margin_s: Annotated[float, Field(ge=0, le=1)] = _DEFAULT.word_margin_s
    """Muted on both sides of an identifier, since word times are estimates."""
    word_audible_share_min: Annotated[float, Field(ge=0, le=1)] = _DEFAULT.word_audible_share_min
    """A word of whose sound less than this share is kept is not shown either."""
    device_families: dict[str, str] = Field(default_factory=lambda: dict(_DEFAULT.device_families))
    """Device model -> family named in the output; any other model becomes `other`. JSON in the environment."""

    @model_validator(mode="after")
    def _ordered(self) -> PolicySettings:
        if self.audio_seconds_min >= self.audio_seconds_max:
            raise ValueError("audio_seconds_min must be below audio_seconds_max")
        return self

    @model_validator(mode="after")
    def _accepted(self) -> PolicySettings:
        if unknown := self.languages - _DEFAULT.vocabularies.keys():
            raise ValueError(
                f"{len(unknown)} of languages unknown; there are: {', '.join(sorted(_DEFAULT.vocabularies))}"
            )
        if not self.names_by_phrase <= self.languages:
            raise ValueError("names_by_phrase may name only what languages names")
        return self

    def as_policy(self) -> Policy:
        """The policy that the pipeline takes."""
        values = self.model_dump(exclude={"operating_point", "device_families"})
        families = MappingProxyType(dict(self.device_families))
        return Policy(operating_point=OPERATING_POINTS[self.operating_point], device_families=families, **values)


class TokenSettings(Section):
    """The tokens that stand in for clip ids. Without the key nobody can make or match them."""

    key: SecretStr | None = None
    """The key: base64 of at least 32 random bytes (`openssl rand -base64 32`). One a campaign and annotator domain."""
    key_file: Path | None = None
    """File that holds the key as base64 text, in place of `key`."""
    campaign: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "default"
    """The purpose that the clips are annotated for; tokens of two campaigns never match."""
    epoch: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "1"
    """Number or date of the key; change both together."""

    @model_validator(mode="after")
    def _one_place(self) -> TokenSettings:
        if self.key is not None and self.key_file is not None:
            raise ValueError("key and key_file exclude each other")
        return self

    def token_key(self) -> TokenKey:
        """The key itself. Raises ConfigError when there is none or it is too short."""
        name = "tokens.key" if self.key_file is None else "tokens.key_file"
        if self.key_file is not None:
            text = _read_secret(name, self.key_file)
        elif self.key is not None:
            text = self.key.get_secret_value()
        else:
            raise ConfigError("tokens.key: needed (or tokens.key_file); make one with: openssl rand -base64 32")
        try:
            secret = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise ConfigError(f"{name}: is not base64; make one with: openssl rand -base64 32") from None
        if len(secret) < TOKEN_KEY_BYTES_MIN:
            raise ConfigError(f"{name}: has fewer than {TOKEN_KEY_BYTES_MIN} bytes")
        return TokenKey(self.campaign, self.epoch, secret)


class EngineSettings(Section):
    """The processes that hear the clips."""

    processes: Count = Field(default_factory=_cores)
    """Inference processes of one thread each. Default: one a core; set it where a container's CPU limit is lower."""
    clip_seconds_max: Seconds = 30.0
    """A clip that takes longer is withheld, and its process killed and replaced."""
    start_seconds_max: Seconds = 180.0
    """A process that has not loaded its models by then has failed to start."""
    start_attempts_max: Count = 3
    """After this many failed starts in a row of a replacement process the service stops with an error."""
    recycle_clips: Count = 2000
    """A process is replaced after this many clips, so that no memory keeps what it heard for long."""


class WorkerSettings(Section):
    """How much the worker holds, and when it gives up."""

    partition_records_max: Count = 16
    """Most records of one partition between poll and commit."""
    records_in_flight_max: Count = 32
    """Most records held at once, over all partitions; a drain has to wait for so many."""
    bytes_in_flight_max: Count = 256 * 1024 * 1024
    """Most bytes of events held at once, over all partitions."""
    batch_records_max: Count = 32
    """Most records in one transaction."""
    event_bytes_max: Count = 8 * 1024 * 1024
    """Larger events are withheld."""
    faults_in_a_row_max: Count = 20
    """After so many clips in a row that were withheld because of the machinery, the worker stops with an error."""
    commit_failures_in_a_row_max: Count = 10
    """After so many failed transactions of one partition in a row, the worker stops with an error."""
    drain_seconds_max: Seconds = 20.0
    """After SIGTERM, how long clips that were begun may take to be committed; the rest is done again by others."""


class HttpSettings(Section):
    """The small HTTP server for probes and metrics."""

    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` in a container. Neither probes nor metrics hold content."""
    port: Port = 8080
    """Port to listen on; 0 takes a free one."""
    stalled_seconds_max: Seconds = 300.0
    """/livez fails when clips are waiting and none has been finished for this long."""


class LogSettings(Section):
    """The log: JSON lines on stderr, of a closed list of events and keys."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe level that is written. No level writes content."""


class Settings(Section):
    """All settings."""

    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    registry: RegistrySettings = RegistrySettings()
    speakers: SpeakerSettings = SpeakerSettings()
    names: NameSettings = NameSettings()
    recogniser: RecogniserSettings = RecogniserSettings()
    policy: PolicySettings = PolicySettings()
    tokens: TokenSettings = TokenSettings()
    engine: EngineSettings = EngineSettings()
    worker: WorkerSettings = WorkerSettings()
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()

    def without_secrets(self) -> Settings:
        """What an inference process is told: nothing with which it could reach a broker or make a token."""
        return Settings(speakers=self.speakers, names=self.names, recogniser=self.recogniser, policy=self.policy)
