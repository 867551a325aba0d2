"""What the output says of whose clip it was: what its label says, and nothing of the event. Pure."""

from __future__ import annotations

from stream.clip import Clip, Label, Metadata, Reason, Refusal


def length_of(clip: Clip, label: Label) -> int:
    """The number of the label's entry that holds the clip. Raises Refusal(AUDIO_TOO_LONG) where none does."""
    for number, (seconds, _) in enumerate(label.by_length):
        if clip.duration <= seconds:
            return number
    raise Refusal(Reason.AUDIO_TOO_LONG)


def of_label(label: Label, length: int) -> Metadata:
    """Field by field: only what is named here leaves."""
    coarse = label.by_length[length][1]
    return Metadata(
        token=label.token,
        campaign=label.campaign,
        key_epoch=label.key_epoch,
        captured_hour=coarse.captured,
        language=coarse.language,
        device_family=coarse.device_family,
        captured_precision=coarse.precision,
        account_token=label.account_token,
    )
