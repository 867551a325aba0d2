"""What the assistant understood, as evidence: slots and attributes."""

from __future__ import annotations

import dataclasses

import pytest

from stream.clip import Clip, Subject, Transcript
from stream.find.pii import Identifiers, make_word_finder
from stream.find.recognizers.known import told_type
from tests.values import HERE, event, noise, words


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder()


def _found(finder: Identifiers, said: str, *others: str, **slots: str) -> set[tuple[int, str, str]]:
    transcripts = tuple(Transcript(words(one)) for one in (said, *others))
    told = dataclasses.replace(event(), transcripts=transcripts, slots=slots)
    texts = [one.split() for one in (said, *others)]
    return {
        (one.transcript, one.entity_type, " ".join(texts[one.transcript][one.first : one.last + 1]))
        for one in finder.find(Clip(HERE, told, noise(1.0))).findings
    }


def test_a_contact_slot_is_masked_where_it_is_said(finder: Identifiers) -> None:
    """As a whole, in every hypothesis, and each word of it that is no common one."""
    assert {(0, "PERSON", "table lamp"), (1, "PERSON", "table lamp's")} == _found(
        finder, "is the table lamp there", "what is table lamp's name", contact="Table Lamp"
    )
    assert (0, "PERSON", "quorn") in _found(finder, "is quorn there", contact="Will Quorn")


def test_a_number_slot_is_masked_however_it_is_said(finder: Identifiers) -> None:
    """Digits of a slot are found among spoken digits, context or not."""
    assert {(0, "PHONE_NUMBER", "five five five one")} == _found(finder, "five five five one", phone_number="5551")


def test_public_slots_are_left(finder: Identifiers) -> None:
    """What a volume, genre or song slot holds is nobody's."""
    assert set() == _found(finder, "play some quiet table music", genre="quiet", song_name="table", volume="10")


def test_a_slot_of_unknown_name_counts_with_its_uncommon_words(finder: Identifiers) -> None:
    """Nobody says what it is: "brzk" may be somebody, "kitchen" is nobody."""
    assert {(0, "PERSON", "brzk")} == _found(finder, "the kitchen of brzk is on", query="kitchen brzk")


def test_attributes_count_too(finder: Identifiers) -> None:
    """A contact name among the free attributes is evidence like a slot."""
    told = dataclasses.replace(
        event(), transcripts=(Transcript(words("is table there")),), attributes={"contactName": "table"}
    )
    assert ["PERSON"] == [one.entity_type for one in finder.find(Clip(HERE, told, noise(1.0))).findings]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("contact", "PERSON"),
        ("contactName", "PERSON"),
        ("recipient_2", "PERSON"),
        ("name", "PERSON"),
        ("song_name", None),
        ("volume", None),
        ("device_serial", "ACCOUNT_NUMBER"),
        ("destinationCity", "ADDRESS"),
        ("frobnication", ""),
    ],
)
def test_a_slots_name_says_what_it_holds(name: str, expected: str | None) -> None:
    """Sensitive parts win over public ones, and public ones over a bare "name"."""
    assert expected == told_type(name)


def test_a_rare_word_of_a_longer_value_is_found_alone(finder: Identifiers) -> None:
    """Of "mill bay spanner" the word that is no common one is masked wherever it stands, under an unknown name too."""
    assert {"spanner"} == {text for _, _, text in _found(finder, "is spanner open", destination="mill bay spanner")}
    assert {"spanner"} == {text for _, _, text in _found(finder, "is spanner open", frobnication="old spanner")}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("Täble Lämp", "table lamp"),
        ("table lamp", "Täble Lämp’s,"),
        ("Table Lamp", "table lamp's,"),
        ("King's Table", "king's table"),
        ("Kings Table", "king's table's"),
    ],
)
def test_accents_and_possessives_hide_no_value(finder: Identifiers, told: str, said: str) -> None:
    """A recogniser writes a name with or without its accents, and glues what it likes to its end."""
    assert {(0, "PERSON", said)} == _found(finder, f"is {said} there", contact=told)


def test_a_values_own_form_names_its_type(finder: Identifiers) -> None:
    """A card number in a slot called "account" stays a card number."""
    said = "my card number four one one one one one one one one one one one one one one one"
    found = _found(finder, said, account="4111111111111111")
    assert {entity_type for _, entity_type, _ in found} == {"CREDIT_CARD"}


@pytest.mark.parametrize(
    ("name", "said", "expected"),
    [
        ("Rose Smith", "play the song rose", ["rose"]),
        ("Anna-Lena", "where is lena", ["lena"]),
        ("Lena Berg", "where is anna-lena", ["anna-lena"]),
        ("Mary O'Brien", "where is o'brien", ["o'brien"]),
        ("Møller", "the song moller", ["moller"]),
        ("Lukasz", "the song Łukasz", ["Łukasz"]),
        ("Işık Đorđe", "the songs isik dorde", ["dorde", "isik"]),
        ("Þór Æsa", "the songs thor aesa", ["aesa", "thor"]),
    ],
)
def test_each_part_of_the_accounts_name_is_found(
    finder: Identifiers, name: str, said: str, expected: list[str]
) -> None:
    """A first name of several parts, hyphens, and letters that are no plain letter with an accent."""
    words_said = said.split()
    found = finder.search(words_said, Subject("", first_name=name))
    assert expected == sorted(words_said[at] for one in found for at in range(one.first, one.last + 1))


def test_of_a_city_or_household_only_uncommon_parts_count(finder: Identifiers) -> None:
    """ "New York" hides no "new", and the Quorn family no "family"."""
    subject = Subject("", city="New York", household="Quorn Family")
    words_said = "the new family of quorn".split()
    assert {"quorn"} == {words_said[one.first] for one in finder.search(words_said, subject)}


def test_an_account_of_words_and_digits_is_found_as_it_is_said(finder: Identifiers) -> None:
    """ "bluewhale42" is said in words, and its parts alone are nobody's."""
    subject = Subject("bluewhale42")
    (found,) = finder.search("open the blue whale forty two file".split(), subject)
    assert (2, 5) == (found.first, found.last)
    assert () == finder.search("open the blue whale forty file".split(), subject)


@pytest.mark.parametrize(("slot", "said"), [("916", "set it 916"), ("916", "set it nine one six"), ("16", "set it 16")])
def test_a_short_number_counts_where_its_slot_is_named(finder: Identifiers, slot: str, said: str) -> None:
    """Two digits of a PIN are its own; of a volume, or of nobody knows what, they are nobody's."""
    assert {"PIN"} == {entity_type for _, entity_type, _ in _found(finder, said, pin=slot)}
    assert set() == _found(finder, said, volume=slot)
    assert set() == _found(finder, said, frobnication=slot)
