"""Files of settings and of keys that say anything: settings, or a clear error that repeats no value."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from unittest.mock import patch

from stream.config import PREFIX, ConfigError, Section, Settings, load
from stream.lifecycle.ring_file import RingBroken, parse_ring
from tests.fuzz.source import ODD_TEXTS, Source, mutated
from tests.fuzz.target import Target, promise

CANARY = "Hunter2-Canary-Hunter2-Canary-Hunter2-Canary"  # as long as a key: shorter names are told
VALUES = (
    CANARY, "1", "0", "-1", "1.5", ".nan", ".inf", "true", "null", "", "[]", "{}", f"[{CANARY}]", f"{{{CANARY}: 1}}",
    "2001-01-01", "2001-99-99", "2001-01-01T00:00:00+99:99", "!!int x", "!!float ''", "!!binary é", "!!set {}", "=",
    "9" * 5_000, "0x", "0b", "1_", "1:60:60", "&a [*a]", "*a", "&a 1", "<<", "|\n  text", '"\\ud800"', '"\\0"', "~",
    "a,b", "127.0.0.1:9092", "/nowhere", "!!python/object:os.system x", "[" * 2_000, "{a: " * 2_000,
)  # fmt: skip
STRANGE = ("_env_file", "_env_prefix", "_cli_parse_args", "_build_sources", "_secrets_dir", "self", "1", "{}", "? []",
           "model_config", "__class__", CANARY, "<<", "null")  # fmt: skip
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)


@cache
def _names() -> tuple[tuple[str, str], ...]:
    """Every section with every setting."""
    found = []
    for section, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            found += [(section, name) for name in kind.model_fields]
    return tuple(found)


@cache
def _file() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-settings-")) / "clipveil.yaml"


def run_settings(data: bytes) -> str:
    source = Source(data)
    text, variables = _text(source), _variables(source)
    _file().write_bytes(text)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    try:
        with patch.dict(os.environ, clean | variables, clear=True):
            settings = load(_file())
        settings.policy.as_policy()
        settings.tokens.ring()
    except ConfigError as error:
        promise(error.problems and CANARY not in str(error), "an error that repeats a value, or says nothing")
        promise(error.__suppress_context__ or error.__context__ is None, "an error with the cause that quotes the file")
        return "error"
    return "settings"


def run_ring(data: bytes) -> str:
    source = Source(data)
    rows = ["campaign", "scope", "account_key", "epochs", "id", "from", "until", "key"]
    text = "\n".join(f"{source.pick(rows)}: {source.pick(VALUES)}" for _ in range(source.number(6)))
    if source.seldom(2):
        text = f"epochs:\n- {{id: {source.pick(VALUES[:40])}, key: {source.pick(VALUES[:38])}}}\n" + text
    text = mutated(source, text.encode("utf-8", "surrogatepass"), 3).decode("utf-8", "replace")
    try:
        parse_ring(f"{BOMB}{text}" if source.seldom(16) else text)
    except RingBroken as broken:
        promise(broken.problems and CANARY not in str(broken), "an error that repeats a value, or says nothing")
        return "error"
    return "ring"


def _text(source: Source) -> bytes:
    kind = source.number(12)
    if kind == 0:
        return source.take(250)
    lines = [BOMB] if kind == 1 else []
    for _ in range(source.number(6)):
        section, setting = source.pick(_names())
        if source.seldom(6):
            lines.append(f"{source.pick(STRANGE)}: {_value(source)}")
        elif source.seldom(6):
            lines.append(f"{section}: {_value(source)}")
        else:
            lines.append(f"{section}:\n  {setting}: {_value(source)}")
    text = "\n".join(lines).encode("utf-8", "surrogatepass")
    return mutated(source, text, 3) if source.seldom(3) else text


def _value(source: Source) -> str:
    return source.pick(VALUES) if not source.seldom(8) else source.pick(ODD_TEXTS)


def _variables(source: Source) -> dict[str, str]:
    made = {}
    for _ in range(source.number(3)):
        section, setting = source.pick(_names())
        name = f"{PREFIX}{section}__{setting}" if not source.seldom(4) else f"{PREFIX}{section}"
        made[name.upper()] = _value(source).replace("\0", "").encode("utf-8", "replace").decode()
    return made


def seeds_of_settings() -> list[bytes]:
    return [bytes([2, 1, at % 97, 0, 0, 0, at]) for at in range(len(VALUES))] + [
        bytes([2, 1, 0, 1, at, 0]) for at in range(len(STRANGE))
    ]


def seeds_of_ring() -> list[bytes]:
    return [bytes([1, at % 8, at, 1, at, at]) for at in range(len(VALUES))]


TARGETS = (
    Target("settings", run_settings, seeds_of_settings, length_max=200),
    Target("key-ring", run_ring, seeds_of_ring, length_max=100),
)
