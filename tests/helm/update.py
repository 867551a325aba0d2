"""Write anew what is derived: the settings in values.schema.json, and the snapshot of the default rendering.

python -m tests.helm.update
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stream.config import Settings
from tests.helm.chart import CHART, render

SCHEMA = CHART / "values.schema.json"
SNAPSHOT = Path(__file__).parent / "default.yaml"

# Not values: secrets come from Secrets, files from where the chart mounts them.
_NOT_VALUES = {
    "kafka": {
        "sasl_password",
        "sasl_password_file",
        "ssl_ca_file",
        "ssl_certificate_file",
        "ssl_key_file",
        "ssl_key_password",
    },
    "registry": {"folder", "password", "ca_file"},
    "tokens": {"key", "key_file", "ring_file"},
    "consent": {"snapshot_file"},
    "erasing": {"signing_key_file", "objects_folder"},
    "objects": {"secret_access_key", "secret_access_key_file", "ca_file"},
    "audit": {"signing_key_file", "public_key_file", "heads_file"},
}
# What the templates compute with must be there.
_NEEDED = {
    "kafka": ["bootstrap_servers", "connect_seconds_max", "security_protocol", "transaction_timeout_s"],
    "topics": ["anonymized", "audit", "create", "raw", "withheld"],
    "registry": ["url"],
    "engine": ["processes", "start_seconds_max"],
    "worker": ["drain_seconds_max"],
    "http": ["host", "port"],
}


def settings_schema() -> dict[str, Any]:
    """JSON schema of settings in values, derived from the settings themselves: none is needed, none unknown."""
    schema = _whole(Settings.model_json_schema())
    sections = {name: _section(name, value) for name, value in schema["properties"].items()}
    sections["http"]["properties"]["port"]["minimum"] = 1024  # lower ones need rights that the pod has not
    return {
        "description": "Settings of clipveil itself.",
        "type": "object",
        "additionalProperties": False,
        "properties": sections,
    }


def config_schema() -> dict[str, Any]:
    """Of the chart's ``config``: these settings, with all that the templates need."""
    return {
        "description": "Settings of clipveil itself, rendered into the file that it reads.",
        "$ref": "#/$defs/settings",
        "required": sorted(_NEEDED),
        "properties": {name: {"required": settings} for name, settings in sorted(_NEEDED.items())},
    }


def _whole(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without references: each definition where it is used, below what is said there."""
    definitions = schema["$defs"]

    def whole(part: Any) -> Any:
        if isinstance(part, list):
            return [whole(one) for one in part]
        if not isinstance(part, dict):
            return part
        rest = {key: whole(value) for key, value in part.items() if key != "$ref"}
        return whole(definitions[part["$ref"].rpartition("/")[2]]) | rest if "$ref" in part else rest

    return dict(whole({key: value for key, value in schema.items() if key != "$defs"}))


def _section(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    settings = {
        setting: _setting(value)
        for setting, value in schema["properties"].items()
        if setting not in _NOT_VALUES.get(name, ())
    }
    return {
        "description": schema["description"],
        "type": "object",
        "additionalProperties": False,
        "properties": settings,
    }


def _setting(schema: dict[str, Any]) -> dict[str, Any]:
    """One setting; null goes, since Helm takes null for "remove this value"."""
    kept = {key: value for key, value in schema.items() if key not in {"title", "anyOf"} and value is not None}
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    assert len(kinds) <= 1, schema
    kept |= kinds[0] if kinds else {}
    if kept.get("type") == "array" and "minLength" in kept:  # a comma-separated string in the environment
        kept["minItems"] = kept.pop("minLength")
    return kept


def schema_text() -> str:
    """What values.schema.json should hold: its ``config`` derived, the rest as it stands."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    schema["$defs"]["settings"] = settings_schema()
    schema["properties"]["config"] = config_schema()
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    SNAPSHOT.write_text(render(), encoding="utf-8")
