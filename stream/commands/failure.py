"""How a command ends when it can't do what was asked: one line on stderr and an exit code, no traceback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stream.config import ConfigError, Settings, load

WRONG_INPUT = 2
FAILED = 1


class CommandFailed(Exception):
    """Ends the command with ``code``; the message is for the person who typed it and holds nothing of a clip."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def settings_from(config: Path | None) -> Settings:
    """The settings, or CommandFailed with what is wrong with them."""
    try:
        return load(config)
    except ConfigError as error:
        raise CommandFailed(not_usable(error.problems), WRONG_INPUT) from None


def not_usable(problems: Iterable[str]) -> str:
    """One line a problem."""
    return "the settings can't be used:\n  " + "\n  ".join(problems)


@contextmanager
def told(*expected: type[Exception], code: int = FAILED, prefix: str = "") -> Iterator[None]:
    """Exceptions of these types, whose messages are fit to be shown, become a CommandFailed."""
    try:
        yield
    except expected as error:
        raise CommandFailed(f"{prefix}{error}", code) from None
