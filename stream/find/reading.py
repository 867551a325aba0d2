"""One transcript as the names model reads it: pieces of words, and how likely each is what."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from stream.find.language import Language, Role
from stream.find.lexemes import plain
from stream.find.spans import Scene
from stream.find.tables import fold
from stream.find.tagger import Array, NamesModel

_GLUE = re.compile(r"[^\w'.]+|_|(?<=\w\w\w)\.|\.(?=\w\w\w)")
_INITIAL = re.compile(r"[^\W\d]\.[^\W\d]{3}|[^\W\d]{3}\.[^\W\d]")  # "j.kowalski", "kowalski.j"
NAME_MIN = 3  # letters of a name that an initial is glued to
_NUMERIC = frozenset(
    {
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
    }
)


@dataclass(frozen=True, eq=False)
class Reading:
    """Pieces ``texts`` of the words ``owners``, and ``likely`` (piece, class) of each."""

    scene: Scene = field(repr=False)
    texts: tuple[str, ...] = field(repr=False)
    owners: tuple[int, ...]
    barred: frozenset[int]  # pieces that are numbers, symbols or letters being spelled
    likely: Array = field(repr=False)


def read(scene: Scene, model: NamesModel) -> Reading:
    """What ``model`` says of the transcript of ``scene``."""
    pieces = [(text, word) for word, raw in enumerate(scene.words) for text in name_pieces(raw, scene.language)]
    texts = tuple(text for text, _ in pieces)
    owners = tuple(word for _, word in pieces)
    numeric = _barred(scene)
    glued = {word for word in numeric if _INITIAL.search(scene.words[word])}
    barred = frozenset(
        at for at, word in enumerate(owners) if word in numeric and (word not in glued or len(texts[at]) < NAME_MIN)
    )
    known = [_whole(scene.words[word], text, model) for text, word in pieces]
    return Reading(scene, texts, owners, barred, model.probabilities(known))


def _whole(word: str, piece: str, model: NamesModel) -> str:
    """What the model is asked about: "i'm" with its ending, which training knew, and "anna'll" without."""
    whole = word.lower().replace("’", "'")
    return whole if "'" in whole and whole in model.vocabulary else piece


def name_pieces(word: str, language: Language) -> tuple[str, ...]:
    """What a word says without accents and endings, cut where two names may be glued: "jean-luc's" is jean and luc.
    A word of signs alone is one empty piece."""
    if word.isascii() and word.isalpha():
        return (word.lower(),)
    text = fold(plain(word))
    for ending in language.listed("name_clitics"):
        text = text.removesuffix(ending)
    pieces = tuple(piece.strip("'") for piece in _GLUE.split(text) if piece.strip("'"))
    return pieces or ("",)


def _barred(scene: Scene) -> frozenset[int]:
    """Words that are numbers, symbols or letters being spelled."""
    units = scene.language.listed("quantity_units")
    words = {
        word
        for lexeme in scene.lexemes
        if not _NUMERIC.isdisjoint(lexeme.roles) or lexeme.text in units
        for word in range(lexeme.first, lexeme.last + 1)
    }
    return frozenset(words | {word for run in scene.runs for word in range(run.first, run.last + 1)})
