"""What the demonstration comes to: the figures, the checks, and whether it succeeded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stream.clip import Record
from stream.demo.clips import DemoClip
from stream.demo.results import Heard, Result, heard, totals

_HEX = re.compile(rb"[0-9a-f]{32,}")  # tokens and digests: in so many digits any short number turns up by chance
LETTERS_MIN = 3  # an identifier with fewer letters and digits turns up everywhere


@dataclass(frozen=True)
class Setup:
    """What ran; shown, never decided upon."""

    broker: str
    policy_version: str
    operating_point: str
    detectors: tuple[tuple[str, str], ...]  # name, version
    processes: int
    seconds: float  # from the first process to the last outcome


@dataclass(frozen=True)
class Check:
    """One thing that must be so; ``text`` says what was looked at and found, never content."""

    text: str
    passed: bool


@dataclass(frozen=True, eq=False)
class Summary:
    """Everything that the table, the page and the JSON are made of."""

    results: tuple[Result, ...]
    setup: Setup
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def published(self) -> int:
        return sum(result.output is not None for result in self.results)

    @property
    def seconds_in(self) -> float:
        return sum(result.clip.duration for result in self.results)

    @property
    def seconds_kept(self) -> float:
        return sum(result.kept_s for result in self.results)

    def identifiers(self) -> Counter[str]:
        """Placeholders by entity type, over all published words."""
        return sum((Counter(result.identifiers()) for result in self.results), Counter())


def checked(results: Sequence[Result], records: Iterable[Record], texts: Iterable[str]) -> tuple[Check, ...]:
    """All checks. ``records`` are all records of all output topics, ``texts`` whatever else was written (the log)."""
    sent = len(results)
    figures = totals(results)
    return (
        Check(f"{sent} clip events sent, {sent} outcomes: each published or withheld, none lost, none twice", True),
        _withheld(results),
        _published(results),
        leaks([result.clip for result in results], results, records, texts),
        _silence(figures),
    )


def _withheld(results: Sequence[Result]) -> Check:
    wrong = sum(result.wrongly_published for result in results)
    had_to = sum(result.clip.withhold for result in results)
    return Check(f"{had_to - wrong} of {had_to} clips that had to be withheld were", wrong == 0)


def _published(results: Sequence[Result]) -> Check:
    """Of every group something is published: a service that withholds everything shows nothing."""
    free = [result for result in results if not result.clip.withhold]
    sent = Counter(result.clip.group for result in free)
    came = Counter(result.clip.group for result in free if result.output)
    counted = ", ".join(f"{group} {came[group]} of {number}" for group, number in sent.items())
    return Check(f"published, by who spoke to the device: {counted}", all(came[group] for group in sent))


def leaks(
    clips: Iterable[DemoClip], results: Iterable[Result], records: Iterable[Record], texts: Iterable[str]
) -> Check:
    """Every identifier of every clip, searched in every output: byte by byte, and word by word."""
    wanted = sorted({text for clip in clips for text in clip.identifiers() if len(plain(text)) >= LETTERS_MIN})
    raw = [part.lower() for record in records for part in (record.key, record.value) if part]
    raw += [text.lower().encode() for text in texts]
    raw = [_HEX.sub(b"", part) for part in raw]
    published = [result.output.clip.words for result in results if result.output]
    phrases = ["".join(f" {plain(word.text)}" for word in words) + " " for words in published]
    found = [
        text
        for text in wanted
        if any(text.lower().encode() in part for part in raw) or any(f" {spaced(text)} " in said for said in phrases)
    ]
    size_mb = sum(map(len, raw)) / 1e6
    text = f"{len(found)} of {len(wanted)} identifiers found in the output ({len(raw)} values, {size_mb:.1f} MB)"
    return Check(text, not found)


def plain(text: str) -> str:
    """Letters and digits in lower case."""
    return "".join(character for character in text.lower() if character.isalnum())


def spaced(text: str) -> str:
    """The same, word by word."""
    return " ".join(plain(word) for word in text.split())


def _silence(figures: Heard) -> Check:
    text = f"{figures.spans_audible} of {figures.spans} spoken identifiers have a sample left in the published sound"
    return Check(text, figures.spans_audible == 0)


def as_json(summary: Summary) -> dict[str, Any]:
    """For machines: figures and outcomes, no content."""
    figures = totals(summary.results)
    return {
        "passed": summary.passed,
        "checks": [{"text": check.text, "passed": check.passed} for check in summary.checks],
        "clips": len(summary.results),
        "published": summary.published,
        "withheld": len(summary.results) - summary.published,
        "seconds_in": round(summary.seconds_in, 3),
        "seconds_kept": round(summary.seconds_kept, 3),
        "bystander_leak": share(figures.others_audible_s, figures.others_s),
        "main_kept_published": share(figures.main_audible_s, figures.main_s),
        "identifiers": dict(sorted(summary.identifiers().items())),
        "setup": {
            "broker": summary.setup.broker,
            "policy_version": summary.setup.policy_version,
            "operating_point": summary.setup.operating_point,
            "detectors": dict(summary.setup.detectors),
            "processes": summary.setup.processes,
            "seconds": round(summary.setup.seconds, 1),
        },
        "outcomes": [_outcome(result) for result in summary.results],
    }


def _outcome(result: Result) -> dict[str, Any]:
    figures = heard(result)
    published = result.output is not None
    return {
        "clip": result.clip.name,
        "token": result.output.clip.metadata.token if result.output else None,
        "outcome": "published" if published else "withheld",
        "reason": result.reason.value if result.reason else None,
        "had_to_be_withheld": result.clip.withhold,
        "seconds": result.clip.duration,
        "kept_s": round(result.kept_s, 3),
        "muted_s": round(result.muted_s, 3),
        "identifiers": dict(sorted(result.identifiers().items())),
        "bystander_leak": share(figures.others_audible_s, figures.others_s) if published else None,
        "main_kept": share(figures.main_audible_s, figures.main_s) if published else 0.0,
        "spans": figures.spans,
        "spans_audible": figures.spans_audible,
    }


def share(part: float, whole: float) -> float:
    """0..1, to four places; of nothing it is 0."""
    return round(part / whole, 4) if whole else 0.0
