"""All targets by name."""

from __future__ import annotations

from tests.fuzz import (
    audio_targets,
    avro_targets,
    clip_targets,
    record_targets,
    registry_targets,
    settings_targets,
    words_targets,
)
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for module in (
        avro_targets,
        record_targets,
        audio_targets,
        words_targets,
        clip_targets,
        registry_targets,
        settings_targets,
    )
    for target in module.TARGETS
}
