"""What an inference process and the owner of a GPU say to each other: a clip's sound and times, and the evidence.

Words themselves are not told: who speaks when does not hang on what is said. Framing and bounds are those of
``frames``; what comes back is built field by field.
"""

from __future__ import annotations

import math
import socket

import numpy as np

from stream.clip import Reason, Receipt, Refusal, Segment, SpeakerEvidence, Transcript, Turn, WakeWord, Word
from stream.inference import frames
from stream.inference.frames import Frame, MalformedFrame
from stream.ports import Hearing


class NotHeard(Exception):
    """The finder failed on this clip; carries the class name of its fault, never a message."""


def hearing_frame(hearing: Hearing, question: str, *, alone: bool) -> Frame:
    """A clip to be heard; ``alone`` where it may share a batch with no other. The answer repeats ``question``."""
    words = [word.segment for word in hearing.transcript.words] if hearing.transcript else None
    wake = hearing.wake_word
    header = {
        "wake": None if wake is None else [wake.segment.start, wake.segment.end, wake.score],
        "words": None if words is None else [None if one is None else [one.start, one.end] for one in words],
        "alone": alone,
        "question": question,
    }
    return Frame(header, np.ascontiguousarray(hearing.samples, np.float32).tobytes())


def hearing_of(frame: Frame) -> tuple[Hearing, bool, str]:
    """The clip of a ``hearing_frame``, its words without text, whether it wants to be alone, and its question.
    Raises MalformedFrame."""
    try:
        told, words = frame.header["wake"], frame.header["words"]
        wake = None if told is None else WakeWord(Segment(told[0], told[1]), told[2])
        transcript = None
        if words is not None:
            transcript = Transcript(tuple(Word("", None if one is None else Segment(*one)) for one in words))
        hearing = Hearing(np.frombuffer(frame.body, np.float32), wake, transcript)
        return hearing, bool(frame.header["alone"]), str(frame.header["question"])
    except (KeyError, TypeError, ValueError, IndexError):
        raise MalformedFrame from None


def begun_frame(question: str) -> Frame:
    """A clip that wanted to be alone is being heard: whatever happens now is its own doing."""
    return Frame({"begun": True, "question": question})


def is_begun(frame: Frame) -> bool:
    """Whether it is a ``begun_frame``; the evidence follows."""
    return "begun" in frame.header


def evidence_frame(answer: SpeakerEvidence | Refusal | NotHeard, question: str) -> Frame:
    """What the finder gave or raised."""
    asked = {"question": question}
    if isinstance(answer, Refusal):
        return Frame(asked | {"refused": answer.reason.value})
    if isinstance(answer, NotHeard):
        return Frame(asked | {"fault": str(answer)})
    receipt = answer.receipt
    return Frame(
        asked
        | {
            "turns": [[turn.segment.start, turn.segment.end, turn.speaker] for turn in answer.turns],
            "main": answer.main,
            "confidence": answer.confidence,
            "receipt": [receipt.detector, receipt.version, receipt.complete],
        }
    )


def answers(frame: Frame, question: str) -> bool:
    """Whether the frame answers this question and no other."""
    return frame.header.get("question") == question


def evidence_of(frame: Frame) -> SpeakerEvidence:
    """The evidence of an ``evidence_frame``. Raises Refusal or NotHeard where it holds one, and MalformedFrame."""
    told = frame.header
    try:
        if "refused" in told:
            raise Refusal(Reason(told["refused"]))
        if "fault" in told:
            raise NotHeard(str(told["fault"]))
        detector, version, complete = told["receipt"]
        confidence, main = float(told["confidence"]), told["main"]
        evidence = SpeakerEvidence(
            turns=tuple(Turn(Segment(float(start), float(end)), str(label)) for start, end, label in told["turns"]),
            main=None if main is None else str(main),
            confidence=confidence,
            receipt=Receipt(str(detector), str(version), complete=complete is True),
        )
        ends_told = all(math.isfinite(turn.segment.end) for turn in evidence.turns)
        if not (0.0 <= confidence <= 1.0 and isinstance(complete, bool) and ends_told):
            raise MalformedFrame
        return evidence
    except (KeyError, TypeError, ValueError):
        raise MalformedFrame from None


def send(connection: socket.socket, frame: Frame) -> None:
    """Raises OSError."""
    connection.sendall(frame.pack())


def receive(connection: socket.socket) -> Frame:
    """The next frame. Raises ConnectionError where the other side is gone, and MalformedFrame."""
    header, body = frames.lengths(_exactly(connection, frames.PREFIX.size))
    return frames.unpack(_exactly(connection, header), _exactly(connection, body))


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts = bytearray(count)
    rest = memoryview(parts)
    while rest:
        got = connection.recv_into(rest)
        if not got:
            raise ConnectionResetError
        rest = rest[got:]
    return bytes(parts)
