"""What is said around the runs of one transcript, looked up by place: what announces a number, and what repeats it.

Made once for a transcript. Whoever asks at every run, and for every pair of runs, must not look at every context word
each time: a transcript of nothing but such words would take minutes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from stream.find.language import Role
from stream.find.recognizers.phrases import phrase_at
from stream.find.recognizers.whole import WHOLE
from stream.find.spans import Mention, Scene

LEAD_MAX = 8  # lexemes between what announces a number and its first piece
BEHIND_MAX = 6  # lexemes between the last piece and what says what the number is
_ANNOUNCED = frozenset({*WHOLE, ""})


class Announcements:
    """Context words and repetitions of one ``scene``."""

    def __init__(self, scene: Scene) -> None:
        strong = [one for one in scene.mentions if one.context.entity_type and not _weak(scene, one)]
        self._leading: dict[int, list[Mention]] = {}
        for one in scene.mentions:
            if one.context.entity_type in _ANNOUNCED:
                self._leading.setdefault(one.end, []).append(one)
        self._telling = [one for one in strong if one.context.entity_type in WHOLE]
        self._told_at = [one.begin for one in self._telling]
        self._run_ends = {run.end for run in scene.runs}
        self._strong = _Ends(strong)
        self._beside_phones = _Ends([one for one in strong if not phrase_at(scene, one.begin, "phone_parts")])
        self._again = [
            at
            for at, lexeme in enumerate(scene.lexemes)
            if Role.REPAIR in lexeme.roles or scene.listed(at, "repeating")
        ]

    def before(self, begin: int) -> Mention | None:
        """The context word before a run that says what is to come; the nearest of those with a type."""
        before = [one for end in range(begin - LEAD_MAX, begin + 1) for one in self._leading.get(end, ())]
        return max(before, key=lambda one: (one.context.entity_type != "", one.end, one.end - one.begin), default=None)

    def behind(self, end: int) -> Mention | None:
        """The context word behind a run, or behind further ones, right after the last: "... is my social"."""
        at = bisect_left(self._told_at, end)
        if at == len(self._telling):
            return None
        mention = self._telling[at]
        near = any(mention.begin - apart in self._run_ends for apart in range(BEHIND_MAX + 1))
        return mention if near else None

    def anew(self, begin: int, end: int, kind: str) -> bool:
        """Whether a context word within the lexemes ``begin..end`` says that another number than one of ``kind``
        begins."""
        return (self._beside_phones if kind == "PHONE_NUMBER" else self._strong).within(begin, end)

    def again(self, begin: int, end: int) -> bool:
        """Whether a part is taken back or repeated within the lexemes ``begin..end``, end exclusive."""
        at = bisect_left(self._again, begin)
        return at < len(self._again) and self._again[at] < end


class _Ends:
    """Of mentions in order: the first end of all that begin at a place or later."""

    def __init__(self, mentions: Sequence[Mention]) -> None:
        self._begins = [one.begin for one in mentions]
        self._first = [*accumulate((one.end for one in reversed(mentions)), min)][::-1]

    def within(self, begin: int, end: int) -> bool:
        """Whether one of them lies within ``begin..end``, end exclusive."""
        at = bisect_left(self._begins, begin)
        return at < len(self._first) and self._first[at] <= end


def _weak(scene: Scene, mention: Mention) -> bool:
    """Whether the context word is said of much else."""
    return " ".join(scene.texts[mention.begin : mention.end]) in scene.language.listed("contexts_weak")
