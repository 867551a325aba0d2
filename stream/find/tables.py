"""The tables of one language as its files must hold them: every key is known and typed.

A complete language has every table, if need be an empty one, so that nothing is missing by mistake. One that says that
it is not complete may leave tables out: what they are for is not found in that language.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from stream.clip import CriticalKind

# Letters that are no plain letter with an accent, and what is written where these are missing.
_WHOLE_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th", "ß": "ss"}
    | {"’": "'"}
)


def fold(text: str) -> str:
    """Lower case without accents: "Número" is "numero", "Møller" "moller", so that a recogniser may write either."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.lower()).translate(_WHOLE_LETTERS)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _phrase(text: str) -> str:
    if text != " ".join(fold(text).split()) or not text:
        raise ValueError("a phrase is lower case, without accents, with single spaces")
    return text


def _unrepeated(words: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(words)) < len(words):
        raise ValueError(f"twice: {', '.join(sorted({word for word in words if words.count(word) > 1}))}")
    return words


Phrase = Annotated[str, AfterValidator(_phrase)]
Phrases = Annotated[tuple[Phrase, ...], AfterValidator(_unrepeated)]
Number = Annotated[str, Field(pattern=r"^\d+$")]
Letter = Annotated[str, Field(pattern=r"^\w$")]
Sign = Annotated[str, Field(pattern=r"^[^\w]$|^_$")]
EntityType = Annotated[str, Field(pattern=r"^[A-Z][A-Z_]*$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ContextTable(_Table):
    """Words near a number or code, and the fewest and most characters that it has."""

    size: tuple[int, int]
    words: Phrases
    letters_only: bool = False


class CriticalTables(_Table):
    """Patterns of what is said of health and in distress, by kind; ``names`` count anywhere but behind ``media``."""

    contractions: dict[Phrase, Phrase] = Field(default_factory=dict)
    lists: dict[str, Phrases] = Field(default_factory=dict)
    media: tuple[Phrase, ...] = ()
    names: dict[CriticalKind, tuple[Phrase, ...]] = Field(default_factory=dict)
    patterns: dict[CriticalKind, tuple[Phrase, ...]] = Field(default_factory=dict)


class Tables(_Table):
    """All tables of a language. What each means is told in the files of English."""

    complete: bool
    # numbers
    units: dict[Phrase, Number]
    teens: dict[Phrase, Number]
    tens: dict[Phrase, Number]
    hundreds: dict[Phrase, Number]
    scales: dict[Phrase, Number]
    scale_ones: Phrases
    multipliers: dict[Phrase, Number]
    ordinals: dict[Phrase, Number]
    ordinal_suffixes: Phrases
    homophones: dict[Phrase, Number]
    homophones_weak: Phrases
    zeros: Phrases
    after_numbers: Phrases
    vanity_prefixes: Phrases
    types_by_length: dict[int, EntityType]
    # letters
    letters: dict[Phrase, Letter]
    letters_weak: Phrases
    letter_names: dict[Phrase, Letter]
    spelling_alphabet: dict[Phrase, Letter]
    letter_names_weak: Phrases
    spelling_names: dict[Phrase, Letter]
    letter_case_words: Phrases
    likening: Phrases
    likening_first: Phrases
    likening_second: Phrases
    code_leads: Phrases
    words_of_two: Phrases
    vowels: Phrases
    acronyms: Phrases
    symbols: dict[Phrase, Sign]
    # speech
    fillers: Phrases
    joiners: Phrases
    repairs: Phrases
    announcing: Phrases
    announcers: Phrases
    number_walls: Phrases
    number_choices: Phrases
    number_closers: Phrases
    repeating: Phrases
    pronouns_counting: Phrases
    pronoun_leads: Phrases
    pronoun_tails: Phrases
    arithmetic: Phrases
    # net
    top_level_domains: Phrases
    mail_hosts: Phrases
    mail_hosts_weak: Phrases
    net_stops: Phrases
    net_remarks: Phrases
    host_words: Phrases
    host_phrases: Phrases
    at_sounds: Phrases
    net_leads: Phrases
    net_walls: Phrases
    net_likened: Phrases
    net_articles: Phrases
    url_announcing: Phrases
    web_nouns: Phrases
    path_joints: Phrases
    url_schemes: Phrases
    url_schemes_glued: Phrases
    selves_weak: Phrases
    handle_adders: Phrases
    handle_seekers: Phrases
    networks_browsed: Phrases
    handle_media: Phrases
    handle_adjectives: Phrases
    handle_nouns: Phrases
    handle_leads: Phrases
    handle_others: Phrases
    handle_predicates: Phrases
    at_places: Phrases
    handle_stops: Phrases
    handle_verbs: Phrases
    handle_verbs_strong: Phrases
    networks: Phrases
    network_leads: Phrases
    posting: Phrases
    owners: Phrases
    equals: Phrases
    selves: Phrases
    selves_strong: Phrases
    secret_leads: Phrases
    secret_predicates: Phrases
    plate_leads: Phrases
    told_walls: Phrases
    handle_walls: Phrases
    handle_signs: Phrases
    equals_behind: Phrases
    handle_reaching: Phrases
    handle_doings: Phrases
    # quantities
    quantity_units: Phrases
    quantity_suffixes: Phrases
    quantity_letters: Phrases
    quantity_per: Phrases
    quantity_leads: Phrases
    year_leads: Phrases
    hour_leads: Phrases
    seat_leads: Phrases
    number_breaks: Phrases
    number_games: Phrases
    number_draws: Phrases
    keys: Phrases
    keying: Phrases
    key_tails: Phrases
    unit_phrases_first: Phrases
    unit_phrases_second: Phrases
    counting: Phrases
    phone_parts: Phrases
    secrets_far: Phrases
    url_signs: Phrases
    hosts_local: Phrases
    net_ats: Phrases
    date_walls: Phrases
    time_leads: Phrases
    time_tails: Phrases
    # contexts
    identifier_nouns: Phrases
    contexts_weak: Phrases
    contexts: dict[EntityType | Annotated[str, Field(max_length=0)], ContextTable]
    # addresses
    address_leads: Phrases
    address_strong: Phrases
    address_breaks: Phrases
    address_units: Phrases
    units_strong: Phrases
    address_boxes: Phrases
    address_leads_weak: Phrases
    address_announcing: Phrases
    address_walls: Phrases
    address_joints: Phrases
    address_topics: Phrases
    address_topics_strong: Phrases
    address_works: Phrases
    address_numbered: Phrases
    address_asides: Phrases
    address_remarks: Phrases
    address_ends: Phrases
    address_told: Phrases
    address_predicates: Phrases
    told_ends: Phrases
    street_ons: Phrases
    room_nouns: Phrases
    room_topics: Phrases
    room_leads: Phrases
    units_homes: Phrases
    units_numbered: Phrases
    unit_leads: Phrases
    unit_leads_strong: Phrases
    unit_joints: Phrases
    house_numbers: Phrases
    street_leads: Phrases
    street_names: Phrases
    street_suffixes: Phrases
    street_idioms: Phrases
    street_ands: Phrases
    street_crossings: Phrases
    corner_leads: Phrases
    crossing_leads: Phrases
    roads_numbered: Phrases
    roads_public: Phrases
    house_nouns: Phrases
    house_walls: Phrases
    house_joints: Phrases
    house_leads: Phrases
    house_called: Phrases
    estate_names: Phrases
    street_openings: Phrases
    street_types: Phrases
    street_types_strong: Phrases
    street_prefixes: Phrases
    streets_numbered_behind: Phrases
    street_directions: Phrases
    street_directions_weak: Phrases
    floors: Phrases
    town_leads: Phrases
    town_leads_strong: Phrases
    # dates
    months: dict[Phrase, Number]
    date_articles: Phrases
    date_joiners: Phrases
    date_joiners_before: Phrases
    expiry_joiners: Phrases
    birthdays: Phrases
    ages_after: Phrases
    ages_before: Phrases
    age_articles: Phrases
    age_verbs: Phrases
    age_people: Phrases
    age_decades: Phrases
    age_closings: Phrases
    birth_holidays: Phrases
    birth_leads: Phrases
    # names
    relations: Phrases
    wake_words: Phrases
    titles: Phrases
    names_model: Literal["builtin", "none"]
    name_leads_strong: Phrases
    name_leads_weak: Phrases
    name_stops: Phrases
    name_joints: Phrases
    learned_edges: Phrases
    contact_words: Phrases
    name_leads_sure: Phrases
    name_leads_verbs: Phrases
    names_that_are_words: Phrases
    name_leads_rare: Phrases
    name_endings_not: Phrases
    name_ands: Phrases
    name_particles: Phrases
    name_clitics: Phrases
    employer_leads: Phrases
    health: Phrases
    place_leads: Phrases
    # critical content
    critical: CriticalTables

    @model_validator(mode="before")
    @classmethod
    def _left_out(cls, found: dict[str, object]) -> dict[str, object]:
        """Empty tables for those that an incomplete language leaves out; numbers and letters it must have."""
        if found.get("complete") != "false":
            return found
        optional = {name for name, field in cls.model_fields.items() if field.annotation == tuple[Phrase, ...]}
        return {**dict.fromkeys(optional, ()), **found}
