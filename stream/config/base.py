"""What all sections of the settings have in common."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_settings import NoDecode


class ConfigError(Exception):
    """The settings can't be used. One line a problem; never a value, since a value may be a secret."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_secret(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise ConfigError(f"{name}: the file that it names can't be read ({reason})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{name}: the file that it names holds bytes that are no text") from None


def split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Names = Annotated[frozenset[str], NoDecode, BeforeValidator(split)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Lengths = Annotated[tuple[Seconds, ...], NoDecode, BeforeValidator(split)]
Count = Annotated[int, Field(ge=1)]
Topic = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
Sha256 = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


class Section(BaseModel):
    """A group of settings that belong together."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        """All at once; each line begins with the name of a setting."""
        if found := [f"{setting}: {problem}" for setting, problem in self.problems()]:
            raise ValueError("\n".join(found))
        return self

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong with settings that are fine one by one: (setting, what it needs). Never a value."""
        return iter(())


def pinned(setting: str, named: bool, sha256: str) -> Iterator[tuple[str, str]]:
    """A model directory, which ``setting`` names, and its fingerprint belong together."""
    if named and not sha256:
        yield "sha256", "a model directory needs its sha256 (`clipveil fingerprint DIRECTORY` prints it)"
    if sha256 and not named:
        yield "sha256", f"is the fingerprint of a model directory, and {setting} names none"
