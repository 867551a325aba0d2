"""What the assistant understood, as evidence: slots and attributes."""

from __future__ import annotations

import dataclasses

import pytest

from stream.clip import Clip, Transcript
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
