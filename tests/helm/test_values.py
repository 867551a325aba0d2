"""The chart's values: closed, documented, and never at odds with the settings that they become."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.config import Settings
from tests.helm.chart import CHART, EXAMPLES
from tests.helm.update import SCHEMA, schema_text

VALUES = CHART / "values.yaml"

# Settings that a cluster needs otherwise than a desk does; every other value is the setting's own default.
DEPARTURES = {"kafka.bootstrap_servers", "kafka.security_protocol", "registry.url", "engine.processes", "http.host"}


def _schemas(schema: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object schema with its place."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield place, schema
        for key, value in schema.items():
            yield from _schemas(value, f"{place}/{key}")
    elif isinstance(schema, list):
        for number, value in enumerate(schema):
            yield from _schemas(value, f"{place}/{number}")


def _closed(further: Any) -> bool:
    return further is False or (isinstance(further, dict) and further.get("type") in ("string", "number", "integer"))


# Open, since Kubernetes itself knows what may be there, and refuses the rest; `global` is Helm's.
OPEN = {
    "/properties/global",
    "/properties/affinity",
    "/$defs/env/items/properties/valueFrom",
    *(
        f"/properties/extraVolumes/items/properties/{kind}"
        for kind in "configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret".split()
    ),
}


def test_no_level_takes_unknown_values() -> None:
    """Every object in the schema names its properties, or is a map of one plain type, but for the few named above."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert set(OPEN) == {place for place, value in _schemas(schema) if not _closed(value.get("additionalProperties"))}


def test_every_value_has_its_meaning_in_the_schema() -> None:
    """What editors show beside a value: there is a description for each."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert [] == [name for name, value in schema["properties"].items() if not value.get("description")]
    assert set(yaml.safe_load(VALUES.read_text(encoding="utf-8"))) == schema["properties"].keys() - {"global"}


def test_the_schema_knows_every_setting() -> None:
    """`config` in the schema is what the settings are today; `python -m tests.helm.update` writes it anew."""
    assert schema_text() == SCHEMA.read_text(encoding="utf-8")


def test_every_value_is_explained() -> None:
    """Every key in values.yaml stands under a comment."""
    lines = VALUES.read_text(encoding="utf-8").splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r" *[A-Za-z_]+:", line)]
    assert len(keys) > 80
    assert [] == [lines[number] for number in keys if not lines[number - 1].lstrip().startswith("# ")]


def test_values_can_be_read_at_a_sitting() -> None:
    """values.yaml stays under 250 lines."""
    assert len(VALUES.read_text(encoding="utf-8").splitlines()) < 250


def test_defaults_are_those_of_the_settings() -> None:
    """A setting has one default, in the settings; values.yaml repeats it, except where a cluster needs another."""
    own = Settings().model_dump(mode="json")
    given = yaml.safe_load(VALUES.read_text(encoding="utf-8"))["config"]
    named = {f"{section}.{name}" for section, names in given.items() for name in names}
    assert named >= DEPARTURES
    for place in sorted(named - DEPARTURES):
        section, name = place.split(".")
        assert (place, own[section][name]) == (place, given[section][name])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_says_what_it_is_for(path: Path) -> None:
    """An example begins with a sentence about the situation that it is for."""
    assert path.read_text(encoding="utf-8").startswith("# ")
