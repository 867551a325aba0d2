"""What of a long clip the embedder hears: whose speech, in which of its overlapping windows. Pure.

Every ``EVERY``-th window is embedded. In a window between them a speaker who is heard at the same times as one of the
nearest embedded window on either side is the same voice, and takes its embedding. A window with anybody of whom that
can't be said is embedded itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]  # comes without stubs

EVERY = 5
AGREEMENT_MIN = 0.8  # where both windows hear the clip: time of both speakers over time of either
COMMON_MIN = 0.7  # time of both over all that either speaks in its window: a sliver does not speak for the rest

Floats = npt.NDArray[np.float32]


def without_overlap(masks: Floats, frames_min: int) -> Floats:
    """(window, frame, speaker): where each speaker of ``masks`` is heard alone, or, where that is ``frames_min`` or
    less, where they are heard at all."""
    alone = masks * (masks.sum(axis=2, keepdims=True) < 2)
    return np.asarray(np.where(alone.sum(axis=1, keepdims=True) > frames_min, alone, masks), np.float32)


def share_embeddings(masks: Floats, shift: float, embed: Callable[[int], Floats], *, every: int = EVERY) -> Floats:
    """(window, speaker, dimension): embeddings of the speakers in ``masks`` (window, frame, speaker), 0 or 1. Windows
    begin ``shift`` frames after one another. ``embed`` gives (speaker, dimension) of a window by its number; it is
    asked for the last window and for every ``every``-th (1: for all), and for those in which somebody is heard whom
    neither of the nearest embedded windows hears alike. The row of who is silent in a window means nothing."""
    count = len(masks)
    embedded = {number: embed(number) for number in sorted({*range(0, count, every), count - 1})}
    rows: list[Floats] = []
    for number in range(count):
        row = embedded.get(number)
        if row is None:
            donors = {max(one for one in embedded if one < number), min(one for one in embedded if one > number)}
            row = _taken(masks, shift, number, {donor: embedded[donor] for donor in donors})
        if row is None:
            row = embedded[number] = embed(number)
        rows.append(row)
    return np.stack(rows)


def _taken(masks: Floats, shift: float, number: int, donors: Mapping[int, Floats]) -> Floats | None:
    """(speaker, dimension) of window ``number`` from the windows in ``donors``; None where that can't be."""
    rows = next(iter(donors.values())).copy()
    found: dict[int, list[Floats]] = {speaker: [] for speaker in np.flatnonzero(masks[number].any(axis=0)).tolist()}
    for donor, embeddings in donors.items():
        for speaker, match in _matches(masks[number], masks[donor], round((donor - number) * shift)):
            if np.isfinite(embeddings[match]).all():
                found[speaker].append(embeddings[match])
    if not all(found.values()):
        return None
    for speaker, alike in found.items():
        rows[speaker] = np.mean(alike, axis=0)
    return rows


def _matches(own: Floats, others: Floats, later: int) -> Iterator[tuple[int, int]]:
    """Who of ``own`` (frame, speaker) is heard at the same times as whom of ``others``, a window that begins ``later``
    frames after it; nobody twice. Who speaks at the same times as another has one embedding with them."""
    frames = len(own)
    if abs(later) >= frames:
        return
    mine, theirs = (own[later:], others[: frames - later]) if later >= 0 else (own[:later], others[-later:])
    both = np.minimum(mine[:, :, None], theirs[:, None, :]).sum(axis=0)
    either = np.maximum(mine[:, :, None], theirs[:, None, :]).sum(axis=0)
    longest = np.maximum(own.sum(axis=0)[:, None], others.sum(axis=0)[None, :])
    agreement = both / np.maximum(either, 1.0)
    for speaker, match in zip(*linear_sum_assignment(-agreement), strict=True):
        if agreement[speaker, match] >= AGREEMENT_MIN and both[speaker, match] >= COMMON_MIN * longest[speaker, match]:
            yield int(speaker), int(match)
