"""Transcripts that wear out whoever looks for identifiers in them, in every language."""

from __future__ import annotations

from functools import cache

import numpy as np

from stream.clip import Clip, Reason, Refusal, Subject, Transcript
from stream.find.language import load_language
from stream.find.lexemes import lexemes
from stream.find.pii import Identifiers, make_word_finder
from stream.find.spoken import read_scene, written_forms
from stream.policy import Policy
from stream.wire import clips
from tests.fuzz.source import ODD_TEXTS, Source
from tests.fuzz.target import Target, promise
from tests.values import HERE, event

WORDS = tuple(
    """oh zero one two three four five six seven eight nine ten eleven twenty thirty hundred thousand double triple and
    a b c x y z alpha bravo capital dash hyphen underscore dot at slash com org gmail period point
    my name is card number pin password code social security account born may first of the street avenue road suite zip
    call diane smith john o'neil mcdonald in london springfield hospital doctor email user gamertag follow
    wait no sorry again what twelve o'clock percent dollars degrees
    cero uno dos tres cuatro cinco mil cien arroba punto guión me llamo calle número tarjeta contraseña ñ
    4111111111111111 078-05-1120 a@b.co 192.168.0.1 +15551234567 12/34 1,000,000 555 x1y2 2001:db8::1 http://a.b/c
    ............ @@@@@@@@ -------- aaaaaaaaaaaaaaaa 00000000000000000000 1-1-1-1-1-1-1-1 a.a.a.a.a.a.a.a.a
    """.split()
)  # fmt: skip
LANGUAGES = ("en", "es")
FIND_REASONS = frozenset({Reason.WORDS_TOO_MANY, Reason.LANGUAGE_UNSUPPORTED, Reason.DETECTOR_FAILED})


@cache
def finder() -> Identifiers:
    return make_word_finder(frozenset(LANGUAGES), names_by_phrase=frozenset({"es"}))


def run_words(data: bytes) -> str:
    """Findings are runs of words of their transcript, whatever was said."""
    source = Source(data)
    language = source.pick(LANGUAGES)
    subject = Subject("acct", first_name=source.text(12), city=source.text(12), household=source.text(12))
    told = {source.text(8): source.text(20)} if source.seldom(4) else {}
    try:
        transcripts = tuple(_transcript(source, 60 if number else 400) for number in range(1 + source.number(2)))
    except Refusal as refusal:
        return f"event {refusal.reason.value}"
    heard = event(transcripts=transcripts, subject=subject, locale=f"{language}-US")
    object.__setattr__(heard, "slots", told)
    try:
        found = finder().find(Clip(HERE, heard, np.zeros(16_000, dtype=np.float32)))
    except Refusal as refusal:
        promise(refusal.reason in FIND_REASONS, f"words refused for {refusal.reason}")
        return f"{language} {refusal.reason.value}"
    promise(found.receipt.complete, "a receipt that is not complete, and no refusal")
    for one in (*found.findings, *found.critical):
        promise(0 <= one.transcript < len(transcripts), "a finding of no transcript")
        promise(0 <= one.first <= one.last < len(transcripts[one.transcript].words), "a finding of no words")
    return f"{language} {'findings' if found.findings else 'nothing'}"


def run_lattice(data: bytes) -> str:
    """Lexemes, runs and written forms point into the words that they are made of."""
    source = Source(data)
    words, language = _words(source, 120), load_language(source.pick(LANGUAGES))
    for lexeme in lexemes(words, language):
        promise(0 <= lexeme.first <= lexeme.last < len(words), "a lexeme of no words")
    scene = read_scene(words, language)
    for run in scene.runs:
        promise(0 <= run.first <= run.last < len(words), "a run of no words")
    for written in written_forms(scene):
        promise(len(written.text) <= len(written.first) == len(written.last), "a text without its words")
        promise(all(0 <= at < len(words) for at in (*written.first, *written.last)), "a text of no words")
    return f"{language.code} {'runs' if scene.runs else 'none'}"


def _words(source: Source, most: int) -> list[str]:
    """Words of a list, odd ones, and rows of the same few over and over."""
    said: list[str] = []
    while source and len(said) < most:
        kind = source.number(8)
        if kind < 5:
            said.append(source.pick(WORDS))
        elif kind == 5:
            said.append(source.pick(WORDS) + source.pick(ODD_TEXTS)[:8] + source.pick(WORDS))
        elif kind == 6:
            said += source.text(24).split()
        else:
            row = said[-1 - source.number(6) :] or ["one"]
            said += row * (1 + source.number(60))
    return [word for word in said if word.strip()][:most]


def _transcript(source: Source, most: int) -> Transcript:
    """As the decoder would have it."""
    entries = [
        {"text": word[: clips.WORD_CHARS_MAX], "start": None, "end": None, "confidence": source.byte() / 255}
        for word in _words(source, most)
    ]
    return Transcript(clips._words({"text": "", "words": entries}, Policy().words_max))


def seeds_of_words() -> list[bytes]:
    rows = [bytes([0, at, 0, at + 1, 0, at + 2, 7, 5, 59]) * 3 for at in range(0, len(WORDS) - 3, 3)]
    return [bytes([0] * 9), *(bytes([at % 2] + [0] * 9) + row for at, row in enumerate(rows))]


def seeds_of_lattice() -> list[bytes]:
    return [seed[10:] + b"\1" for seed in seeds_of_words()]


TARGETS = (
    Target("words", run_words, seeds_of_words, length_max=300),
    Target("lattice", run_lattice, seeds_of_lattice, length_max=200),
)
