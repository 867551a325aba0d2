"""Parts of an inference process for the withheld tests: all real but the speaker finder, which does as it is told.

The event's wake word says how the model misbehaves; otherwise everything heard is the main speaker.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass, replace

from stream.clip import (
    SAMPLE_RATE_HZ,
    Receipt,
    Samples,
    Segment,
    SpeakerEvidence,
    Transcript,
    Turn,
    WakeWord,
    WordEvidence,
)
from stream.clip import Clip as ClipValue
from stream.config import Settings
from stream.find.pii import make_word_finder
from stream.ports import Parts, WordFinder
from stream.wire.clips import Decoder, Encoder


class ScriptedSpeakers:
    """A speaker model that says and does what the wake word's text asks for."""

    def find(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> SpeakerEvidence:
        order = wake_word.text.split("/")[0] if wake_word else ""
        said = " ".join(word.text for word in transcript.words) if transcript else ""
        if order == "raise":
            sys.stderr.write(said)
            raise ValueError(said)
        if order == "hang":
            time.sleep(3600)
        if order == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if order == "exit":
            raise SystemExit(said)
        whole = Segment(0.0, len(samples) / SAMPLE_RATE_HZ)
        receipt = Receipt("speakers", "scripted-1", complete=order != "incomplete")
        if order == "nobody":
            return SpeakerEvidence((Turn(whole, "b1"),), None, 0.0, receipt)
        return SpeakerEvidence((Turn(whole, "main"),), "main", 0.3 if order == "unsure" else 0.97, receipt)


@dataclass(frozen=True)
class BreakableWords:
    """The real word finder, unless the wake word asks for an exception."""

    inner: WordFinder

    def find(self, clip: ClipValue) -> WordEvidence:
        order = clip.event.wake_word.text.split("/")[0] if clip.event.wake_word else ""
        if order == "raise words":
            raise KeyError(clip.event.subject.first_name)
        if order == "miss":
            return replace(self.inner.find(clip), findings=())
        return self.inner.find(clip)


def build(settings: Settings) -> Parts:
    """Real decoder, encoder and word finder."""
    policy = settings.policy.as_policy()
    words = BreakableWords(make_word_finder(policy.languages))
    return Parts(Decoder(policy), ScriptedSpeakers(), words, Encoder())
