"""What Helm renders is what runs: the settings file and environment of the pod, read by the settings themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stream.config import PREFIX, Settings, load
from tests.helm.chart import ROOT, VARIANTS, documents, manifests, pod_spec, pod_template, workloads
from tests.helm.pod import KNOWN, SIGNING_KEY, Pod

PARTS = [
    (variant, part)
    for variant, arguments in VARIANTS.items()
    for part in sorted({each["metadata"]["labels"]["app.kubernetes.io/component"] for each in workloads(*arguments)})
]
# What a part has no business to know.
NEVER = {
    "worker": {"signing-key.pem"},
    "eraser": set[str](),
    "auditor": {"ring.yaml", "token-key", "objects-secret-key", "objects-ca.crt"},
    "sweep": {"ring.yaml", "token-key", "signing-key.pem"},
    "topics": {"ring.yaml", "token-key", "signing-key.pem", "registry-ca.crt", "objects-secret-key", "objects-ca.crt"},
}


@pytest.fixture(name="read")
def _read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings as the rendered pod would read them."""

    def read(*arguments: str | Path, part: str = "worker") -> Settings:
        pod = Pod(manifests(*arguments, part=part), tmp_path)
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            monkeypatch.delenv(name)
        for name, value in pod.environment().items():
            monkeypatch.setenv(name, value)
        return load(pod.settings_file())

    return read


@pytest.mark.parametrize(("variant", "part"), PARTS)
def test_rendered_settings_are_accepted(variant: str, part: str, read: Any, tmp_path: Path) -> None:
    """Every variant's file and environment make settings of every part, with usable keys and every named file there."""
    settings = read(*VARIANTS[variant], part=part)
    if part in {"worker", "eraser"}:
        assert any(epoch.covers(datetime.now(UTC)) for epoch in settings.tokens.ring()().epochs)
    paths = [value for section in settings for value in section[1].model_dump().values() if isinstance(value, Path)]
    mounted = [path for path in paths if path.is_relative_to(tmp_path) and path.name != "heads.jsonl"]
    assert mounted or part in {"topics", "sweep"}
    assert [] == [path.name for path in mounted if not path.is_file()]


@pytest.mark.parametrize(("variant", "part"), PARTS)
def test_no_part_has_a_secret_that_it_has_no_use_for(variant: str, part: str, tmp_path: Path) -> None:
    """Token keys are for the worker and the eraser, signing keys for who signs, and whatever is mounted is named."""
    pod = Pod(manifests(*VARIANTS[variant], part=part), tmp_path)
    mounted = {path.name for path in (tmp_path / "etc/clipveil/secrets").glob("*")}
    assert set() == mounted & NEVER[part]
    text = pod.settings_file().read_text(encoding="utf-8")
    assert [] == [name for name in mounted if name not in text]
    if part in {"auditor", "topics"}:
        assert not [name for name in pod.environment() if name.startswith("AWS_")]


def test_the_auditor_signs_with_its_own_key_into_its_volume(read: Any, tmp_path: Path) -> None:
    """Key and heads lie where `clipveil audit sign` looks, and its Kafka user is its own."""
    settings = read(*VARIANTS["all-parts"], part="auditor")
    assert SIGNING_KEY == settings.audit.signing_key_file.read_text()
    assert tmp_path / "var/lib/clipveil/heads.jsonl" == settings.audit.heads_file
    assert settings.audit.heads_file.parent.is_dir()
    assert "clipveil-auditor" == settings.kafka.sasl_username
    assert settings.audit.public_key_file is None


def test_the_auditor_knows_the_keys_of_signers_before_it(read: Any) -> None:
    """With a new key it has to read heads that the old one signed, else it does not start; no other part has them."""
    before = [*VARIANTS["all-parts"], "--set", "auditor.publicKeys.existingSecret=signers-before"]
    assert "value of public-keys.pem" == read(*before, part="auditor").audit.public_key_file.read_text()
    assert read(*before, part="eraser").audit.public_key_file is None


def test_a_single_key_is_for_trying_out(read: Any) -> None:
    """In place of a ring a key can be given, with the campaign that the values say."""
    settings = read(*VARIANTS["plaintext"], "--set", "config.tokens.campaign=summer")
    assert settings.tokens.ring_file is None
    assert "summer" == settings.tokens.ring()().campaign


def test_the_gpu_is_used_where_it_is_asked_for(read: Any) -> None:
    """One GPU a pod, on nodes that have one, the speaker model on it, and no second pod that would need another."""
    rendered = manifests(*VARIANTS["gpu"])
    spec = pod_spec(rendered)
    assert 1 == spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]
    assert {"nvidia.com/gpu.present": "true"} == spec["nodeSelector"]
    assert "nvidia" == spec["runtimeClassName"]
    assert 0 == rendered["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    assert "cuda" == read(*VARIANTS["gpu"]).speakers.device


def test_secrets_reach_their_settings(read: Any) -> None:
    """SASL password, registry password and certificate authorities arrive; values stand where they were set."""
    settings = read(*VARIANTS["sasl"])
    assert "value of password" == settings.kafka.password()
    assert "value of password" == settings.registry.password.get_secret_value()
    assert KNOWN["ca.crt"] == settings.kafka.ssl_ca_file.read_text()
    assert KNOWN["ca.crt"] == settings.registry.ca_file.read_text()
    assert ("SASL_SSL", "clipveil-worker") == (settings.kafka.security_protocol, settings.kafka.sasl_username)


def test_the_client_certificate_reaches_its_settings(read: Any) -> None:
    """Certificate and private key of a kubernetes.io/tls Secret arrive, each in its place."""
    kafka = read(*VARIANTS["mtls"]).kafka
    assert "value of tls.crt" == kafka.ssl_certificate_file.read_text()
    assert "value of tls.key" == kafka.ssl_key_file.read_text()


def test_a_client_secret_reaches_its_settings(read: Any) -> None:
    """Each part asks the token endpoint as somebody of its own, with its secret and the endpoint's authority."""
    names = set()
    for part in ("worker", "eraser", "auditor", "topics"):
        kafka = read(*VARIANTS["oauth"], part=part).kafka
        assert "value of client-secret" == kafka.client_secret()
        assert KNOWN["ca.crt"] == kafka.oauth_ca_file.read_text()
        names.add(kafka.oauth_client_id)
    assert 4 == len(names)


@pytest.mark.parametrize("part", ["worker", "auditor", "topics"])
def test_a_token_of_the_account_reaches_its_settings(part: str, read: Any) -> None:
    """The token that the kubelet keeps fresh lies where the settings look, for every part."""
    kafka = read(*VARIANTS["oauth-service-account"], part=part).kafka
    assert "value of token for https://kafka.example" == kafka.oauth_token_file.read_text()


def test_a_token_from_a_secret_reaches_its_settings(read: Any) -> None:
    """In place of the account's, a token that somebody keeps in a Secret."""
    token = {"existingSecret": "kafka-token", "key": "token", "audience": ""}
    values = ["--set-json", f"secrets.kafkaToken={json.dumps(token)}", "--set", "auditor.enabled=false"]
    assert "value of token" == read(*VARIANTS["oauth-service-account"], *values).kafka.oauth_token_file.read_text()


def test_the_object_store_reaches_its_settings(read: Any) -> None:
    """Secret key and authorities arrive with who reaches the store, each as somebody of its own."""
    names = [read(*VARIANTS["s3"], part=part).objects for part in ("worker", "eraser", "sweep")]
    assert ["clipveil-worker", "clipveil-eraser", "clipveil-eraser"] == [each.access_key_id for each in names]
    for objects in names:
        assert "value of secret-access-key" == objects.secret()
        assert KNOWN["ca.crt"] == objects.ca_file.read_text()
        assert "s3://annotation/published/" == objects.output


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_secret_is_rendered(variant: str) -> None:
    """The chart makes no Secret, and no variable has its value in the manifest, but where the values say so."""
    assert "Secret" not in {each["kind"] for each in documents(*VARIANTS[variant])}
    said = {"CLIPVEIL_CONSENT__SNAPSHOT_FILE"} if variant == "cluster" else set()
    for workload in workloads(*VARIANTS[variant]):
        spec = pod_template(workload)["spec"]
        variables = [each for container in spec["containers"] for each in container.get("env", [])]
        assert said == {each["name"] for each in variables if "value" in each}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("policy.version", "2026-11-01"),  # a date, to YAML
        ("kafka.client_id", "0017"),  # an octal number
        ("kafka.group", "1e3"),  # a float
        ("policy.languages", ["es", "en"]),
        ("kafka.client_id", "no"),  # a truth value
        ("kafka.max_request_bytes", 16777216),  # 1.6777216e+07, as templates print it
        ("worker.bytes_in_flight_max", 1073741824),
        ("kafka.client_id", "clips: {eu} #1"),
        ("policy.device_families", {"X-1000": "speaker", "y": "on"}),
        ("policy.word_margin_s", 0.125),
    ],
)
def test_values_survive_yaml(path: str, value: Any, read: Any) -> None:
    """What YAML or templates would take for something else arrives as it was written."""
    section, name = path.split(".")
    settings = read("--set-json", f"config.{path}={json.dumps(value)}")
    arrived = getattr(getattr(settings, section), name)
    assert value == (sorted(arrived, reverse=True) if isinstance(arrived, frozenset) else arrived)


@pytest.mark.parametrize("variant", ["default", "sasl", "oauth", "oauth-service-account", "s3", "plaintext"])
def test_the_command_accepts_them(variant: str, tmp_path: Path) -> None:
    """`clipveil config check`, a process of its own with nothing but the pod's files and environment, is content."""
    pod = Pod(manifests(*VARIANTS[variant]), tmp_path)
    check = [sys.executable, "-m", "stream", "config", "check", "--config", pod.settings_file()]
    run = subprocess.run(
        check, cwd=ROOT, env=pod.environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert (0, "the settings are good\n") == (run.returncode, run.stdout), run.stderr


def test_without_its_secret_the_command_refuses(tmp_path: Path) -> None:
    """A key ring that is not mounted stops the command before anything else, and the error names the setting."""
    pod = Pod(manifests(), tmp_path)
    (tmp_path / "etc/clipveil/secrets/ring.yaml").unlink()
    check = [sys.executable, "-m", "stream", "config", "check", "--config", pod.settings_file()]
    run = subprocess.run(check, cwd=ROOT, env={}, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode != 0
    assert "tokens.ring_file" in run.stderr


@pytest.mark.parametrize("part", ["worker", "eraser", "auditor", "sweep", "topics"])
def test_the_command_lines_exist(part: str, tmp_path: Path) -> None:
    """Each part's command has the option that its container's command line uses."""
    from stream.__main__ import app

    pod = Pod(manifests(*VARIANTS["all-parts"], part=part), tmp_path)
    *command, option, _ = pod.arguments()
    help_text = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert 0 == help_text.exit_code
    assert option in help_text.output


def test_models_that_came_wrong_do_not_start(tmp_path: Path) -> None:
    """The second init container's own command refuses a fetched folder whose sha256 is not the one in the settings."""
    rendered = manifests(*VARIANTS["model-fetch"])
    fetching, checking = pod_spec(rendered)["initContainers"]
    assert {"/models", "/tmp"} == {mount["mountPath"] for mount in fetching["volumeMounts"]}
    pod = Pod(rendered, tmp_path)
    (tmp_path / "models/community-1").mkdir(parents=True)
    (tmp_path / "models/community-1/config.yaml").write_text("changed: true\n", encoding="utf-8")
    settings = pod.settings_file()
    moved = settings.read_text(encoding="utf-8").replace(": /models/", f": {tmp_path}/models/")
    settings.write_text(moved, encoding="utf-8")
    command = [sys.executable, "-m", "stream", *checking["args"][:-1], settings]
    run = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, timeout=120, check=False)
    assert 2 == run.returncode
    assert "speakers.model: " in run.stderr
