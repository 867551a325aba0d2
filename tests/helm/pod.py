"""A rendered pod as a kubelet would lay it out, without a cluster: its files under a folder, its environment."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import certifi
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.helm.chart import Manifest, pod_spec


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


RING = f"""
campaign: spring
account_key: {_key()}
epochs:
  - {{id: "1", key: {_key()}}}
"""
SIGNING_KEY = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
KNOWN = {
    "token-key": _key(),
    "ring.yaml": RING,
    "ca.crt": Path(certifi.where()).read_text(encoding="utf-8"),
    "signing-key.pem": SIGNING_KEY,
}


class Pod:
    """The first container's files under ``root``, its command and its environment; ``secrets`` by key."""

    def __init__(self, rendered: dict[str, Manifest], root: Path, secrets: Mapping[str, str] | None = None) -> None:
        self._secrets = {**KNOWN, **(secrets or {})}
        spec = pod_spec(rendered)
        (self.container,) = spec["containers"]
        self.root = root
        self._config: dict[str, str] = rendered["ConfigMap"]["data"]
        self._config_name = rendered["ConfigMap"]["metadata"]["name"]
        self._mounts = [mount["mountPath"] for mount in self.container["volumeMounts"]]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for mount in self.container["volumeMounts"]:
            folder = root / mount["mountPath"].lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in self._files(volumes.get(mount["name"], {})).items():
                (folder / name).write_text(text, encoding="utf-8")

    def _files(self, volume: dict[str, Any]) -> dict[str, str]:
        if "configMap" in volume:
            assert self._config_name == volume["configMap"]["name"]
            return {name: self._moved(text) for name, text in self._config.items()}
        files = {}
        for source in volume.get("projected", {}).get("sources", []):
            if "secret" in source:
                files |= {item["path"]: self._secret(item["key"]) for item in source["secret"]["items"]}
            else:
                token = source["serviceAccountToken"]
                files[token["path"]] = self._secret(f"token for {token['audience']}")
        return files

    def _moved(self, text: str) -> str:
        """The mounts are under ``root`` here, so what the file says of them is too."""
        mounts = "|".join(map(re.escape, self._mounts))
        return re.sub(rf": (?=(?:{mounts})/)", f": {self.root}", text)

    def environment(self) -> dict[str, str]:
        """Variables of the container, with the Secrets' values."""
        return {each["name"]: self._value(each) for each in self.container.get("env", [])}

    def settings_file(self) -> Path:
        """The file that the container's command line names."""
        *_, option, path = map(str, self.container["args"])
        assert "--config" == option
        return self.root / path.lstrip("/")

    def arguments(self) -> list[str]:
        """Those of `clipveil`, with the file where it is here."""
        assert ["clipveil"] == self.container["command"]
        return [*map(str, self.container["args"][:-1]), str(self.settings_file())]

    def _value(self, variable: dict[str, Any]) -> str:
        if "value" in variable:
            return str(variable["value"])
        of = variable["valueFrom"]
        return self._secret(of["secretKeyRef"]["key"]) if "secretKeyRef" in of else "told by the cluster"

    def _secret(self, key: str) -> str:
        """What a Secret of the platform would hold under ``key``."""
        return self._secrets.get(key, f"value of {key}")
