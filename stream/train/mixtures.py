"""One clip as a device would record it, with the truth per 10 ms of who speaks.

A clip is a plan of turns (``Turn``: who, when, how long) in one room, one voice each, the main speaker near and the
others far, television or conversation, with noise, and with what the device would report: a wake-word window and word
times that are partly wrong. Everything is drawn from one generator, so a seed reproduces a clip to the bit.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft  # type: ignore[import-untyped]

from stream.train.noises import Noises, coloured, recorded, spectral_tilt, synthetic
from stream.train.rooms import Response, Room
from stream.train.voices import GATE_HOP, RATE_HZ, Disguise, Flags, Samples, Voice, coded, speak

TALKERS_MAX = 4
PATTERNS = ("after", "before", "both", "overlap", "tv", "nobody", "conversation", "accident")
PATTERN_SHARES = (0.08, 0.07, 0.09, 0.17, 0.12, 0.05, 0.17, 0.25)


@dataclass(frozen=True, eq=False)
class Stock:
    """All that clips are made of."""

    voices: tuple[Voice, ...] = field(repr=False)
    rooms: tuple[Room, ...] = field(repr=False)
    measured: tuple[Response, ...] = field(repr=False)
    noises: Noises = field(repr=False)


@dataclass(frozen=True, eq=False)
class Mixture:
    """One clip.

    ``audio`` (samples,); ``wake`` and ``words`` (samples // 160,) flags as a device reports them, ``words`` None when
    it reports none; ``active`` (TALKERS_MAX, samples // 160): row 0 is the main speaker, the others bystanders.
    """

    audio: Samples = field(repr=False)
    wake: Flags = field(repr=False)
    words: Flags | None = field(repr=False)
    active: Flags = field(repr=False)
    pattern: str
    bystander_db: float

    @property
    def addressed(self) -> bool:
        """Whether anyone spoke to the device for at least 0.3 s."""
        return bool(self.active[0].sum() >= 30)


@dataclass(frozen=True, eq=False)
class Scene:
    """What is said in a room: per talker the sound at the device (samples,); ``active`` as Mixture has it."""

    heard: dict[int, Samples] = field(repr=False)
    active: Flags = field(repr=False)
    pattern: str


@dataclass(frozen=True)
class Turn:
    """``talker`` (0 is the main speaker) speaks from ``start`` for ``seconds``."""

    talker: int
    start: float
    seconds: float


def _pieces(rng: np.random.Generator, talker: int, at: float, until: float, longest: float) -> list[Turn]:
    """One to three turns of a talker with pauses between, from ``at`` on, ended by ``until``."""
    turns = []
    for _ in range(int(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15]))):
        seconds = float(rng.uniform(0.3, 0.8) if rng.random() < 0.2 else rng.uniform(0.7, longest))
        seconds = min(seconds, until - at)
        if seconds < 0.25:
            break
        turns.append(Turn(talker, at, seconds))
        at += seconds + float(rng.uniform(0.2, 1.4))
    return turns


def _end(turns: list[Turn], default: float) -> float:
    return max((turn.start + turn.seconds for turn in turns), default=default)


def _turn_taking(rng: np.random.Generator, talkers: list[int], at: float, seconds: float) -> list[Turn]:
    """``talkers`` one after the other, now and then into each other, from ``at`` until ``seconds`` or an early end."""
    turns: list[Turn] = []
    last = -1
    ends_early = float(rng.choice([0.0, 0.12, 0.35]))
    while at < seconds - 0.3:
        last = int(rng.choice([talker for talker in talkers if talker != last] or talkers))
        turns += _pieces(rng, last, at, seconds, float(rng.uniform(0.8, 4.0)))
        at = max(_end(turns, at) + float(rng.uniform(-0.25, 0.9)), at + 0.2)
        if rng.random() < ends_early:
            break
    return turns


def plan_turns(rng: np.random.Generator, pattern: str, seconds: float) -> list[Turn]:
    """Who speaks when in a clip of ``seconds``; talker 0 is the main speaker, absent in an accidental activation."""
    first = float(rng.uniform(0.0, 1.2))
    bystanders = list(range(1, int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2])) + 1))
    if pattern in ("accident", "conversation"):
        return _turn_taking(rng, bystanders if pattern == "accident" else [0, *bystanders], first, seconds)
    turns: list[Turn] = []
    loose = pattern in ("tv", "overlap")
    if pattern in ("before", "both") or (loose and rng.random() < 0.35):
        turns += _turn_taking(rng, bystanders, first, seconds * float(rng.uniform(0.2, 0.6)))
        first = _end(turns, first) + float(rng.uniform(0.05, 0.8))
    at = min(first, seconds - 1.0)
    main = _pieces(rng, 0, at, seconds, float(rng.uniform(1.0, 4.5)))
    end = _end(main, at + 0.1)
    turns += main
    if pattern == "tv" and rng.random() < 0.5:  # it goes on all the time, whoever speaks
        return turns + _turn_taking(rng, bystanders, at if rng.random() < 0.5 else 0.0, seconds)
    for _ in range(
        int(rng.choice([1, 2])) if pattern == "overlap" else int(pattern != "nobody" and rng.random() < 0.1)
    ):
        turns += _pieces(rng, int(rng.choice(bystanders)), float(rng.uniform(at, end)), seconds, 3.0)
    if len(main) > 1 and pattern != "nobody" and rng.random() < 0.4:  # someone speaks in the main speaker's pause
        gap = main[0].start + main[0].seconds
        turns.append(Turn(1, gap, max(min(main[1].start - gap, 2.0), 0.25)))
    if pattern in ("after", "both") or (loose and rng.random() < 0.5):
        turns += _turn_taking(rng, bystanders, max(_end(turns, at) + float(rng.uniform(-0.2, 1.0)), 0.0), seconds)
    return turns


def convolve(samples: Samples, taps: Samples, gains: NDArray[np.float32] | None = None) -> Samples:
    """``samples`` in a room, as long as before; ``gains`` is a curve over frequency, stretched to the spectrum."""
    size = next_fast_len(len(samples) + len(taps), real=True)
    spectrum = rfft(samples, size) * rfft(taps, size)
    if gains is not None:
        spectrum *= np.interp(np.linspace(0, 1, len(spectrum)), np.linspace(0, 1, len(gains)), gains)
    return np.asarray(irfft(spectrum, size)[: len(samples)], np.float32)


def _responses(rng: np.random.Generator, stock: Stock, pattern: str, talkers: int) -> list[Samples]:
    """One impulse response per talker; row 0 near the device. Anechoic and measured ones now and then."""
    if rng.random() < 0.06:
        dry = np.zeros(64, np.float32)
        dry[0] = 1
        return [dry] * talkers
    room = stock.rooms[int(rng.integers(len(stock.rooms)))]
    near = sorted(room.near, key=lambda response: response.distance_m)
    if pattern == "conversation" and rng.random() < 0.3:  # a telephone: only voices differ
        return [(near[0] if rng.random() < 0.6 else room.far[0]).taps] * talkers
    if pattern == "conversation" and rng.random() < 0.7:  # all at the same table
        pool = list(near) if rng.random() < 0.5 else [*near, *room.far]
        return [pool[int(rng.integers(len(pool)))].taps for _ in range(talkers)]
    main = near[int(len(near) * rng.random() ** 1.3)]
    far = [response for response in (*room.far, *near) if response.distance_m > max(1.0, 0.9 * main.distance_m)]
    if stock.measured and rng.random() < 0.08:
        far = list(stock.measured)
    pool = far or list(room.far)
    return [main.taps] + [pool[int(rng.integers(len(pool)))].taps for _ in range(talkers - 1)]


def _cast(rng: np.random.Generator, stock: Stock, talkers: int) -> list[Voice]:
    """Different voices, from corpora drawn evenly enough that none stands for a role."""
    corpora = sorted({voice.corpus for voice in stock.voices})
    weights = np.array([{"wakeword": 0.4, "speechocean": 1.0}.get(corpus, 1.0) for corpus in corpora])
    cast: list[Voice] = []
    while len(cast) < talkers:
        corpus = str(rng.choice(corpora, p=weights / weights.sum()))
        pool = [voice for voice in stock.voices if voice.corpus == corpus]
        voice = pool[int(rng.integers(len(pool)))]
        if all(voice is not other for other in cast):
            cast.append(voice)
    return cast


def _wake_window(rng: np.random.Generator, active: Flags, pattern: str) -> Flags:
    """Where the device says it was woken: at the start of the main speech, or of a bystander's in an accident."""
    window = np.zeros(active.shape[1], np.bool_)
    talker = 0
    chance = 0.72
    if not active[0].any():
        talker, chance = int(rng.integers(1, TALKERS_MAX)), 0.5
        speaking = [row for row in range(1, TALKERS_MAX) if active[row].any()]
        talker = speaking[int(rng.integers(len(speaking)))] if speaking else 1
    elif pattern == "conversation":
        chance = 0.95
    starts = np.flatnonzero(np.diff(np.concatenate(([False], active[talker])).astype(np.int8)) > 0)
    if not len(starts) or rng.random() > chance:
        return window
    pick = 0 if rng.random() < (0.8 if talker == 0 else 0.5) else int(rng.integers(len(starts)))
    jitter = int(rng.normal(0, 4)) if rng.random() < 0.5 else 0
    start = max(int(starts[pick]) + jitter, 0)
    width = 60 if rng.random() < 0.5 else int(rng.integers(30, 110))
    window[start : start + width] = True
    return window


def _words(rng: np.random.Generator, active: Flags, bystander_db: float) -> Flags | None:
    """Per 10 ms, whether the device reports a word: on main speech, and the more on bystanders the louder they are."""
    addressed = active[0].any()
    if rng.random() > (0.5 if addressed else 0.25):
        return None
    words = np.zeros(active.shape[1], np.bool_)
    taken = float(np.clip(0.52 + 0.027 * bystander_db + rng.normal(0, 0.2), 0.02, 0.95)) if addressed else 0.7
    heard = min(0.3 + taken, 1.0)  # a turn is mostly heard or not heard as a whole
    drop = float(rng.choice([0.02, 0.05, 0.15, 0.3]))
    jitter = float(rng.choice([2, 5, 10]))
    for row in range(TALKERS_MAX):
        edges = np.flatnonzero(np.diff(np.concatenate(([False], active[row], [False])).astype(np.int8)))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if row and rng.random() > heard:
                continue
            at = float(start)
            while at < end:
                length = float(rng.uniform(12, 50))
                if rng.random() > (drop if row == 0 else 1 - taken / heard):
                    begin = int(max(at + rng.normal(0, jitter), 0))
                    words[begin : int(min(begin + length, end + 15))] = True
                at += length + (float(rng.uniform(0, 12)) if rng.random() < 0.3 else 0)
    return words


def _colour(rng: np.random.Generator, audio: Samples) -> Samples:
    """The device: equaliser, slow gain, clipping, band limit, codec, level."""
    if rng.random() < 0.5:
        audio = convolve(audio, np.ones(1, np.float32), spectral_tilt(rng, 257, 8.0))
    if rng.random() < 0.15:
        count = max(int(len(audio) / RATE_HZ), 2)
        curve = np.interp(np.linspace(0, count - 1, len(audio)), np.arange(count), rng.uniform(-4, 4, count))
        audio = audio * (10 ** (curve / 20)).astype(np.float32)
    if rng.random() < 0.1:  # telephone band
        gains = np.ones(257, np.float32)
        gains[: int(rng.uniform(0, 12))] = 0.02
        gains[int(rng.uniform(105, 230)) :] = 0.002
        audio = convolve(audio, np.ones(1, np.float32), gains)
    audio = audio / (np.abs(audio).max() + 1e-9) * np.float32(10 ** (rng.uniform(-26, -1) / 20))
    if rng.random() < 0.06:
        limit = np.abs(audio).max() * rng.uniform(0.3, 0.9)
        audio = np.clip(audio, -limit, limit)
    if rng.random() < 0.05:  # mu-law
        peak = np.abs(audio).max() + 1e-9
        level = np.sign(audio) * np.log1p(255 * np.abs(audio / peak)) / np.log(256)
        level = np.round(level * 128) / 128
        audio = np.sign(level) * np.expm1(np.abs(level) * np.log(256)) / 255 * peak
    audio = np.asarray(audio, np.float32)
    return coded(audio, rng) if rng.random() < 0.04 else audio


def _power(samples: Samples, active: Flags) -> float:
    """Mean power (a scalar) of ``samples`` where ``active`` says that there is speech."""
    marked = np.repeat(active, GATE_HOP)
    spoken = samples[: len(marked)][marked[: len(samples)]]
    return float(np.mean(spoken**2)) if len(spoken) else 0.0


def make_scene(rng: np.random.Generator, stock: Stock, seconds: float, pattern: str | None = None) -> Scene:
    """Who says what where in ``seconds``; ``pattern`` is one of PATTERNS, drawn when None."""
    pattern = pattern or str(rng.choice(PATTERNS, p=PATTERN_SHARES))
    count = round(seconds * RATE_HZ)
    turns = plan_turns(rng, pattern, seconds)
    cast = _cast(rng, stock, TALKERS_MAX)
    rooms = _responses(rng, stock, pattern, TALKERS_MAX)
    active = np.zeros((TALKERS_MAX, count // GATE_HOP), np.bool_)
    heard: dict[int, Samples] = {}
    for talker in sorted({turn.talker for turn in turns}):
        dry = _dry(rng, cast[talker], [turn for turn in turns if turn.talker == talker], active[talker], count)
        wet = convolve(dry, rooms[talker], spectral_tilt(rng, 65, 4.0))
        power = _power(wet, active[talker])
        if power > 0:
            heard[talker] = wet / np.float32(np.sqrt(power))
        else:
            active[talker] = False
    return Scene(heard, active, pattern)


def _recast(rng: np.random.Generator, scene: Scene) -> Scene:
    """The same sound with other parts: another one at the table speaks to the device, or the main speaker is gone."""
    if scene.pattern == "conversation":
        order = [int(talker) for talker in rng.permutation(sorted(scene.heard))]
        order += [talker for talker in range(TALKERS_MAX) if talker not in order]
        heard = {part: scene.heard[talker] for part, talker in enumerate(order) if talker in scene.heard}
        return Scene(heard, scene.active[order], scene.pattern)
    if len(scene.heard) > 1 and 0 in scene.heard and rng.random() < 0.1:
        active = scene.active.copy()
        active[0] = False
        return Scene({talker: wet for talker, wet in scene.heard.items() if talker}, active, "accident")
    return scene


def render(rng: np.random.Generator, stock: Stock, scene: Scene) -> Mixture:
    """A clip of ``scene``: parts, levels, noise, the device's sound and what it reports are drawn."""
    scene = _recast(rng, scene)
    count = scene.active.shape[1] * GATE_HOP
    bystander_db = float(rng.normal(0, 2.5) if scene.pattern == "conversation" else rng.uniform(-20, 3))
    nearest = min(scene.heard, default=0)
    audio = _background(rng, stock, count)
    for talker, wet in scene.heard.items():
        level_db = 0.0 if talker == 0 else bystander_db + float(rng.normal(0, 1.5))
        if scene.pattern == "accident" and talker == nearest:
            level_db = 0.0
        audio = audio + wet[:count] * np.float32(10 ** (level_db / 20))
    words = _words(rng, scene.active, bystander_db)
    wake = _wake_window(rng, scene.active, scene.pattern)
    return Mixture(_colour(rng, audio), wake, words, scene.active, scene.pattern, bystander_db)


def make_mixture(rng: np.random.Generator, stock: Stock, seconds: float, pattern: str | None = None) -> Mixture:
    """A clip of ``seconds``; ``pattern`` is one of PATTERNS, drawn when None."""
    return render(rng, stock, make_scene(rng, stock, seconds, pattern))


def _dry(rng: np.random.Generator, voice: Voice, turns: list[Turn], active: Flags, count: int) -> Samples:
    """All turns of one voice without a room, (count,); fills ``active`` (frames,) in place."""
    dry = np.zeros(count, np.float32)
    speech = speak(rng, voice, Disguise.draw(rng), sum(turn.seconds for turn in turns) + 0.5)
    at = 0
    for turn in turns:
        length = round(turn.seconds * RATE_HZ) // GATE_HOP * GATE_HOP
        start = round(turn.start * RATE_HZ) // GATE_HOP * GATE_HOP
        spoken = np.flatnonzero(speech.active[at // GATE_HOP :])
        if not len(spoken):  # the voice has no more to say: the same words twice would betray it
            break
        at += int(spoken[0]) * GATE_HOP
        piece = speech.samples[at : at + length]
        length = min(len(piece), count - start) // GATE_HOP * GATE_HOP
        if length <= 0:
            continue
        faded = piece[:length].copy()
        edge = min(160, length // 2)
        faded[:edge] *= np.linspace(0, 1, edge, dtype=np.float32)
        faded[length - edge :] *= np.linspace(1, 0, edge, dtype=np.float32)
        dry[start : start + length] += faded
        marks = speech.active[at // GATE_HOP : (at + length) // GATE_HOP]
        active[start // GATE_HOP : start // GATE_HOP + len(marks)] |= marks
        at += length
    return dry


def _background(rng: np.random.Generator, stock: Stock, count: int) -> Samples:
    """Noise and music (count,) against speech of unit power, and the device's own hiss."""
    floor = coloured(rng, count, float(rng.uniform(-2, 5))) * np.float32(10 ** (-rng.uniform(32, 65) / 20))
    if rng.random() < 0.75:
        noise = (
            recorded(rng, stock.noises.recorded, count)
            if rng.random() < 0.45
            else synthetic(rng, list(stock.voices), count)
        )
        if rng.random() < 0.5:
            noise = convolve(noise, np.ones(1, np.float32), spectral_tilt(rng, 129, 7.0))
        floor = floor + noise * np.float32(10 ** (-rng.uniform(3, 32) / 20))
    if stock.noises.music and rng.random() < 0.12:
        floor = floor + recorded(rng, stock.noises.music, count) * np.float32(10 ** (-rng.uniform(4, 22) / 20))
    return np.asarray(floor, np.float32)
