"""Tasks and labeling configuration are what Label Studio documents, and hold what was published and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.clip import Mute, Segment, Why
from stream.export.label_studio import LABELING_CONFIG, task_of
from tests.export.task_format import problems
from tests.publications import clip, token

URL = "https://clips.example/1.wav"


def test_a_task_is_what_label_studio_documents() -> None:
    """Data for every tag that asks for some, and regions of controls that exist."""
    assert [] == problems(task_of(clip(token(1)), URL), LABELING_CONFIG)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("data", "audio"), None),
        (("predictions", 0, "result", 0, "from_name"), "other"),
        (("predictions", 0, "result", 0, "value", "labels"), ["Other"]),
        (("predictions", 0, "result", 0, "value", "end"), 99.0),
        (("predictions", 0, "result", 2, "type"), "labels"),
        (("predictions", 0, "result", 1, "id"), "kept-0"),
    ],
)
def test_the_check_of_tasks_can_fail(path: tuple[str | int, ...], wrong: object) -> None:
    """Each kind of mistake is found."""
    task = task_of(clip(token(1)), URL)
    inner = task
    for step in path[:-1]:
        inner = inner[step]  # type: ignore[index]
    if wrong is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = wrong  # type: ignore[index]
    assert [] != problems(task, LABELING_CONFIG)


def test_regions_are_what_is_audible() -> None:
    """Kept speech and no second of what was silenced."""
    result = task_of(clip(token(1)), URL)["predictions"][0]["result"]
    regions = [(part["value"]["start"], part["value"]["end"]) for part in result if part["type"] == "labels"]
    assert [(0.0, 1.0), (2.0, 3.0)] == regions


def test_a_clip_that_is_all_silence_has_no_region() -> None:
    """And one without words has no transcript: nothing is made up."""
    silent = replace(clip(token(1)), mutes=(Mute(Segment(0.0, 3.0), Why.BACKGROUND),), words=())
    task = task_of(silent, URL)
    assert [] == task["predictions"][0]["result"]
    assert [] == problems(task, LABELING_CONFIG)


def test_an_annotator_is_told_what_was_published() -> None:
    """Token, coarse values, and the transcript with its placeholders."""
    assert {
        "audio": URL,
        "clip_token": token(1),
        "about": "en, speaker",
        "language": "en",
        "device_family": "speaker",
        "campaign": "spring",
        "captured": "2026-11-03T14:00:00Z",
        "captured_precision": "hour",
        "transcript": "call <PERSON> now",
    } == task_of(clip(token(1)), URL)["data"]
