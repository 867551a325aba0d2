"""What Label Studio documents of tasks, predictions and labeling configurations, as far as an audio project uses it.

https://labelstud.io/guide/tasks#Basic-Label-Studio-JSON-format: a task has ``data``, an object, and may have
``predictions``. https://labelstud.io/guide/predictions: a prediction has ``result``, a list of regions; each has an
``id``, the ``from_name`` of a control tag and the ``to_name`` of its object tag, the control's ``type`` in lower case,
and a ``value`` of that type. https://labelstud.io/tags/labels and https://labelstud.io/tags/textarea give the values.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from jsonschema import Draft202012Validator

NUMBER, TEXT = {"type": "number", "minimum": 0}, {"type": "string", "minLength": 1}
_LABELS = {
    "type": "object",
    "properties": {
        "start": NUMBER,
        "end": NUMBER,
        "channel": {"type": "integer", "minimum": 0},
        "labels": {"type": "array", "items": TEXT, "minItems": 1},
    },
    "required": ["start", "end", "labels"],
    "additionalProperties": False,
}
_TEXTAREA = {
    "type": "object",
    "properties": {"text": {"type": "array", "items": {"type": "string"}}},
    "required": ["text"],
    "additionalProperties": False,
}
_REGION = {
    "type": "object",
    "properties": {
        "id": TEXT,
        "from_name": TEXT,
        "to_name": TEXT,
        "type": {"enum": ["labels", "textarea"]},
        "original_length": NUMBER,
        "value": {"type": "object"},
    },
    "required": ["id", "from_name", "to_name", "type", "value"],
    "additionalProperties": False,
    "allOf": [
        {"if": {"properties": {"type": {"const": kind}}}, "then": {"properties": {"value": value}}}
        for kind, value in (("labels", _LABELS), ("textarea", _TEXTAREA))
    ],
}
TASK = Draft202012Validator(
    {
        "type": "object",
        "properties": {
            "data": {"type": "object", "additionalProperties": {"type": "string"}},
            "predictions": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"model_version": TEXT, "result": {"type": "array", "items": _REGION}},
                    "required": ["result"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["data"],
        "additionalProperties": False,
    }
)


def problems(task: Any, labeling_config: str) -> list[str]:
    """Why Label Studio would not take the task into a project of this configuration, or not show its regions."""
    found = [error.message for error in TASK.iter_errors(task)]
    if found:
        return found
    tags = ElementTree.fromstring(labeling_config)
    controls = {tag.get("name"): tag for tag in tags.iter() if tag.get("toName")}
    objects = {tag.get("name"): tag for tag in tags.iter() if tag.get("name") and not tag.get("toName")}
    wanted = [tag.get("value", "")[1:] for tag in tags.iter() if tag.get("value", "").startswith("$")]
    found += [f"the configuration needs {name}, which data lacks" for name in wanted if name not in task["data"]]
    for control in controls.values():
        if control.get("toName") not in objects:
            found.append(f"{control.get('name')} is for nothing")
    for region in task["predictions"][0]["result"]:
        found += _of_region(region, controls)
    ids = [region["id"] for region in task["predictions"][0]["result"]]
    return found + ["two regions have one id"] * (len(set(ids)) < len(ids))


def _of_region(region: dict[str, Any], controls: dict[str | None, ElementTree.Element]) -> list[str]:
    control = controls.get(region["from_name"])
    if control is None:
        return [f"there is no control {region['from_name']}"]
    found = []
    if (control.tag.lower(), control.get("toName")) != (region["type"], region["to_name"]):
        found.append(f"{region['from_name']} is another kind of control, or for something else")
    if region["type"] == "labels":
        known = {label.get("value") for label in control.iter("Label")}
        found += [f"there is no label {label}" for label in region["value"]["labels"] if label not in known]
        if not region["value"]["start"] < region["value"]["end"] <= region["original_length"]:
            found.append("a region that is not inside the sound")
    return found


def audio_name(task: Any) -> str:
    """The file that the task's sound is."""
    return re.split(r"[/=]", task["data"]["audio"])[-1]
