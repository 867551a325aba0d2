"""Addresses of the net and of machines, and user names, in the ways in which people say them."""

from __future__ import annotations

import pytest

from stream.find.pii import Identifiers, make_word_finder

SAID = [
    # E-mail: remarks, words of grammar in an announced local part, what was heard for "at", half-written forms.
    ("EMAIL_ADDRESS", "my email is [the real tall tim at gmail dot com]"),
    ("EMAIL_ADDRESS", "it's [kristof with a k dot berg at gmx dot de]"),
    ("EMAIL_ADDRESS", "send it to [old harbour at fastmail dot fm]"),
    ("EMAIL_ADDRESS", "write to [jonas weil that gmail dot com] today"),
    ("EMAIL_ADDRESS", "my mail is [rita @gmail dot com]"),
    ("EMAIL_ADDRESS", "use [m dot voss@ posteo dot net]"),
    ("EMAIL_ADDRESS", "so [delta nine at wagner dot photography]"),
    ("EMAIL_ADDRESS", "book it with [carla dot goes at mail dot com]"),
    # Web addresses: a scheme without a known ending, a path of several words, an ending among the new ones.
    ("URL", "it is [h t t p colon double slash porch cam dot local slash live]"),
    ("URL", "open [w w w dot vogel brothers dot nowhere]"),
    ("URL", "look at [github dot com slash ruth w slash notes two]"),
    ("URL", "we put it on [iris and paul dot wedding]"),
    ("URL", "my site is [fern sews things dot com]"),
    ("URL", "my blog is [a day in the woods dot wordpress dot com]"),
    ("URL", "my portfolio's at [tess paints dot art]"),
    ("URL", "see the pictures at [flickr.com slash photos slash grey heron]"),
    ("URL", "it is on [etsy dot com slash shop slash oak and ash]"),
    # Letters of a code that spell an abbreviation elsewhere.
    ("LICENSE_PLATE", "the tag number is [r v four four nine one]"),
    ("DEVICE_SERIAL", "serial number [j h four dash u s dash r k two two eight one]"),
    # User names.
    ("USERNAME", "my gamertag is [the lazy heron]"),
    ("USERNAME", "discord username [night owl hash six six one two]"),
    ("USERNAME", "follow [at tide and timber] on threads"),
    ("USERNAME", "on twitch i go by [copper kettle]"),
    ("USERNAME", "find me on insta [at mara dot j]"),
    ("USERNAME", "i'm [walking wilma] on youtube"),
    ("USERNAME", "it's [otto underscore b underscore four]"),
    ("USERNAME", "my venmo is [at hanna dash k]"),
    ("USERNAME", "look for [muddy paws] on instagram"),
    ("USERNAME", "follow [rowdy otter] on tiktok"),
    ("USERNAME", "on steam it's [silent badger]"),
    ("USERNAME", "find me on reddit as [sleepy stoat]"),
    ("USERNAME", "my twitch is [slow otter]"),
    ("USERNAME", "her tiktok's [gliding goose]"),
    ("USERNAME", "u slash [angry gardener]"),
    ("USERNAME", "dm [at the tall cook]"),
    ("URL", "give to [go fund me dot com slash f slash quilts by nell]"),
    ("URL", "join [meet dot google dot com slash r t w k m p q b z]"),
    ("USERNAME", "my gmail is [marmot in a hat]"),
    # User names of plain words, told after, before and without their network, with remarks.
    ("USERNAME", "my insta is [soup for supper]"),
    ("USERNAME", "my gamertag is [wren with two l's otter]"),
    ("USERNAME", "add [marsh hyphen hare with a z ninety] on xbox"),
    ("USERNAME", "[lanky heron lou] is her handle"),
    ("USERNAME", "hit me up on telegram [brown owl bert]"),
    ("USERNAME", "cash app is [dollar sign tiny tess]"),
    ("USERNAME", "find me as [quiet riot quilts]"),
    ("USERNAME", "now i'm [salty sea dog underscore nine]"),
    ("USERNAME", "subscribe to my channel [stitching with gran]"),
    ("USERNAME", "it's login as [mossy pete] and the password is taped up"),
    # Passwords and networks of plain words, and plates that are words.
    ("PIN", "the wifi password is [seven wet socks for otto]"),
    ("PIN", "our wifi is called [the bat cave]"),
    ("PIN", "change the password to [velvet hammer]"),
    ("PIN", "my passphrase is [old boats sink slowly]"),
    ("PIN", "the safe word's [gooseberry]"),
    ("LICENSE_PLATE", "my vanity plate is [no wake]"),
    # Machines: an "oh" or "a" at an end, pairs without signs, a name of two letters between.
    ("IP_ADDRESS", "ping [ten dot oh dot oh dot one]"),
    ("IP_ADDRESS", "it is [f e eight oh colon colon one a colon b]"),
    ("MAC_ADDRESS", "the mac is [a four colon five e colon six oh colon b two colon one one colon nine a]"),
    ("MAC_ADDRESS", "allow [3c 22 fb 9a 10 4e]"),
    ("MAC_ADDRESS", "hardware address [d c colon a six colon three two colon eight eight colon c d colon one zero]"),
]
ORDINARY = [
    "play rain sounds at night on youtube",
    "what's my instagram handle",
    "my facebook is not working",
    "post to twitter i'm having fun",
    "message me at noon on slack",
    "the door handle is loose",
    "log in and change my username",
    "open the web browser and go to the first page",
    "look for cat videos on instagram",
    "find my friends on snapchat",
    "search for cheap sofas on facebook",
    "on youtube it's always the same",
    "post on facebook as soon as possible",
    "message the team on slack",
    "my site is down",
    "my twitch is slow",
    "my youtube's broken",
    "connect the dots and the dashes",
    "my password is too short",
    "change the wifi password",
    "the password to the router is wrong",
    "i'm selling my sofa on ebay",
    "i'm learning chess on youtube",
    "my handle's the same",
    "hit me up on friday",
    "the login page is down",
    "the license plate is bent",
    "is that my handle",
    "my gmail is full",
    "version two dot one dot four is out",
]


CUT = [
    ("EMAIL_ADDRESS", "write to [n as in nancy p as in paul howard at protonmail dot com]"),
    ("EMAIL_ADDRESS", "it's [c d as in david e f at gmail dot com]"),
    ("EMAIL_ADDRESS", "email me at [sam i am at gmail dot com]"),
    ("URL", "go to [example dot com slash um open question mark i d equals four two]"),
    ("URL", "details at [canoe trips dot com backslash no forward slash summer]"),
    ("URL", "open [localhost colon eight thousand eighty slash admin]"),
    ("IP_ADDRESS", "open [one nine two dot one six eight dot one dot one slash admin]"),
]
WORDS_ALONE = [
    "what is a localhost",
    "what is ten percent of forty",
    "two plus two equals four",
    "play the c d as in music",
    "meet me at noon",
]


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder(names_model=False)


@pytest.mark.parametrize(("entity_type", "said"), [*SAID, *CUT])
def test_the_whole_address_is_found_and_named(finder: Identifiers, entity_type: str, said: str) -> None:
    """One finding of the type covers every word in brackets."""
    words = said.split()
    first = next(at for at, word in enumerate(words) if word.startswith("["))
    last = next(at for at, word in enumerate(words) if word.endswith("]"))
    found = finder.search([word.strip("[]") for word in words])
    assert [one for one in found if one.entity_type == entity_type and one.first <= first and last <= one.last]


@pytest.mark.parametrize("said", [*ORDINARY, *WORDS_ALONE])
def test_talk_about_the_net_is_left_alone(finder: Identifiers, said: str) -> None:
    """Signs, networks and handles are spoken of without an address."""
    assert () == finder.search(said.split())
