"""Names of people and places in lower-case speech: the names model, titles, carrier phrases, the gazetteer, spelling.

The model says how likely each word is part of a name. Lists and carrier phrases ("text ...", "my name is ...") lower
the bar for a word, so that a name that nobody has listed, or that was misheard, is found where names stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stream.find.gazetteer import Gazetteer
from stream.find.language import Role
from stream.find.lexemes import plain
from stream.find.spans import Scene, Span
from stream.find.tagger import CLASSES, Array

PERSON_MIN = 0.12  # a word as likely as this is a name: missing one costs more than masking a word
LED_MIN = 0.04  # after a carrier phrase or title, or for a listed given name
SURE_MIN = 0.7  # for words such as "boss" or "visa", which the model meets where names stand
NEIGHBOUR_MIN = 0.06  # beside a name
PLACE_MIN = 0.5
_PERSON, _MEDIA, _PLACE = (CLASSES.index(name) for name in ("person", "media", "place"))
_NUMERIC = (
    Role.UNIT,
    Role.TEEN,
    Role.TENS,
    Role.SCALE,
    Role.DIGITS,
    Role.ORDINAL,
    Role.SYMBOL,
    Role.QUANTITY,
    Role.MAIL,
    Role.HOST,
)


class Names:
    """One transcript's words with what the model and the lists say of each."""

    def __init__(self, scene: Scene, gazetteer: Gazetteer, likely: Array) -> None:
        self.scene = scene
        self.gazetteer = gazetteer
        self.likely = likely
        self.texts = tuple(plain(word) for word in scene.words)
        self.barred = _barred(scene)

    def people(self) -> Iterator[Span]:
        """Runs of words that are somebody's name."""
        named = [self._is_person(word) for word in range(len(self.texts))]
        for word in range(len(self.texts)):
            before = word > 0 and named[word - 1]
            if not named[word] and before and self._goes_on(word):
                named[word] = True
        for word in range(len(self.texts) - 2, -1, -1):
            if not named[word] and named[word + 1] and self._leads_in(word):
                named[word] = True
        yield from self._runs(named, "PERSON", lambda word: float(self.likely[word, _PERSON]))

    def places(self) -> Iterator[Span]:
        """Runs of words that are a town, state or country: by the model, or listed and after a preposition."""
        named = [self.likely[word, _PLACE] >= PLACE_MIN and word not in self.barred for word in range(len(self.texts))]
        word = 0
        while word < len(self.texts):
            size = self.gazetteer.place_at(self.texts, word)
            told = max((float(self.likely[word + step, _PLACE]) for step in range(size)), default=0.0)
            if size and told >= (LED_MIN if size > 1 or self._after("place_leads", word) else PLACE_MIN):
                named[word : word + size] = [True] * size
            word += max(size, 1)
        yield from self._runs(named, "LOCATION", lambda word: float(self.likely[word, _PLACE]))

    def _is_person(self, word: int) -> bool:
        text = self.texts[word]
        if word in self.barred or len(text) < 2 or not text.replace("'", "").replace("-", "").isalpha():
            return False
        if text in self.scene.language.listed("acronyms") or (
            word < 2 and text in self.scene.language.listed("wake_words")
        ):
            return False
        likely = float(self.likely[word, _PERSON])
        if text in self.scene.language.contexts or text in self.scene.language.listed("relations"):
            return likely >= SURE_MIN
        if likely >= PERSON_MIN:
            return True
        if text in self.gazetteer.everyday or likely < LED_MIN:
            return False
        return text in self.gazetteer.given or self._after("name_leads_strong", word) or self._after("titles", word)

    def _goes_on(self, word: int) -> bool:
        """Whether a word right after a name belongs to it: a surname."""
        text = self.texts[word]
        if not text:
            return True  # a comma on its own
        if self.scene.words[word - 1].lower().endswith(("'s", "’s")):
            return False  # what follows is somebody's, not his name
        if word in self.barred or not text.isalpha() or len(text) < 2:
            return False
        likely = float(self.likely[word, _PERSON] + self.likely[word, _MEDIA])
        return likely >= NEIGHBOUR_MIN or (self.gazetteer.is_name(text) and likely >= NEIGHBOUR_MIN / 4)

    def _leads_in(self, word: int) -> bool:
        """Whether a word right before a name belongs to it: a title, or a given name that is an everyday word too."""
        text = self.texts[word]
        if word in self.barred or len(text) < 2:
            return False
        titled = text in self.scene.language.listed("titles")
        return titled or (float(self.likely[word, _PERSON]) >= NEIGHBOUR_MIN and text in self.gazetteer.given)

    def _after(self, leads: str, word: int) -> bool:
        """Whether a phrase of the list ``leads`` ends right before ``word``."""
        listed = self.scene.language.listed(leads)
        return any(" ".join(self.texts[word - size : word]) in listed for size in (1, 2, 3) if word >= size)

    def _runs(self, named: list[bool], entity_type: str, score: Callable[[int], float]) -> Iterator[Span]:
        first = 0
        while first < len(named):
            last = first
            while last + 1 < len(named) and named[first] and named[last + 1]:
                last += 1
            if named[first]:
                yield Span(first, last, entity_type, max(score(word) for word in range(first, last + 1)), "names")
            first = last + 1


def _barred(scene: Scene) -> frozenset[int]:
    """Words that are numbers, symbols or letters being spelled."""
    words = {
        word
        for lexeme in scene.lexemes
        if any(role in lexeme.roles for role in _NUMERIC) or lexeme.text in scene.language.listed("quantity_units")
        for word in range(lexeme.first, lexeme.last + 1)
    }
    return frozenset(words | {word for run in scene.runs for word in range(run.first, run.last + 1)})


def find_spelled_names(scene: Scene) -> Iterator[Span]:
    """ "quentin that is q u e n ...": the name before, or after, the letters that spell it."""
    for run in scene.runs:
        if run.letters < 3 or run.digits:
            continue
        spelled = run.values[0]
        for at in [
            *range(run.begin - 1, max(-1, run.begin - 7), -1),
            *range(run.end, min(len(scene.lexemes), run.end + 3)),
        ]:
            text = scene.text(at)
            if len(text) > 1 and text[:2] == spelled[:2] and len(text) <= len(spelled) + 3:
                first, last = min(scene.lexemes[at].first, run.first), max(run.last, scene.lexemes[at].last)
                yield Span(first, last, "PERSON", 0.98, "spelled")
                break
