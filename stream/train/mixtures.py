"""One clip as a device would record it, with the truth per 10 ms of who speaks.

A clip is a plan of turns (``Turn``: who, when, how long) in one room, one voice each, the main speaker near and the
others far, television or conversation, with noise, and with what the device would report: a wake-word window and word
times that are partly wrong. Everything is drawn from one generator, so a seed reproduces a clip to the bit.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stream.train.device import as_owned, colour, convolve, wake_window, word_times
from stream.train.noises import Noises, coloured, recorded, spectral_tilt, synthetic
from stream.train.rooms import Response, Room
from stream.train.turns import PATTERN_SHARES, PATTERNS, Turn, plan_turns
from stream.train.voices import GATE_HOP, RATE_HZ, Disguise, Flags, Samples, Voice, speak

TALKERS_MAX = 4
TELEVISION_SHARE = 0.5  # of accidental activations; the others are people who talk to each other

Floats = NDArray[np.float32]


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
    it reports none; ``active`` (TALKERS_MAX, samples // 160): row 0 is the main speaker, the others bystanders;
    ``nearness`` (TALKERS_MAX, 3): how near each sounds, as ``rooms.Response`` has it.
    """

    audio: Samples = field(repr=False)
    wake: Flags = field(repr=False)
    words: Flags | None = field(repr=False)
    active: Flags = field(repr=False)
    pattern: str
    bystander_db: float
    nearness: Floats = field(repr=False)

    @property
    def addressed(self) -> bool:
        """Whether anyone spoke to the device for at least 0.3 s."""
        return bool(self.active[0].sum() >= 30)


@dataclass(frozen=True, eq=False)
class Scene:
    """What is said in a room: per talker the sound at the device (samples,), and whether the bystanders are voices of
    one television; the rest as Mixture has it."""

    heard: dict[int, Samples] = field(repr=False)
    active: Flags = field(repr=False)
    nearness: Floats = field(repr=False)
    pattern: str
    television: bool = False


def _responses(
    rng: np.random.Generator, stock: Stock, pattern: str, talkers: int, *, television: bool
) -> list[Response]:
    """One impulse response per talker; row 0 near the device, all voices of a television from one place. Anechoic and
    measured ones now and then."""
    if rng.random() < 0.06:
        dry = np.zeros(64, np.float32)
        dry[0] = 1
        return [Response(dry, math.nan)] * talkers
    room = stock.rooms[int(rng.integers(len(stock.rooms)))]
    near = sorted(room.near, key=lambda response: response.distance_m)
    if pattern == "conversation" and rng.random() < 0.45:  # a telephone: only voices differ
        return [(near[0] if rng.random() < 0.6 else room.far[0])] * talkers
    if pattern == "conversation" and rng.random() < 0.7:  # all at the same table
        pool = list(near) if rng.random() < 0.5 else [*near, *room.far]
        return [pool[int(rng.integers(len(pool)))] for _ in range(talkers)]
    main = near[int(len(near) * rng.random() ** 1.3)]
    far = [response for response in (*room.far, *near) if response.distance_m > max(1.0, 0.9 * main.distance_m)]
    if stock.measured and rng.random() < 0.08:
        far = list(stock.measured)
    pool = far or list(room.far)
    others = [pool[int(rng.integers(len(pool)))] for _ in range(talkers - 1)]
    return [main, *(others[:1] * len(others) if television else others)]


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


def _power(samples: Samples, active: Flags) -> float:
    """Mean power (a scalar) of ``samples`` where ``active`` says that there is speech."""
    marked = np.repeat(active, GATE_HOP)
    spoken = samples[: len(marked)][marked[: len(samples)]]
    return float(np.mean(spoken**2)) if len(spoken) else 0.0


def make_scene(rng: np.random.Generator, stock: Stock, seconds: float, pattern: str | None = None) -> Scene:
    """Who says what where in ``seconds``; ``pattern`` is one of PATTERNS, drawn when None."""
    pattern = pattern or str(rng.choice(PATTERNS, p=PATTERN_SHARES))
    count = round(seconds * RATE_HZ)
    television = pattern == "tv" or (pattern == "accident" and rng.random() < TELEVISION_SHARE)
    turns = plan_turns(rng, pattern, seconds, television=television)
    cast = _cast(rng, stock, TALKERS_MAX)
    rooms = _responses(rng, stock, pattern, TALKERS_MAX, television=television)
    active = np.zeros((TALKERS_MAX, count // GATE_HOP), np.bool_)
    heard: dict[int, Samples] = {}
    for talker in sorted({turn.talker for turn in turns}):
        dry = _dry(rng, cast[talker], [turn for turn in turns if turn.talker == talker], active[talker], count)
        wet = convolve(dry, rooms[talker].taps, spectral_tilt(rng, 65, 4.0))
        power = _power(wet, active[talker])
        if power > 0:
            heard[talker] = wet / np.float32(np.sqrt(power))
        else:
            active[talker] = False
    nearness = np.array([room.nearness for room in rooms], np.float32)
    return Scene(heard, active, nearness, pattern, television)


def _recast(rng: np.random.Generator, scene: Scene) -> Scene:
    """The same sound with other parts: another one at the table speaks to the device, or the main speaker is gone."""
    if scene.pattern == "conversation":
        order = [int(talker) for talker in rng.permutation(sorted(scene.heard))]
        order += [talker for talker in range(TALKERS_MAX) if talker not in order]
        heard = {part: scene.heard[talker] for part, talker in enumerate(order) if talker in scene.heard}
        return Scene(heard, scene.active[order], scene.nearness[order], scene.pattern)
    if len(scene.heard) > 1 and 0 in scene.heard and rng.random() < 0.1:
        active = scene.active.copy()
        active[0] = False
        heard = {talker: wet for talker, wet in scene.heard.items() if talker}
        return Scene(heard, active, scene.nearness, "accident", scene.television)
    return scene


def render(rng: np.random.Generator, stock: Stock, scene: Scene) -> Mixture:
    """A clip of ``scene``: parts, levels, noise, the device's sound and what it reports are drawn."""
    scene = _recast(rng, scene)
    count = scene.active.shape[1] * GATE_HOP
    bystander_db = float(rng.normal(0, 2.5) if scene.pattern == "conversation" else rng.uniform(-20, 3))
    audio = _background(rng, stock, count)
    for talker, wet in scene.heard.items():
        level_db = 0.0 if talker == 0 else float(rng.normal(0, 1.5 if scene.television else 3.0))
        if talker and scene.pattern != "accident":  # there they are as loud as each other, and nobody else is heard
            level_db += bystander_db
        audio = audio + wet[:count] * np.float32(10 ** (level_db / 20))
    owned = as_owned(rng, scene.active)
    words = word_times(rng, owned, scene.pattern, bystander_db)
    wake = wake_window(rng, owned, scene.pattern)
    return Mixture(colour(rng, audio), wake, words, scene.active, scene.pattern, bystander_db, scene.nearness)


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
