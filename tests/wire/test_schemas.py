"""The schemas themselves: every field says what becomes of it, and new versions read what old ones wrote."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.wire.avro import schema_text
from stream.wire.index_records import INDEX_SCHEMA
from stream.wire.outcomes import ESCALATION_SCHEMA, OUTPUT_SCHEMAS
from stream.wire.registry_files import reads
from stream.wire.replay_records import REPLAY_SCHEMA
from stream.wire.request_records import ERASURE_SCHEMA, RECEIPT_SCHEMA, REPORT_SCHEMA
from stream.wire.standing_records import CONSENT_SCHEMA, RECALL_SCHEMA

FATES = {"drop", "keep", "token", "coarsen", "redact", "audio"}
SCHEMAS = sorted(path.stem for path in (Path(__file__).parents[2] / "schemas").glob("*.avsc"))
PREVIOUS = sorted((Path(__file__).parents[1] / "schemas").glob("*/*.avsc"))


def fields(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of every record in a schema, with its path."""
    if isinstance(schema, list):
        for branch in schema:
            yield from fields(branch, path)
    elif isinstance(schema, dict):
        for field in schema.get("fields", []):
            yield f"{path}.{field['name']}", field
            yield from fields(field["type"], f"{path}.{field['name']}")
        for inner in ("items", "values", "type"):
            yield from fields(schema.get(inner), path)


def maps(schema: Any) -> Iterator[dict[str, Any]]:
    """Every map in a schema."""
    if isinstance(schema, dict) and schema.get("type") == "map":
        yield schema
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for part in inner:
        yield from maps(part)


def untagged(schema: Any) -> list[str]:
    return [path for path, field in fields(schema) if field.get("deid") not in FATES]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_says_what_becomes_of_it(name: str) -> None:
    """No field, however deep, is without a known ``deid`` property."""
    assert [] == untagged(json.loads(schema_text(name)))


@pytest.mark.parametrize("path", [path for path, _ in fields(json.loads(schema_text("clip_event")))])
def test_an_untagged_field_is_noticed_wherever_it_is(path: str) -> None:
    """The check above looks everywhere: take the tag off any one field, and it names that field."""
    schema = copy.deepcopy(json.loads(schema_text("clip_event")))
    dict(fields(schema))[path].pop("deid")
    assert [path] == untagged(schema)


def test_a_misspelt_fate_is_no_fate() -> None:
    """``deid`` values are a closed list."""
    schema = {"type": "record", "name": "R", "fields": [{"name": "f", "type": "string", "deid": "kept"}]}
    assert [".f"] == untagged(schema)


def test_all_schemas_are_there() -> None:
    """Those of the input, of outputs and escalations, of consent, recalls, requests and replays, and no other."""
    input_and_heads = ["clip_event", "clip_header", "clip_audio", "audit_head"]
    beside = [CONSENT_SCHEMA, RECALL_SCHEMA, INDEX_SCHEMA, ERASURE_SCHEMA, RECEIPT_SCHEMA, REPORT_SCHEMA, REPLAY_SCHEMA]
    assert sorted([*input_and_heads, *OUTPUT_SCHEMAS, ESCALATION_SCHEMA, *beside]) == SCHEMAS


@pytest.mark.parametrize("previous", PREVIOUS, ids=lambda path: f"{path.stem}-{path.parent.name}")
def test_what_an_earlier_version_wrote_can_be_read(previous: Path) -> None:
    """BACKWARD compatibility with every version ever published."""
    assert reads(schema_text(previous.stem), previous.read_text(encoding="utf-8"))


def test_every_schema_has_a_published_version_to_be_compared_with() -> None:
    """A schema without a pinned copy would pass the test above by not being in it. Nothing is ever written as
    clip_header or clip_audio: clip events are read by them, so that no earlier version can lie in a topic."""
    assert set(SCHEMAS) - {"clip_header", "clip_audio"} == {path.stem for path in PREVIOUS}


def test_a_new_field_without_a_default_is_incompatible() -> None:
    """The compatibility check can fail."""
    schema = json.loads(schema_text("withheld"))
    schema["fields"].append({"name": "added", "type": "string", "deid": "keep"})
    assert not reads(json.dumps(schema), schema_text("withheld"))


@pytest.mark.parametrize("name", ["withheld", "audit", "escalation", "replay"])
def test_records_about_a_clip_have_no_place_for_its_content(name: str) -> None:
    """No bytes, no field of the event, no map but of counts: only coordinates, reasons, versions, counts and times."""
    names = {path.rpartition(".")[2] for path, _ in fields(json.loads(schema_text(name)))}
    event = {path.rpartition(".")[2] for path, _ in fields(json.loads(schema_text("clip_event")))} - {"version"}
    assert set() == names & event
    assert "bytes" not in schema_text(name)
    assert {"long"} >= {schema["values"] for schema in maps(json.loads(schema_text(name)))}
