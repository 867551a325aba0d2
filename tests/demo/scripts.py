"""What is said in the demo's own clips, by which voice, from where and when. All people and numbers are invented.

The card number is the industry's test number, the phone number is from the block kept for fiction, the social security
number is the one that was printed on sample cards and voided for it, addresses on the network are documentation ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Line:
    """One voice says something: from ``start`` seconds on, ``level_db`` relative to a person at the device."""

    voice: str
    text: str = field(repr=False)
    start: float
    level_db: float = 0.0
    near: bool = True
    main: bool = True
    heard: bool = True  # the device's recogniser wrote it down


def far(voice: str, text: str, start: float, level_db: float = -14.0, heard: bool = False) -> Line:
    return Line(voice, text, start, level_db, near=False, main=False, heard=heard)


@dataclass(frozen=True)
class Script:
    """One clip; ``event`` holds the other fields of its clip event."""

    clip_id: str
    title: str
    seconds: float
    lines: tuple[Line, ...]
    event: dict[str, Any] = field(repr=False)
    spans: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    kind: str = "talk"
    noise_db: float = 38.0
    woken_by: str = "computer"
    seed: int = 7


def event(
    number: int, first_name: str, city: str, postcode: str, place: tuple[float, float], **more: Any
) -> dict[str, Any]:
    """The fields that say whose clip it is; ``more`` replaces or adds."""
    return {
        "account_id": f"acct-{480_000 + 977 * number}",
        "first_name": first_name,
        "device_serial": f"SN-QX{7_000_000 + 31_337 * number}",
        "device_model": ("speaker", "display", "phone")[number % 3],
        "household": f"house-{52_000 + 419 * number}",
        "ip": f"198.51.100.{10 + number}",
        "city": city,
        "postcode": postcode,
        "latitude": place[0],
        "longitude": place[1],
        "locale": "en-US",
        "captured_at": f"2026-11-{10 + number:02d}T{7 + number:02d}:{(11 * number) % 60:02d}:07+00:00",
        "human_review": True,
        "wake_score": 0.93,
        **more,
    }


SCRIPTS = (
    Script(
        "own-card",
        "A card number is read out, the television talks",
        11.8,
        (
            Line(
                "rms",
                "computer pay with my card number four one one one, one one one one, one one one one, "
                "one one one one, thank you",
                0.3,
            ),
            far("slt", "and now the weather, it will rain in the north for most of the afternoon", 7.7, -15.0),
        ),
        event(
            1,
            "Lorenzo",
            "Springfield",
            "62704",
            (39.7817, -89.6501),
            intent="Pay",
            slots={"card": "4111111111111111"},
            attributes={"app_build": "7.4.1"},
        ),
        (("four one one one one one one one one one one one one one one one", "CREDIT_CARD"),),
        kind="tv",
    ),
    Script(
        "own-email",
        "An e-mail address is dictated, someone answers from the kitchen",
        8.4,
        (
            Line("slt", "computer send the invoice to marta kowalski at example dot com please", 0.3),
            far("awb", "do not forget to ask her about the garden", 5.2, -12.0, heard=True),
        ),
        event(
            2,
            "Ingrid",
            "Asheville",
            "28801",
            (35.5951, -82.5515),
            intent="SendMail",
            slots={"recipient": "marta.kowalski@example.com"},
        ),
        (("marta kowalski at example dot com", "EMAIL_ADDRESS"),),
    ),
    Script(
        "own-address",
        "A parcel to a street address, two people chat",
        9.4,
        (
            Line("awb", "computer deliver the parcel to twelve maple street springfield tomorrow morning", 0.3),
            far("kal16", "i thought the film was far too long", 5.2, -12.0),
            far("slt", "yes i fell asleep in the middle", 7.3, -13.0),
        ),
        event(3, "Callum", "Springfield", "65806", (37.2153, -93.2982), intent="Deliver"),
        (("twelve maple street springfield", "ADDRESS"),),
    ),
    Script(
        "own-phone",
        "A phone number, with a voice over its end",
        8.6,
        (
            Line("slt", "computer call my office on two oh two, five five five, oh one four two", 0.3),
            far("rms", "where did you put the blue folder, i can not find it anywhere", 4.2, -13.0),
        ),
        event(4, "Beatrix", "Georgetown", "20007", (38.9097, -77.0654), intent="Call", slots={"number": "2025550142"}),
        (("two oh two five five five oh one four two", "PHONE_NUMBER"),),
    ),
    Script(
        "own-ssn",
        "A social security number, the radio plays",
        10.9,
        (
            Line(
                "rms",
                "computer note that my social security number is zero seven eight, zero five, one one two zero",
                0.3,
            ),
            far("slt", "traffic is slow on the bridge this evening because of road works", 7.3, -14.0),
        ),
        event(5, "Anselm", "Duluth", "55802", (46.7867, -92.1005), intent="Note"),
        (("zero seven eight zero five one one two zero", "US_SSN"),),
        kind="tv",
    ),
    Script(
        "own-name",
        "A name is spoken for a reminder, someone is on the phone behind",
        8.4,
        (
            Line("awb", "computer remind me that priya raman comes to dinner on friday", 0.3),
            far("slt", "no i am still at home, i will call you back later", 4.7, -12.0, heard=True),
        ),
        event(
            6,
            "Oonagh",
            "Burlington",
            "05401",
            (44.4759, -73.2121),
            intent="Remind",
            slots={"what": "priya raman comes to dinner"},
        ),
        (("priya raman", "PERSON"),),
    ),
    Script(
        "own-timer",
        "Nothing secret: a timer, and a guest who talks",
        7.4,
        (
            Line("slt", "computer set a timer for the pasta and play some quiet music", 0.3),
            far("rms", "could you pass me the salt and the big spoon", 4.4, -12.0, heard=True),
        ),
        event(7, "Wilhelmina", "Eugene", "97401", (44.0521, -123.0868), intent="SetTimer"),
    ),
    Script(
        "own-accident",
        "An accidental activation: nobody spoke to the device",
        7.2,
        (
            far("awb", "we bought a commuter ticket for the whole month", 0.4, -9.0, heard=True),
            far("slt", "that is much cheaper than the car, and you can sleep", 4.0, -10.0, heard=True),
        ),
        event(8, "Thaddeus", "Laramie", "82070", (41.3114, -105.5911), wake_score=0.51),
        kind="talk",
        woken_by="commuter",
        noise_db=24.0,
    ),
    Script(
        "own-no-consent",
        "The account did not agree that people listen",
        4.2,
        (Line("rms", "computer what is on my calendar for monday morning", 0.3),),
        event(9, "Marguerite", "Savannah", "31401", (32.0809, -81.0912), human_review=False),
        kind="none",
    ),
)
