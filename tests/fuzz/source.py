"""Bytes as a row of choices: every input is a programme, and a small change of the bytes is a small change of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

ODD_TEXTS = (
    "",
    " ",
    "\u0000",
    "\u200b",
    "\u202e",
    "\ufeff",
    "e\u0301" * 20,
    "\u0130\u0131",
    "ß" * 40,
    "ﬁ",
    "\U0001f600",
    "\u0660\u0661\u0662",
    "١٢٣٤٥٦٧٨٩",
    "４１１１",
    "½²",
    "a\u0300" * 64,
    "\u1100\u1161" * 30,
    "<b>",
    "%s{0}",
    "' OR 1=1",
    "../../x",
    "\x1b[31m",
    "\U000e0041",
)


class Source:
    """Choices, one after the other; zeros once the bytes are used up."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        """Whether there are bytes left."""
        return self._at < len(self._data)

    def byte(self) -> int:
        if self._at >= len(self._data):
            return 0
        self._at += 1
        return self._data[self._at - 1]

    def number(self, below: int) -> int:
        """From 0 up to ``below``, exclusive."""
        found = self.byte()
        if below > 256:
            found = found << 16 | self.byte() << 8 | self.byte()
        return found % below

    def pick(self, among: Sequence[T]) -> T:
        return among[self.number(len(among))]

    def seldom(self, one_in: int = 16) -> bool:
        """True for one byte in so many; never once the bytes are used up."""
        return self.byte() % one_in == 1

    def take(self, most: int) -> bytes:
        """Up to ``most`` bytes as they are."""
        taken = self._data[self._at : self._at + self.number(most + 1)]
        self._at += len(taken)
        return taken

    def integer(self) -> int:
        """Small ones, and those at the edges of 8, 16, 31, 32, 62, 63 and 64 bits."""
        kind = self.number(4)
        if kind < 2:
            return self.byte() - 128 * kind
        edge = 1 << self.pick((7, 8, 15, 16, 31, 32, 62, 63, 64))
        return (edge + self.number(3) - 1) * (1 if kind == 2 else -1)

    def text(self, most: int = 40) -> str:
        if self.seldom(4):
            return self.pick(ODD_TEXTS) * (1 + self.number(4))
        return self.take(most).decode("utf-8", "replace")


def mutated(source: Source, data: bytes, edits: int = 4) -> bytes:
    """``data`` with a few bytes changed, cut out, put in or doubled; most changes are near its beginning."""
    out = bytearray(data)
    for _ in range(source.number(edits + 1)):
        at = source.number(max(1, len(out))) if source.seldom(3) else min(len(out), source.byte())
        kind = source.number(6)
        if kind == 0:
            out[at : at + 1] = bytes([source.byte()])
        elif kind == 1:
            width = source.pick((1, 2, 4, 8))
            value = (source.integer() & (1 << 8 * width) - 1).to_bytes(width, source.pick(("little", "big")))
            out[at : at + width] = value
        elif kind == 2:
            del out[at : at + 1 + source.byte()]
        elif kind == 3:
            out[at:at] = source.take(16)
        elif kind == 4:
            out[at:at] = out[at : at + 1 + source.byte()] * (1 + source.number(4))
        else:
            del out[at:]
    return bytes(out)
