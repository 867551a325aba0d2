"""When each word of a known text is said: forced alignment with pocketsphinx' English acoustic model.

The text's words follow each other through a grammar; before the first and after the last anything else may be said,
so that a wake word or a television is not pressed into a word. Never evidence that nothing was said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pocketsphinx

from stream.clip import SAMPLE_RATE_HZ, Samples, Segment
from stream.find.times.pronouncing import Dictionary, Pronouncer, Ways

FRAME_S = 0.01
# Beams wide enough that a text which was said is never lost on the way.
BEAMS = {"beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80}
# A few phones, far from each other, in any order: what else may be said around the text. All forty cost three times as
# much and take over words of the text.
OTHER_PHONES = ("AA", "IY", "UW", "S", "SH", "M", "N", "T", "K", "R", "ER")
OTHER_WEIGHT = 0.1
SCORE_UNITS = 1024  # pocketsphinx gives a word's score as exp(natural logarithm / 1024)


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
        """Raises OSError where the package has no model."""
        self._model = Path(pocketsphinx.get_model_path()) / "en-us"
        self._pronouncer = Pronouncer(Dictionary(self._model / "cmudict-en-us.dict"))
        if not (self._model / "en-us").is_dir():
            raise FileNotFoundError("pocketsphinx has no English acoustic model")

    def place(
        self, samples: Samples, words: Sequence[str], other_weight: float = OTHER_WEIGHT
    ) -> tuple[Placed, ...] | None:
        """When each of ``words`` is said in ``samples`` (sample,); None where a word can't be pronounced, or where they
        are not all found."""
        graphs = [self._pronouncer.ways(word) for word in words]
        ways = [graph for graph in graphs if graph is not None]
        if not ways or len(ways) < len(graphs):
            return None
        decoder = self._decoder()
        _listen_for(decoder, ways, other_weight)
        decoder.start_utt()
        decoder.process_raw((np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        if decoder.hyp() is None:
            return None
        return _placed(decoder.seg(), len(words), len(samples) / SAMPLE_RATE_HZ)

    def _decoder(self) -> pocketsphinx.Decoder:
        return pocketsphinx.Decoder(
            samprate=SAMPLE_RATE_HZ,
            hmm=str(self._model / "en-us"),
            dict=None,
            lm=None,
            loglevel="FATAL",  # its log quotes words
            bestpath=False,  # its second search loses one text in ten
            **BEAMS,
        )


def _listen_for(decoder: pocketsphinx.Decoder, ways: Sequence[Ways], other_weight: float) -> None:
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
    for phone in OTHER_PHONES:
        name = f"other.{phone}"
        decoder.add_word(name, phone, phone == OTHER_PHONES[-1])
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
