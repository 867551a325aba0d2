"""What a recogniser of ours says: a run of words, what it is, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stream.find.language import Context, Language, Role
from stream.find.lexemes import Lexeme, plains
from stream.find.runs import Run

LEFT_REACH = 10  # lexemes between a context word and its number
RIGHT_REACH = 7


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Words ``first..last``, inclusive."""

    first: int
    last: int
    entity_type: str
    score: float
    recognizer: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A context word: the lexemes ``begin..end`` (end exclusive) speak of ``context``."""

    begin: int
    end: int
    context: Context


@dataclass(frozen=True, slots=True)
class Scene:
    """One transcript, read once for all recognisers: lexemes, runs and context words."""

    words: tuple[str, ...] = field(repr=False)
    lexemes: tuple[Lexeme, ...] = field(repr=False)
    runs: tuple[Run, ...] = field(repr=False)
    mentions: tuple[Mention, ...]
    language: Language = field(repr=False)
    texts: tuple[str, ...] = field(init=False, repr=False)  # of the lexemes
    plains: tuple[str, ...] = field(init=False, repr=False)  # of the words, without punctuation and possessives
    telling: tuple[int, ...] = field(init=False)  # lexemes that may stand for something, and not just for themselves
    signs: tuple[int, ...] = field(init=False)  # those of them that may be a sign: "at", "dot", "-"
    lists: int = field(init=False, repr=False)  # bits of the language's lists of which something may be said

    def __post_init__(self) -> None:
        texts = tuple([lexeme.text for lexeme in self.lexemes])
        telling = tuple([at for at, lexeme in enumerate(self.lexemes) if lexeme.roles])
        object.__setattr__(self, "texts", texts)
        object.__setattr__(self, "plains", plains(self.words))
        object.__setattr__(self, "telling", telling)
        object.__setattr__(self, "signs", tuple([at for at in telling if Role.SYMBOL in self.lexemes[at].roles]))
        object.__setattr__(self, "lists", _lists(texts, self.language))

    def text(self, at: int) -> str:
        """The lexeme at ``at`` as said; empty outside the transcript."""
        return self.texts[at] if 0 <= at < len(self.texts) else ""

    def listed(self, at: int, name: str) -> bool:
        """Whether the lexeme at ``at`` is in the language's list ``name``."""
        return 0 <= at < len(self.texts) and self.texts[at] in self.language.words[name]

    def says(self, name: str) -> bool:
        """Whether a phrase of the language's list ``name`` may be said at all: False rules it out at once."""
        return bool(self.lists & self.language.lists[name])


def _lists(texts: Sequence[str], language: Language) -> int:
    marks, found = language.marks, 0
    for text in texts:
        found |= marks.get(text, 0)
        if " " in text:
            for piece in text.split():
                found |= marks.get(piece, 0)
    return found


def mentions(lexemes: Sequence[Lexeme], language: Language) -> tuple[Mention, ...]:
    """Every context word and phrase, left to right; a phrase may mean several types."""
    texts = [lexeme.text for lexeme in lexemes]
    pieces = " ".join(texts).split()
    places: Sequence[int] = range(len(texts))
    if len(pieces) != len(texts):
        places = [at for at, text in enumerate(texts) for _ in text.split()]
    bare = [piece.removesuffix("'s") for piece in pieces]
    contexts = language.contexts
    found = []
    for at in [at for at, piece in enumerate(pieces) if piece in contexts or bare[at] in contexts]:
        longest = -1
        for rest, context in contexts.get(pieces[at]) or contexts[bare[at]]:
            size = len(rest)
            if size < longest:
                break
            if at + size < len(pieces) and (not size or tuple(bare[at + 1 : at + 1 + size]) == rest):
                longest = size
                found.append(Mention(places[at], places[at + size] + 1, context))
    return tuple(found)


def nearest(scene: Scene, begin: int, end: int) -> list[tuple[int, Mention]]:
    """Context words around the lexemes ``begin..end``, the nearest first, with their distance in lexemes.

    A word on the other side of another run belongs to that run; words behind count as three lexemes further.
    """
    reach = [
        mention
        for mention in scene.mentions
        if mention.end <= begin <= mention.end + LEFT_REACH or end <= mention.begin <= end + RIGHT_REACH
    ]
    if not reach:
        return []
    walls = [run for run in scene.runs if run.digits + run.letters >= 3]
    left_wall = max((run.end for run in walls if run.end <= begin), default=0)
    right_wall = min((run.begin for run in walls if run.begin >= end), default=1 << 30)
    near = []
    for mention in reach:
        if left_wall <= mention.begin and mention.end <= begin and begin - mention.end <= LEFT_REACH:
            near.append((begin - mention.end, mention))
        elif end <= mention.begin and mention.end <= right_wall and mention.begin - end <= RIGHT_REACH:
            near.append((mention.begin - end + 3, mention))
    return sorted(near, key=lambda pair: (pair[0], pair[1].begin - pair[1].end))


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans that lie in a wider or equal one go; of equals the surer stays."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.first - one.last, -one.score)):
        if not any(other.first <= span.first and span.last <= other.last for other in kept):
            kept.append(span)
    return tuple(sorted(kept))
