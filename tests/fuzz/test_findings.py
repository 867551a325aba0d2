"""What hostile input found once: each is mended, and stays so."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from stream import plain_yaml
from stream.clip import Reason, Refusal
from stream.config import ConfigError, load
from stream.lifecycle.ring_file import RingBroken, parse_ring
from stream.plain_yaml import NotYaml
from stream.ports import RegistryUnavailable
from stream.wire.bounds import SCHEMA_CHARS_MAX
from stream.wire.registry import RestRegistry
from tests.fuzz.registry_targets import Hostile
from tests.fuzz.settings_targets import BOMB


def answered(*pieces: bytes | None) -> str:
    """What the client makes of an answer, asked for a schema."""
    hostile = Hostile()
    hostile.pieces = list(pieces)
    try:
        return hostile.loop.run_until_complete(hostile.ask(0))
    finally:
        hostile.close()


def answer(body: bytes, status: int = 200, more: str = "") -> bytes:
    return f"HTTP/1.1 {status} OK\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


# ------------------------------------------------------------------ the registry
@pytest.mark.parametrize("times", [1, 3])
def test_a_compressed_answer_is_none(times: int) -> None:
    """A few thousand bytes, compressed three times, would become all memory before anybody could count them."""
    body = b'{"schema": "' + b" " * 100_000 + b'"}'
    for _ in range(times):
        body = gzip.compress(body)
    encoding = ", ".join(["gzip"] * times)
    with pytest.raises(RegistryUnavailable):
        answered(answer(body, more=f"Content-Encoding: {encoding}\r\n"))


def test_an_answer_that_drips_ends() -> None:
    """The time is that of the whole answer: a byte now and then would hold up every clip for ever."""
    hostile = Hostile()
    hostile.pieces = [b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n", *[b" ", None] * 400]
    with pytest.raises(RegistryUnavailable):
        hostile.loop.run_until_complete(hostile.ask(0))
    assert hostile.sent < len(hostile.pieces)
    hostile.close()


@pytest.mark.parametrize("code", [[], {}, [40403]])
def test_an_error_code_that_is_no_number(code: object) -> None:
    """A clip is not withheld for it: nobody can tell."""
    with pytest.raises(RegistryUnavailable):
        answered(answer(json.dumps({"error_code": code}).encode(), 404))


@pytest.mark.parametrize(
    "header",
    [
        *("Content-Encoding: \xff\xfe", "Content-Type: \xff", "Location: http://["),
        *("Location: http:elsewhere", "Location: http://xn--/", "Location: :http://x["),
    ],
)
def test_a_header_that_is_none(header: str) -> None:
    """An odd header is a registry that can't be understood, whatever the client's library says to it."""
    with pytest.raises(RegistryUnavailable):
        answered(answer(b"[]", 302, f"{header}\r\n"))


@pytest.mark.parametrize(
    "told", [{"id": True}, {"id": -1}, {"id": 2**32}, {"id": 1, "guid": "x"}, {"id": 1, "guid": 7}]
)
async def test_an_id_that_no_header_can_hold(told: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be written before a record is no answer to a registration."""

    async def ask(*_: object) -> tuple[int, dict[str, object]]:
        return 200, told

    registry = RestRegistry("http://127.0.0.1:9")
    monkeypatch.setattr(registry, "_ask", ask)
    with pytest.raises(RegistryUnavailable):
        await registry.register("s", '"int"')


async def test_a_schema_that_nobody_reads_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand schemas of a megabyte would be a gigabyte; one that is too long to be used is unknown."""

    async def ask(*_: object) -> tuple[int, dict[str, object]]:
        return 200, {"schema": " " * (SCHEMA_CHARS_MAX + 1)}

    registry = RestRegistry("http://127.0.0.1:9")
    monkeypatch.setattr(registry, "_ask", ask)
    with pytest.raises(Refusal) as caught:
        await registry.writer_schema(1)
    assert Reason.UNKNOWN_SCHEMA is caught.value.reason
    assert not registry._known


# ------------------------------------------------------------------ files of settings and keys
BROKEN = [
    "a: 2001-99-99",
    "a: 2001-01-01T00:00:00+99:99",
    "a: !!int x",
    "a: !!float ''",
    "a: " + "9" * 5_000,
    "[" * 100_000,
    "kafka: " + "{a: " * 2_000,
    BOMB,
    "a: &a [*a]",
]


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_file_that_the_loader_stumbles_over(tmp_path: Path, text: str) -> None:
    """One clear line, for settings and for keys, whatever is raised inside."""
    path = tmp_path / "clipveil.yaml"
    path.write_text(text)
    with pytest.raises(NotYaml):
        plain_yaml.parse(text)
    with pytest.raises(ConfigError, match="is not YAML"):
        load(path)
    with pytest.raises(RingBroken, match="is not YAML"):
        parse_ring(text)


@pytest.mark.parametrize("name", ["_env_prefix", "_cli_parse_args", "_build_sources", "_env_file", "_secrets_dir"])
def test_a_file_gives_no_orders_to_the_library(tmp_path: Path, name: str) -> None:
    """``_env_prefix: X`` would silently turn every variable of the environment off."""
    path = tmp_path / "clipveil.yaml"
    path.write_text(f"{name}: X")
    with pytest.raises(ConfigError, match="underscore"):
        load(path)


def test_a_variable_of_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON deeper than the parser's stack is a line too."""
    monkeypatch.setenv("CLIPVEIL_KAFKA", "[" * 50_000)
    with pytest.raises(ConfigError, match="brackets"):
        load()


def test_names_that_stand_for_little_are_fine() -> None:
    """Anchors are of use where a value is said twice."""
    assert {"a": [1], "b": [1]} == plain_yaml.parse("a: &x [1]\nb: *x")
