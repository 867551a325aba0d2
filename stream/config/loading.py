"""Settings from a YAML file and the environment, checked; every problem becomes one readable line."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from stream.config.base import ConfigError
from stream.config.sections import Settings
from stream.plain_yaml import NotYaml, parse

PREFIX = "CLIPVEIL_"
CONFIG_FILE_VARIABLE = "CLIPVEIL_CONFIG"

_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT\w*)$|_PORT_\d+_(TCP|UDP)")  # Kubernetes sets these for its services


class _FromOutside(BaseSettings, Settings):
    """Settings as the environment and the file give them; the environment wins."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix=PREFIX,
        env_nested_delimiter="__",
    )

    @classmethod
    def settings_customise_sources(  # the order of the sources is theirs: first wins
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings


def load(path: Path | None = None) -> Settings:
    """Settings from the file ``path`` (or the one that CLIPVEIL_CONFIG names) and the environment.

    Raises ConfigError, with one line for each problem, naming settings but no values.
    """
    named = os.environ.get(CONFIG_FILE_VARIABLE)
    path = path or (Path(named) if named else None)
    values = {} if path is None else _read_file(path)
    if problems := _unknown_variables(os.environ):
        raise ConfigError(*problems)
    try:
        return _FromOutside(**values)
    except ValidationError as error:
        raise ConfigError(*_problems(error)) from None
    except SettingsError as error:  # its message names the field only
        section = "".join(re.findall(r'field "(\w+)"', str(error)))
        raise ConfigError(f"{PREFIX}{section.upper()}__...: a value that should be JSON is not") from None
    except RecursionError:
        raise ConfigError(f"{PREFIX}...: a value has too many brackets in each other") from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        values = parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8") from None
    except NotYaml as broken:
        raise ConfigError(f"{path}: {broken}") from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{path}: needs sections, such as 'kafka:'")
    if any(key.startswith("_") for key in values):  # to pydantic-settings these are orders, such as _env_prefix
        raise ConfigError(f"{path}: no section begins with an underscore")
    return values


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Variables that look like settings of ours and are none; pydantic-settings itself passes over these."""
    problems = []
    for name in sorted(environment):
        section, delimiter, _ = name.upper().removeprefix(PREFIX).partition("__")
        if not name.upper().startswith(PREFIX) or _SERVICE_LINK.search(name):
            continue
        if delimiter and section.lower() not in Settings.model_fields:
            problems.append(f"{name}: unknown section{_meant(section.lower(), Settings.model_fields)}")
        elif not delimiter and (own := next((s for s in Settings.model_fields if _runs_into(section, s)), None)):
            problems.append(f"{name}: two underscores go between section and setting: {PREFIX}{own.upper()}__...")
    return problems


def _runs_into(variable: str, section: str) -> bool:
    return variable.lower().startswith(f"{section}_")


def _problems(error: ValidationError) -> list[str]:
    """One line a problem, without the input, which may be a secret."""
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        *parents, name = [str(part) for part in problem["loc"]] or [""]
        place = ".".join([*parents, name])
        if problem["type"] == "extra_forbidden":
            if not re.fullmatch(r"[a-z_]+", name):  # a secret may stand where a name should
                place = ".".join([*parents, "(no name of a setting)"])
            section = Settings.model_fields[parents[0]].annotation if parents else Settings
            known = section.model_fields if isinstance(section, type) and issubclass(section, BaseModel) else ()
            lines.append(f"{place}: unknown setting{_meant(name, known)}")
        elif problem["type"] == "value_error":  # ours: lines that begin with a setting's name
            lines += [f"{place}.{line}" for line in problem["msg"].removeprefix("Value error, ").splitlines()]
        else:
            lines.append(f"{place}: {_needed(problem['type'], problem.get('ctx', {}))}")
    return lines


# What pydantic demands -> how it is said here; of its context only what stands in the setting's type is used.
_NEEDED = {
    "literal_error": "must be {expected}",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be {le:g} or less",
    "too_short": "needs at least {min_length}",
    "missing": "is needed",
    "bool": "must be true or false",
    "int": "must be a whole number",
    "float": "must be a number",
    "finite": "must be a number",
    "string_pattern": "has a sign that it must not have, or too few or too many of them",
    "string": "must be text",
    "path": "must be a path",
    "frozen": "must be a list of texts",
    "tuple": "must be a list",
    "dict": "must be a mapping",
    "model": "needs settings, such as 'name: value'",
}


def _needed(kind: str, context: Mapping[str, Any]) -> str:
    known = (kind[:end] for end in range(len(kind), 0, -1) if kind[:end] in _NEEDED)
    return _NEEDED.get(next(known, ""), "is not what it must be; see docs/configuration.md").format(**context)


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
