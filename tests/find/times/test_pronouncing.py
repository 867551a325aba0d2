"""Written words become ways to say them: numbers, letters, signs and names that no dictionary has."""

from __future__ import annotations

from pathlib import Path

import pocketsphinx
import pytest

from stream.find.times.letters import sounds
from stream.find.times.pronouncing import Dictionary, Pronouncer, Ways


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return Dictionary(Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict")


def said(ways: Ways | None) -> set[str]:
    """Everything that the ways let somebody say, as phones."""
    assert ways is not None
    done, open_ends = set(), [(0, "")]
    while open_ends:
        at, phones = open_ends.pop()
        if at == ways.last:
            done.add(phones.strip())
        open_ends += [(to, f"{phones} {more}".strip()) for start, to, more in ways.edges if start == at]
    return done


def phones_of(dictionary: Dictionary, text: str) -> str:
    return " ".join(dictionary.ways(word)[0] for word in text.split())


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("4111", "four one one one"),
        ("4111", "forty one eleven"),
        ("4111", "four thousand one hundred eleven"),
        ("4111", "four thousand one hundred and eleven"),
        ("4111", "four triple one"),
        ("105", "one oh five"),
        ("105", "one hundred and five"),
        ("1900", "nineteen hundred"),
        ("2007", "two thousand seven"),
        ("5551234", "five five five twelve thirty four"),
        ("12,000", "one two zero zero zero"),
        ("21st", "twenty first"),
        ("30th", "thirtieth"),
        ("call", "call"),
        ("Call,", "call"),
        ("bob@example.com", "bob at example dot com"),
        ("O'Brien", "o'brien"),
        ("80%", "eighty percent"),
        ("13:30", "thirteen thirty"),
        ("well-known", "well known"),
    ],
)
def test_a_written_word_may_be_said_so(dictionary: Dictionary, written: str, spoken: str) -> None:
    """One of its ways is what people say for it."""
    assert phones_of(dictionary, spoken) in said(Pronouncer(dictionary).ways(written))


@pytest.mark.parametrize(
    ("written", "phones"), [("b", "B IY"), ("tv", "T IY V IY"), ("ssn", "EH S EH S EH N"), ("j.p", "JH EY P IY")]
)
def test_letters_may_be_spelled(dictionary: Dictionary, written: str, phones: str) -> None:
    """Single letters and abbreviations are said by the letters' names."""
    assert phones in said(Pronouncer(dictionary).ways(written))


@pytest.mark.parametrize(
    ("name", "phones"),
    [("zorvath", "Z AO R V AE TH"), ("brzeszko", "B R Z EH SH K OW"), ("quillaneta", "K W IH L AE N EH T AH")],
)
def test_a_name_without_entry_is_said_by_rules(dictionary: Dictionary, name: str, phones: str) -> None:
    """Names are what matters most, and what dictionaries lack."""
    assert name not in dictionary
    assert phones == sounds(name)
    assert phones in said(Pronouncer(dictionary).ways(name))


@pytest.mark.parametrize("written", ["", "мария", "9" * 40, "喂"])
def test_what_nobody_can_say_has_no_ways(dictionary: Dictionary, written: str) -> None:
    """Another script, nothing, or a number beyond reason: the clip can't be aligned."""
    assert Pronouncer(dictionary).ways(written) is None


def test_a_possessive_is_said_like_its_name(dictionary: Dictionary) -> None:
    """ "marta's" is marta with an s."""
    assert {f"{phones} Z" for phones in dictionary.ways("marta")} <= said(Pronouncer(dictionary).ways("marta's"))


def test_every_entry_of_the_dictionary_is_found_where_it_stands(dictionary: Dictionary, tmp_path: Path) -> None:
    """First, last and in between, whatever order the file has; beside its neighbours' letters nothing is."""
    path = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
    entries = dict(line.split(" ", 1) for line in path.read_text("ascii").splitlines())
    plain = [word for word in entries if "(" not in word]
    assert [] == [word for word in (*plain[::97], plain[0], plain[-1]) if dictionary.ways(word)[0] != entries[word]]
    assert not any(word in dictionary for word in ("", "aaaaaa", "diane ", "dianeq", "zzzzzz"))
    (tmp_path / "shuffled").write_bytes(b"zoe Z OW IY\nann AE N\nmia M IY AH\n")
    small = Dictionary(tmp_path / "shuffled")
    assert [["AE N"], ["M IY AH"], ["Z OW IY"], []] == [small.ways(word) for word in ("ann", "mia", "zoe", "bob")]
