"""All targets by name; a module is only imported where one of its targets runs, since some take long to begin."""

from __future__ import annotations

from importlib import import_module

from tests.fuzz.planted import PLANTED
from tests.fuzz.target import Target

MODULES = {
    "avro-bytes": "avro_targets",
    "avro-events": "avro_targets",
    "records": "record_targets",
    "audio": "audio_targets",
    "audio-published": "audio_targets",
    "registry": "registry_targets",
    "settings": "settings_targets",
    "key-ring": "settings_targets",
    "lattice": "words_targets",
    "words": "words_targets",
    "clip": "clip_targets",
}
WEIGHTS = {  # shares of the inputs; the fast ones get most
    "avro-bytes": 120,
    "avro-events": 20,
    "records": 10,
    "audio": 10,
    "audio-published": 3,
    "lattice": 3,
}


def load(name: str) -> Target:
    if name in PLANTED:
        return PLANTED[name]
    module = import_module(f"tests.fuzz.{MODULES[name]}")
    return next(target for target in module.TARGETS if target.name == name)


def shares(names: list[str], inputs: int) -> dict[str, int]:
    """Inputs by target, by their weights."""
    whole = sum(WEIGHTS.get(name, 1) for name in names)
    return {name: -(-inputs * WEIGHTS.get(name, 1) // whole) for name in names}
