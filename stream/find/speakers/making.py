"""From settings to a speaker finder; only the kind that is used is imported."""

from __future__ import annotations

from pathlib import Path

from stream.policy import Policy
from stream.ports import SpeakerFinder

BUILTIN = "builtin"


def make_speaker_finder(model: str, sha256: str, policy: Policy) -> SpeakerFinder:
    """The finder of the settings ``speakers.model`` and ``speakers.sha256``.

    Raises ModelRefused (or ValueError, OSError for the built-in model) when the model can't be vouched for.
    """
    if model == BUILTIN:
        from stream.find.speakers.builtin import BuiltinFinder

        return BuiltinFinder(policy.operating_point, sha256=sha256)
    from stream.find.speakers.pyannote_pipeline import PyannoteFinder

    return PyannoteFinder(Path(model), sha256)
