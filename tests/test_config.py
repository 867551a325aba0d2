"""Settings: what is wrong is told in a line and without values, the environment wins, nothing secret is printed."""

from __future__ import annotations

import base64
import pickle
from pathlib import Path

import pytest
from pydantic import ValidationError

from stream.clip import CriticalKind
from stream.commands.config import document
from stream.config import ConfigError, Section, Settings, load
from stream.lifecycle.keyring import single_ring
from stream.policy import CRITICAL, SAFE, THROUGHPUT, Operator, Policy

SECRET = "hunter2-canary"
PIN = "a" * 64
KEY = bytes(range(32))


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests start without any setting of the person who runs them."""
    import os

    for name in list(os.environ):
        if name.startswith("CLIPVEIL_"):
            monkeypatch.delenv(name)


@pytest.fixture
def write(tmp_path: Path):
    """Writes a settings file."""

    def to_file(text: str) -> Path:
        path = tmp_path / "clipveil.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


def problems(path: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return caught.value.problems


def test_without_file_and_environment_all_settings_have_defaults() -> None:
    """Nothing needs to be set to try things out; the default policy is the code's."""
    assert Settings() == Settings(**load().model_dump())
    assert Policy() == load().policy.as_policy()


def test_the_file_is_read_and_the_environment_wins(write, monkeypatch) -> None:
    """A setting of the environment replaces the file's; the others of the section stay."""
    path = write("kafka: {group: from-file, client_id: from-file}\n")
    monkeypatch.setenv("CLIPVEIL_KAFKA__GROUP", "from-environment")
    kafka = load(path).kafka
    assert ("from-environment", "from-file") == (kafka.group, kafka.client_id)


def test_the_environment_names_the_file(write, monkeypatch) -> None:
    """CLIPVEIL_CONFIG is the default of --config."""
    monkeypatch.setenv("CLIPVEIL_CONFIG", str(write("kafka: {group: named}\n")))
    assert "named" == load().kafka.group


def test_a_kind_that_is_not_named_keeps_its_default(monkeypatch) -> None:
    """Whoever names one kind of critical content does not let go of the others."""
    monkeypatch.setenv("CLIPVEIL_POLICY__CRITICAL", '{"financial": "withhold"}')
    critical = load().policy.as_policy().critical
    assert {**CRITICAL, CriticalKind.FINANCIAL: Operator.WITHHOLD} == dict(critical)


def test_lists_are_comma_separated_in_the_environment(monkeypatch) -> None:
    """Lists need no JSON; mappings do."""
    monkeypatch.setenv("CLIPVEIL_POLICY__LANGUAGES", "en, es")
    monkeypatch.setenv("CLIPVEIL_POLICY__DEVICE_FAMILIES", '{"echo-3": "speaker"}')
    policy = load().policy.as_policy()
    assert frozenset({"en", "es"}) == policy.languages
    assert {"echo-3": "speaker"} == dict(policy.device_families)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kafka: {bootstrap_server: x}", "kafka.bootstrap_server: unknown setting (did you mean bootstrap_servers?)"),
        ("kafkas: {}", "kafkas: unknown setting (did you mean kafka?)"),
        ("policy: {words_max: many}", "policy.words_max: must be a whole number"),
        ("policy: {operating_point: bold}", "policy.operating_point: must be 'safe' or 'throughput'"),
        ("policy: {languages: []}", "policy.languages: needs at least 1"),
        ("policy: {word_margin_s: 2}", "policy.word_margin_s: must be 1 or less"),
        ("policy: {audio_seconds_min: 0}", "policy.audio_seconds_min: must be above 0"),
        ("policy: {word_margin_s: .nan}", "policy.word_margin_s: must be"),
        ("policy: {transcript_required: perhaps}", "policy.transcript_required: must be true or false"),
        ("policy: {critical: {children: redact}}", "policy.critical: a child's voice can't be redacted"),
        ("policy: {critical: {health: ignore}}", "policy.critical.health: is not what it must be"),
        ("policy: {critical: {weather: redact}}", "policy.critical.weather"),
        ("policy: {device_families: [a]}", "policy.device_families: must be a mapping"),
        ("policy: {languages: 7}", "policy.languages: must be a list of texts"),
        ("kafka: 7", "kafka: needs settings, such as"),
        ("kafka: {client_id: 7}", "kafka.client_id: must be text"),
        ("topics: {raw: a/b}", "topics.raw: has a sign that it must not have"),
        ("policy: {languages: [en, xx]}", "policy.languages: 1 of them unknown; there are: en, es"),
        ("policy: {names_by_phrase: [es]}", "policy.names_by_phrase: may name only what languages names"),
        ("policy: {audio_seconds_min: 9, audio_seconds_max: 8}", "policy.audio_seconds_min: must be below"),
        ("kafka: {security_protocol: SASL_SSL, sasl_username: u}", "kafka.sasl_password: a SASL protocol needs one"),
        ("kafka: {heartbeat_interval_s: 20}", "kafka.heartbeat_interval_s: must be at most a third"),
        ("speakers: {model: /models/x}", "speakers.sha256: a model directory needs its sha256"),
        (
            f"speakers: {{sha256: {PIN}}}",
            "speakers.sha256: is the fingerprint of a model directory, and model names none",
        ),
        (f"names: {{sha256: {PIN}}}", "names.sha256: is the fingerprint of a model directory, and model names none"),
        (f"recogniser: {{sha256: {PIN}}}", "recogniser.sha256: is the fingerprint of a model directory, and directory"),
        (
            "topics: {raw: same, audit: same}",
            "topics.audit: is another topic's name too; every topic needs a name of its own",
        ),
        ("registry: {url: 'http://r', folder: /r}", "registry.url: excludes folder"),
        ("registry: {url: 'http://name:word@r'}", "registry.url: "),
        ("tokens: {key: a, key_file: /k}", "tokens.key: excludes key_file"),
        ("- a\n- b", "needs sections"),
        ("kafka: {group: 'x", "is not YAML (line 2)"),
    ],
)
def test_what_is_wrong_in_the_file_is_one_readable_line(write, text: str, expected: str) -> None:
    """Each problem names its setting and says what would be right."""
    told = problems(write(text + "\n"))
    assert 1 == len(told)
    assert expected in told[0]


def test_every_problem_is_told_at_once(write) -> None:
    """Nobody mends one setting to learn of the next; each line begins with a setting's name."""
    told = problems(
        write(
            "kafka: {security_protocol: SASL_SSL, bootstrap_servers: nowhere, heartbeat_interval_s: 40}\n"
            "policy: {languages: [xx], names_by_phrase: [es], audio_seconds_min: 70}\n"
            "topics: {raw: same, audit: same, withheld: same}\n"
            "http: {port: 70000, host: 1}\nlogs: {}\n"
        )
    )
    assert {
        "kafka.bootstrap_servers",
        "kafka.sasl_username",
        "kafka.sasl_password",
        "kafka.heartbeat_interval_s",
        "policy.languages",
        "policy.names_by_phrase",
        "policy.audio_seconds_min",
        "topics.withheld",
        "topics.audit",
        "http.port",
        "http.host",
        "logs",
    } == {line.partition(":")[0] for line in told}
    assert len(told) == 12


@pytest.mark.parametrize(
    ("servers", "good"),
    [
        ("127.0.0.1:9092", True),
        ("broker-1.example:9092, broker-2.example:9093", True),
        ("[2001:db8::1]:9092", True),
        ("kafka_1:9092", True),
        ("", False),
        ("broker", False),
        ("broker:", False),
        ("broker:9092,", False),
        ("broker:0", False),
        ("broker:65536", False),
        ("broker:kafka", False),
        ("kafka://broker:9092", False),
        ("user:word@broker:9092", False),
        ("2001:db8::1:9092", False),
        ("broker 1:9092", False),
    ],
)
def test_brokers_are_hosts_and_ports(write, servers: str, good: bool) -> None:
    """What can't be a broker's address is told at once, not after a minute without an answer."""
    path = write(f"kafka: {{bootstrap_servers: '{servers}'}}\n")
    if good:
        assert servers == load(path).kafka.bootstrap_servers
    else:
        assert ["kafka.bootstrap_servers"] == [line.partition(":")[0] for line in problems(path)]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CLIPVEIL_KAFKA__GRUOP", "x", "kafka.gruop: unknown setting (did you mean group?)"),
        ("CLIPVEIL_KAFAK__GROUP", "x", "CLIPVEIL_KAFAK__GROUP: unknown section (did you mean kafka?)"),
        ("CLIPVEIL_KAFKA_GROUP", "x", "CLIPVEIL_KAFKA_GROUP: two underscores go between"),
        ("CLIPVEIL_KAFKA", SECRET, "CLIPVEIL_KAFKA__...: a value that should be JSON is not"),
    ],
)
def test_a_misspelt_variable_is_refused(monkeypatch, name: str, value: str, expected: str) -> None:
    """A variable that is none of ours must not silently leave a default in force."""
    monkeypatch.setenv(name, value)
    told = problems()
    assert 1 == len(told)
    assert expected in told[0]


def test_variables_of_kubernetes_services_are_passed_over(monkeypatch) -> None:
    """A service called clipveil or clipveil-http makes Kubernetes set variables that look like ours."""
    for name in ("CLIPVEIL_SERVICE_HOST", "CLIPVEIL_HTTP_SERVICE_PORT", "CLIPVEIL_HTTP_PORT_8080_TCP_ADDR"):
        monkeypatch.setenv(name, "10.0.0.1")
    assert Settings().http == load().http


def test_a_missing_file_is_told() -> None:
    """No traceback for a wrong path."""
    assert ("/no/such/file.yaml: No such file or directory",) == problems(Path("/no/such/file.yaml"))


@pytest.mark.parametrize(
    "text",
    [
        f"kafka: {{sasl_password: [{SECRET}]}}",
        f"kafka: {{sasl_password: {SECRET}, group: ''}}",
        f"kafka: {{ssl_key_password: {SECRET}, request_timeout_s: {SECRET}}}",
        f"tokens: {{key: {SECRET}, key_file: /k}}",
        f"registry: {{password: {SECRET}}}",
        f"kafka: {{sasl_password: {SECRET}",
        f"{SECRET}",
    ],
)
def test_problems_never_tell_values(write, text: str) -> None:
    """A value may be a secret, also one in the wrong place."""
    told = problems(write(text + "\n"))
    assert SECRET not in "".join(told)


def test_secrets_are_never_printed(write) -> None:
    """Neither repr nor any dump of the settings has a secret in it."""
    settings = load(
        write(
            f"kafka: {{sasl_password: {SECRET}, ssl_key_password: {SECRET}}}\n"
            f"registry: {{username: u, password: {SECRET}}}\ntokens: {{key: {SECRET}}}\n"
        )
    )
    printed = [repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())]
    assert SECRET not in "".join(printed)
    assert SECRET == settings.kafka.password()


def test_an_inference_process_is_told_no_secret(write) -> None:
    """What goes to the processes has the policy, but neither passwords nor keys, in any encoding of pickle."""
    settings = load(
        write(f"kafka: {{sasl_password: {SECRET}}}\ntokens: {{key: {SECRET}}}\npolicy: {{version: v7}}\n")
    ).without_secrets()
    assert SECRET.encode() not in pickle.dumps(settings)
    assert "v7" == settings.policy.version


def test_settings_are_frozen() -> None:
    """Nothing changes a setting while the service runs."""
    with pytest.raises(ValidationError):
        load().kafka.group = "other"


def test_the_token_key_comes_from_a_setting_or_a_file(write, tmp_path: Path) -> None:
    """Both ways give the same key, with campaign and epoch."""
    text = base64.b64encode(KEY).decode()
    (tmp_path / "key").write_text(f"{text}\n")
    expected = single_ring("spring", "7", KEY)
    for where in (f"key: {text}", f"key_file: {tmp_path / 'key'}"):
        assert expected == load(write(f"tokens: {{{where}, campaign: spring, epoch: '7'}}\n")).tokens.ring()()


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ("{}", "tokens.key: needed"),
        ("{key: '?????'}", "tokens.key: is not base64"),
        (f"{{key: {base64.b64encode(KEY[:31]).decode()}}}", "tokens.key: has fewer than 32 bytes"),
        ("{key_file: /no/such/key}", "tokens.key_file: the file that it names can't be read"),
    ],
)
def test_without_a_good_key_nothing_starts(write, tokens: str, expected: str) -> None:
    """Tokens under a guessable key would lead back to accounts."""
    with pytest.raises(ConfigError, match=expected.replace("?", r"\?")):
        load(write(f"tokens: {tokens}\n")).tokens.ring()


def test_the_operating_point_is_chosen_by_name(write) -> None:
    """Both points can be had, and safe is the default."""
    assert SAFE == load().policy.as_policy().operating_point
    assert THROUGHPUT == load(write("policy: {operating_point: throughput}\n")).policy.as_policy().operating_point


def test_every_setting_says_what_it_means() -> None:
    """No section and no setting without a description."""
    silent = [
        f"{name}.{setting}"
        for name, section in Settings.model_fields.items()
        if isinstance(section.annotation, type) and issubclass(section.annotation, Section)
        for setting, field in section.annotation.model_fields.items()
        if not field.description
    ]
    assert [] == silent


def test_the_documentation_is_made_from_the_settings() -> None:
    """docs/configuration.md is what `clipveil config docs` prints."""
    written = (Path(__file__).parents[1] / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert document() == written, "run: clipveil config docs > docs/configuration.md"


def test_a_secret_where_a_name_belongs_is_not_repeated(write) -> None:
    """``{key:SECRET}`` is one odd name in YAML; what can't be a setting's name is not printed."""
    told = " ".join(problems(write(f"tokens: {{key:{SECRET}: 1}}\n{SECRET}: 2\n")))
    assert SECRET not in told
    assert "unknown setting" in told


def test_a_secret_given_as_a_file_name_is_not_repeated(monkeypatch) -> None:
    """A password pasted into ``..._file`` is no readable file, and the error does not say which file it was."""
    monkeypatch.setenv("CLIPVEIL_TOKENS__KEY_FILE", f"/{SECRET}")
    with pytest.raises(ConfigError) as caught:
        load().tokens.ring()
    assert SECRET not in str(caught.value.problems)


def test_a_token_in_the_registry_url_is_refused(monkeypatch) -> None:
    """Credentials belong into their own settings, where they are never printed."""
    monkeypatch.setenv("CLIPVEIL_REGISTRY__URL", f"https://registry.example/?token={SECRET}")
    assert SECRET not in " ".join(problems())
