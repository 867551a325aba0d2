"""The one process that owns a GPU: ``python -m stream.inference.owner``, started by the pool, asked by its processes.

It hears the clips of all of them in batches: while one batch is heard the next comes together, so that no clip waits
for company. It reads its start from stdin, answers on a Unix socket, and ends when stdin does.
"""

from __future__ import annotations

import os
import queue
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stream.clip import Refusal, SpeakerEvidence
from stream.config import Settings
from stream.inference import child, frames
from stream.inference.hearings import NotHeard, begun_frame, evidence_frame, hearing_of, receive, send
from stream.ports import BatchSpeakerFinder, Hearing

BATCH_CLIPS_MAX = 32
BATCH_S_MAX = 8.0  # on the clock; an owner that hangs ends and is replaced while the clips' own time limit lasts
FAILED_MAX = 3  # batches in a row of which not one clip could be heard: a GPU may be broken for this process alone
BATCH_SAMPLES_MAX = 32 * 20 * 16_000  # as padded: what bounds the GPU's memory

Answer = SpeakerEvidence | Refusal | NotHeard


@dataclass(frozen=True, eq=False)
class Asked:
    """A clip that waits, and where its answer goes."""

    hearing: Hearing
    alone: bool
    question: str
    connection: socket.socket


def main() -> int:
    """Until stdin ends. The exit code is 0, or 1 where the process could not start."""
    inbox, outbox = child.secluded()
    first = child.read(inbox)
    if first is None:
        return 0
    try:
        start, parent_pid = frames.start_of(first)
        child.end_with(parent_pid)
        finder: BatchSpeakerFinder = child.builder_of(start.builder)(Settings.model_validate(start.settings))
        listener = listen(start.owner)
    except Exception as error:  # noqa: BLE001 - whatever keeps a model from loading is told to the pool
        child.write(outbox, frames.not_ready_frame(error))
        return 1
    waiting: queue.Queue[Asked] = queue.Queue()
    threading.Thread(target=accept, args=(listener, waiting), daemon=True).start()
    threading.Thread(target=serve, args=(finder, waiting), daemon=True).start()
    child.write(outbox, frames.ready_frame())
    while child.read(inbox) is not None:
        pass
    return 0


def listen(path: str) -> socket.socket:
    """A socket at ``path``, in the place of one that an owner before us left."""
    Path(path).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(256)
    return listener


def accept(listener: socket.socket, waiting: queue.Queue[Asked]) -> None:
    """Takes connections for ever, each read by a thread of its own."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_read, args=(connection, waiting), daemon=True).start()


def _read(connection: socket.socket, waiting: queue.Queue[Asked]) -> None:
    """Clips of one connection, until it ends."""
    with connection:
        while True:
            try:
                hearing, alone, question = hearing_of(receive(connection))
            except (OSError, frames.MalformedFrame):
                return
            waiting.put(Asked(hearing, alone, question, connection))


def serve(finder: BatchSpeakerFinder, waiting: queue.Queue[Asked], give_up: Callable[[int], object] = os._exit) -> None:
    """Answers what waits, batch by batch, until too many in a row fail. Without it nobody is answered: its end, and a
    batch that does not end, end the process: ``give_up`` with its exit code."""
    try:
        left: Asked | None = None
        failed = 0
        while failed < FAILED_MAX:
            batch, left = gather(left or waiting.get(), waiting)
            if batch[0].alone:
                _tell(batch[0].connection, begun_frame(batch[0].question))
            watch = threading.Timer(BATCH_S_MAX, give_up, (1,))
            watch.daemon = True
            watch.start()
            answers = hear(finder, [asked.hearing for asked in batch])
            watch.cancel()
            failed = failed + 1 if all(isinstance(answer, NotHeard) for answer in answers) else 0
            for asked, answer in zip(batch, answers, strict=True):
                _tell(asked.connection, evidence_frame(answer, asked.question))
    finally:
        give_up(1)


def gather(first: Asked, waiting: queue.Queue[Asked]) -> tuple[list[Asked], Asked | None]:
    """The next batch, of what waits already; and one that was taken but does not fit into it."""
    batch, longest = [first], len(first.hearing.samples)
    while not first.alone and len(batch) < BATCH_CLIPS_MAX:
        try:
            asked = waiting.get_nowait()
        except queue.Empty:
            break
        longest = max(longest, len(asked.hearing.samples))
        if asked.alone or longest * (len(batch) + 1) > BATCH_SAMPLES_MAX:
            return batch, asked
        batch.append(asked)
    return batch, None


def hear(finder: BatchSpeakerFinder, hearings: Sequence[Hearing]) -> Sequence[Answer]:
    """The finder's answers; where a batch fails, of each clip by itself."""
    return _tried(finder.find_many, hearings) or [
        (_tried(finder.find_many, [hearing]) or [NotHeard("NotHeard")])[0] for hearing in hearings
    ]


def _tried(
    find_many: Callable[[Sequence[Hearing]], Sequence[SpeakerEvidence | Refusal]], hearings: Sequence[Hearing]
) -> Sequence[Answer] | None:
    """None where a batch of several failed; of a single clip the fault, by its class name."""
    try:
        return find_many(hearings)
    except Exception as fault:  # noqa: BLE001 - memory, mostly; its message may quote what was heard
        return None if len(hearings) > 1 else [NotHeard(type(fault).__name__)]


def _tell(connection: socket.socket, frame: frames.Frame) -> None:
    try:
        send(connection, frame)
    except OSError:
        connection.close()  # whoever asked is gone


if __name__ == "__main__":
    sys.exit(main())
