"""From settings to a speaker finder; only the kind that is used is imported."""

from __future__ import annotations

from pathlib import Path

import torch

from stream.policy import Policy
from stream.ports import BatchSpeakerFinder

BUILTIN = "builtin"


def make_speaker_finder(model: str, sha256: str, policy: Policy, device: str = "cpu") -> BatchSpeakerFinder:
    """The finder of the settings ``speakers.model`` and ``speakers.sha256``, on ``device`` in torch's terms.

    Raises ValueError where torch has no such device, and ModelRefused (or ValueError, OSError for the built-in model)
    when the model can't be vouched for.
    """
    if device != "cpu" and not torch.cuda.is_available():
        raise ValueError("speakers.device is cuda, but torch finds no GPU that it can use")
    if model == BUILTIN:
        from stream.find.speakers.builtin import BuiltinFinder

        return BuiltinFinder(policy.operating_point, sha256=sha256, device=device)
    from stream.find.speakers.pyannote_pipeline import PyannoteFinder

    return PyannoteFinder(Path(model), sha256, device=device)
