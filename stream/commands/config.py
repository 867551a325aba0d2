"""``clipveil config``: look at the settings, check them, write what is declared as pages; ``clipveil fingerprint``."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import yaml
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from stream.commands.failure import WRONG_INPUT, CommandFailed, settings_from, told
from stream.commands.options import Config
from stream.config import CONFIG_FILE_VARIABLE, PREFIX, Section, Settings

app = typer.Typer(no_args_is_help=True, help="Look at the settings, check them, write their documentation.")

DERIVED = {"processes": "number of cores"}  # defaults that depend on the machine


@app.command()
def show(config: Config = None) -> None:
    """Print the settings in force, from file, environment and defaults; secrets as asterisks."""
    values = settings_from(config).model_dump(mode="json")
    typer.echo(yaml.safe_dump(values, sort_keys=False), nl=False)


@app.command()
def check(config: Config = None) -> None:
    """Say whether `clipveil run` can use these settings, without connecting to anything."""
    from stream.commands.checking import check as check_settings
    from stream.commands.checking import for_production

    settings = settings_from(config)
    check_settings(settings, models=True)
    for warning in for_production(settings):
        typer.echo(f"for production: {warning}", err=True)
    typer.echo("the settings are good")


@app.command()
def docs() -> None:
    """Print docs/configuration.md, which is made from the settings themselves."""
    typer.echo(document(), nl=False)


@app.command()
def metrics() -> None:
    """Print docs/metrics.md, which is made from the metrics themselves."""
    from stream.commands.metrics_page import page

    typer.echo(page(), nl=False)


def fingerprint(directory: Annotated[Path, typer.Argument(help="Directory of a model.")]) -> None:
    """Print the sha256 that pins a model directory in the settings (such as speakers.sha256)."""
    from stream.find.fingerprint import ModelRefused, read_files
    from stream.find.fingerprint import fingerprint as of

    if not directory.is_dir():
        raise CommandFailed(f"{directory} is not a directory", WRONG_INPUT)
    with told(ModelRefused, code=WRONG_INPUT):
        typer.echo(of(read_files(directory)))


def document() -> str:
    """Every setting with its meaning, type, default and variable, as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Configuration"
    yield ""
    yield "Written by `clipveil config docs`; don't edit it here."
    yield ""
    yield f"Settings come from a YAML file (`--config FILE` or `{CONFIG_FILE_VARIABLE}`) and from the environment,"
    yield f"which wins: `kafka: {{group: g}}` in the file is `{PREFIX}KAFKA__GROUP=g` in the environment, with two"
    yield "underscores between section and setting. Lists are comma-separated in the environment, mappings are JSON. An"
    yield "unknown setting is an error. Secrets are never printed; give them as files where there is a choice."
    yield ""
    yield "`clipveil config show` prints what is in force; `clipveil config check` says whether `clipveil run` can"
    yield "use it."
    for name, field in Settings.model_fields.items():
        section = field.annotation
        assert isinstance(section, type)
        assert issubclass(section, Section)
        yield ""
        yield f"## {name}"
        yield ""
        yield section.__doc__ or ""
        yield ""
        yield "| Setting | Type | Default | Meaning |"
        yield "|---|---|---|---|"
        for setting, of in section.model_fields.items():
            meaning = (of.description or "").replace("\n", " ").replace("|", "\\|")
            yield f"| `{name}.{setting}` | {_type(of)} | {_default(setting, of)} | {meaning} |"
    yield ""


def _type(field: FieldInfo) -> str:
    text = _named(field.annotation)
    bounds = [str(bound) for bound in map(_bound, field.metadata) if bound]
    return ", ".join([text, *bounds])


def _named(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _named(arguments[0])
    if origin is Literal:
        return " \\| ".join(f"`{choice}`" for choice in arguments)
    if origin in (types.UnionType, typing.Union):
        return _named(next(part for part in arguments if part is not type(None)))
    names = {
        str: "text",
        int: "whole number",
        float: "number",
        bool: "true or false",
        Path: "path",
        SecretStr: "secret",
    }
    listed = "list of texts" if str in arguments else "list of numbers"
    return names.get(annotation) or {frozenset: listed, tuple: listed, dict: "mapping"}[origin]


def _bound(constraint: Any) -> str:
    for name, sign in (("gt", "> "), ("ge", "≥ "), ("lt", "< "), ("le", "≤ ")):
        if getattr(constraint, name, None) is not None:
            return f"{sign}{getattr(constraint, name)}"
    return ""


def _default(name: str, field: FieldInfo) -> str:
    if name in DERIVED:
        return DERIVED[name]
    value = field.get_default(call_default_factory=True)
    if value is None or value in ("", frozenset(), ()):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, frozenset):
        return f"`{','.join(sorted(value))}`"
    if isinstance(value, tuple):
        return f"`{','.join(f'{number:g}' for number in value)}`"
    if isinstance(value, dict):
        return f"{len(value)} entries, see `clipveil config show`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
