"""When each word of a known text is said: forced alignment with pocketsphinx' English acoustic model.

The text's words follow each other through a grammar; before the first and after the last anything else may be said,
so that a wake word or a television is not pressed into a word. Never evidence that nothing was said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pocketsphinx

from stream.clip import SAMPLE_RATE_HZ, Samples, Segment
from stream.find.fingerprint import fingerprint, read_files
from stream.find.times.pronouncing import Dictionary, Pronouncer, Ways

FRAME_S = 0.01
# Beams wide enough that a text which was said is never lost on the way.
BEAMS = {"beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80}
OTHER_WEIGHT = 0.1  # how readily sound is taken for something else than the text
EDGES_MAX = 2_000  # of all words' ways together: a word has one or two, a written card number six hundred
SCORE_UNITS = 1024  # pocketsphinx gives a word's score as exp(natural logarithm / 1024)


@dataclass(frozen=True)
class Search:
    """How closely it is listened.

    ``other_phones`` in any order are what else may be said around the text: a few that are far from each other. Each
    costs its share of every frame, and the more there are, the more words of the text they take over; all forty cost
    three times as much. ``gaussians`` of each phone are summed.
    """

    other_phones: tuple[str, ...]
    gaussians: int


# To make times, and to see whether times are right: for the latter a few frames more or less do not matter.
THOROUGH = Search(("AA", "IY", "UW", "S", "SH", "M", "N", "T", "K", "R", "ER"), 4)
QUICK = Search(("AA", "IY", "S", "N", "T"), 2)


@dataclass(frozen=True)
class Placed:
    """When a word is said, and how well its sound fits.

    ``score``: per frame, the natural logarithm of the word's likelihood over that of the best sound there; 0 at best.
    """

    segment: Segment
    score: float


class Aligner:
    """Finds the words of a text in a sound. Every text gets a decoder of its own, so that no clip leaves anything."""

    def __init__(self) -> None:
        """Raises OSError or ModelRefused where the package has no model."""
        self._model = Path(pocketsphinx.get_model_path()) / "en-us"
        self._pronouncer = Pronouncer(Dictionary(self._model / "cmudict-en-us.dict"))
        files = read_files(self._model / "en-us")
        self.version = f"pocketsphinx {metadata.version('pocketsphinx')}; en-us sha256:{fingerprint(files)[:16]}"

    def place(
        self, samples: Samples, words: Sequence[str], other_weight: float = OTHER_WEIGHT, search: Search = THOROUGH
    ) -> tuple[Placed, ...] | None:
        """When each of ``words`` is said in ``samples`` (sample,); None where a word can't be pronounced, where there
        are more ways to say them than can be tried, or where they are not all found."""
        ways = self._ways(words)
        if not ways:
            return None
        decoder = self._decoder(search)
        _listen_for(decoder, ways, other_weight, search)
        decoder.start_utt()
        decoder.process_raw((np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        if decoder.hyp() is None:
            return None
        return _placed(decoder.seg(), len(words), len(samples) / SAMPLE_RATE_HZ)

    def _ways(self, words: Sequence[str]) -> list[Ways]:
        """Those of each word; none at all where one has none, or where they are too many."""
        found: list[Ways] = []
        edges = 0
        for word in words:
            ways = self._pronouncer.ways(word)
            edges += len(ways.edges) if ways else 0
            if ways is None or edges > EDGES_MAX:
                return []
            found.append(ways)
        return found

    def _decoder(self, search: Search) -> pocketsphinx.Decoder:
        return pocketsphinx.Decoder(
            samprate=SAMPLE_RATE_HZ,
            hmm=str(self._model / "en-us"),
            dict=None,
            lm=None,
            loglevel="FATAL",  # its log quotes words
            topn=search.gaussians,
            bestpath=False,  # its second search loses one text in ten
            **BEAMS,
        )


def _listen_for(decoder: pocketsphinx.Decoder, ways: Sequence[Ways], other_weight: float, search: Search) -> None:
    """A grammar of the words in their order. An entry is named by the number of its word, which tells nothing."""
    transitions: list[tuple[int, int, float, str] | tuple[int, int, float]] = []
    first = 0
    for number, graph in enumerate(ways):
        for way, (start, end, phones) in enumerate(graph.edges):
            if phones:
                name = f"{number}.{way}"
                decoder.add_word(name, phones, False)
                transitions.append((first + start, first + end, 1.0, name))
            else:
                transitions.append((first + start, first + end, 1.0))
        first += graph.last
    for phone in search.other_phones:
        name = f"other.{phone}"
        decoder.add_word(name, phone, phone == search.other_phones[-1])
        transitions += [(0, 0, other_weight, name), (first, first, other_weight, name)]
    decoder.add_fsg("words", decoder.create_fsg("words", 0, first, transitions))
    decoder.activate_search("words")


def _placed(segments: Sequence[pocketsphinx.Segment], count: int, duration: float) -> tuple[Placed, ...] | None:
    frames: dict[int, list[tuple[int, int, float]]] = {}
    for segment in segments:
        number = segment.word.partition(".")[0]
        if number.isdigit():
            frames.setdefault(int(number), []).append((segment.start_frame, segment.end_frame + 1, segment.ascore))
    if sorted(frames) != list(range(count)):
        return None
    placed = []
    for _, parts in sorted(frames.items()):
        start, end = parts[0][0] * FRAME_S, min(parts[-1][1] * FRAME_S, duration)
        if start >= end:
            return None
        length = sum(last - first for first, last, _ in parts)
        score = SCORE_UNITS * sum(math.log(part) if part > 0.0 else -math.inf for _, _, part in parts)
        placed.append(Placed(Segment(start, end), score / length))
    in_order = all(left.segment.end <= right.segment.start + FRAME_S for left, right in pairwise(placed))
    return tuple(placed) if in_order else None
