"""What finding identifiers costs: transcripts of 70 words on one core, beside Presidio as it comes.

Every transcript is searched by all three in turn, so that whatever else the machine does hits all of them; counted is
the time of the processor. One transcript in two says an identifier, which is far more than people do.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from stream.evaluate.rivals import make_presidio
from stream.find.pii import make_word_finder

PHRASINGS = Path(__file__).parents[1] / "find" / "phrasings"
WORDS = 70
TRANSCRIPTS = 200
FINDERS = ("clipveil, without the name model", "clipveil", "Presidio as it comes")


def word_costs(rounds: int) -> list[dict[str, float | str]]:
    """Transcripts per second of one core, p50 and p99 in milliseconds, and how many times Presidio's cost that is."""
    searches = (make_word_finder(names_model=False).search, make_word_finder().search, make_presidio().search)
    assert searches[2] is not None
    transcripts = _transcripts()
    spent: dict[str, list[float]] = {name: [] for name in FINDERS}
    for number in range(rounds + 1):
        for words in transcripts:
            for name, search in zip(FINDERS, searches, strict=True):
                started = time.process_time()
                search(words)
                if number:  # the first round fills caches
                    spent[name].append(1000 * (time.process_time() - started))
    presidio = statistics.fmean(spent[FINDERS[2]])
    return [_row(name, costs, presidio) for name, costs in spent.items()]


def _row(name: str, costs: Sequence[float], presidio: float) -> dict[str, float | str]:
    mean = statistics.fmean(costs)
    return {
        "finder": name,
        "transcripts_per_second": 1000 / mean,
        "p50_ms": statistics.median(costs),
        "p99_ms": statistics.quantiles(costs, n=100)[98],
        "times_presidio": mean / presidio,
    }


def _transcripts() -> list[list[str]]:
    ordinary = [line.split() for line in _lines("ordinary.txt")]
    telling = [line.split("|")[1].replace("[", "").replace("]", "").split() for line in _lines("identifiers.txt")]
    draw = random.Random(70)
    made = []
    for number in range(TRANSCRIPTS):
        words = list(draw.choice(telling)) if number % 2 else []
        while len(words) < WORDS:
            words = [*draw.choice(ordinary), *words]
        made.append(words[-WORDS:])
    return made


def _lines(name: str) -> list[str]:
    lines = (PHRASINGS / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
