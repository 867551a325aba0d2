"""One clip as a task of Label Studio, and the labeling configuration that fits.

The formats are those that Label Studio documents: https://labelstud.io/guide/tasks and
https://labelstud.io/guide/predictions.
"""

from __future__ import annotations

from typing import Any, Final

from stream.clip import AnonymizedClip

KEPT_LABEL: Final = "Kept speech"
LABELING_CONFIG: Final = f"""<View>
  <Header size="4" value="$about"/>
  <Labels name="regions" toName="audio">
    <Label value="{KEPT_LABEL}" background="#2f9e44"/>
    <Label value="Unclear" background="#f08c00"/>
  </Labels>
  <Audio name="audio" value="$audio"/>
  <Header size="4" value="What was said; what stands in angle brackets was taken out and is silent"/>
  <TextArea name="transcript" toName="audio" rows="4" editable="true" maxSubmissions="1"/>
  <Header size="4" value="Does it tell who somebody is, or does another person speak? Then stop, and report it."/>
  <Choices name="report" toName="audio" choice="single" showInline="true">
    <Choice value="Report this clip"/>
  </Choices>
</View>
"""


def task_of(clip: AnonymizedClip, audio_url: str) -> dict[str, Any]:
    """The clip's task: what an annotator sees in ``data``; kept speech and the transcript with placeholders as a
    prediction, from which an annotation begins. The same clip gives the same task every time."""
    of = clip.metadata
    captured = of.captured_hour.isoformat().replace("+00:00", "Z")
    return {
        "data": {
            "audio": audio_url,
            "clip_token": of.token,
            "about": f"{of.language}, {of.device_family}",
            "language": of.language,
            "device_family": of.device_family,
            "campaign": of.campaign,
            "captured": captured,
            "captured_precision": of.captured_precision.value,
            "transcript": _transcript(clip),
        },
        "predictions": [{"model_version": f"clipveil {clip.policy_version}".strip(), "result": _results(clip)}],
    }


def _results(clip: AnonymizedClip) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = [
        {
            "id": f"kept-{number}",
            "from_name": "regions",
            "to_name": "audio",
            "type": "labels",
            "original_length": clip.duration,
            "value": {"start": kept.start, "end": kept.end, "channel": 0, "labels": [KEPT_LABEL]},
        }
        for number, kept in enumerate(clip.kept)
    ]
    if clip.words:
        text = {"text": [_transcript(clip)]}
        results.append(
            {"id": "transcript", "from_name": "transcript", "to_name": "audio", "type": "textarea", "value": text}
        )
    return results


def _transcript(clip: AnonymizedClip) -> str:
    return " ".join(word.text for word in clip.words)
