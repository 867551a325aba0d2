"""What all canaries of a run have in common, and the one pass over bytes that finds any of them in any form.

A canary is a stem and the number of its event. There is a stem for words, one of twelve digits for numbers, and one of
six bytes for addresses of networks; whoever finds the stem has found the canary.
"""

from __future__ import annotations

import base64
import random
import re
import struct
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile

CONSONANTS, VOWELS = "bdfgkmprtvz", "aiou"
SPOKEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
GAP = rb"[\x00-\xff]{0,36}?"  # between two words of a published transcript lie their times
NUMBER_DIGITS = 8
DOUBLE_BYTES = 5  # of a coordinate, that all events of a run have in common


@dataclass(frozen=True)
class Stem:
    """Drawn from a seed, so that a run can be done again."""

    word: str = field(repr=False)
    digits: str = field(repr=False)
    network: bytes = field(repr=False)

    @classmethod
    def of(cls, seed: int) -> Stem:
        draw = random.Random(f"stem {seed}")
        word = "".join(draw.choice(CONSONANTS) + draw.choice(VOWELS) for _ in range(5)) + draw.choice(CONSONANTS)
        digits = str(draw.randint(4, 8)) + "".join(str(draw.randint(0, 9)) for _ in range(11))
        return cls(word, digits, bytes(draw.randint(0x40, 0xFE) for _ in range(6)))

    def text(self, kind: str, number: int) -> str:
        """A canary that is a word: whose class ``kind`` is, and of which event."""
        return f"{self.word}{kind}{number:0{NUMBER_DIGITS}d}"

    def number(self, number: int) -> str:
        """A canary of digits alone."""
        return f"{self.digits}{number:0{NUMBER_DIGITS}d}"

    def spoken(self, number: int) -> list[str]:
        """The same as somebody says it."""
        return [SPOKEN[int(digit)] for digit in self.number(number)]

    def ip(self, number: int) -> str:
        """An IPv6 address."""
        groups = struct.unpack(">3H", self.network)
        return f"2001:db8:{':'.join(f'{group:04x}' for group in groups)}:{number >> 16:04x}:{number & 0xFFFF:04x}"

    def mac(self, number: int) -> str:
        """An EUI-64, as devices print it."""
        return "-".join(f"{byte:02X}" for byte in self.network + struct.pack(">H", number & 0xFFFF))

    def latitude(self, number: int) -> float:
        return self._degrees + (number % 1000) * 1e-12

    def longitude(self, number: int) -> float:
        return -self._degrees - (number // 1000 % 1000) * 1e-12

    @property
    def _degrees(self) -> float:
        return float(f"{self.digits[:2]}.{self.digits[2:]}")


class Scanner:
    """Finds canaries of one stem."""

    def __init__(self, stem: Stem) -> None:
        self._stem = stem
        texts = {"word": stem.word, "digits": stem.digits, "network": stem.ip(0)[9:23], "device": stem.mac(0)[:17]}
        self._exact: list[tuple[str, bytes]] = []
        self._lower: list[tuple[str, bytes]] = []  # of which case does not count
        self._hex: list[tuple[str, bytes]] = []  # nor what stands between the digits
        self._base64: list[tuple[str, bytes]] = []  # whose lines may be broken
        for name, text in texts.items():
            plain = text.lower()
            self._lower += [
                (f"{name} plain", plain.encode()),
                (f"{name} UTF-16 LE", plain.encode("utf-16-le")),
                (f"{name} UTF-16 BE", plain.encode("utf-16-be")),
            ]
            for said in sorted({text, plain, plain.upper(), plain.capitalize()}):
                self._base64 += [(f"{name} base64", needle) for needle in _base64(said.encode())]
                self._hex.append((f"{name} hex", said.encode().hex().encode()))
        for needles in (self._lower, self._hex, self._base64):
            needles[:] = sorted(set(needles))
        self._exact.append(("network packed", stem.network))
        self._exact += [("place packed", needle) for needle in _doubles(stem)]

    def forms(self, data: bytes) -> list[str]:
        """The names of all forms in which canaries are in ``data``; empty where none is."""
        lower = data.lower()
        alone, unbroken = lower.translate(None, _SEPARATORS), data.translate(None, b"\r\n")
        found = {
            name
            for where, needles in (
                (lower, self._lower),
                (alone, self._hex),
                (unbroken, self._base64),
                (data, self._exact),
            )
            for name, needle in needles
            if needle in where
        }
        digits = self._stem.digits.encode()
        if digits in data.translate(None, _NO_DIGITS) or self._loose.search(data):
            found.add("digits alone")
        if self._stem.word.encode() in alone:
            found.add("word apart")
        if self._stem.network.hex().encode() in alone:
            found.add("network alone")
        if self._said.search(lower):
            found.add("digits spoken")
        return sorted(found)

    @cached_property
    def _loose(self) -> re.Pattern[bytes]:
        """Digits that are words of their own, their length in front and their times between them, in binary."""
        return re.compile(GAP.join(b"\x02" + digit.encode() for digit in self._stem.digits))

    @cached_property
    def _said(self) -> re.Pattern[bytes]:
        words = (b"(?:zero|oh|nought)" if digit == "0" else SPOKEN[int(digit)].encode() for digit in self._stem.digits)
        return re.compile(GAP.join(words))


_NO_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
_SEPARATORS = b" .:-_/,;\"'\t\r\n\0"


def _base64(text: bytes) -> set[bytes]:
    """What is the same of ``text`` in base64 whatever stands around it: one for each alignment and alphabet."""
    found = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            variants = [encode(bytes([fill]) * before + text + bytes([fill]) * 3).decode() for fill in (0, 255)]
            pairs = zip(*(variant[-(-8 * before // 6) :] for variant in variants), strict=True)
            found.add("".join(one for one, other in takewhile(lambda pair: pair[0] == pair[1], pairs)).encode())
    return found


def _doubles(stem: Stem) -> set[bytes]:
    """What the bytes of all latitudes, and of all longitudes, have in common, either way round."""
    found = set()
    for degrees in (stem.latitude(0), stem.longitude(0)):
        packed = struct.pack(">d", degrees)
        found |= {packed[: DOUBLE_BYTES + 1], packed[: DOUBLE_BYTES + 1][::-1]}
    return found
