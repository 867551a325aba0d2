"""Names of people and places in lower-case speech: the names model, titles, carrier phrases, the gazetteer, spelling.

The model says how likely each word is part of a name. Lists and carrier phrases ("text ...", "my name is ...") lower
the bar for a word, so that a name that nobody has listed, or that was misheard, is found where names stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from stream.find.carriers import last_words
from stream.find.gazetteer import Gazetteer
from stream.find.reading import Reading
from stream.find.spans import Scene, Span
from stream.find.tagger import CLASSES

PERSON_MIN = 0.2  # a word as likely as this is a name: missing one costs more than masking a word
LED_MIN = 0.09  # after a carrier phrase or title, or for a listed given name
SURE_MIN = 0.7  # for words such as "boss" or "visa", which the model meets where names stand
EVERYDAY_MIN = 0.5  # for everyday words that are in no list of names
RARE_MAX = 0.3  # of the lexicon's scale of frequency
UNHEARD_MAX = 0.12  # a rarer word where a name belongs is one: no list has every name
NEIGHBOUR_MIN = 0.06  # beside a name
PLACE_MIN = 0.5
GRAMMAR_MIN = 0.6  # of the lexicon's scale of frequency: commoner words are grammar, and nobody's name
_PERSON, _MEDIA, _PLACE = (CLASSES.index(name) for name in ("person", "media", "place"))


class Names:
    """One transcript's pieces of words with what the model and the lists say of each."""

    def __init__(self, reading: Reading, gazetteer: Gazetteer) -> None:
        self.scene = reading.scene
        self.gazetteer = gazetteer
        self.texts = reading.texts
        self.owners = reading.owners
        self.barred = reading.barred
        likely = reading.likely
        known = likely[:, _PERSON] + likely[:, _MEDIA]  # of a title, in part, or of somebody like an artist
        own = known if self._speaks_of("contact_words") else likely[:, _PERSON]
        self.person: list[float] = own.tolist()
        self.place: list[float] = likely[:, _PLACE].tolist()
        self.neighbour: list[float] = known.tolist()

    def _speaks_of(self, name: str) -> bool:
        """Whether a word of the language's list ``name`` is said."""
        if not self.scene.says(name):
            return False
        listed = self._listed(name)
        pairs = {f"{one} {other}" for one, other in pairwise(self.texts)}
        return not listed.isdisjoint(pairs.union(self.texts))

    def people(self) -> Iterator[Span]:
        """Runs of words that are somebody's name."""
        named = [
            self._is_person(word) if len(text) > 1 else self._is_initials(word) for word, text in enumerate(self.texts)
        ]
        for word in range(len(self.texts)):
            before = word > 0 and named[word - 1]
            if not named[word] and before and self._goes_on(word):
                named[word] = True
        for word in range(2, len(self.texts)):
            joined = named[word - 2] and self.texts[word - 1] in self._listed("name_ands")
            if joined and not named[word] and self._is_one_too(word):
                named[word] = True
        for word in range(len(self.texts) - 2, -1, -1):
            if not named[word] and named[word + 1] and self._leads_in(word):
                named[word] = True
        titles = self._listed("titles")
        for word, text in enumerate(self.texts):
            if text in titles and not (word and named[word - 1]) and not (word + 1 < len(named) and named[word + 1]):
                named[word] = False
        yield from self._runs(named, "PERSON", self.person)

    def places(self) -> Iterator[Span]:
        """Runs of words that are a town, state or country: by the model, or listed and after a preposition."""
        named = [self.place[word] >= PLACE_MIN and word not in self.barred for word in range(len(self.texts))]
        word = 0
        while word < len(self.texts):
            size = self.gazetteer.place_at(self.texts, word) if self.texts[word] in self.gazetteer.places else 0
            told = max(self.place[word : word + size], default=0.0)
            if size and told >= (LED_MIN if size > 1 or self._after("place_leads", word) else PLACE_MIN):
                named[word : word + size] = [True] * size
            word += max(size, 1)
        yield from self._runs(named, "LOCATION", self.place)

    def _is_person(self, word: int) -> bool:
        text = self.texts[word]
        if word in self.barred or not (text.isalpha() or text.replace("'", "").replace("-", "").isalpha()):
            return False
        if text in self._listed("acronyms") or (word < 2 and text in self._listed("wake_words")):
            return False
        if self._is_announced(word):
            return True
        likely = self.person[word]
        if likely < LED_MIN:
            return False
        if text in self.scene.language.contexts or text in self._listed("relations"):
            return likely >= SURE_MIN
        if likely >= (EVERYDAY_MIN if self._is_everyday(text) else PERSON_MIN):
            return True
        if text in self.gazetteer.everyday:
            return False
        return text in self.gazetteer.given or self._after("name_leads_strong", word) or self._after("titles", word)

    def _is_everyday(self, text: str) -> bool:
        known = text in self.gazetteer.given or text in self.gazetteer.surnames
        return text in self.gazetteer.everyday and not known

    def _is_announced(self, word: int) -> bool:
        """Whether a phrase that only a name can follow says so, whatever the model makes of the word: an everyday word
        that is a name too after "text ...", any word that is no grammar after "my name is ..."."""
        text = self.texts[word]
        if text in self._listed("names_that_are_words") and self._after("name_leads_verbs", word):
            return True
        spelled = word > 1 and self._is_letter(word - 2) and self._is_letter(word - 1) and self._is_initial(word - 2)
        if spelled and self.gazetteer.lexicon.get(text, 0.0) < RARE_MAX:
            return True  # "j r tolkien"
        if self._is_unheard(word) and self._after("name_leads_rare", word):
            return True
        if not self._after("name_leads_sure", word) or text in self.scene.language.contexts:
            return False
        return self.gazetteer.lexicon.get(text, 0.0) < GRAMMAR_MIN or text in self._listed("names_that_are_words")

    def _is_unheard(self, word: int) -> bool:
        """Whether a word is so rare that it can be a name that no list has; plurals and forms of verbs are not."""
        text = self.texts[word]
        if word in self.barred or len(text) < 3 or not text.isalpha() or text in self.scene.language.contexts:
            return False
        ended = text.endswith(tuple(self._listed("name_endings_not")))
        lists = self.gazetteer
        if text in lists.everyday or text in self._listed("relations") or text in self._listed("health"):
            return False
        return not ended and lists.lexicon.get(text, 0.0) < UNHEARD_MAX and lists.place_at(self.texts, word) == 0

    def _is_one_too(self, word: int) -> bool:
        """Whether the word after "anna and" is a name as well."""
        text = self.texts[word]
        given = text in self.gazetteer.given and text not in self.gazetteer.everyday
        return self._is_unheard(word) or (given and word not in self.barred)

    def _is_initials(self, word: int) -> bool:
        """Letters in place of a name: "text t j", "doctor k"."""
        if not self._is_letter(word):
            return False
        if self._after("titles", word):
            return True
        beside = [self.texts[at] for at in (word - 1, word + 1) if 0 <= at < len(self.texts)]
        paired = any(len(other) == 1 and other.isalpha() for other in beside)
        return paired and (self._after("name_leads_strong", word) or self._after("name_leads_strong", word - 1))

    def _goes_on(self, word: int) -> bool:
        """Whether a word right after a name belongs to it: a surname."""
        text = self.texts[word]
        if not text:
            return True  # a comma on its own
        said = self.scene.words[self.owners[word - 1]].lower()
        if self.owners[word] != self.owners[word - 1] and said.endswith(("'s", "’s")):
            return False  # what follows is somebody's, not his name
        if self._is_letter(word):
            return text != "s"  # "joe b"; but "joe s" is a possessive
        if word in self.barred or not text.isalpha() or len(text) < 2:
            return False
        if self.texts[word - 1] in self._listed("name_particles") and self._is_unheard(word):
            return True  # "abdul al farsi"
        likely = self.neighbour[word]
        return likely >= NEIGHBOUR_MIN or (self.gazetteer.is_name(text) and likely >= NEIGHBOUR_MIN / 4)

    def _leads_in(self, word: int) -> bool:
        """Whether a word right before a name belongs to it: a title, or a given name that is an everyday word too."""
        text = self.texts[word]
        if self._is_letter(word):
            return text != "s" and self._is_initial(word)
        if word in self.barred or len(text) < 2:
            return False
        if self._is_unheard(word) and self.gazetteer.is_name(self.texts[word + 1]):
            return True  # "temperance hale"
        titled = text in self._listed("titles")
        return titled or (self.person[word] >= NEIGHBOUR_MIN and text in self.gazetteer.given)

    def _is_letter(self, word: int) -> bool:
        """A letter on its own that is no word."""
        text = self.texts[word]
        return len(text) == 1 and text.isalpha() and text not in self._listed("letters_weak")

    def _is_initial(self, word: int) -> bool:
        """Whether the letter stands where a given name would: first, or behind another letter, a carrier or title."""
        if word == 0 or len(self.texts[word - 1]) == 1:
            return True
        return any(self._after(leads, word) for leads in ("name_leads_strong", "titles", "place_leads"))

    def _listed(self, name: str) -> frozenset[str]:
        return self.scene.language.listed(name)

    def _after(self, leads: str, word: int) -> bool:
        """Whether a phrase of the list ``leads`` ends right before ``word``."""
        listed = self._listed(leads)
        if word < 1 or self.texts[word - 1] not in last_words(listed):
            return False
        return any(" ".join(self.texts[word - size : word]) in listed for size in (1, 2, 3) if word >= size)

    def _runs(self, named: list[bool], entity_type: str, score: list[float]) -> Iterator[Span]:
        first = 0
        while first < len(named):
            last = first
            while last + 1 < len(named) and named[first] and named[last + 1]:
                last += 1
            if named[first]:
                sure = max(score[first : last + 1])
                yield Span(self.owners[first], self.owners[last], entity_type, sure, "names")
            first = last + 1


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
