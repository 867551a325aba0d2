"""The checker can fail: whatever is spoiled in what a run left behind is told, and nothing where nothing is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.checker import BLOCK, Leaks
from tests.faults.events import captured_ms
from tests.faults.honest import STEM, Left, honest
from tests.faults.judge import Seen, Verdict


def test_an_honest_run_is_found_good() -> None:
    """Every kind of outcome among it."""
    verdict = honest().judged()
    assert [] == verdict.problems
    assert verdict.good
    assert (80, 80) == (verdict.inputs, verdict.published + verdict.withheld)
    assert verdict.published > verdict.withheld > 0


def without(topic: str, place: int) -> Callable[[Left], None]:
    def spoil(left: Left) -> None:
        del left.topics[topic][place]

    return spoil


def doubled(topic: str) -> Callable[[Left], None]:
    def spoil(left: Left) -> None:
        left.topics[topic].append(left.topics[topic][4 % len(left.topics[topic])])

    return spoil


def swapped(topic: str) -> Callable[[Left], None]:
    def spoil(left: Left) -> None:
        records = left.topics[topic]
        records[3], records[4] = records[4], records[3]

    return spoil


def dated(topic: str) -> Callable[[Left], None]:
    def spoil(left: Left) -> None:
        records = left.topics[topic]
        records[1] = records[1]._replace(timestamp_ms=captured_ms(7))

    return spoil


def input_more(left: Left) -> None:
    left.inputs.append(80)
    left.committed[0] = 81


def behind(left: Left) -> None:
    left.committed[0] -= 1


def another_wish(left: Left) -> None:
    left.inputs[4], left.inputs[3] = left.inputs[3], left.inputs[4]


def altered(left: Left) -> None:
    records = left.topics["anonymized_clip"]
    records[2] = records[2]._replace(value=(records[2].value or b"")[:-1] + b"\7")


def with_headers(left: Left) -> None:
    records = left.topics["anonymized_clip"]
    records[2] = records[2]._replace(headers=(("trace", b"1"),))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (input_more, "lost"),
        (without("audit", -1), "lost"),
        (without("audit", 5), "broken"),
        (without("anonymized_clip", 2), "lost"),
        (without("withheld", 2), "lost"),
        (without("index", 2), "broken"),
        (without("escalation", 0), "broken"),
        (doubled("audit"), "twice"),
        (doubled("anonymized_clip"), "twice"),
        (doubled("withheld"), "twice"),
        (doubled("index"), "broken"),
        (doubled("escalation"), "broken"),
        (swapped("audit"), "out_of_order"),
        (swapped("anonymized_clip"), "out_of_order"),
        (swapped("withheld"), "out_of_order"),
        (dated("anonymized_clip"), "leaked"),
        (dated("index"), "leaked"),
        (dated("withheld"), "leaked"),
        (dated("escalation"), "leaked"),
        (behind, "broken"),
        (another_wish, "broken"),
        (altered, "broken"),
        (with_headers, "broken"),
    ],
)
def test_what_is_spoiled_is_told(spoil: Callable[[Left], None], told: str) -> None:
    """Lost, doubled, swapped, dated, altered: counted as what it is."""
    left = honest()
    spoil(left)
    verdict = left.judged()
    assert not verdict.good
    assert getattr(verdict, told) > 0, verdict.problems


@pytest.mark.parametrize("spoil", [swapped("audit"), without("audit", 5), doubled("audit")])
def test_a_broken_chain_is_told(spoil: Callable[[Left], None]) -> None:
    """Whatever else is wrong with it."""
    left = honest()
    spoil(left)
    assert any("chain" in problem for problem in left.judged().problems)


@pytest.mark.parametrize("part", ["key", "value", "headers", "names of headers"])
def test_a_canary_in_any_part_of_a_record_is_told(part: str) -> None:
    """By where it is and its form; the canary itself is not told on."""
    canary = STEM.text("city", 5).encode()
    headers = ((canary.decode(), b""),) if part.startswith("names") else (("name", canary),)
    clean = Seen("withheld", 2, 7, b"key", b"value")
    spoiled = {
        "key": clean._replace(key=canary),
        "value": clean._replace(value=b"\x07" + canary),
    }.get(part, clean._replace(headers=headers))
    verdict = Verdict()
    Leaks(STEM, verdict).records([clean, spoiled._replace(offset=9), clean])
    assert 1 == verdict.leaked
    assert ["leaked: withheld 2/9: word apart, word plain"] == verdict.problems


def test_a_canary_in_a_file_is_told(tmp_path: Path) -> None:
    """Also where two blocks of it meet, and in a file's name; a core file is one whatever is in it."""
    canary = STEM.number(77).encode()
    (tmp_path / "log").write_bytes(b"." * (BLOCK - 4) + canary + b"." * 100)
    (tmp_path / "quiet").write_bytes(b"nothing")
    (tmp_path / STEM.text("name", 1)).touch()
    (tmp_path / "core.123").touch()
    verdict = Verdict()
    leaks = Leaks(STEM, verdict)
    leaks.files([tmp_path / "log", tmp_path / "quiet"])
    leaks.names(tmp_path.iterdir())
    assert 3 == verdict.leaked, verdict.problems
    assert not any(STEM.word in problem for problem in verdict.problems)
