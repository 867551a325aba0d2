"""Addresses, user names, web addresses, organisations and numbers, put together from forms as people say them.

Nothing here is anybody's: ``forms.txt`` says how such things are built, and their parts are drawn at random from lists,
made-up names and words of the language.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import resources

_SLOT = re.compile(r"\{(\w+)(?:\?([\d.]+))?\}")
_SPELLED_MAX = 9  # letters


def read_sections(file: str) -> dict[str, list[str]]:
    """The lines under each "[name]" of a text file of this package, without comments."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in resources.files("stream.train").joinpath(file).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            lines = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            lines.append(line)
    return sections


class Forms:
    """Draws what a slot stands for; ``drawn`` gives slots that are no forms: names, places, words."""

    def __init__(self, draws: random.Random, drawn: Mapping[str, Callable[[], str]]) -> None:
        self.random = draws
        self.forms = {name: _weighed(lines) for name, lines in read_sections("forms.txt").items()}
        self.ones, self.tens, self.ordinals = (self.forms[name][0] for name in ("ones", "tens", "ordinals"))
        spelled = {f"{name}_spelled": self._speller(drawn[name]) for name in ("given", "surname")}
        self.drawn: dict[str, Callable[[], str]] = {
            **drawn,
            **spelled,
            "below_hundred": self.below_hundred,
            "digit": self.digit,
            "digits": self.digits,
            "letter": self.letter,
            "ordinal": self.ordinal,
            "written": self.written,
            "hour": lambda: self.random.choice(self.ones[:12]),
            "one_to_nine": lambda: self.random.choice(self.ones[:9]),
            "one_to_nineteen": lambda: self.random.choice(self.ones),
            "ten_to_nineteen": lambda: self.random.choice(self.ones[9:]),
            "written_clock": lambda: f"{self.random.randint(1, 12)}:{self.random.randint(10, 59)}",
        }

    def draw(self, name: str) -> str:
        """One thing of the kind ``name``, in words."""
        if name in self.drawn:
            return self.drawn[name]()
        lines, weights = self.forms[name]
        (form,) = self.random.choices(lines, weights)
        return _SLOT.sub(self._filled, form).strip()

    def _filled(self, slot: re.Match[str]) -> str:
        name, share = slot.groups()
        if share is None:
            return self.draw(name)
        return f"{self.draw(name)} " if self.random.random() < float(share) else ""

    def _speller(self, name: Callable[[], str]) -> Callable[[], str]:
        return lambda: " ".join(name()[:_SPELLED_MAX])

    def below_hundred(self) -> str:
        number = self.random.randint(1, 99)
        if number < 20:
            return self.ones[number - 1]
        ten = self.tens[number // 10 - 2]
        return f"{ten} {self.ones[number % 10 - 1]}" if number % 10 else ten

    def digit(self) -> str:
        return self.random.choice(("zero", "oh", *self.ones[:9]))

    def digits(self) -> str:
        """Two to eight digits, one by one."""
        return " ".join(self.digit() for _ in range(self.random.randint(2, 8)))

    def letter(self) -> str:
        return self.random.choice("abcdefghijklmnopqrstuvwxyz")

    def ordinal(self) -> str:
        if self.random.random() < 0.4:
            return f"{self.random.choice(self.tens)} {self.random.choice(self.ordinals[:9])}"
        return self.random.choice(self.ordinals)

    def written(self) -> str:
        """A number in figures, mostly a short one."""
        return str(self.random.randint(1, 10 ** self.random.randint(1, 5)))


def _weighed(lines: Sequence[str]) -> tuple[list[str], list[float]]:
    """Forms and how often each is drawn; a line without a weight has one."""
    pairs = [line.split(" | ") if " | " in line else ["1", line] for line in lines]
    return [form for _, form in pairs], [float(weight) for weight, _ in pairs]
