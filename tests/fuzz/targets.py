"""All targets by name; a module is only imported where one of its targets runs, since some take long to begin."""

from __future__ import annotations

from importlib import import_module

from tests.fuzz.engines import COVERAGE, HYPOTHESIS
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
# Inputs of a million, by engine. The fast ones get most, guided by coverage; the slow ones no fewer than 20,000.
WEIGHTS = {
    "avro-bytes": {COVERAGE: 290_000, HYPOTHESIS: 30_000},
    "avro-events": {COVERAGE: 120_000, HYPOTHESIS: 20_000},
    "records": {COVERAGE: 160_000, HYPOTHESIS: 30_000},
    "audio": {COVERAGE: 130_000, HYPOTHESIS: 30_000},
    "audio-published": {COVERAGE: 60_000, HYPOTHESIS: 10_000},
}
SLOW = {COVERAGE: 10_000, HYPOTHESIS: 10_000}


def load(name: str) -> Target:
    if name in PLANTED:
        return PLANTED[name]
    module = import_module(f"tests.fuzz.{MODULES[name]}")
    return next(target for target in module.TARGETS if target.name == name)


def shares(names: list[str], inputs: int, engines: tuple[str, ...]) -> dict[tuple[str, str], int]:
    """Inputs by target and engine, by their weights; Hypothesis makes those of an engine that is not at hand."""
    parts: dict[tuple[str, str], int] = {}
    for name in names:
        for engine, weight in WEIGHTS.get(name, SLOW).items():
            part = name, engine if engine in engines else HYPOTHESIS
            parts[part] = parts.get(part, 0) + weight
    whole = sum(parts.values())
    return {part: -(-inputs * weight // whole) for part, weight in parts.items()}
