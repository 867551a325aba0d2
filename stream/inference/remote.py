"""The speaker finder of an inference process that has no GPU of its own: it asks the owner of it."""

from __future__ import annotations

import contextlib
import secrets
import socket
import time

from stream.clip import Samples, SpeakerEvidence, Transcript, WakeWord
from stream.inference.frames import Frame, MalformedFrame
from stream.inference.hearings import answers, evidence_of, hearing_frame, is_begun, receive, send
from stream.ports import Hearing

CONNECT_S = 60.0  # an owner that is being replaced loads its model again; the clip's own time limit may be shorter
CONNECT_STEP_S = 0.05


class OwnerGone(Exception):
    """The owner of the GPU ended over this clip, or never came back."""


class RemoteFinder:
    """Evidence from the owner that listens on the Unix socket ``path``.

    Where the owner ends, each clip that waited for it is asked for again, to be heard alone; only the clip that ends it
    alone is given up.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: socket.socket | None = None
        self._begun = False  # the owner said that it hears this clip, alone

    def find(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> SpeakerEvidence:
        """As the owner's finder; raises Refusal as it does, NotHeard where it failed, and OwnerGone."""
        hearing, alone = Hearing(samples, wake_word, transcript), False
        while True:
            try:
                answer = self._asked(hearing, alone=alone)
            except BaseException as fault:
                # Whatever went wrong, an answer may still be on its way: on this connection the next clip would get it.
                begun = self._hang_up()
                if not isinstance(fault, OSError):
                    raise
                if begun:
                    raise OwnerGone from None
                alone = True
            else:
                return evidence_of(answer)

    def _asked(self, hearing: Hearing, *, alone: bool) -> Frame:
        connection, self._begun, question = self._connected(), False, secrets.token_hex(8)
        send(connection, hearing_frame(hearing, question, alone=alone))
        answer = receive(connection)
        if answers(answer, question) and is_begun(answer):
            self._begun = True
            answer = receive(connection)
        if not answers(answer, question):
            raise MalformedFrame
        return answer

    def _connected(self) -> socket.socket:
        """The connection, made anew where there is none, once the owner listens."""
        give_up = time.monotonic() + CONNECT_S
        while self._connection is None:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                made.connect(self._path)
            except OSError:
                made.close()
                if time.monotonic() > give_up:
                    raise OwnerGone from None
                time.sleep(CONNECT_STEP_S)
            else:
                self._connection = made
        return self._connection

    def _hang_up(self) -> bool:
        """Ends the connection; whether the clip was being heard by itself when it ended."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
            self._connection = None
        begun, self._begun = self._begun, False
        return begun
