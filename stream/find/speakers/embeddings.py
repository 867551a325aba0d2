"""What of a long clip the embedder hears: whose speech, in which of the windows that overlap nine tenths. Pure.

Every ``EVERY``-th window is embedded. In the windows between them a speaker whose turns are the same as those of a
speaker of an embedded window, wherever both windows hear the clip, has that one's embedding: it is the same voice at
the same time. A window with anybody of whom that can't be said is embedded itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

EVERY = 3
AGREEMENT_MIN = 0.8  # of two speakers' turns: time of both over time of either

Floats = npt.NDArray[np.float32]


def without_overlap(masks: Floats, frames_min: int) -> Floats:
    """(window, frame, speaker): where each speaker of ``masks`` is heard alone, or, where that is ``frames_min`` or
    less, where they are heard at all."""
    alone = masks * (masks.sum(axis=2, keepdims=True) < 2)
    return np.asarray(np.where(alone.sum(axis=1, keepdims=True) > frames_min, alone, masks), np.float32)


def share_embeddings(activity: Floats, shift: float, embed: Callable[[int], Floats], *, every: int = EVERY) -> Floats:
    """(window, speaker, dimension): embeddings of the speakers in ``activity`` (window, frame, speaker), 0 or 1, NaN
    for who does not speak in a window that was not embedded. Windows begin ``shift`` frames after one another.
    ``embed`` gives (speaker, dimension) of a window by its number; it is asked for the last window and for every
    ``every``-th (1: for all), and for those in which somebody is heard whom their neighbours do not hear alike."""
    count = len(activity)
    embedded = {number: embed(number) for number in sorted({*range(0, count, every), count - 1})}
    rows: list[Floats] = []
    for number in range(count):
        row = embedded.get(number)
        if row is None:
            near = [
                max(known for known in embedded if known < number),
                min(known for known in embedded if known > number),
            ]
            row = _borrowed(activity, shift, number, {known: embedded[known] for known in near})
        rows.append(embed(number) if row is None else row)
    return np.stack(rows)


def _borrowed(activity: Floats, shift: float, number: int, known: dict[int, Floats]) -> Floats | None:
    """(speaker, dimension) of window ``number`` from the windows in ``known``; None where a speaker is not found."""
    rows = np.full_like(next(iter(known.values())), np.nan)
    for speaker in np.flatnonzero(activity[number].any(axis=0)):
        alike = [
            known[other][match]
            for other in known
            for match in _alike(activity[number][:, speaker], activity[other], round((other - number) * shift))
        ]
        if not alike:
            return None
        rows[speaker] = np.mean(alike, axis=0)
    return rows


def _alike(own: Floats, others: Floats, later: int) -> Iterator[int]:
    """The speaker of ``others`` (frame, speaker), a window that begins ``later`` frames after that of ``own``
    (frame,), whose turns agree with it, if there is one."""
    mine, theirs = (own[later:], others[: len(others) - later]) if later >= 0 else (own[:later], others[-later:])
    either = np.maximum(mine[:, None], theirs).sum(axis=0)
    agreement = np.minimum(mine[:, None], theirs).sum(axis=0) / np.maximum(either, 1.0)
    best = int(agreement.argmax())
    if agreement[best] >= AGREEMENT_MIN:
        yield best
