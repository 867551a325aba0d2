"""Writes ``stream/demo/conversation.json``: word times of the sample conversation that the pyannote package ships.

Run once, by hand, where ``pocketsphinx`` is installed (it is no dependency of the service)::

    python -m tests.demo.align_conversation SAMPLE_FOLDER stream/demo/conversation.json

The folder is ``pyannote/audio/sample`` of the installed package. Each line of its transcript (``sample.stm``) is
force-aligned with the audio of that line by pocketsphinx and its English model; a line that cannot be aligned gets its
words spread in proportion to their letters. Only times are written: words and audio stay where they are.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pocketsphinx
import soundfile

RATE_HZ = 16_000
MARGINS_S = (0.08, 0.2, 0.35, 0.5)  # the transcript cuts close: a line that fails is tried with more room
FILLERS = {"<s>", "</s>", "<sil>", "[NOISE]", "(NULL)"}


def plain(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalpha() or letter == "'")


def aligned(samples: np.ndarray, words: list[str], start: float, end: float, margin: float) -> list[list[float]] | None:
    """Times of ``words`` in ``samples[start:end]``; None where the aligner does not find each of them."""
    decoder = pocketsphinx.Decoder(samprate=RATE_HZ, loglevel="FATAL", beam=1e-80, wbeam=1e-60, pbeam=1e-80)
    first = max(0.0, start - margin)
    chunk = samples[round(first * RATE_HZ) : round((end + margin) * RATE_HZ)]
    decoder.set_align_text(" ".join(words))
    decoder.start_utt()
    decoder.process_raw((chunk * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return None
    found = [s for s in decoder.seg() if s.word not in FILLERS]
    if [s.word.split("(")[0] for s in found] != words:
        return None
    frame = 0.01
    return [[round(first + s.start_frame * frame, 3), round(first + (s.end_frame + 1) * frame, 3)] for s in found]


def spread(words: list[str], start: float, end: float) -> list[list[float]]:
    """Each word gets time in proportion to its letters."""
    edges = np.concatenate([[0], np.cumsum([len(word) for word in words])])
    at = start + (end - start) * edges / edges[-1]
    return [[round(float(a), 3), round(float(b), 3)] for a, b in pairwise(at)]


def main(folder: Path, out: Path) -> None:
    samples, rate = soundfile.read(folder / "sample.wav", dtype="float32")
    if rate != RATE_HZ:
        raise SystemExit("the sample is not at 16 kHz")
    lines = []
    for line in (folder / "sample.stm").read_text().splitlines():
        _, _, _, start, end, text = line.split(maxsplit=5)
        words = [plain(word) for word in text.split()]
        tries = (aligned(samples, words, float(start), float(end), margin) for margin in MARGINS_S)
        times = next((times for times in tries if times), None)
        method = "aligned" if times else "spread"
        lines.append({"method": method, "words": times or spread(words, float(start), float(end))})
    out.write_text("[\n" + ",\n".join(json.dumps(line) for line in lines) + "\n]\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
