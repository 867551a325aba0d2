"""What Helm renders is what runs: the settings file and environment of the pod, read by the settings themselves."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import certifi
import pytest
from typer.testing import CliRunner

from stream.config import PREFIX, Settings, load
from tests.helm.chart import ROOT, VARIANTS, Manifest, manifests, pod_spec

TOKEN_KEY = base64.b64encode(secrets.token_bytes(32)).decode()


class Pod:
    """The container's files under ``root`` and its environment, as a kubelet would lay them out."""

    def __init__(self, rendered: dict[str, Manifest], root: Path) -> None:
        spec = pod_spec(rendered)
        (self.container,) = spec["containers"]
        self.root = root
        self._config: dict[str, str] = rendered["ConfigMap"]["data"]
        self._config_name = rendered["ConfigMap"]["metadata"]["name"]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for mount in self.container["volumeMounts"]:
            folder = root / mount["mountPath"].lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in self._files(volumes[mount["name"]]).items():
                (folder / name).write_text(text, encoding="utf-8")

    def _files(self, volume: dict[str, Any]) -> dict[str, str]:
        if "configMap" in volume:
            assert self._config_name == volume["configMap"]["name"]
            # The mounts are under ``root`` here, so what the file says of them is too.
            return {name: text.replace(": /etc/", f": {self.root}/etc/") for name, text in self._config.items()}
        sources = [source["secret"] for source in volume.get("projected", {}).get("sources", [])]
        return {item["path"]: secret_value(item["key"]) for source in sources for item in source["items"]}

    def environment(self) -> dict[str, str]:
        """Variables of the container, with the Secrets' values."""
        variables = self.container.get("env", [])
        return {each["name"]: secret_value(each["valueFrom"]["secretKeyRef"]["key"]) for each in variables}

    def settings_file(self) -> Path:
        """The file that the container's command line names."""
        run, option, path = map(str, self.container["args"])
        assert ("run", "--config") == (run, option)
        return self.root / path.lstrip("/")


def secret_value(key: str) -> str:
    """What a Secret of the platform would hold under ``key``."""
    known = {"token-key": TOKEN_KEY, "ca.crt": Path(certifi.where()).read_text(encoding="utf-8")}
    return known.get(key, f"value of {key}")


@pytest.fixture(name="read")
def _read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings as the rendered pod would read them."""

    def read(*arguments: str | Path) -> Settings:
        pod = Pod(manifests(*arguments), tmp_path)
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            monkeypatch.delenv(name)
        for name, value in pod.environment().items():
            monkeypatch.setenv(name, value)
        return load(pod.settings_file())

    return read


@pytest.mark.parametrize("variant", VARIANTS)
def test_rendered_settings_are_accepted(variant: str, read: Any) -> None:
    """Every variant's file and environment make settings, with a usable token key and every named file mounted."""
    settings = read(*VARIANTS[variant])
    assert settings.tokens.campaign == settings.tokens.ring()().campaign
    paths = [value for section in settings for value in section[1].model_dump().values() if isinstance(value, Path)]
    assert paths
    assert [] == [path.name for path in paths if not path.is_file()]


def test_secrets_reach_their_settings(read: Any) -> None:
    """SASL password, registry password and certificate authorities arrive; values stand where they were set."""
    settings = read(*VARIANTS["sasl"])
    assert "value of password" == settings.kafka.password()
    assert "value of password" == settings.registry.password.get_secret_value()
    assert secret_value("ca.crt") == settings.kafka.ssl_ca_file.read_text()
    assert secret_value("ca.crt") == settings.registry.ca_file.read_text()
    assert ("SASL_SSL", "clipveil") == (settings.kafka.security_protocol, settings.kafka.sasl_username)


def test_the_client_certificate_reaches_its_settings(read: Any) -> None:
    """Certificate and private key of a kubernetes.io/tls Secret arrive, each in its place."""
    kafka = read(*VARIANTS["mtls"]).kafka
    assert "value of tls.crt" == kafka.ssl_certificate_file.read_text()
    assert "value of tls.key" == kafka.ssl_key_file.read_text()


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_secret_is_rendered(variant: str) -> None:
    """The chart makes no Secret, and no variable of the container has its value in the manifest."""
    rendered = manifests(*VARIANTS[variant])
    assert "Secret" not in rendered
    assert [] == [each for each in pod_spec(rendered)["containers"][0].get("env", []) if "value" in each]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("policy.version", "2026-11-01"),  # a date, to YAML
        ("tokens.epoch", "0017"),  # an octal number
        ("tokens.campaign", "1e3"),  # a float
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


@pytest.mark.parametrize("variant", ["default", "sasl"])
def test_the_command_accepts_them(variant: str, tmp_path: Path) -> None:
    """`clipveil config check`, a process of its own with nothing but the pod's files and environment, is content."""
    pod = Pod(manifests(*VARIANTS[variant]), tmp_path)
    check = [sys.executable, "-m", "stream", "config", "check", "--config", pod.settings_file()]
    run = subprocess.run(
        check, cwd=ROOT, env=pod.environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert (0, "the settings are good\n") == (run.returncode, run.stdout), run.stderr


def test_without_its_secret_the_command_refuses(tmp_path: Path) -> None:
    """A token key that is not mounted stops the command before anything else, and the error names the setting."""
    pod = Pod(manifests(), tmp_path)
    (tmp_path / "etc/clipveil/secrets/token-key").unlink()
    check = [sys.executable, "-m", "stream", "config", "check", "--config", pod.settings_file()]
    run = subprocess.run(check, cwd=ROOT, env={}, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode != 0
    assert "tokens.key_file" in run.stderr


def test_the_command_line_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`clipveil run` has the option that the container's command line uses."""
    from stream.__main__ import app

    pod = Pod(manifests(), tmp_path)
    assert ["clipveil"] == pod.container["command"]
    help_text = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert 0 == help_text.exit_code
    assert pod.container["args"][1] in help_text.output
