"""The shapes in which what somebody said could get out, and a search for them."""

from __future__ import annotations

import base64
import re

WORD = "zebedee4711"  # tests.withheld.cases puts it into every text of an event, into keys and the files' tags
NUMBER = "492988130072"
SPOKEN = "four nine two nine eight eight one three zero zero seven two"
_SEPARATORS = re.compile(rb"[\s.,:;_/\\\"'-]+")


def shapes(canary: str) -> dict[str, bytes]:
    """As it is, in UTF-16, hexadecimal, and base64 wherever in a text it begins."""
    plain = canary.encode()
    return {
        "plain": plain,
        "UTF-16 LE": canary.encode("utf-16-le"),
        "UTF-16 BE": canary.encode("utf-16-be"),
        "hexadecimal": plain.hex().encode(),
        **{f"base64 {n}": base64.b64encode(b"x" * n + plain)[4:-4] for n in range(3)},
    }


def found(content: bytes) -> list[str]:
    """The shapes that are in ``content``, in any case of its letters, and with separators between digits or words."""
    lowered, closed = content.lower(), _SEPARATORS.sub(b"", content.lower())
    wanted = {
        f"{canary} {shape}": bytes_.lower()
        for canary in (WORD, NUMBER, SPOKEN, "zebedee")
        for shape, bytes_ in shapes(canary).items()
    }
    plain = [name for name, shape in wanted.items() if shape in lowered]
    close = {"number": NUMBER.encode(), "spoken": SPOKEN.replace(" ", "").encode(), "word": WORD.encode()}
    return plain + [name for name, shape in close.items() if shape in closed]
